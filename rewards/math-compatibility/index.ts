import { dapo } from "./dapo.ts";
import { dapoStrictBox } from "./dapo-strict-box.ts";
import { gsm8k } from "./gsm8k.ts";
import { gsm8kFlexible } from "./gsm8k-flexible.ts";
import { math } from "./math.ts";
import type { CompatibilityMode } from "./mode.ts";
import { searchR1 } from "./search-r1.ts";

/** Checkers of other toolkits that `math-answer` reproduces. A new one is a file beside this one and a line here. */
export const COMPATIBILITY_MODES = {
  gsm8k,
  "gsm8k-flexible": gsm8kFlexible,
  math,
  dapo,
  "dapo-strict-box": dapoStrictBox,
  "search-r1": searchR1,
} as const satisfies Record<string, CompatibilityMode>;

export type CompatibilityName = keyof typeof COMPATIBILITY_MODES;
