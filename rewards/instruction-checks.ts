import { z } from "zod";
import { isPrefkitError, PrefkitError } from "../src/core/errors.ts";
import { metadataAt } from "../src/core/metadata.ts";
import { abstained, defineScorer, failAll, parseOptions, scored } from "../src/core/scorer.ts";
import type { Group, Json, Prompt, Score, Scorer } from "../src/core/types.ts";
import { instructionList } from "./instructions/index.ts";
import type { InstructionCheck } from "./instructions/instruction-check.ts";
import { looseVariants } from "./instructions/loose.ts";
import { isBlank } from "./instructions/python-text.ts";
import { type Instruction, type Instructions, readInstructions } from "./instructions/read-instructions.ts";

export { instructionList } from "./instructions/index.ts";
export { type CheckLibrary, defineCheck, type InstructionCheck } from "./instructions/instruction-check.ts";

export interface InstructionChecksOptions {
  /** `response` (default): 1 when all instructions are followed, else 0. `instruction`: the share that is followed. */
  readonly level?: "response" | "instruction";
  /** `strict` (default): the response as it is. `loose`: any of IFEval's eight trimmed variants will do. */
  readonly mode?: "strict" | "loose";
  /** Where the prompt's metadata holds the list of ids: a key or dotted path. Default "instruction_id_list". */
  readonly ids?: string;
  /** Where it holds the list of their parameters. Default "kwargs". */
  readonly kwargs?: string;
  /** The same instructions for every prompt; then the metadata is not read. */
  readonly instructions?: readonly {
    readonly id: string;
    readonly kwargs?: Readonly<Record<string, Json>>;
  }[];
}

const optionsSchema = z.strictObject({
  level: z
    .enum(["response", "instruction"])
    .default("response")
    .describe("All instructions followed, or the share of them."),
  mode: z
    .enum(["strict", "loose"])
    .default("strict")
    .describe("The text as it is, or any of eight variants."),
  ids: z
    .string()
    .min(1)
    .default("instruction_id_list")
    .describe("Where the metadata holds the instruction ids."),
  kwargs: z.string().min(1).default("kwargs").describe("Where the metadata holds their parameters."),
  instructions: z
    .array(
      z.strictObject({
        id: z.string(),
        kwargs: z.record(z.string(), z.json()).default({}),
      }),
    )
    .min(1)
    .exactOptional()
    .describe("The same instructions for every prompt, instead of the metadata's."),
});

/**
 * Checks which of the prompt's verifiable instructions a response follows: all 25 of IFEval, by their ids.
 *
 * Source: Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models" (arXiv 2311.07911) and its code,
 *         quirks included; language, sentences and words in capitals are approximations (see the scorer's page).
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]. Level "response": 1 all followed, else 0. Level "instruction": the share followed.
 * Parts:  1 or 0 for each instruction by its id (a repeated one as "id#2"), in the chosen mode; `strict` and `loose`, the
 *         shares followed in either mode. `why` names those not followed.
 * Worked: ids ["punctuation:no_comma", "startend:quotation"], response `"Yes"` -> 1; response `Yes, "no"` -> 0;
 *         `Yes` -> 0 by response, 0.5 by instruction. A blank response follows nothing.
 * Abstains when the metadata has no ids, or an empty list of them.
 * Fails:  the group's cells, `unknown_instruction`, `bad_kwargs`, `bad_metadata`, or `missing_dependency` where an
 *         instruction about language is asked for and the package `eld` is not installed.
 * Throws: `bad_option`; `missing_dependency` when the option `instructions` needs that package.
 *
 * `own` are further checks of the same shape; one with the id of a built-in check takes its place.
 */
export function instructionChecks(
  options: InstructionChecksOptions = {},
  own: readonly InstructionCheck[] = [],
): Scorer {
  const settings = parseOptions("instruction-checks", optionsSchema, options);
  for (const { id } of own) {
    if (!id.includes(":"))
      throw new PrefkitError(
        "bad_option",
        `instruction-checks: a check has the id "${id}".`,
        'write ids as "family:name"; parts of scores are named after them.',
      );
  }
  const checks = [...own, ...instructionList];
  const fixed = settings.instructions && fixedInstructions(settings.instructions, checks);

  const instructionsOf = ({ metadata }: Prompt): Instructions | null => {
    if (fixed !== undefined) return { list: fixed };
    const ids = metadataAt(metadata, settings.ids);
    if (ids === undefined || ids === null) return null;
    return readInstructions(ids, metadataAt(metadata, settings.kwargs), checks);
  };

  const judge = (group: Group, instructions: readonly Instruction[]): Score[] =>
    group.responses.map(({ text }) => judgeResponse(text, group.prompt, instructions, settings));

  const score = (group: Group): readonly Score[] | Promise<readonly Score[]> => {
    const read = instructionsOf(group.prompt);
    if (read === null) return abstainAll(group, `prompt metadata "${settings.ids}" is absent`);
    if ("fault" in read) return failAll(group, read.fault.code, read.fault.why);
    const { list } = read;
    if (list.length === 0) return abstainAll(group, "prompt has no instructions");
    const libraries = [...new Set(list.flatMap(({ check }) => check.library ?? []))];
    if (libraries.length === 0) return judge(group, list);
    return Promise.all(libraries.map((library) => library.load())).then(
      () => judge(group, list),
      (error: unknown) => {
        if (isPrefkitError(error)) return failAll(group, error.code, error.message);
        throw error;
      },
    );
  };

  return { name: "instruction-checks", version: 1, range: [0, 1], score };
}

export const definition = defineScorer<InstructionChecksOptions>({
  name: "instruction-checks",
  version: 1,
  summary: "Whether the response follows the prompt's verifiable instructions (all 25 of IFEval).",
  options: optionsSchema,
  // Keywords are regular expressions from the data.
  cpuBound: true,
  create: (options) => instructionChecks(options),
  alarms: ({ scored, abstained, failed }) =>
    abstained > 0 && scored + failed === 0
      ? ["no prompt has instructions: write `metadata: [instruction_id_list, kwargs]` into the input's map."]
      : [],
});

function fixedInstructions(
  given: readonly { readonly id: string; readonly kwargs: Readonly<Record<string, Json>> }[],
  checks: readonly InstructionCheck[],
): readonly Instruction[] {
  const read = readInstructions(
    given.map(({ id }) => id),
    given.map(({ kwargs }) => kwargs),
    checks,
  );
  if ("fault" in read) {
    throw new PrefkitError(
      "bad_option",
      `instruction-checks: instructions: ${read.fault.why}.`,
      "correct the id or its kwargs; the scorer's page lists them.",
    );
  }
  for (const { check } of read.list) check.library?.assertInstalled();
  return read.list;
}

function judgeResponse(
  text: string,
  prompt: Prompt,
  instructions: readonly Instruction[],
  { level, mode }: Required<Pick<InstructionChecksOptions, "level" | "mode">>,
): Score {
  const blank = isBlank(text);
  const [, ...trimmed] = blank ? [] : looseVariants(text);
  const strict = instructions.map(({ check, parameters }) => !blank && check.check(text, parameters, prompt));
  const loose = instructions.map(
    ({ check, parameters }, index) =>
      strict[index] === true || trimmed.some((variant) => check.check(variant, parameters, prompt)),
  );
  const followed = mode === "strict" ? strict : loose;
  const missed = instructions.filter((_, index) => !followed[index]).map(({ name }) => name);
  const value = level === "response" ? Number(missed.length === 0) : share(followed);
  return scored(value, {
    ...(missed.length === 0 ? {} : { why: `not_followed: ${missed.join(", ")}` }),
    parts: {
      ...Object.fromEntries(instructions.map(({ name }, index) => [name, Number(followed[index])])),
      strict: share(strict),
      loose: share(loose),
    },
  });
}

function share(followed: readonly boolean[]): number {
  return followed.filter(Boolean).length / followed.length;
}

function abstainAll({ responses }: Group, why: string): Score[] {
  return responses.map(() => abstained(why));
}
