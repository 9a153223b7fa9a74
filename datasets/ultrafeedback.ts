import type { Json, JsonObject } from "../src/core/types.ts";
import { isFields, RowProblem } from "../src/store/input/row-problem.ts";
import { defineImporter } from "./define-importer.ts";
import {
  filledText,
  type LeftOut,
  listOf,
  type ResponseDraft,
  ratingOf,
  textIfAny,
  userTurn,
} from "./importer.ts";

const ASPECTS = ["instruction_following", "honesty", "truthfulness", "helpfulness"] as const;

/**
 * UltraFeedback as OpenBMB publishes it: four completions per instruction, each rated from 1 to 5 on four aspects.
 *
 * Metadata of a response: `ratings` (the four aspects, null for "N/A"), `overall_score` (1 to 10), `fine_grained_score`,
 * `principle`, `system_prompt`: the system prompt differs between the completions of one instruction, so it is no part of the
 * prompt. Rationales and critiques are left behind.
 * Reference: the one correct answer where there is exactly one ("None" is none); all are in the prompt's metadata.
 */
export const ultrafeedback = defineImporter({
  name: "ultrafeedback",
  title: "UltraFeedback",
  source: "https://huggingface.co/datasets/openbmb/UltraFeedback",
  licence: "MIT",
  checked: "format section of the README of OpenBMB/UltraFeedback; a row as the hub serves it",
  columns: ["instruction", "completions"],
  ratings: ["ratings.*", "overall_score", "fine_grained_score"],
  preference: false,
  read: (row) => {
    const leftOut: LeftOut[] = [];
    const responses = listOf(row.completions, "completions").flatMap((completion, index) => {
      const draft = responseOf(completion);
      if (draft === null) leftOut.push({ why: `completion ${index} has no text.`, column: "completions" });
      return draft === null ? [] : [draft];
    });
    const correct = answersOf(row.correct_answers);
    return {
      messages: userTurn(filledText(row.instruction, "instruction")),
      reference: correct.length === 1 ? (correct[0] ?? null) : null,
      responses,
      metadata: {
        source: textIfAny(row.source) ?? null,
        ...(correct.length > 0 && { correct_answers: correct }),
        ...(answersOf(row.incorrect_answers).length > 0 && {
          incorrect_answers: answersOf(row.incorrect_answers),
        }),
      },
      leftOut,
    };
  },
});

function responseOf(completion: unknown): ResponseDraft | null {
  if (!isFields(completion))
    throw new RowProblem("a completion is no object.", "correct the row.", "completions");
  const text = textIfAny(completion.response);
  if (text === undefined) return null;
  const model = textIfAny(completion.model);
  return {
    text,
    ...(model !== undefined && { model }),
    metadata: {
      ratings: ratingsOf(completion.annotations),
      overall_score: ratingOf(completion.overall_score),
      fine_grained_score: ratingOf(completion["fine-grained_score"]),
      ...optionalText("principle", completion.principle),
      ...optionalText("system_prompt", completion.custom_system_prompt),
    },
  };
}

function ratingsOf(annotations: unknown): JsonObject {
  return Object.fromEntries(
    ASPECTS.map((aspect): [string, Json] => {
      const annotation = isFields(annotations) ? annotations[aspect] : undefined;
      return [aspect, isFields(annotation) ? ratingOf(annotation.Rating) : null];
    }),
  );
}

function optionalText(name: string, value: unknown): JsonObject {
  const text = textIfAny(value);
  return text === undefined ? {} : { [name]: text };
}

/** The answers of a list that says "None" for none. */
function answersOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((answer) => textIfAny(answer) ?? []).filter((answer) => answer !== "None");
}
