import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { canonicalJson } from "../core/ids.ts";
import type { Json } from "../core/types.ts";
import { type CombinePlan, type RunNumbers, statisticsDepth } from "../shaping/combine.ts";
import { readManifest } from "../store/manifest.ts";

interface FrozenNumbers {
  readonly files: Files;
  /** A finished dataset; null when none was named. */
  readonly run: string | null;
  readonly plan: CombinePlan;
  readonly rewardConfig: Json;
  readonly scorers: readonly { readonly key: string; readonly configHash: string }[];
}

/**
 * The numbers of a whole run that per-run transforms use, from the dataset's `run.json`. Without such transforms none are
 * needed, and a dataset that is named all the same must still have the recipe's reward. Numbers of another reward, or of
 * other scores, are refused: they would shape every reward, and nothing would show.
 */
export async function frozenNumbers({
  files,
  run,
  plan,
  rewardConfig,
  scorers,
}: FrozenNumbers): Promise<RunNumbers> {
  if (run === null) {
    if (statisticsDepth(plan) === 0) return {};
    const names = plan.terms.flatMap(({ score, transforms }) =>
      transforms.flatMap(({ name, statistics }) => (statistics ? [`${name} (term ${score})`] : [])),
    );
    throw new PrefkitError(
      "need_unmet",
      `the reward uses numbers of a whole run: ${names.join(", ")}; a server sees one request at a time.`,
      "run the recipe on data first (`prefkit run`), then serve with --run DIR, the dataset that it wrote.",
    );
  }
  const manifest = await readManifest(files, run);
  if (canonicalJson(manifest.reward) !== canonicalJson(rewardConfig)) {
    throw new PrefkitError(
      "plan_changed",
      `the dataset at ${run} was made with another reward than the recipe's.`,
      "make its rewards anew with this recipe (`prefkit combine`), or serve the recipe that it was made with.",
    );
  }
  const others = scorers.filter(
    ({ key, configHash }) =>
      plan.terms.some(
        ({ score, transforms }) => score === key && transforms.some(({ statistics }) => statistics),
      ) && manifest.scorers[key]?.configHash !== configHash,
  );
  if (others.length > 0) {
    throw new PrefkitError(
      "plan_changed",
      `the dataset at ${run} was scored otherwise by ${others.map(({ key }) => key).join(", ")}.`,
      "run the recipe again, and serve with that dataset.",
    );
  }
  return manifest.runStatistics;
}
