import type { CriterionVerdict } from "../core/rubric/rubric.ts";
import type { ReadVerdict } from "./read-verdict.ts";

export const PANEL_RULES = ["majority", "median", "mean"] as const;

/** How several judges' verdicts on one criterion become one. */
export type PanelRule = (typeof PANEL_RULES)[number];

export interface PanelVerdict {
  /** null: the judges are undecided, which counts as unread. */
  readonly verdict: CriterionVerdict;
  /** Whether any two judges said different things. */
  readonly differ: boolean;
  /** Sample standard deviation (n - 1) of the verdicts that are numbers; null for fewer than two. */
  readonly deviation: number | null;
}

/**
 * The verdict of a panel from those of the judges that answered, at least one; blind to their order.
 *
 *   majority   what more than half of them say; no such verdict -> undecided. Ratings: their median
 *   median     the middle number, or the mean of the two in the middle; met counts as 1, not met as 0
 *   mean       the mean number; of verdicts met and not met the share that says met
 *
 * With `median` and `mean`, "not applicable" is the verdict when more than half say so; else who says so is left out.
 *
 * `said`: what the judges differ by, where that is not the verdicts themselves: two that both write 4 agree, though their
 * expectations of 4.09 and 4.08 do not.
 *
 * Example: 1, 1, 0 -> majority 1, median 1, mean 0.667; 1, 0 -> majority undecided, median 0.5; ratings 2, 5, 4 -> 4, 4, 3.667.
 */
export function panelVerdict(
  verdicts: readonly ReadVerdict[],
  rule: PanelRule,
  kind: "binary" | "rating",
  said: readonly ReadVerdict[] = verdicts,
): PanelVerdict {
  const numbers = verdicts.filter((verdict) => typeof verdict === "number").sort((a, b) => a - b);
  const differ = new Set(said).size > 1;
  return { verdict: settle(verdicts, numbers, rule, kind), differ, deviation: deviation(numbers) };
}

function settle(
  verdicts: readonly ReadVerdict[],
  numbers: readonly number[],
  rule: PanelRule,
  kind: "binary" | "rating",
): CriterionVerdict {
  const most = verdicts.find(
    (verdict) => 2 * verdicts.filter((other) => other === verdict).length > verdicts.length,
  );
  if (most === "not_applicable") return most;
  if (rule === "majority" && kind === "binary") return most ?? null;
  if (numbers.length === 0) return null;
  return rule === "mean" ? mean(numbers) : median(numbers);
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function median(sorted: readonly number[]): number {
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return mean(middle);
}

function deviation(numbers: readonly number[]): number | null {
  if (numbers.length < 2) return null;
  const centre = mean(numbers);
  const squares = numbers.reduce((sum, number) => sum + (number - centre) ** 2, 0);
  return Math.sqrt(squares / (numbers.length - 1));
}
