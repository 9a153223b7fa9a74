import { prepareGsm8k } from "./gsm8k.ts";
import type { CompatibilityMode } from "./mode.ts";
import { lastCharacters } from "./python-text.ts";

/**
 * verl's flexible GSM8K scorer: the last run of digits, periods and commas in the last 300 characters that is not a lone
 * period. Commas stay, so "1,234" is not "1234", and "42." is not "42".
 *
 * Source: verl, `verl/utils/reward_score/gsm8k.py`, method "flexible".
 */
export const gsm8kFlexible: CompatibilityMode = {
  range: [0, 1],
  wrong: 0,
  prepare: prepareGsm8k,
  grade: (response, gold) => {
    const runs = lastCharacters(response, 300).match(/-?[0-9.,]+/g) ?? [];
    // Where every run is a period, Python's loop ends on the first one and keeps it.
    const extracted = runs.findLast((run) => run !== ".") ?? runs[0];
    if (extracted === undefined) return { value: 0, extracted: null };
    return { value: extracted === gold ? 1 : 0, extracted };
  },
};
