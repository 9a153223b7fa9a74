import type { CompatibilityMode } from "./mode.ts";
import { lastCharacters } from "./python-text.ts";

/** Only this much of the end of a response is looked at. */
const CLIP = 300;

/** The number behind the first "#### ", commas removed; a reference without one is the bare answer. */
export function prepareGsm8k(reference: string): string {
  const number = /#### (-?[0-9.,]+)/.exec(reference)?.[1];
  return number === undefined ? reference : number.replaceAll(",", "");
}

/**
 * verl's strict GSM8K scorer: the last `#### ` that a number follows at once, in the last 300 characters; its commas go, and the
 * rest is compared as text ("18." and "18.00" are not "18", "#### $18" is no answer).
 *
 * Source: verl, `verl/utils/reward_score/gsm8k.py`, method "strict"; `examples/data_preprocess/gsm8k.py` for the gold answer.
 */
export const gsm8k: CompatibilityMode = {
  range: [0, 1],
  wrong: 0,
  prepare: prepareGsm8k,
  grade: (response, gold) => {
    const last = [...lastCharacters(response, CLIP).matchAll(/#### (-?[0-9.,]+)/g)].at(-1)?.[1];
    if (last === undefined) return { value: 0, extracted: null };
    const extracted = last.replaceAll(",", "");
    return { value: extracted === gold ? 1 : 0, extracted };
  },
};
