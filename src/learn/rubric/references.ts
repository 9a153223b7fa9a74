import { CallFailure, isCallFailure } from "../../core/errors.ts";
import { contentHash } from "../../core/ids.ts";
import type { Group } from "../../core/types.ts";
import { cutReason } from "../../judging/ask.ts";
import { afterThinking } from "../../judging/final-mark.ts";
import type { ChatModel, ChatReply, Sampling } from "../../models/ports.ts";
import type { Memo } from "../memo.ts";
import type { Pace } from "../rules/in-parallel.ts";
import type { RefineInput } from "./steps.ts";

/** Where the strong and the weak answer come from: from models that answer the prompt, or from the prompt's metadata. */
export type ReferenceSource =
  | { readonly kind: "none" }
  | {
      readonly kind: "models";
      readonly strong: ChatModel;
      readonly weak: ChatModel;
      readonly sampling: Sampling;
    }
  | { readonly kind: "metadata"; readonly strong: string; readonly weak: string };

/**
 * The strong and the weak answer to a prompt; null where either is missing, blank, cut off at its limit of tokens, still thinking,
 * or refused by its server, as content filters do: then the misalignment filter is skipped for this prompt. What a model thought
 * before its answer, up to `</think>`, is no part of it.
 *
 * Rejects with `CallFailure` for any other failed call.
 */
export async function referencesFor(
  { prompt }: Group,
  source: ReferenceSource,
  memo: Memo,
  pace: Pace,
): Promise<RefineInput["references"]> {
  if (source.kind === "none") return null;
  if (source.kind === "metadata") {
    const [strong, weak] = [prompt.metadata[source.strong], prompt.metadata[source.weak]];
    return isText(strong) && isText(weak) ? { strong, weak } : null;
  }
  const request = {
    messages: prompt.messages,
    sampling: source.sampling,
    ...(prompt.tools === undefined ? {} : { tools: prompt.tools }),
  };
  const answerOf = (role: "strong" | "weak", model: ChatModel): Promise<string | null> =>
    memo.recall("reference answers", contentHash([role, model.id, request]), async () => {
      if (pace.stop?.aborted) throw new CallFailure("cancelled", "the work was stopped");
      try {
        return wholeAnswer(await model.generate(request, pace));
      } catch (error) {
        if (isCallFailure(error) && error.code === "bad_request") return null;
        throw error;
      }
    });
  // One after the other: nothing is under way behind an error.
  const strong = await answerOf("strong", source.strong);
  const weak = strong === null ? null : await answerOf("weak", source.weak);
  return strong !== null && weak !== null ? { strong, weak } : null;
}

function wholeAnswer(reply: ChatReply): string | null {
  const { text } = reply;
  const answer = cutReason(reply) === null ? afterThinking(text) : null;
  if (answer === null || !isText(answer)) return null;
  return (answer === text ? text : answer.trimStart()).toWellFormed();
}

function isText(value: unknown): value is string {
  return typeof value === "string" && /\S/.test(value);
}
