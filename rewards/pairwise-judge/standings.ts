import { ratioOnPaper } from "../../src/core/on-paper.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Score } from "../../src/core/types.ts";
import { bradleyTerry, type Comparison, componentsOf } from "../../src/judging/bradley-terry.ts";
import { flagParts } from "../../src/judging/guard.ts";
import type { OrderVerdicts } from "../../src/judging/pairwise/compare.ts";
import { firstAgainst, PARTS } from "../../src/judging/pairwise/parts.ts";
import { meanVerdict, NO_VERDICTS, type OrderTally } from "../../src/judging/pairwise/reconcile.ts";
import type { Contender } from "../support/contenders.ts";
import type { Settings } from "./options.ts";
import type { Game } from "./play.ts";

/** What one contender's comparisons came to. */
interface Standing {
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  readonly unread: number;
  /** Wins plus half the ties over all; in mode `average` the mean of fractions. null: nothing was read. */
  readonly rate: number | null;
}

/** A score per contender. */
export function scoresOf(
  contenders: readonly Contender[],
  games: readonly Game[],
  settings: Pick<Settings, "prior" | "score">,
): readonly Score[] {
  const isStrength = settings.score === "bradley-terry";
  const read = games.flatMap(({ i, j, won }): Comparison[] =>
    won === null ? [] : [{ i, j, winsI: won, winsJ: 1 - won }],
  );
  const fit = isStrength ? bradleyTerry(contenders.length, read, { prior: settings.prior }) : null;
  const unlinked = fit ? outsideOf(fit.components) : new Set<number>();
  const unlinkedByPlan = isStrength ? outsideOf(componentsOf(contenders.length, games)) : new Set<number>();
  return contenders.map((contender, player): Score => {
    const { wins, ties, losses, unread, rate } = standingOf(player, games);
    const compared = wins + ties + losses;
    if (compared + unread === 0 && (contenders.length > 1 || contender.places.length === 1)) {
      return abstained("the plan holds no comparison for this response");
    }
    if (unlinkedByPlan.has(player)) {
      return abstained(
        "no comparison of the plan links this response to most of its group: plan more rounds",
      );
    }
    if (compared === 0 && unread > 0) {
      return failed("unread_verdict", `none of ${unread} comparisons could be read`);
    }
    if (unlinked.has(player)) {
      return failed("unread_verdict", "no comparison that could be read links it to most of its group");
    }
    // All responses have one text, which ties with itself.
    const tied = isStrength ? 0 : 0.5;
    const value = (fit ? fit.strengths[player] : rate) ?? tied;
    const counts = [
      counted(wins, "win"),
      counted(ties, "tie"),
      `${losses} ${losses === 1 ? "loss" : "losses"}`,
    ];
    return scored(value, {
      why: `${counts.join(", ")}${unread === 0 ? "" : `, ${unread} unread`}`,
      parts: {
        ...{ [PARTS.wins]: wins, [PARTS.ties]: ties, [PARTS.losses]: losses },
        ...{ [PARTS.comparisons]: compared, [PARTS.unread]: unread },
        ...intervalParts(fit?.intervals[player]),
        ...firstParts(player, games, contenders),
        ...flagParts(contender.flags),
      },
      raw: rawOf(player, games, contenders),
    });
  });
}

/** Players that are not in the largest component; of equally large ones, the one with the smallest player counts. */
function outsideOf(components: readonly number[]): Set<number> {
  const sizes = new Map<number, number>();
  for (const component of components) sizes.set(component, (sizes.get(component) ?? 0) + 1);
  let largest = 0;
  for (const [component, size] of sizes) if (size > (sizes.get(largest) ?? 0)) largest = component;
  return new Set(components.flatMap((component, player) => (component === largest ? [] : [player])));
}

function standingOf(player: number, games: readonly Game[]): Standing {
  const standing = { wins: 0, ties: 0, losses: 0, unread: 0 };
  const points: (readonly [weight: 1, own: number])[] = [];
  for (const { i, j, won } of games) {
    if (i !== player && j !== player) continue;
    if (won === null) {
      standing.unread += 1;
      continue;
    }
    const own = i === player ? won : 1 - won;
    points.push([1, own]);
    standing[own > 0.5 ? "wins" : own < 0.5 ? "losses" : "ties"] += 1;
  }
  return { ...standing, rate: ratioOnPaper(points, [points.length]) };
}

function intervalParts(interval: readonly [number, number] | undefined): Record<string, number> {
  return interval ? { [PARTS.low]: interval[0], [PARTS.high]: interval[1] } : {};
}

/** The verdicts on a contender that stood first: against each opponent, and added up. */
function firstParts(
  player: number,
  games: readonly Game[],
  contenders: readonly Contender[],
): Record<string, number> {
  const sums = { [PARTS.firstWins]: 0, [PARTS.firstTies]: 0, [PARTS.firstLosses]: 0, [PARTS.ambiguous]: 0 };
  const tallies = new Map<number, OrderTally>();
  for (const { opponent, verdicts } of firstGames(player, games)) {
    const { wins, ties, losses, unread } = verdicts.tally;
    sums[PARTS.firstWins] += wins;
    sums[PARTS.firstTies] += ties;
    sums[PARTS.firstLosses] += losses;
    sums[PARTS.ambiguous] += verdicts.ambiguous;
    const place = contenders[opponent]?.places[0] ?? 0;
    const before = tallies.get(place) ?? NO_VERDICTS;
    tallies.set(place, {
      wins: before.wins + wins,
      ties: before.ties + ties,
      losses: before.losses + losses,
      unread: before.unread + unread,
    });
  }
  const against = [...tallies]
    .sort(([a], [b]) => a - b)
    .flatMap(([place, tally]) => {
      const mean = meanVerdict(tally);
      return mean === null ? [] : [[firstAgainst(place), mean] as const];
    });
  return { ...sums, ...Object.fromEntries(against) };
}

function firstGames(player: number, games: readonly Game[]) {
  return games.flatMap(({ i, j, ahead, behind }): { opponent: number; verdicts: OrderVerdicts }[] => {
    if (i === player && ahead) return [{ opponent: j, verdicts: ahead }];
    if (j === player && behind) return [{ opponent: i, verdicts: behind }];
    return [];
  });
}

/** The judge's replies in which this contender stood first; those in which it stood second are kept with the other one. */
function rawOf(player: number, games: readonly Game[], contenders: readonly Contender[]): string {
  return firstGames(player, games)
    .flatMap(({ opponent, verdicts }) =>
      verdicts.replies.map((reply) => `against ${contenders[opponent]?.places[0] ?? ""}:\n${reply}`),
    )
    .join("\n\n");
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
