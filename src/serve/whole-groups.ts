import type { CombinePlan } from "../shaping/combine.ts";
import type { Rewarded } from "./rewarder.ts";

/** The plan's transforms that may compare the responses of the group, by name and term. */
export function groupRelative({ terms }: CombinePlan): readonly string[] {
  return terms.flatMap(({ score, transforms }) =>
    transforms.filter(({ perResponse }) => perResponse !== true).map(({ name }) => `${name} (term ${score})`),
  );
}

/**
 * What a group that came together only in part is worth: no reward where a transform compares its responses, as a place
 * among three is no place among eight; otherwise what it was given.
 */
export function withoutPartial(rewarded: Rewarded, expected: number, relative: readonly string[]): Rewarded {
  const present = rewarded.group.responses.length;
  if (relative.length === 0 || present >= expected) return rewarded;
  return {
    ...rewarded,
    rewards: rewarded.rewards.map(() => null),
    problem: `${present} of ${expected} responses came, and the reward compares those of a whole group: ${relative.join(", ")}.`,
  };
}
