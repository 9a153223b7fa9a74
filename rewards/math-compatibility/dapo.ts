import { normaliseFinalAnswer } from "./dapo-strings.ts";
import type { CompatibilityMode } from "./mode.ts";
import { lastCharacters, SPACE } from "./python-text.ts";

const ANSWER = new RegExp(`answer${SPACE}*:${SPACE}*([^\\n]+)`, "giu");

/**
 * DAPO's scorer: the last "Answer: …" of the last 300 characters and the gold answer, both normalised in the way of Minerva, are
 * equal texts: +1, else −1. Without such a line the answer is "[INVALID]".
 *
 * Source: Yu et al. 2025, DAPO; verl, `verl/utils/reward_score/math_dapo.py`, `compute_score`.
 */
export const dapo: CompatibilityMode = {
  range: [-1, 1],
  wrong: -1,
  prepare: (reference) => reference,
  grade: (response, gold) => {
    const found = [...lastCharacters(response, 300).matchAll(ANSWER)].at(-1)?.[1];
    const extracted = normaliseFinalAnswer(found ?? "[INVALID]");
    const isCorrect = extracted === normaliseFinalAnswer(gold);
    return { value: isCorrect ? 1 : -1, extracted: found === undefined ? null : extracted };
  },
};
