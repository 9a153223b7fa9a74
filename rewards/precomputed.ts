import { z } from "zod";
import { describeJson, isJsonList, metadataAt } from "../src/core/metadata.ts";
import { abstained, defineScorer, failAll, failed, parseOptions, scored } from "../src/core/scorer.ts";
import type { Group, Json, Score, Scorer } from "../src/core/types.ts";

export interface PrecomputedOptions {
  /** Where the score stands in the metadata: a key, or a dotted path such as "grades.helpfulness". */
  readonly field: string;
  /** Whose metadata: each response's own (default), or the prompt's, holding a list with one entry per response. */
  readonly from?: "response" | "prompt";
  /** Closed interval of the values; a value outside it is `failed`. Default: any finite number. */
  readonly range?: readonly [min: number, max: number];
}

const optionsSchema = z.strictObject({
  field: z.string().min(1).describe("A key of the metadata, or a dotted path."),
  from: z.enum(["response", "prompt"]).default("response").describe("Whose metadata holds the score."),
  range: z
    .tuple([z.number(), z.number()])
    .refine(([min, max]) => min <= max, "must be [min, max] with min <= max")
    .exactOptional()
    .describe("Closed interval of the values."),
});

/**
 * Reads scores that are already in the data: human ratings, a reward model's output, `is_correct` flags.
 *
 * Shape:  group of G responses -> G scores, same order; with `from: "prompt"` the field is a list of G entries.
 * Range:  `range`, else any finite number; true is 1, false is 0.
 * Abstains where the field is absent or null: nobody has scored that response.
 * Fails:  `not_a_number` for text (also "0.5": text that looks like a number is a mapping mistake) and anything else,
 *         `not_finite`, `out_of_range`; with `from: "prompt"`, `not_a_list` or `wrong_length` for the whole group.
 * Worked: metadata {"grades": {"helpful": 4}}, field "grades.helpful" -> 4.
 * Throws: `bad_option` for an empty field or a range that is not [min, max].
 */
export function precomputed(options: PrecomputedOptions): Scorer {
  const { field, from, range } = parseOptions("precomputed", optionsSchema, options);
  const [min, max] = range ?? [-Infinity, Infinity];
  const read = (value: Json | undefined) => readScore(value, `${from} metadata "${field}"`, min, max);
  return {
    name: "precomputed",
    version: 1,
    range: [min, max],
    score: (group) =>
      from === "response"
        ? group.responses.map(({ metadata }) => read(metadataAt(metadata, field)))
        : fromPrompt(group, field, read),
  };
}

export const definition = defineScorer<PrecomputedOptions>({
  name: "precomputed",
  version: 1,
  summary: "Scores that are already in the data, from each response's metadata or a list in the prompt's.",
  options: optionsSchema,
  // A list in the prompt's metadata says which score is whose by position.
  orderSensitive: true,
  create: precomputed,
});

function fromPrompt(group: Group, field: string, read: (value: Json | undefined) => Score): readonly Score[] {
  const list = metadataAt(group.prompt.metadata, field);
  if (list === undefined || list === null) return group.responses.map(() => read(list));
  if (!isJsonList(list)) {
    return failAll(group, "not_a_list", `prompt metadata "${field}" is ${describeJson(list)}, not a list`);
  }
  if (list.length !== group.responses.length) {
    const counts = `${list.length} entries for ${group.responses.length} responses`;
    return failAll(group, "wrong_length", `prompt metadata "${field}" has ${counts}`);
  }
  return list.map(read);
}

function readScore(value: Json | undefined, where: string, min: number, max: number): Score {
  if (value === undefined) return abstained(`${where} is absent`);
  if (value === null) return abstained(`${where} is null`);
  const number = typeof value === "boolean" ? Number(value) : value;
  if (typeof number !== "number") return failed("not_a_number", `${where} is ${describeJson(value)}`);
  if (!Number.isFinite(number)) return failed("not_finite", `${where} is ${number}`);
  if (number < min || number > max) {
    return failed("out_of_range", `${where} is ${number}, outside [${min}, ${max}]`);
  }
  return scored(number);
}
