import { setMaxListeners } from "node:events";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { perGroup, perResponse, scored } from "../../src/core/scorer.ts";
import type { Scorer } from "../../src/core/types.ts";
import { type Asked, type RequestLimits, readScoreRequest } from "../../src/serve/request.ts";
import { openRewarder, type Rewarder, type RewarderOptions } from "../../src/serve/rewarder.ts";
import type { Client } from "../../src/serve/service.ts";
import { testCatalog } from "../annotate/small-run.ts";

/** The number that stands in the text; an unreadable one throws, so that the cell fails. */
export const numberInText: Scorer = perResponse(
  { name: "number-in-text", version: 1, range: [-Infinity, Infinity] },
  ({ text }) => scored(Number(text)),
);

/** How many responses the group has; needs eight. */
export const needsEight: Scorer = perGroup(
  { name: "needs-eight", version: 1, range: [0, Infinity], needs: { minResponses: 8 } },
  ({ responses }) => responses.map(() => scored(responses.length)),
);

/** How many responses the group has. */
export const groupCount: Scorer = perGroup(
  { name: "group-count", version: 1, range: [0, Infinity] },
  ({ responses }) => responses.map(() => scored(responses.length)),
);

/** A rewarder of scorers given in code; one scorer is the reward, more need `reward`. */
export function rewarderOf(
  recipe: Pick<RecipeInput, "scorers"> & Partial<RecipeInput>,
  options: RewarderOptions = {},
): Promise<Rewarder> {
  const loaded = recipeFromCode({ input: { path: "rows.jsonl" }, ...recipe }, process.cwd(), {});
  return openRewarder(loaded, testCatalog, { openCache: memoryScoreCache, threads: 1, ...options });
}

/** A promise with its ends outside. */
export function opened<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** The groups of a request's body, all read. */
export function askedOf(body: unknown, limits?: RequestLimits): readonly Asked[] {
  return [...readScoreRequest(body, limits).asked];
}

/** A client that stays, or one that leaves when the signal aborts; what it asks for has just begun to arrive. */
export function client(gone: AbortSignal = never): Client {
  return { hasLeft: () => gone.aborted, gone: () => gone, waitedMs: () => 0 };
}

export const never: AbortSignal = new AbortController().signal;
setMaxListeners(0, never);
