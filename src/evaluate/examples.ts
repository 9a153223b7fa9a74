import { hashUnit } from "../core/random.ts";
import type { Assessment } from "./assess.ts";
import type { Outcome } from "./gold.ts";
import { judgeItem } from "./judge-item.ts";
import type { Gold, GoldRow } from "./open-gold.ts";
import type { EvalExample } from "./report.ts";

/** Of each text; a report stays small whatever the responses are. */
const TEXT_LIMIT = 2000;

/**
 * A few items of each scorer that went wrong, were tied or left unscored, with their texts: wrong ones before ties, among
 * equals those that the seed draws. Reads the gold file once more, since texts are not kept.
 */
export async function withExamples(assessment: Assessment, gold: Gold, count: number): Promise<Assessment> {
  if (count === 0) return assessment;
  const chosen = assessment.scorers.map((_, at) => chooseItems(assessment, at, count));
  const wanted = new Set(chosen.flatMap((own) => own.map(({ index }) => index)));
  if (wanted.size === 0) return assessment;
  const rows = new Map<number, GoldRow>();
  let place = 0;
  for await (const batch of gold.read()) {
    for (const row of batch) {
      if (wanted.has(place)) rows.set(place, row);
      place += 1;
    }
    if (rows.size === wanted.size) break;
  }
  return {
    ...assessment,
    scorers: assessment.scorers.map((results, at) => ({
      ...results,
      examples: (chosen[at] ?? []).flatMap(({ index, outcome }) => {
        const row = rows.get(index);
        return row ? [exampleOf(row, outcome, results.scores[index] ?? [])] : [];
      }),
    })),
  };
}

type Shown = EvalExample["outcome"];
const ORDER: readonly Shown[] = ["wrong", "tie", "unscored"];

function chooseItems(
  { items, preset, scorers, generative = false, seed = 0 }: Assessment,
  at: number,
  count: number,
): readonly { readonly index: number; readonly outcome: Shown }[] {
  const candidates = items.flatMap((item, index) => {
    const { outcome } = judgeItem(preset, item, scorers[at], index, generative);
    return isShown(outcome) ? [{ index, outcome, draw: hashUnit(seed, "example", item.id, index) }] : [];
  });
  candidates.sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || a.draw - b.draw);
  return candidates.slice(0, count);
}

function isShown(outcome: Outcome): outcome is Shown {
  return ORDER.some((shown) => shown === outcome);
}

function exampleOf(
  { item, group, places }: GoldRow,
  outcome: Shown,
  scores: readonly (number | null)[],
): EvalExample {
  return {
    id: item.id,
    subset: item.subset,
    outcome,
    prompt: cut(group.prompt.messages.at(-1)?.content ?? ""),
    responses: item.correct.map((correct, index) => ({
      text: cut(group.responses[places[index] ?? 0]?.text ?? ""),
      correct,
      score: scores[index] ?? null,
    })),
  };
}

function cut(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  const half = TEXT_LIMIT / 2;
  return `${text.slice(0, half)}…${text.slice(-half)}`.toWellFormed();
}
