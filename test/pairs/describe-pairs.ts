import type { RewardedGroup } from "../../src/core/types.ts";
import type { NoPairReason, PairBuilder } from "../../src/pairs/pair-builder.ts";

/** Pairs as "chosen > rejected" by place from 0, in order, and the reasons of the others. */
export function build(
  builder: PairBuilder,
  group: RewardedGroup,
  seed = 0,
): { readonly pairs: string[]; readonly reasons: readonly (NoPairReason | null)[] } {
  const { pairs, unpaired } = builder.build(group, { seed });
  const place = (id: string): number => group.group.responses.findIndex((response) => response.id === id);
  return {
    pairs: pairs.map(({ chosen, rejected }) => `${place(chosen.id)} > ${place(rejected.id)}`),
    reasons: unpaired,
  };
}

/** What comes out over many seeds, sorted and without repeats. */
export function outcomes(builder: PairBuilder, group: RewardedGroup): string[] {
  const all = Array.from({ length: 64 }, (_, seed) => build(builder, group, seed).pairs.join(", "));
  return [...new Set(all)].sort();
}
