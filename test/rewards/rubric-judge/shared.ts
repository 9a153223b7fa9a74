import {
  type RubricJudgeModels,
  type RubricJudgeOptions,
  rubricJudge,
} from "../../../rewards/rubric-judge.ts";
import type { Group, Score, ScoreContext } from "../../../src/core/types.ts";
import type { ChatModel, ChatRequest } from "../../../src/models/ports.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";

export const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

export type RubricInput = Exclude<RubricJudgeOptions["rubric"], string>;

/** Three criteria that are met or not. */
export const CHECKS: RubricInput = {
  name: "checks",
  version: 1,
  criteria: [
    { id: "clear", text: "Is it clear?" },
    { id: "kind", text: "Is it kind?" },
    { id: "sourced", text: "Does it name a source?" },
  ],
};

export const scale = { min: 1, max: 5, anchors: { 1: "poor", 5: "excellent" } };

export const RATINGS: RubricInput = {
  name: "ratings",
  version: 1,
  criteria: [
    { id: "depth", text: "How deep is it?", scale },
    { id: "style", text: "How well is it written?", scale },
  ],
};

export const wordsOf = (request: ChatRequest): string =>
  request.messages.map(({ content }) => content).join("\n");

/** Whether a request is about a criterion, by its text. */
export const about = (request: ChatRequest, text: string): boolean => wordsOf(request).includes(text);

/** A judge that says one thing about each criterion, in the form it is asked in. */
export function judgeOf(verdicts: Readonly<Record<string, string | number>>, id = "judge") {
  return fakeChatModel({
    id,
    reply: (request) => {
      const found = Object.entries(verdicts).find(([text]) => about(request, text));
      const verdict = found?.[1] ?? "No";
      return request.schema
        ? JSON.stringify({ reasons: "so it is", verdict })
        : `So it is.\n[[${String(verdict)}]]`;
    },
  });
}

export const GOOD = { "Is it clear?": "Yes", "Is it kind?": "No", "Does it name a source?": "NA" };

export async function score(
  options: RubricJudgeOptions,
  models: RubricJudgeModels | ChatModel,
  group: Group = groupOf(["Eighteen."]),
  given: ScoreContext = context,
): Promise<readonly Score[]> {
  return rubricJudge(options, "generate" in models ? { judge: models } : models).score(group, given);
}
