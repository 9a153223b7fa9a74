import type { GoldItem, Judgement, ScorerResults } from "./gold.ts";
import { levelScores } from "./level-scores.ts";
import { presets } from "./presets/index.ts";
import type { PresetName } from "./report.ts";

/** How one item went for one scorer, by a preset's rule; scores that differ by rounding alone are equal. */
export function judgeItem(
  preset: PresetName,
  item: GoldItem,
  results: Pick<ScorerResults, "scores" | "unread" | "verdicts"> | undefined,
  index: number,
  generative: boolean,
): Judgement {
  const given = {
    scores: levelScores(results?.scores[index] ?? item.correct.map(() => null)),
    verdicts: results?.verdicts?.[index] ?? [],
    isUnread: results?.unread?.[index] ?? false,
  };
  return presets[preset].judge(item, given, generative);
}
