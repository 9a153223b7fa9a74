import type { CombinePlan } from "../shaping/combine.ts";
import type { Rewarded } from "./rewarder.ts";

type Transform = CombinePlan["terms"][number]["transforms"][number];

/** Transforms that look at one response alone, whatever their options. */
const OF_ONE_RESPONSE: ReadonlySet<string> = new Set([
  "affine",
  "aspects",
  "clip",
  "fitted-polynomial",
  "hybrid",
  "length-penalty",
  "overall-repair",
  "process-shaping",
  "sigmoid",
  "soft-overlong",
]);
/** Those that look at the group, or, where they keep statistics, at the numbers of a whole run instead. */
const OF_GROUP_OR_RUN: ReadonlySet<string> = new Set(["deviation-clip", "min-max", "standardize"]);
/** Curves of one value, or, relative, of its distances to the group's references. */
const CURVES: ReadonlySet<string> = new Set(["arctan", "tanh"]);

/**
 * The plan's transforms whose values hang on the other responses of the group, by name and term; any that is not known
 * to look at one response alone is among them.
 */
export function groupRelative({ terms }: CombinePlan): readonly string[] {
  return terms.flatMap(({ score, transforms }) =>
    transforms
      .filter((transform) => !isOfOneResponse(transform))
      .map(({ name }) => `${name} (term ${score})`),
  );
}

function isOfOneResponse(transform: Transform): boolean {
  const { name, statistics } = transform;
  if (OF_ONE_RESPONSE.has(name)) return true;
  if (OF_GROUP_OR_RUN.has(name)) return statistics !== undefined;
  return CURVES.has(name) && !wantsReferences(transform);
}

/** A relative curve has no value for a response without references. */
function wantsReferences(transform: Transform): boolean {
  const group = {
    prompt: { id: "", messages: [], reference: null, metadata: {} },
    responses: [{ id: "", text: "", role: "candidate", metadata: {} }],
  } as const;
  return transform.apply([0.5], { group, scores: [] })[0] === null;
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
