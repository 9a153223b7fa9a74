import { CallFailure, type CallFailureCode, isCallFailure, PrefkitError } from "../../core/errors.ts";
import { contentHash } from "../../core/ids.ts";
import type { Json } from "../../core/types.ts";
import { ask, type Question } from "../../judging/ask.ts";
import type { ChatModel, Sampling } from "../../models/ports.ts";
import type { Memo } from "../memo.ts";
import type { Pace } from "./in-parallel.ts";

/** What a stage asks with. */
export interface StageSetup {
  readonly model: ChatModel;
  readonly sampling: Pick<Sampling, "maxTokens" | "temperature">;
  /** How often an answer is asked for before it counts as unread. */
  readonly tries: number;
  readonly memo: Memo;
  readonly pace: Pace;
  /** An item of the stage is done. */
  readonly onDone: () => void;
}

export interface AskCounts {
  readonly asked: number;
  /** Answers that could not be read, in all their tries. */
  readonly unread: number;
  /** Calls that failed. They are not kept, so that the same work asks them again. */
  readonly callFailures: number;
}

export interface Asker {
  /** null: no answer, for one of the two reasons that `counts` tells apart. Throws `CallFailure` when the work is ending. */
  ask<Answer extends Json>(question: Question<Answer>): Promise<Answer | null>;
  counts(): AskCounts;
  /** Throws `failed_budget_exceeded` when too many calls failed for what the stage found to stand. */
  checkFailures(): void;
}

/** Failures that are no fault of one call: the whole work is ending, or cannot know. */
const ENDINGS: readonly string[] = ["budget", "cancelled", "not_cached"];

/** Largest share of a stage's questions whose calls may fail. */
const MAX_FAILED_SHARE = 0.1;

/** Asks the questions of one stage, and keeps what was answered, or that it could not be read. */
export function stageAsker(stage: string, { model, tries, memo, pace }: StageSetup): Asker {
  let asked = 0;
  let unread = 0;
  const failures: CallFailure[] = [];
  return {
    async ask<Answer extends Json>(question: Question<Answer>): Promise<Answer | null> {
      asked += 1;
      const { request } = question;
      try {
        const answer = await memo.recall(stage, contentHash([model.id, request]), async () => {
          const reply = await ask(model, question, pace, tries);
          if (reply.kind === "answered") return { answer: reply.answer };
          if (reply.code === "unread_verdict") return null;
          throw new CallFailure(reply.code as CallFailureCode, reply.why);
        });
        if (answer !== null) return answer.answer;
        unread += 1;
      } catch (error) {
        if (!isCallFailure(error) || ENDINGS.includes(error.code)) throw error;
        failures.push(error);
      }
      return null;
    },
    counts: () => ({ asked, unread, callFailures: failures.length }),
    checkFailures() {
      if (failures.length <= MAX_FAILED_SHARE * asked) return;
      throw new PrefkitError(
        "failed_budget_exceeded",
        `${failures.length} of ${asked} calls of the stage "${stage}" failed, more than ${100 * MAX_FAILED_SHARE} %; one of them: ${failures[0]?.message}.`,
        "mend the cause and run the same command again: what was found is kept, and only these are asked again.",
      );
    },
  };
}
