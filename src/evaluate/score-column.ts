import type { RunScorer } from "../annotate/resolve-scorer.ts";
import type { Score, ScoreColumn } from "../core/types.ts";
import { firstAgainst } from "../judging/pairwise/parts.ts";
import { betterOf, type ScorerResults, type Verdict } from "./gold.ts";
import type { GoldRow } from "./open-gold.ts";
import type { Preset } from "./presets/preset.ts";
import { type FailedCells, scoredValue } from "./score-gold.ts";

interface Column {
  add(row: GoldRow, column: ScoreColumn | undefined): void;
  results(failed: FailedCells): ScorerResults;
}

/** Gathers one scorer's numbers, back in the file's order. */
export function startColumn({ key: name, scorer, config }: RunScorer): Column {
  const scores: (number | null)[][] = [];
  const unread: boolean[] = [];
  const said: Said[] = [];
  return {
    add: (row, column) => {
      scores.push(row.places.map((place) => scoredValue(column?.scores[place])));
      unread.push(isUnread(row, column));
      said.push(saidOf(row, column));
    },
    results: (failed) => {
      const verdicts = verdictsOf(said);
      return {
        name,
        scores,
        ...(verdicts.some(({ length }) => length > 0) && { verdicts }),
        ...(unread.includes(true) && { unread }),
        failed: failed[name] ?? {},
        settings: { scorer: scorer.name, version: scorer.version, config },
      };
    },
  };
}

/** Whether every response without a score is one whose judge could not be read. */
function isUnread({ places }: GoldRow, column: ScoreColumn | undefined): boolean {
  const open = places.map((place) => column?.scores[place]).filter((score) => score?.kind !== "scored");
  return open.length > 0 && open.every(failedUnread);
}

function failedUnread(score: Score | undefined): boolean {
  return score?.kind === "failed" && score.code === "unread_verdict";
}

/** What a judge said of a pair in either order: undefined where the order left nothing; "lost" where the pair failed unread. */
type Said = "lost" | readonly (Verdict | undefined)[];

/** A judge of pairs leaves in a score's parts what it said when this response stood first, against the other one's place. */
function saidOf({ item, places }: GoldRow, column: ScoreColumn | undefined): Said {
  if (places.length !== 2 || betterOf(item) === null) return [];
  const cells = places.map((place) => column?.scores[place]);
  if (cells.every(failedUnread)) return "lost";
  const said = cells.map((score, index): Verdict | undefined => {
    const value = score?.kind === "scored" ? score.parts?.[firstAgainst(places[1 - index] ?? 0)] : undefined;
    if (value === undefined) return undefined;
    if (value === 0) return "tie";
    return value > 0 === (index === 0) ? "first" : "second";
  });
  return said.every((verdict) => verdict === undefined) ? [] : said;
}

/**
 * Verdicts by order, null for an unread one. Whether an order without a verdict was asked for is seen from the column: a judge
 * that answered both orders of any pair asks for both of all.
 */
function verdictsOf(said: readonly Said[]): (Verdict | null)[][] {
  const asksBoth = said.some((own) => own !== "lost" && own.length === 2 && !own.includes(undefined));
  return said.map((own) => {
    if (own === "lost") return asksBoth ? [null, null] : [];
    return asksBoth ? own.map((verdict) => verdict ?? null) : own.filter((verdict) => verdict !== undefined);
  });
}

/** Of a pair that failed because one order was not read, the other order's verdict is not known. */
export function lostVerdicts({ name, countsEachOrder }: Preset, results: readonly ScorerResults[]): string[] {
  if (!countsEachOrder) return [];
  return results.flatMap(({ name: scorer, verdicts = [] }) => {
    const lost = verdicts.filter((own) => own.length > 0 && own.every((verdict) => verdict === null)).length;
    return lost === 0
      ? []
      : [
          `${scorer} failed on ${lost} pairs as unread, and ${name} counts an order that was read beside one that was not: unless it has that already, give the scorer \`onUnread: other-order\`, so that such verdicts are not lost.`,
        ];
  });
}
