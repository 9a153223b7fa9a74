import type { GoldItem, Judgement, ScorerResults } from "./gold.ts";
import { presets } from "./presets/index.ts";
import type { PresetName } from "./report.ts";

/** How one item went for one scorer, by a preset's rule. */
export function judgeItem(
  preset: PresetName,
  item: GoldItem,
  results: Pick<ScorerResults, "scores" | "verdicts"> | undefined,
  index: number,
  generative: boolean,
): Judgement {
  const scores = results?.scores[index] ?? item.correct.map(() => null);
  return presets[preset].judge(item, scores, generative, results?.verdicts?.[index] ?? []);
}
