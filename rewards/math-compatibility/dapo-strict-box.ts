import type { CompatibilityMode } from "./mode.ts";
import { lastCharacters } from "./python-text.ts";

/**
 * DAPO's strict box: the content of the last `\boxed{…}` of the last 100 characters is the gold answer, character by character:
 * +1, else −1.
 *
 * Source: verl, `verl/utils/reward_score/math_dapo.py`, `compute_score(strict_box_verify=True)` without pause tokens.
 */
export const dapoStrictBox: CompatibilityMode = {
  range: [-1, 1],
  wrong: -1,
  prepare: (reference) => reference,
  grade: (response, gold) => {
    const extracted = lastBox(lastCharacters(response, 100));
    return { value: extracted === gold ? 1 : -1, extracted };
  },
};

function lastBox(text: string): string | null {
  const start = text.lastIndexOf("\\boxed{");
  if (start < 0) return null;
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === "{") depth += 1;
    if (text[index] !== "}") continue;
    depth -= 1;
    if (depth === 0) return text.slice(start + "\\boxed{".length, index);
  }
  return null;
}
