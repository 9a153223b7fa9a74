import type { Extraction } from "../../src/core/answers/extract.ts";
import type { Judgement } from "../../src/core/answers/judge.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Score } from "../../src/core/types.ts";
import { quoted } from "../math-compatibility/scorer.ts";

/** See the scorer's docstring. */
export type AnswerParts = Readonly<Record<"textAfter" | "truncated" | "candidates", number>>;

export interface FaultOptions {
  readonly onUnreadable: "zero" | "abstain";
  readonly onUndecided: "fail" | "abstain";
}

/** What was judged. */
export interface JudgedAnswer {
  readonly found: Pick<Extraction, "text" | "rule">;
  readonly gold: string;
  readonly parts: AnswerParts;
}

/** The score that a verdict becomes: the response's fault is a number or abstained on, our trouble never is a number. */
export function verdictScore(
  { verdict, rung }: Judgement,
  { found, gold, parts }: JudgedAnswer,
  options: FaultOptions,
): Score {
  const what = `${quoted(found.text)} (${found.rule})`;
  const against = `${what} against ${quoted(gold)}`;
  switch (verdict) {
    case "equal":
      return scored(1, { why: `equal: ${what}, by ${rung}`, parts });
    case "different":
      return scored(0, { why: `different: ${what}, not ${quoted(gold)}, by ${rung}`, parts });
    case "unparsable":
      return responsesFault(`unparsable: ${what}`, parts, options);
    case "unreadable-reference":
      return failed("unreadable_reference", `${quoted(gold)} cannot be read as an answer`);
    case "timeout":
      return failed("timeout", `no verdict in time on ${against}`);
    case "undecided": {
      const why = `undecided: ${against}`;
      return options.onUndecided === "fail" ? failed("undecided", why) : abstained(why);
    }
  }
}

/** A score for what is the response's own fault. */
export function responsesFault(why: string, parts: AnswerParts, { onUnreadable }: FaultOptions): Score {
  return onUnreadable === "zero" ? scored(0, { why, parts }) : abstained(why);
}
