import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RewardedGroup } from "../core/types.ts";
import type { PairBuilder } from "../pairs/pair-builder.ts";
import { anyRewardedGroup, deepFreeze } from "./rewarded-group.ts";

export interface PairBuilderContractOptions {
  /** Most pairs per prompt that the builder was made with; not checked when absent. */
  readonly maxPairs?: number;
  /** How many generated groups each law is tried on; default 100. */
  readonly numRuns?: number;
  /** The seed the groups are drawn by; default 1. */
  readonly seed?: number;
}

/**
 * Registers the laws every pair builder keeps, as one vitest `describe`; groups are drawn with a fixed seed.
 *
 * Laws: chosen and rejected are different candidates of the group with different texts, neither of them blank; their
 * rewards are the group's, and the margin is their difference and above 0; no pair comes twice; a response has a
 * reason exactly when it stands in no pair; same group and seed, same pairs; nothing is written to; `maxPairs` holds.
 */
export function pairBuilderContract(
  builder: PairBuilder,
  groups: fc.Arbitrary<RewardedGroup> = anyRewardedGroup(),
  options: PairBuilderContractOptions = {},
): void {
  const { maxPairs = Infinity, numRuns = 100, seed = 1 } = options;
  const holds = (law: (group: RewardedGroup, seed: number) => void): void =>
    fc.assert(fc.property(groups, fc.nat(), law), { seed, numRuns });

  describe(`${builder.name} keeps the pair builder contract`, () => {
    it("names itself and a version", () => {
      expect(builder.name).toMatch(/\S/);
      expect(Number.isInteger(builder.version)).toBe(true);
    });

    it("pairs only candidates with a reward, whose texts differ and are not blank", () => {
      holds((group, seed) => {
        for (const { chosen, rejected } of builder.build(group, { seed }).pairs) {
          expect(chosen.id).not.toBe(rejected.id);
          expect(chosen.text.trim()).not.toBe(rejected.text.trim());
          for (const response of [chosen, rejected]) {
            expect(group.group.responses).toContain(response);
            expect(response.role).toBe("candidate");
            expect(response.text).toMatch(/\S/);
            expect(rewardOf(group, response.id)).not.toBeNull();
          }
        }
      });
    });

    it("gives the rewards of the group, and their difference, above 0, as the margin", () => {
      holds((group, seed) => {
        for (const pair of builder.build(group, { seed }).pairs) {
          expect(pair.chosenReward).toBe(rewardOf(group, pair.chosen.id));
          expect(pair.rejectedReward).toBe(rewardOf(group, pair.rejected.id));
          expect(pair.rewardMargin).toBe(pair.chosenReward - pair.rejectedReward);
          expect(pair.rewardMargin).toBeGreaterThan(0);
        }
      });
    });

    it("says why a response stands in no pair, and nothing where it stands in one", () => {
      holds((group, seed) => {
        const { pairs, unpaired } = builder.build(group, { seed });
        const paired = new Set(pairs.flatMap(({ chosen, rejected }) => [chosen.id, rejected.id]));
        expect(unpaired).toHaveLength(group.group.responses.length);
        for (const [index, { id }] of group.group.responses.entries()) {
          expect(unpaired[index] === null).toBe(paired.has(id));
        }
      });
    });

    it("makes no pair twice, and no more than it may", () => {
      holds((group, seed) => {
        const { pairs } = builder.build(group, { seed });
        const keys = pairs.map(({ chosen, rejected }) => `${chosen.id} ${rejected.id}`);
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys.length).toBeLessThanOrEqual(maxPairs);
      });
    });

    it("makes the same pairs for the same group and seed, and writes to nothing", () => {
      holds((group, seed) => {
        const frozen = deepFreeze(structuredClone(group));
        expect(builder.build(frozen, { seed })).toEqual(builder.build(group, { seed }));
      });
    });
  });
}

function rewardOf({ group, rewards }: RewardedGroup, id: string): number | null {
  return rewards[group.responses.findIndex((response) => response.id === id)] ?? null;
}
