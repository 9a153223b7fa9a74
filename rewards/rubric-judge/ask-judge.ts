import { contentHash } from "../../src/core/ids.ts";
import { randomFor } from "../../src/core/random.ts";
import type { Scale } from "../../src/core/rubric/rubric.ts";
import { failed } from "../../src/core/scorer.ts";
import type { Failed, ScoreContext } from "../../src/core/types.ts";
import { type Answered, ask } from "../../src/judging/ask.ts";
import {
  type ExpectedRating,
  expectedRating,
  type NoExpectation,
  percent,
} from "../../src/judging/rating-tokens.ts";
import type { ReadVerdict } from "../../src/judging/read-verdict.ts";
import type { ChatModel } from "../../src/models/ports.ts";
import { NAME, type Settings } from "./options.ts";
import type { Questions } from "./questions.ts";

/** One judge's verdict on one criterion. */
export interface Verdict {
  readonly kind: "answered";
  readonly verdict: ReadVerdict;
  readonly ambiguous: boolean;
  /** The reply that the verdict was read from; of a mean of samples, the first that could be read. */
  readonly text: string;
  /** The rating that was written and the probability found, where the verdict is an expectation from log-probs. */
  readonly expectation?: { readonly rating: number; readonly mass: number };
  /** The verdict is the mean of samples. */
  readonly sampled?: true;
}

/**
 * Failures of structured output that marked text may not share; some servers take a schema and do not follow it. Nothing is
 * remembered from one question to the next, so that an answer does not depend on which came first.
 */
const WITHOUT_SCHEMA = ["bad_request", "bad_reply", "in_process", "unread_verdict"];
/** And of log-probs: some servers refuse them with 400, some, for reasoning models, with 403. */
const WITHOUT_LOGPROBS = [
  "bad_request",
  "unauthorized",
  "no_logprobs",
  "not_finite",
  "bad_reply",
  "in_process",
];

/** What all promises come to, once the last of them has: no call is left behind by a fault of another. */
export async function together<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Asks for an answer, structured or marked as the options say. With `auto` a structured one is asked for once: a server that does
 * not follow the schema seldom does the next time. An unread one counts among the tries, of which the marked text has at least one.
 */
export async function askEither<Answer>(
  judge: ChatModel,
  { marked, structured }: Questions<Answer>,
  { output, tries }: Settings,
  context: ScoreContext,
): Promise<Answered<Answer> | Failed> {
  if (output !== "text") {
    const answered = await ask(judge, structured, context, output === "json" ? tries : 1);
    if (output === "json" || answered.kind === "answered" || !WITHOUT_SCHEMA.includes(answered.code))
      return answered;
    if (answered.code === "unread_verdict") return ask(judge, marked, context, Math.max(1, tries - 1));
  }
  return ask(judge, marked, context, tries);
}

export async function askVerdict(
  judge: ChatModel,
  questions: Questions<ReadVerdict>,
  settings: Settings,
  context: ScoreContext,
): Promise<Verdict | Failed> {
  const answered = await askEither(judge, questions, settings, context);
  if (answered.kind === "failed") return answered;
  const { answer, ambiguous, reply } = answered;
  return { kind: "answered", verdict: answer, ambiguous, text: reply.text };
}

/** Asks for a rating in marked text, and gives the mean over what the judge might have written there. */
export async function askExpected(
  judge: ChatModel,
  questions: Questions<ReadVerdict>,
  scale: Scale,
  settings: Settings,
  context: ScoreContext,
): Promise<Verdict | Failed> {
  const { marked } = questions;
  const request = { ...marked.request, topLogprobs: settings.topLogprobs };
  const answered = await ask(judge, { ...marked, request }, context, settings.tries);
  if (answered.kind === "failed") {
    if (!WITHOUT_LOGPROBS.includes(answered.code)) return answered;
    return withoutExpectation(judge, questions, settings, context, answered);
  }
  const { answer, ambiguous, reply } = answered;
  if (answer === "not_applicable") return { kind: "answered", verdict: answer, ambiguous, text: reply.text };
  const found = standingFor(answer, expectedRating(reply.tokenLogprobs, scale), settings);
  if (found.kind === "failed") {
    const lack = failed(found.code, `${judge.id}: ${found.why}`);
    return withoutExpectation(judge, questions, settings, context, lack);
  }
  const expectation = { rating: answer, mass: found.mass };
  return { kind: "answered", verdict: found.value, ambiguous, text: reply.text, expectation };
}

/** An expectation stands for a verdict that was read when it is of that very rating, and of enough of the probability. */
function standingFor(
  answer: number,
  found: ExpectedRating | NoExpectation,
  { minMass }: Settings,
): ExpectedRating | Failed {
  if (found.kind === "none") return failed(found.code, found.why);
  if (found.rating !== answer) {
    const tokens = `the tokens that have log-probs rate ${found.rating}`;
    return failed("no_logprobs", `the reply rates ${answer}, and ${tokens}`);
  }
  if (found.mass >= minMass) return found;
  return failed(
    "low_mass",
    `${percent(found.mass)} of the probability was found on ratings, less than ${percent(minMass)}`,
  );
}

/** The declared fallback: the mean of samples, at least half of which must be ratings; or "not applicable", when more than half say so; or the failure. */
async function withoutExpectation(
  judge: ChatModel,
  { marked }: Questions<ReadVerdict>,
  { fallback, samples, sampleTemperature }: Settings,
  context: ScoreContext,
  failure: Failed,
): Promise<Verdict | Failed> {
  if (fallback === "fail") return failure;
  const { sampling, messages } = marked.request;
  const content = contentHash(messages.map(({ content: text }) => text));
  const seed = randomFor(context.seed, NAME, content).below(2 ** 30);
  const outcomes = await together(
    Array.from({ length: samples }, (_, sample) => {
      const request = {
        ...marked.request,
        sampling: { ...sampling, temperature: sampleTemperature, seed },
        sample,
      };
      return ask(judge, { ...marked, request }, context, 1);
    }),
  );
  const broken = outcomes.find(
    (outcome): outcome is Failed => outcome.kind === "failed" && outcome.code !== "unread_verdict",
  );
  if (broken) return broken;
  const read = outcomes.filter((outcome) => outcome.kind === "answered");
  const ratings = read.map(({ answer }) => answer).filter((answer) => typeof answer === "number");
  const [first] = read;
  if (first && 2 * (read.length - ratings.length) > samples) {
    const ambiguous = read.some((one) => one.ambiguous);
    return { kind: "answered", verdict: "not_applicable", ambiguous, text: first.reply.text, sampled: true };
  }
  if (first === undefined || 2 * ratings.length < samples)
    return failed("unread_verdict", `only ${ratings.length} of ${samples} sampled ratings could be read`);
  return {
    kind: "answered",
    verdict: ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length,
    ambiguous: read.some(({ ambiguous }) => ambiguous),
    text: first.reply.text,
    sampled: true,
  };
}
