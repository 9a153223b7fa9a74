import { PrefkitError } from "../core/errors.ts";
import type { RewardedGroup } from "../core/types.ts";
import { knownScore } from "./layout-support.ts";
import type { SourceFacts } from "./trainer-adapter.ts";

/** A column of ratings and the score that fills it. */
export interface RatingColumn {
  readonly column: string;
  readonly score: string;
}

/**
 * Reads `helpfulness=help,verbosity` as two columns: helpfulness from the score "help", verbosity from the score of that name.
 * Throws `bad_option` for a column that is there twice or already, `unknown_name` for a score the dataset does not have.
 */
export function ratingColumns(
  text: string,
  facts: SourceFacts,
  taken: readonly string[],
): readonly RatingColumn[] {
  const seen = new Set(taken);
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => {
      const at = item.indexOf("=");
      const column = at < 0 ? item : item.slice(0, at);
      const score = at < 0 ? item : item.slice(at + 1);
      if (column === "" || seen.has(column)) {
        throw new PrefkitError(
          "bad_option",
          `scores: the column "${column}" is empty or there twice.`,
          "write column=score once for each column, or a score's name alone.",
        );
      }
      seen.add(column);
      return { column, score: knownScore(score, facts) };
    });
}

/** The value of a score for one response of a group; null when it was not scored. */
export function scoredValue({ columns }: RewardedGroup, score: string, index: number): number | null {
  const cell = columns.find(({ name }) => name === score)?.scores[index];
  return cell?.kind === "scored" ? cell.value : null;
}
