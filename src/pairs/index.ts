import { definition as allPairs } from "./all-pairs.ts";
import { definition as bestVsRandom } from "./best-vs-random.ts";
import { definition as bestVsWorst } from "./best-vs-worst.ts";
import type { PairBuilderDefinition } from "./pair-builder.ts";
import { definition as passVsFail } from "./pass-vs-fail.ts";
import { definition as ratingGap } from "./rating-gap.ts";
import { definition as topKVsBottomK } from "./top-k-vs-bottom-k.ts";

const definitions: readonly PairBuilderDefinition[] = [
  allPairs,
  bestVsRandom,
  bestVsWorst,
  passVsFail,
  ratingGap,
  topKVsBottomK,
];

/** Every pair builder, by the name a recipe uses. A new one is a file beside this and a line above. */
export const pairBuilders: Readonly<Record<string, PairBuilderDefinition>> = Object.fromEntries(
  definitions.map((definition) => [definition.name, definition]),
);
