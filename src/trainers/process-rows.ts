import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { messageRecord } from "../core/ids.ts";
import { suggestion } from "../core/nearest.ts";
import { parseOptions } from "../core/scorer.ts";
import { rangeTexts } from "../core/steps.ts";
import { codePointLength } from "../core/steps-offsets.ts";
import { stepSpans, stepValues } from "../core/steps-values.ts";
import type { Prompt, SampledResponse, Score, ScoredGroup, Span } from "../core/types.ts";

const AFTER_FIRST_ERROR = ["as-is", "false", "drop"] as const;

export interface ProcessRowOptions {
  /** The name of the score whose spans are the steps. */
  readonly score: string;
  /** A step whose value is at least this is right. Default 0.5. */
  readonly threshold?: number;
  /**
   * What becomes of the steps after the first wrong one. `as-is` (default): each is judged by its own value, as in
   * Math-Shepherd. `false`: all are wrong, a label then says whether everything so far is right, as in Uesato et al. 2022.
   * `drop`: they are left out, as in PRM800K, whose labellers stop there, and in Qwen2.5-Math-PRM.
   */
  readonly afterFirstError?: (typeof AFTER_FIRST_ERROR)[number];
  /** `text` (default): the messages' contents, joined by blank lines; TRL's trainer reads text. `messages`: a message list. */
  readonly prompt?: "messages" | "text";
  /**
   * `strip` (default): steps alone; TRL puts its own `step_separator` after each. `keep`: what stands between steps stays at the
   * end of the step before it, so that the completions, joined by nothing, are the response to the letter.
   */
  readonly separators?: "keep" | "strip";
}

/** A row of TRL's stepwise supervision layout. */
export interface ProcessRow {
  readonly prompt: string | readonly Readonly<Record<string, string>>[];
  /** One per step. */
  readonly completions: readonly string[];
  /** One per step: whether it is right. */
  readonly labels: readonly boolean[];
}

export interface LeftOutResponse {
  readonly responseId: string;
  readonly why: string;
}

export interface ProcessRows {
  /** In response order. */
  readonly rows: readonly ProcessRow[];
  readonly leftOut: readonly LeftOutResponse[];
}

const schema = z.strictObject({
  score: z.string().min(1).describe("The score whose spans are the steps."),
  threshold: z.number().default(0.5).describe("The least value of a right step."),
  afterFirstError: z.enum(AFTER_FIRST_ERROR).default("as-is").describe("What becomes of later steps."),
  prompt: z.enum(["text", "messages"]).default("text").describe("The prompt as text or as messages."),
  separators: z.enum(["strip", "keep"]).default("strip").describe("Whether completions hold separators."),
});
type Checked = z.output<typeof schema>;

const NAME = "process rows";

/**
 * Training rows for a process reward model from the step values of one group: a row per candidate.
 *
 * Source: the layout is TRL's "stepwise supervision" (`prompt`, `completions`, `labels`), read by its PRMTrainer, which puts the
 *         label on the separator after each step and takes no other prompt than text. Labels: see `afterFirstError`.
 * Shape:  scored group -> at most one row per candidate, in response order; completions and labels of one length, at least 1.
 *         Baselines give no rows, and are not listed as left out.
 * Left out, with the reason: a response without step values, without steps, or with a step that has no value.
 * Worked: "a\n\nb\n\nc" with step values 0.9, 0.2, 0.8: labels [true, false, true] as-is, [true, false, false] with `false`,
 *         [true, false] and two completions with `drop`.
 * Throws: `bad_option`; `unknown_name` when the group has no such score; `contract_broken` for spans that overlap, stand out of
 *         order, or reach beyond the text.
 */
export function processRows(scored: ScoredGroup, options: ProcessRowOptions): ProcessRows {
  return rowsOf(scored, parseOptions(NAME, schema, options, "see docs/process-scores.md."));
}

/** The rows of a stream of scored groups, in order, a group at a time; `onLeftOut` is told of each response without a row. */
export async function* streamProcessRows(
  groups: AsyncIterable<ScoredGroup> | Iterable<ScoredGroup>,
  options: ProcessRowOptions,
  onLeftOut: (leftOut: LeftOutResponse) => void = () => {},
): AsyncGenerator<ProcessRow, void, undefined> {
  const checked = parseOptions(NAME, schema, options, "see docs/process-scores.md.");
  for await (const scored of groups) {
    const { rows, leftOut } = rowsOf(scored, checked);
    for (const one of leftOut) onLeftOut(one);
    yield* rows;
  }
}

function rowsOf({ group, columns }: ScoredGroup, options: Checked): ProcessRows {
  const column = columns.find(({ name }) => name === options.score);
  if (!column) {
    throw new PrefkitError(
      "unknown_name",
      `${NAME} look for a score "${options.score}", which this group does not have.`,
      suggestion(
        options.score,
        columns.map(({ name }) => name),
      ),
      { place: { promptId: group.prompt.id } },
    );
  }
  const rows: ProcessRow[] = [];
  const leftOut: LeftOutResponse[] = [];
  for (const [index, response] of group.responses.entries()) {
    if (response.role === "baseline") continue;
    const made = rowOf(group.prompt, response, column.scores[index], options);
    if (typeof made === "string") leftOut.push({ responseId: response.id, why: made });
    else rows.push(made);
  }
  return { rows, leftOut };
}

/** The response's row, or why it has none. */
function rowOf(
  prompt: Prompt,
  response: SampledResponse,
  score: Score | undefined,
  options: Checked,
): ProcessRow | string {
  if (score?.kind !== "scored") return score ? `${score.kind}: ${score.why}` : "no score";
  const spans = stepSpans(score);
  const values = stepValues(score);
  if (!spans) return "its score marks no steps";
  if (spans.length === 0) return "it has no steps";
  if (!values) return "a step has no value";
  checkSpans(spans, prompt, response);
  const labels = labelsOf(values, options);
  const completions =
    options.separators === "strip" ? rangeTexts(response.text, spans) : withSeparators(response.text, spans);
  return {
    prompt: options.prompt === "text" ? promptText(prompt) : prompt.messages.map(messageRecord),
    completions: completions.slice(0, labels.length),
    labels,
  };
}

function labelsOf(values: readonly number[], { threshold, afterFirstError }: Checked): readonly boolean[] {
  const labels = values.map((value) => value >= threshold);
  const firstError = labels.indexOf(false);
  if (firstError < 0 || afterFirstError === "as-is") return labels;
  return afterFirstError === "drop"
    ? labels.slice(0, firstError + 1)
    : labels.map((_, index) => index < firstError);
}

/** Each step up to where the next begins; the first from the text's start, the last to its end. */
function withSeparators(text: string, spans: readonly Span[]): string[] {
  const starts = spans.map(({ start }, index) => (index === 0 ? 0 : start));
  return rangeTexts(
    text,
    starts.map((start, index) => ({ start, end: starts[index + 1] ?? Infinity })),
  );
}

function checkSpans(spans: readonly Span[], prompt: Prompt, { id, text }: SampledResponse): void {
  const length = codePointLength(text);
  let before = 0;
  for (const { start, end } of spans) {
    if (start < before || end < start || end > length) {
      throw new PrefkitError(
        "contract_broken",
        `${NAME}: response ${id} has a step from ${start} to ${end}, after one that ends at ${before}, in a text of ${length} code points.`,
        "give disjoint steps in text order, in code points of the response they were scored on.",
        { place: { promptId: prompt.id } },
      );
    }
    before = end;
  }
}

function promptText({ messages }: Prompt): string {
  return messages.map(({ content }) => content).join("\n\n");
}
