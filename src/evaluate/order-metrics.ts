import { randomFor } from "../core/random.ts";
import { cohenKappa } from "./agreement.ts";
import { percentileInterval, resampledRatios } from "./bootstrap.ts";
import { betterOf, groupedBy, type ScorerView, type Verdict } from "./gold.ts";
import { metric } from "./presets/preset.ts";
import type { Metric } from "./report.ts";

/** What two orders tell about the judge itself. Nothing where verdicts are not known, or of one order only. */
export function orderMetrics({ items, prompts, results, samples, seed }: ScorerView): readonly Metric[] {
  const both = (results.verdicts ?? []).flatMap((verdicts, index) => {
    const item = items[index];
    const [first, second] = verdicts;
    if (!item || first === undefined || second === undefined) return [];
    const better = betterOf(item);
    return [
      {
        first,
        second,
        prompt: prompts[index] ?? index,
        label: better === null ? null : better === 0 ? ("first" as const) : ("second" as const),
      },
    ];
  });
  if (both.length === 0) return [];
  const unread = both.filter(isUnread);
  /** Prompts are drawn, and each brings both verdicts of all its pairs. */
  const share = <Pair extends { readonly prompt: number }>(
    key: string,
    label: string,
    pairs: readonly Pair[],
    countsOf: (pair: Pair) => Counts,
    note: string,
  ): Metric => {
    const [hits, trials] = sumOf(pairs.map(countsOf));
    const byPrompt = [...groupedBy(pairs, ({ prompt }) => prompt).values()];
    const counts = byPrompt.map((own) => sumOf(own.map(countsOf)));
    const draws = resampledRatios(counts, samples, randomFor(seed, "bootstrap", results.name, key));
    return metric({
      key,
      label,
      value: trials === 0 ? null : hits / trials,
      interval: percentileInterval(draws),
      items: trials,
      note,
    });
  };
  const labelled = both.flatMap(({ first, second, label, prompt }) =>
    label === null ? [] : [{ prompt, one: first === label, other: second === label }],
  );
  return [
    share(
      "consistency",
      "same verdict in both orders",
      both,
      ({ first, second }) => [Number(first === second && first !== null), 1],
      `over ${both.length} pairs, ${unread.length} of them with an unread verdict, which is no agreement, not even with another one`,
    ),
    share(
      "first-slot",
      "first place wins",
      both,
      firstSlots,
      "of the verdicts that name a winner; 50 % without position bias",
    ),
    share(
      "unread",
      "pairs with an unread verdict",
      both,
      (pair) => [Number(isUnread(pair)), 1],
      "in one order or in both; of a pair that failed as unread it is not known in which",
    ),
    share(
      "all-correct",
      "right in both orders",
      labelled,
      ({ one, other }) => [Number(one && other), 1],
      "of the labelled pairs",
    ),
    share(
      "some-correct",
      "right in at least one order",
      labelled,
      ({ one, other }) => [Number(one || other), 1],
      "of the labelled pairs; one without any verdict counts as not right",
    ),
    metric({
      key: "order-kappa",
      label: "kappa between the orders",
      value: cohenKappa(
        both.map(({ first }) => first),
        both.map(({ second }) => second),
      ),
      items: both.filter(({ first, second }) => first !== null && second !== null).length,
      unit: "number",
      note: "Cohen's, over the verdicts that were read",
    }),
  ];
}

type Counts = readonly [hits: number, trials: number];

function sumOf(counts: readonly Counts[]): Counts {
  return counts.reduce(([hits, trials], [more, of]) => [hits + more, trials + of], [0, 0] as Counts);
}

interface BothOrders {
  readonly first: Verdict | null;
  readonly second: Verdict | null;
}

/** A pair is counted and not a verdict: of one that failed nobody knows how many of its verdicts were read. */
function isUnread({ first, second }: BothOrders): boolean {
  return first === null || second === null;
}

/** Verdicts that name a winner, and those of them won by the place that was shown first: the second order was turned back. */
function firstSlots({ first, second }: BothOrders): Counts {
  const names = (verdict: Verdict | null): boolean => verdict === "first" || verdict === "second";
  return [
    Number(first === "first") + Number(second === "second"),
    Number(names(first)) + Number(names(second)),
  ];
}
