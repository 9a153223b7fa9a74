import type { Json, ScoredGroup } from "../core/types.ts";
import { contextOf, runKey, transformed } from "./chain.ts";
import type { CombinePlan, RunNumbers, Term } from "./plan.ts";
import type { RunStatistics } from "./transform.ts";

/** How many passes over the scored groups the run's numbers take: the longest chain of per-run transforms in a term. */
export function statisticsDepth(plan: CombinePlan): number {
  return Math.max(0, ...plan.terms.map((term) => perRun(term).length));
}

/** The sums a shard starts from in the pass of this depth (0, 1, …). */
export function emptySums(plan: CombinePlan, depth: number): RunNumbers {
  return gathered(plan, depth, ({ statistics }) => statistics.empty);
}

/**
 * Adds one group to a shard's sums. `known` holds the numbers of the shallower passes: a per-run transform's statistics
 * are over the values that the transforms before it in the chain give.
 */
export function gather(
  plan: CombinePlan,
  known: RunNumbers,
  depth: number,
  sums: RunNumbers,
  scored: ScoredGroup,
): RunNumbers {
  return gathered(plan, depth, ({ statistics, term, termIndex, transformIndex, key }) =>
    statistics.add(
      sums[key] ?? statistics.empty,
      transformed(term, termIndex, transformIndex, scored, known),
      contextOf(scored),
    ),
  );
}

/** Joins the sums of two consecutive shards. Join in shard order: another order may differ in the last bit. */
export function joinSums(
  plan: CombinePlan,
  depth: number,
  first: RunNumbers,
  second: RunNumbers,
): RunNumbers {
  return gathered(plan, depth, ({ statistics, key }) =>
    statistics.join(first[key] ?? statistics.empty, second[key] ?? statistics.empty),
  );
}

/**
 * The numbers of a whole run over groups at hand: one pass per depth, each pass's sums joining the known numbers.
 * The engine does the same over shards.
 */
export function gatherAll(plan: CombinePlan, groups: readonly ScoredGroup[]): RunNumbers {
  let known: RunNumbers = {};
  for (let depth = 0; depth < statisticsDepth(plan); depth++) {
    let sums = emptySums(plan, depth);
    for (const group of groups) sums = gather(plan, known, depth, sums, group);
    known = { ...known, ...sums };
  }
  return known;
}

interface Station {
  readonly term: Term;
  readonly termIndex: number;
  readonly transformIndex: number;
  readonly key: string;
  readonly statistics: RunStatistics;
}

/** The indices of a term's per-run transforms. */
function perRun({ transforms }: Term): number[] {
  return transforms.flatMap((transform, index) => (transform.statistics ? [index] : []));
}

/** One number per term that has a per-run transform at this depth of its chain. */
function gathered(plan: CombinePlan, depth: number, work: (station: Station) => Json): RunNumbers {
  const numbers: Record<string, Json> = {};
  for (const [termIndex, term] of plan.terms.entries()) {
    const transformIndex = perRun(term)[depth];
    if (transformIndex === undefined) continue;
    const statistics = term.transforms[transformIndex]?.statistics;
    const key = runKey(termIndex, transformIndex);
    if (statistics) numbers[key] = work({ term, termIndex, transformIndex, key, statistics });
  }
  return numbers;
}
