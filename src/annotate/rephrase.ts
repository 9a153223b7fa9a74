import { answerRungs, compareAnswers, readAnswer } from "../core/answers/compare.ts";
import { EXTRACTION_RULES, findAnswer } from "../core/answers/extract.ts";
import { isCallFailure } from "../core/errors.ts";
import { randomFor } from "../core/random.ts";
import type { Message, Prompt } from "../core/types.ts";
import type { CallContext, ChatModel } from "../models/ports.ts";
import type { SampleSection } from "./recipe.ts";

/** Why a prompt has no twin; counted in the manifest. */
export type NoTwin = "unread" | "identical" | "changed_answer" | "unread_answer" | "call_failed";

export type Rephrasing =
  | { readonly kind: "twin"; readonly question: string }
  | { readonly kind: "none"; readonly why: NoTwin };

export interface RephraseSetup {
  readonly options: NonNullable<SampleSection["rephrase"]>;
  readonly model: ChatModel;
  /** Answers the original and the twin; null when answers are not compared. */
  readonly checker: ChatModel | null;
  readonly seed: number;
}

const START = "<rephrased>";
const END = "</rephrased>";

const INSTRUCTION = `You rewrite questions. Ask the very same thing in other words and, where there is a story, in another everyday setting. Keep every number, unit and condition, and keep the final answer unchanged. Do not reuse sentences or turns of phrase. The new question must be natural, clear and solvable by itself. Do not answer it.
Write the new question between ${START} and ${END}, and nothing else.`;

/** What the rephrasing model is asked. The question is data: markers inside it are made harmless. */
export function rephraseMessages(question: string): readonly Message[] {
  const quoted = question.replaceAll(/<(\/?)rephrased>/gi, "< $1rephrased>");
  return [
    { role: "system", content: INSTRUCTION },
    { role: "user", content: `The question:\n\n${quoted}` },
  ];
}

/** The question between the markers; null unless there is exactly one pair of them, in order, with text between. */
export function readRephrasing(text: string): string | null {
  const parts = text.split(START);
  const [, after] = parts;
  if (parts.length !== 2 || after === undefined) return null;
  const ends = after.split(END);
  const question = ends[0]?.trim();
  return ends.length === 2 && question ? question : null;
}

/**
 * Asks for the same question in other words, as Co-Reward prepares its data (one rephrasing per question, marked output).
 * Unlike there, a rephrasing equal to the original is refused, and an optional second model answers both questions: a twin
 * whose answer differs is dropped.
 *
 * Source: "Co-Reward" (arXiv 2508.00410), data preparation.
 */
export async function rephrase(
  prompt: Prompt,
  setup: RephraseSetup,
  context: CallContext,
): Promise<Rephrasing> {
  const { options, model } = setup;
  const question = lastQuestion(prompt.messages);
  let why: NoTwin = "unread";
  for (let attempt = 0; attempt < options.attempts; attempt++) {
    let reply: string;
    try {
      const { temperature, topP, maxTokens } = options;
      const seed = randomFor(setup.seed, "rephrase", prompt.id, attempt).below(2 ** 31);
      const sampling = { temperature, topP, maxTokens, seed };
      const messages = rephraseMessages(question);
      reply = (await model.generate({ messages, sampling, sample: attempt }, context)).text;
    } catch (error) {
      if (!isCallFailure(error) || endsRun(error.code)) throw error;
      return { kind: "none", why: "call_failed" };
    }
    const found = readRephrasing(reply);
    if (found === null) {
      why = "unread";
      continue;
    }
    if (found === question.trim()) {
      why = "identical";
      continue;
    }
    const verdict = setup.checker
      ? await checkAnswers(prompt, found, setup.checker, options.maxTokens, context)
      : null;
    if (verdict === null) return { kind: "twin", question: found };
    why = verdict;
  }
  return { kind: "none", why };
}

/** The prompt with its last user turn replaced by the rephrased question. */
export function twinPrompt(prompt: Prompt, question: string): Prompt {
  const last = prompt.messages.findLastIndex(({ role }) => role === "user");
  return {
    ...prompt,
    id: `${prompt.id}~rephrased`,
    messages: prompt.messages.map((message, index) =>
      index === last ? { ...message, content: question } : message,
    ),
    metadata: { ...prompt.metadata, rephrased_from: prompt.id },
  };
}

/** Failures that are no verdict on this call: the whole run is ending, or cannot know. */
export function endsRun(code: string): boolean {
  return code === "budget" || code === "cancelled" || code === "not_cached";
}

/** The last user turn: what is rephrased. */
export function lastQuestion(messages: readonly Message[]): string {
  return messages.findLast(({ role }) => role === "user")?.content ?? "";
}

/** null when both answers can be read and are equal. */
async function checkAnswers(
  prompt: Prompt,
  question: string,
  checker: ChatModel,
  maxTokens: number,
  context: CallContext,
): Promise<NoTwin | null> {
  const ask = async (messages: readonly Message[]) => {
    const { text } = await checker.generate({ messages, sampling: { temperature: 0, maxTokens } }, context);
    const found = findAnswer(text, EXTRACTION_RULES);
    return found === null ? null : readAnswer(found.text);
  };
  try {
    const [original, twin] = await Promise.all([
      ask(prompt.messages),
      ask(twinPrompt(prompt, question).messages),
    ]);
    if (original === null || twin === null) return "unread_answer";
    return compareAnswers(original, twin, answerRungs()).verdict === "equal" ? null : "changed_answer";
  } catch (error) {
    if (!isCallFailure(error) || endsRun(error.code)) throw error;
    return "call_failed";
  }
}
