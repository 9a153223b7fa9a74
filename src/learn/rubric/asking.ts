import { CallFailure, type CallFailureCode } from "../../core/errors.ts";
import { contentHash } from "../../core/ids.ts";
import type { Json } from "../../core/types.ts";
import { ask, type Reading } from "../../judging/ask.ts";
import type { ChatModel, ChatReply, Sampling } from "../../models/ports.ts";
import type { Memo } from "../memo.ts";
import type { Pace } from "../rules/in-parallel.ts";
import type { Asking } from "./prompts.ts";

export type RefineStage =
  | "propose"
  | "decompose"
  | "votes"
  | "references"
  | "redundancy"
  | "conflict"
  | "weights";

/** What is asked in a stage, and how its answer is read. */
export interface StageQuestion<Answer> extends Asking {
  readonly stage: RefineStage;
  readonly model: ChatModel;
  readonly sampling: Sampling;
  read(reply: ChatReply): Reading<Answer>;
}

export interface StageAnswer<Answer> {
  /** null: it could not be read in all its tries. */
  readonly answer: Answer | null;
  /** The beginning of the reply that was read, on one line; "" for one that was not. */
  readonly said: string;
}

export interface AskingCounts {
  /** Calls that the answers took, those of earlier runs of the same work counted too. */
  readonly calls: number;
  /** Questions without an answer that could be read, by stage. */
  readonly unread: Readonly<Partial<Record<RefineStage, number>>>;
}

export interface Asker {
  /** Throws `CallFailure` when a call fails, and "cancelled" once the work is to stop. */
  ask<Answer extends Json>(question: StageQuestion<Answer>): Promise<StageAnswer<Answer>>;
  counts(): AskingCounts;
}

/** What a judge said is kept no further than this, in UTF-16 units. */
const LONGEST_SAID = 300;

/** Asks the questions of one prompt, and keeps every answer, or that there was none that could be read. */
export function createAsker(memo: Memo, pace: Pace, tries: number): Asker {
  let calls = 0;
  const counted = new Set<string>();
  const unread: Partial<Record<RefineStage, number>> = {};
  return {
    async ask<Answer extends Json>(question: StageQuestion<Answer>): Promise<StageAnswer<Answer>> {
      const { stage, model, messages, sampling, read, form } = question;
      const request = { messages, sampling };
      const key = contentHash([model.id, request]);
      const kept = await memo.recall(stage, key, async () => {
        if (pace.stop?.aborted) throw new CallFailure("cancelled", "the work was stopped");
        const answered = await ask(model, { request, read, form }, pace, tries);
        if (answered.kind === "answered") {
          const { answer, reply, tries: made } = answered;
          return { answer, said: beginning(reply.text), calls: made };
        }
        if (answered.code === "unread_verdict") return { answer: null, said: "", calls: tries };
        throw new CallFailure(answered.code as CallFailureCode, answered.why);
      });
      // Responses with equal texts ask the same question: it was asked once.
      if (!counted.has(`${stage} ${key}`)) {
        counted.add(`${stage} ${key}`);
        calls += kept.calls;
        if (kept.answer === null) unread[stage] = (unread[stage] ?? 0) + 1;
      }
      return { answer: kept.answer as Answer | null, said: kept.said };
    },
    counts: () => ({ calls, unread: { ...unread } }),
  };
}

function beginning(text: string): string {
  const line = text
    .slice(0, 2 * LONGEST_SAID)
    .toWellFormed()
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= LONGEST_SAID ? line : `${line.slice(0, LONGEST_SAID - 1)}…`.toWellFormed();
}
