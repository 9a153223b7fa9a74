import type { CriterionVerdict, Rubric } from "../../core/rubric/rubric.ts";
import { scoreRubric } from "../../core/rubric/score-rubric.ts";
import type { Failed } from "../../core/types.ts";

export interface RubricDecision {
  readonly kind: "decided";
  readonly winner: "a" | "b" | "tie";
  /** Score of a less that of b; null when the rubric did not decide. */
  readonly margin: number | null;
  /** `direct`: there is no rubric, or no criterion applies to one of them, and they were compared as wholes. */
  readonly decisionSource: "direct" | "rubric";
}

/** Scores nearer than this are equal: sums of the same weights in other groupings differ by rounding. */
const EQUAL = 1e-12;

/**
 * Which of two responses a refined rubric prefers. Equal scores are a tie, never the first one.
 *
 * `direct` compares the two without criteria, where there is no rubric to go by: ask for it in both orders.
 * Fails with what failed: a verdict that was not read decides nothing.
 * Worked: weights [0.3, 0.7], verdicts a [1, 0], b [0, 1] -> b, margin -0.4.
 */
export async function decideByRubric(
  rubric: Rubric | null,
  verdicts: { readonly a: readonly CriterionVerdict[]; readonly b: readonly CriterionVerdict[] },
  direct: () => Promise<"a" | "b" | "tie" | Failed>,
): Promise<RubricDecision | Failed> {
  if (rubric !== null) {
    const [a, b] = [scoreRubric(rubric, verdicts.a), scoreRubric(rubric, verdicts.b)];
    if (a.kind === "failed") return a;
    if (b.kind === "failed") return b;
    if (a.kind === "scored" && b.kind === "scored") {
      const margin = a.value - b.value;
      const isTie = Math.abs(margin) <= EQUAL * Math.max(1, Math.abs(a.value), Math.abs(b.value));
      const winner = isTie ? "tie" : margin > 0 ? "a" : "b";
      return { kind: "decided", winner, margin: isTie ? 0 : margin, decisionSource: "rubric" };
    }
  }
  const winner = await direct();
  if (typeof winner !== "string") return winner;
  return { kind: "decided", winner, margin: null, decisionSource: "direct" };
}
