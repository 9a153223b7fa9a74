import type { ResolvedRecipe } from "../annotate/resolve.ts";
import { contentHash } from "../core/ids.ts";
import type { Json } from "../core/types.ts";
import { VERSION } from "../core/version.ts";
import type { RunNumbers } from "../shaping/combine.ts";

/**
 * What makes a server's rewards, hashed, by names that a message can say. Processes behind one port must have the same ones.
 * Where rows come from and how results are written down is left out: a server does neither.
 */
export function identityOf(
  { recipe, scorers }: ResolvedRecipe,
  numbers: RunNumbers,
): Readonly<Record<string, string>> {
  const { seed, models, reward } = recipe;
  return {
    "the version of prefkit": VERSION,
    // With `${VAR}` filled in: it is hashed, and no hash of it is stored.
    "the recipe's seed, models or reward": contentHash(plain({ seed, models, reward })),
    "the numbers of the run": contentHash(plain(numbers)),
    ...Object.fromEntries(
      scorers.map(({ key, configHash, cacheIdentity }) => {
        // For a scorer given in code its cache identity speaks.
        const { use, ...entry } = recipe.scorers[key] ?? {};
        return [`the scorer ${key}`, contentHash(plain({ configHash, cacheIdentity, entry }))];
      }),
    ),
  };
}

/** As JSON has it: what is undefined is left out. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
