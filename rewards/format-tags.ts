import { z } from "zod";
import { abstained, defineScorer, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Scorer } from "../src/core/types.ts";

export interface FormatTagsOptions {
  /** Tag names in the order they must appear. Default ["think", "answer"]. */
  readonly tags?: readonly string[];
  /** `strict` (default): 1 when every check holds, else 0. `partial`: the share of checks that hold, each in `parts`. */
  readonly mode?: "strict" | "partial";
  /** Where text other than whitespace may stand outside the tags: nowhere (default), after the last tag, or anywhere. */
  readonly textOutside?: "nowhere" | "after" | "anywhere";
  /** True when the chat template already wrote the first opening tag, so that responses begin inside it. Default false. */
  readonly prefilled?: boolean;
  /** The tag whose content servers may keep apart as `reasoning`. Default "think". */
  readonly reasoningTag?: string;
}

const tagName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_:-]{0,63}$/, "must be a tag name like think, without < and >");

const optionsSchema = z.strictObject({
  tags: z
    .array(tagName)
    .min(1)
    .max(16)
    .refine((tags) => new Set(tags).size === tags.length, "must not name a tag twice")
    .default(["think", "answer"])
    .describe("Tag names in the order they must appear."),
  mode: z.enum(["strict", "partial"]).default("strict").describe("1 or 0, or the share of checks that hold."),
  textOutside: z
    .enum(["nowhere", "after", "anywhere"])
    .default("nowhere")
    .describe("Where text may stand outside the tags."),
  prefilled: z.boolean().default(false).describe("The chat template already wrote the first opening tag."),
  reasoningTag: tagName
    .default("think")
    .describe("The tag whose content servers may keep apart as reasoning."),
});

interface Check {
  readonly name: string;
  readonly holds: boolean;
}

/**
 * Checks that a response is built of the given tags: each exactly once, closed, in order, not empty, and nothing
 * between them but whitespace.
 *
 * Source: DeepSeek-AI 2025, "DeepSeek-R1", format reward; compare TRL's `think_format_reward` and Open-R1's
 *         `format_reward`, which ask less or more about repeated tags and line breaks (see the scorer's page).
 * Shape:  group of G responses -> G scores, same order.
 * Range:  [0, 1]; a score below 1 names the first broken check in `why`.
 * Worked: "<think>a</think><answer>b" in partial mode: of 8 checks, answer_closed_once, answer_not_empty, in_order
 *         and nothing_outside fail -> 4/8 = 0.5.
 * Abstains when the response's reasoning is kept apart and the text shows no trace of `reasoningTag`, which is wanted:
 *         its tags were removed on the way to us, so whether they were right cannot be seen.
 * Throws: `bad_option` for no tags, a repeated tag, or a name that is not a tag name.
 */
export function formatTags(options: FormatTagsOptions = {}): Scorer {
  const { tags, mode, textOutside, prefilled, reasoningTag } = parseOptions(
    "format-tags",
    optionsSchema,
    options,
  );
  return perResponse({ name: "format-tags", version: 1, range: [0, 1] }, (response) => {
    const text = prefilled ? `<${tags[0]}>${response.text}` : response.text;
    if (
      response.reasoning !== undefined &&
      tags.includes(reasoningTag) &&
      !hasTag(response.text, reasoningTag)
    ) {
      return abstained(
        `the response's reasoning is kept apart, so its <${reasoningTag}> tags cannot be checked`,
      );
    }
    const checks = checkFormat(text, tags, textOutside);
    const firstBroken = checks.find(({ holds }) => !holds);
    const why = firstBroken ? { why: `${firstBroken.name}: this check failed` } : {};
    if (mode === "strict") return scored(firstBroken ? 0 : 1, why);
    const parts = Object.fromEntries(checks.map(({ name, holds }) => [name, holds ? 1 : 0]));
    return scored(checks.filter(({ holds }) => holds).length / checks.length, { ...why, parts });
  });
}

export const definition = defineScorer<FormatTagsOptions>({
  name: "format-tags",
  version: 1,
  summary:
    "1 when the response is built of the given tags, as in <think>…</think><answer>…</answer>; else 0.",
  options: optionsSchema,
  create: formatTags,
});

/** Every check reads the text a fixed number of times per tag, by plain search: linear on any text. */
function checkFormat(
  text: string,
  tags: readonly string[],
  textOutside: "nowhere" | "after" | "anywhere",
): readonly Check[] {
  const found = tags.map((tag) => {
    const open = `<${tag}>`;
    const close = `</${tag}>`;
    const start = text.indexOf(open);
    return { tag, open, close, start, inside: start + open.length, end: text.indexOf(close) };
  });
  const perTag = found.flatMap(({ tag, open, close, start, inside, end }) => [
    { name: `${tag}_opened_once`, holds: start >= 0 && text.indexOf(open, start + 1) < 0 },
    { name: `${tag}_closed_once`, holds: end >= 0 && text.indexOf(close, end + 1) < 0 },
    { name: `${tag}_not_empty`, holds: start >= 0 && end > start && text.slice(inside, end).trim() !== "" },
  ]);

  const places = found.flatMap(({ start, end }) => [start, end]);
  const inOrder = places.every((place, index) => place > (places[index - 1] ?? -1));
  const checks = [...perTag, { name: "in_order", holds: inOrder }];
  if (textOutside === "anywhere") return checks;

  const ends = found.map(({ end, close }) => end + close.length);
  const before = found.map(({ start }, index) => text.slice(ends[index - 1] ?? 0, start));
  const outside = textOutside === "after" ? before : [...before, text.slice(ends.at(-1))];
  const blank = outside.every((piece) => piece.trim() === "");
  return [...checks, { name: "nothing_outside", holds: inOrder && blank }];
}

function hasTag(text: string, tag: string): boolean {
  return text.includes(`<${tag}>`) || text.includes(`</${tag}>`);
}
