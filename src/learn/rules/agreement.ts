import type { CriterionVerdict, Rubric } from "../../core/rubric/rubric.ts";
import { scoreRubric } from "../../core/rubric/score-rubric.ts";
import { type Interval, wilsonInterval } from "../../core/stats.ts";

/** How a rule tells chosen from rejected responses on held-out pairs. */
export interface RuleAgreement {
  /** Pairs with a verdict on both responses. */
  readonly judged: number;
  /** Met by the chosen response alone; by the rejected one alone. All other judged pairs are ties. */
  readonly wins: number;
  readonly losses: number;
  /** Pairs without a verdict on one of the two, or on both. */
  readonly unread: number;
  /** wins / (wins + losses), in [0, 1]; null, never 0.5, when it tells no pair apart. */
  readonly agreement: number | null;
  readonly agreementInterval: Interval | null;
  /** (wins + losses) / judged, in [0, 1]; null when nothing was judged. */
  readonly coverage: number | null;
  readonly coverageInterval: Interval | null;
}

/** The verdicts on the two responses of a pair. */
export type VerdictPair = readonly [chosen: CriterionVerdict, rejected: CriterionVerdict];

/**
 * Agreement and coverage of one rule, with 95 % Wilson intervals. A rule that does not apply counts as met, or, with `skip`,
 * tells the pair not apart.
 *
 * Worked: (1, 0), (1, 0), (0, 1), (1, 1), (0, not read) -> judged 4, agreement 2 / 3, coverage 3 / 4.
 */
export function ruleAgreement(
  verdicts: readonly VerdictPair[],
  notApplicable: "satisfied" | "skip",
): RuleAgreement {
  const read = verdicts.filter(([chosen, rejected]) => chosen !== null && rejected !== null);
  const apart = read.flatMap(([chosen, rejected]) => {
    if (notApplicable === "skip" && (chosen === "not_applicable" || rejected === "not_applicable")) return [];
    const difference = Number(chosen !== 0) - Number(rejected !== 0);
    return difference === 0 ? [] : [difference];
  });
  const wins = apart.filter((difference) => difference > 0).length;
  return {
    judged: read.length,
    wins,
    losses: apart.length - wins,
    unread: verdicts.length - read.length,
    agreement: apart.length === 0 ? null : wins / apart.length,
    agreementInterval: wilsonInterval(wins, apart.length),
    coverage: read.length === 0 ? null : apart.length / read.length,
    coverageInterval: wilsonInterval(apart.length, read.length),
  };
}

/** How often the fraction of rules met is higher for the chosen response. */
export interface SetAccuracy {
  readonly correct: number;
  readonly wrong: number;
  /** Equal fractions. */
  readonly ties: number;
  /** Pairs one of whose responses has no score. */
  readonly unscored: number;
  /** correct / (correct + wrong + ties), in [0, 1]: a tie is not correct. null when nothing was scored. */
  readonly accuracy: number | null;
  readonly interval: Interval | null;
}

/** `pairs`: by pair, the verdicts on each response, in the order of the rules. */
export function setAccuracy(
  rules: Rubric,
  pairs: readonly {
    readonly chosen: readonly CriterionVerdict[];
    readonly rejected: readonly CriterionVerdict[];
  }[],
): SetAccuracy {
  const counts = { correct: 0, wrong: 0, ties: 0, unscored: 0 };
  for (const { chosen, rejected } of pairs) {
    const [a, b] = [scoreRubric(rules, chosen), scoreRubric(rules, rejected)];
    if (a.kind !== "scored" || b.kind !== "scored") counts.unscored += 1;
    else if (a.value === b.value) counts.ties += 1;
    else counts[a.value > b.value ? "correct" : "wrong"] += 1;
  }
  const scored = counts.correct + counts.wrong + counts.ties;
  return {
    ...counts,
    accuracy: scored === 0 ? null : counts.correct / scored,
    interval: wilsonInterval(counts.correct, scored),
  };
}
