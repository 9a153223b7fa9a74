import { sha256 } from "../../core/ids.ts";
import { randomFor } from "../../core/random.ts";
import type { Failed, ScoreContext } from "../../core/types.ts";
import type { ChatModel } from "../../models/ports.ts";
import { ask } from "../ask.ts";
import { type ComparisonSettings, comparisonQuestion, type Shown } from "./question.ts";
import type { Choice } from "./read-choice.ts";
import { type OrderTally, tallyOf } from "./reconcile.ts";

export interface CompareSettings extends ComparisonSettings {
  readonly tries: number;
  /** Verdicts per order. */
  readonly samples: number;
}

/** Two texts about one conversation, in the places they are shown in. */
export type Contest = Shown;

/** The verdicts on two texts in one order. */
export interface OrderVerdicts {
  readonly kind: "judged";
  readonly tally: OrderTally;
  readonly ambiguous: number;
  /** Of the verdicts that were read, by sample. */
  readonly replies: readonly string[];
}

/**
 * Asks a judge about two texts in one order, `samples` times at once.
 *
 * Verdicts that cannot be read are counted as such; when a call fails, so does the whole, with the code of the earliest sample:
 * a tally of the replies that happened to come would depend on the day. Samples above temperature 0, and several that are asked
 * for without one, have seeds of their own, which depend on what is asked, the run's seed and the sample's number.
 */
export async function judgeOrder(
  model: ChatModel,
  contest: Contest,
  settings: CompareSettings,
  { seed, signal }: ScoreContext,
): Promise<OrderVerdicts | Failed> {
  const question = comparisonQuestion(contest, settings);
  const { request } = question;
  const numbers = Array.from({ length: settings.samples }, (_, index) => index);
  const isDrawn = settings.temperature === null ? settings.samples > 1 : settings.temperature > 0;
  const content = isDrawn ? sha256(JSON.stringify(request)) : "";
  const answers = await Promise.all(
    numbers.map((sample) => {
      const sampling = isDrawn
        ? { ...request.sampling, seed: randomFor(seed, "pairwise sample", content, sample).below(2 ** 31) }
        : request.sampling;
      const sampled = { ...question, request: { ...request, sampling, sample } };
      return ask(model, sampled, { signal }, settings.tries);
    }),
  );
  const failure = answers.find((answer) => answer.kind === "failed" && answer.code !== "unread_verdict");
  if (failure?.kind === "failed") return failure;
  const read = answers.filter((answer) => answer.kind === "answered");
  const choices = answers.map((answer): Choice | null => (answer.kind === "answered" ? answer.answer : null));
  return {
    kind: "judged",
    tally: tallyOf(choices),
    ambiguous: read.filter(({ ambiguous }) => ambiguous).length,
    replies: read.map(({ reply }) => reply.text),
  };
}
