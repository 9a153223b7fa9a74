import { PrefkitError } from "../core/errors.ts";
import { mcNemar, type PairAccuracy, type PairOutcome, pairAccuracy, pairOutcome } from "./pair-accuracy.ts";

/** The scores of one gold pair, one per scorer in their order; null where a scorer gave none. */
export interface ScoredPair {
  /** null: no domain is known. */
  readonly domain: string | null;
  readonly chosen: readonly (number | null)[];
  readonly rejected: readonly (number | null)[];
}

export interface DomainAccuracy extends PairAccuracy {
  readonly domain: string | null;
}

export interface ScorerAccuracy extends PairAccuracy {
  readonly scorer: string;
  /** In the order in which domains first appeared; empty when no pair has one. */
  readonly domains: readonly DomainAccuracy[];
}

/** The best scorer against another, on the pairs that both scored. */
export interface Comparison {
  readonly scorer: string;
  /** Pairs that both scored. */
  readonly pairs: number;
  readonly onlyBest: number;
  readonly onlyThis: number;
  /** Exact McNemar, two-sided, not corrected for how many scorers were compared. */
  readonly pValue: number;
}

export interface Picking {
  readonly pairs: number;
  /** The highest accuracy, the first of equal ones; null when no scorer scored a pair. */
  readonly best: string | null;
  readonly scorers: readonly ScorerAccuracy[];
  /** One for each scorer but the best, in their order. */
  readonly comparisons: readonly Comparison[];
}

/** Takes pairs one by one and keeps counts only. */
export interface Picker {
  add(pair: ScoredPair): void;
  result(): Picking;
}

/** A column with more values than this is no domain. */
export const MAX_DOMAINS = 100;

/**
 * Compares scorers on gold pairs.
 *
 * Worked: chosen [2, 1] and rejected [1, 1] by two scorers -> the first is correct, the second has a tie.
 * Throws `bad_option` when scores and scorers do not match in number, or there are more than 100 domains.
 */
export function pickModels(given: {
  readonly scorers: readonly string[];
  readonly pairs: Iterable<ScoredPair>;
}): Picking {
  const picker = startPicking(given.scorers);
  for (const pair of given.pairs) picker.add(pair);
  return picker.result();
}

export function startPicking(scorers: readonly string[]): Picker {
  const all = scorers.map(newCounts);
  const byDomain = new Map<string | null, Counts[]>();
  // duels[i][j]: pairs that both scored, and those of them that i gets right and j does not.
  const duels = scorers.map(() => scorers.map(() => ({ both: 0, won: 0 })));
  let pairs = 0;

  const countsOf = (domain: string | null): Counts[] => {
    const known = byDomain.get(domain);
    if (known) return known;
    if (byDomain.size === MAX_DOMAINS) {
      throw new PrefkitError(
        "bad_option",
        `the gold pairs have more than ${MAX_DOMAINS} domains.`,
        "name a column with few values by --domain.",
      );
    }
    const made = scorers.map(newCounts);
    byDomain.set(domain, made);
    return made;
  };

  return {
    add: ({ domain, chosen, rejected }) => {
      if (chosen.length !== scorers.length || rejected.length !== scorers.length) {
        throw new PrefkitError(
          "bad_option",
          `a pair has ${chosen.length} and ${rejected.length} scores for ${scorers.length} scorers.`,
          "give one score, or null, for each scorer.",
        );
      }
      const outcomes = scorers.map((_, index) => pairOutcome(chosen[index] ?? null, rejected[index] ?? null));
      const own = countsOf(domain);
      pairs += 1;
      for (const [index, outcome] of outcomes.entries()) {
        for (const counts of [all[index], own[index]]) if (counts) counts[outcome] += 1;
        for (const [other, theirs] of outcomes.entries()) {
          const duel = duels[index]?.[other];
          if (!duel || outcome === "unscored" || theirs === "unscored") continue;
          duel.both += 1;
          if (outcome === "correct" && theirs !== "correct") duel.won += 1;
        }
      }
    },
    result: () => {
      const hasDomains = [...byDomain.keys()].some((domain) => domain !== null);
      const accuracies = scorers.map((scorer, index) => ({
        scorer,
        ...pairAccuracy(all[index] ?? newCounts()),
        domains: hasDomains
          ? [...byDomain].map(([domain, counts]) => ({
              domain,
              ...pairAccuracy(counts[index] ?? newCounts()),
            }))
          : [],
      }));
      const best = bestOf(accuracies);
      return {
        pairs,
        best: scorers[best] ?? null,
        scorers: accuracies,
        comparisons: scorers.flatMap((scorer, other) => {
          const [there, back] = [duels[best]?.[other], duels[other]?.[best]];
          if (other === best || !there || !back) return [];
          const [onlyBest, onlyThis] = [there.won, back.won];
          return { scorer, pairs: there.both, onlyBest, onlyThis, pValue: mcNemar(onlyBest, onlyThis) };
        }),
      };
    },
  };
}

type Counts = Record<PairOutcome, number>;

function newCounts(): Counts {
  return { correct: 0, wrong: 0, tie: 0, unscored: 0 };
}

/** −1 when none has an accuracy. */
function bestOf(accuracies: readonly PairAccuracy[]): number {
  return accuracies.reduce((best, { accuracy }, index) => {
    if (accuracy === null) return best;
    return accuracy > (accuracies[best]?.accuracy ?? -1) ? index : best;
  }, -1);
}
