import type { Diagnosis, Figure } from "../core/scorer.ts";
import { wilsonInterval } from "../core/stats.ts";
import type { Group, SampledResponse, Score } from "../core/types.ts";
import { differenceInterval } from "./pairwise/intervals.ts";
import { lengthEffect } from "./pairwise/length-effect.ts";
import { firstAgainst, PARTS } from "./pairwise/parts.ts";

export interface OrderBiasOptions {
  /** How the judge was asked: each pair in both orders, in one that a coin decided, or as the data stand. */
  readonly orders: "both" | "one" | "random";
  /** Candidates met baselines, or the first response of a group: how often they won is measured too. Default: false. */
  readonly againstBaseline?: boolean;
  /** Whether a response was answered by the judge's own model. Default: none was. */
  isOwn?(response: SampledResponse): boolean;
}

type Side = "i" | "j";

/** A comparison as the scores' parts tell it. At least one of the verdicts is there. */
interface Compared {
  /** On i with i first, in [−1, 1]; null where it was not asked for or could not be read. */
  readonly ahead: number | null;
  /** On j with j first. */
  readonly behind: number | null;
  /** Length of i less that of j, in UTF-16 units. */
  readonly longer: number;
  /** Which of them is the candidate, where the other one is the baseline; null where that cannot be told. */
  readonly candidate: Side | null;
  /** Which of them the judge's own model answered, where another one is known to have answered the other. */
  readonly own: Side | null;
}

/** Measures one thing over all comparisons. */
interface Tracker {
  add(comparison: Compared): void;
  report(): readonly Figure[];
}

/**
 * Measures a pairwise judge over a dataset from the parts of its scores. Texts that are equal are one player: its numbers are
 * taken from the first response that has the text.
 *
 * `position_bias` estimates how often the judge says "first" whatever the texts: with probability p, else as it would in the
 * other order. A comparison's two verdicts, each +1 for the first slot and −1 for the second, then have mean p, since the rest
 * cancels; so has a single verdict whose order a coin decided. The two verdicts of a comparison depend on each other, so
 * the comparison is the unit of the interval (see `differenceInterval`). Where both orders were asked, only comparisons with
 * both verdicts count: one alone would mix quality in.
 *
 * `againstBaseline` turns each comparison so that the candidate stands first, and reports `win_rate` and, of the logistic fit of
 * `lengthEffect`, what it would be between texts of equal length. `own_win_rate` is there where the judge's own model met others.
 */
export function orderBias({
  orders,
  againstBaseline = false,
  isOwn = () => false,
}: OrderBiasOptions): Diagnosis {
  const trackers = [
    agreementOfOrders(),
    positionBias(orders),
    againstBaseline ? winsAgainstBaseline() : lengthBias(),
    ownWins(),
  ];
  const slots = slotRates();
  return {
    add(group, scores) {
      const places = firstPlaces(group);
      slots.add(
        places.flatMap((place) => scores[place] ?? []),
        scores,
      );
      for (const comparison of comparisonsOf(group, scores, places, isOwn)) {
        for (const tracker of trackers) tracker.add(comparison);
      }
    },
    report: () => [...trackers.flatMap((tracker) => tracker.report()), ...slots.report()],
  };
}

function agreementOfOrders(): Tracker {
  const counts = new Map<string, number>();
  let both = 0;
  let consistent = 0;
  return {
    add({ ahead, behind }) {
      if (ahead === null || behind === null) return;
      const [one, two] = [Math.sign(ahead), Math.sign(-behind)];
      both += 1;
      if (one === two) consistent += 1;
      const key = `${one},${two}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    report: () => [
      share(
        "position_consistency",
        consistent,
        both,
        "Share of comparisons judged in both orders whose two verdicts agree.",
      ),
      {
        name: "order_kappa",
        value: kappaOf(counts),
        interval: null,
        count: both,
        meaning:
          "Cohen's kappa between the verdicts of the two orders; 1 is full agreement, 0 that of chance.",
      },
    ],
  };
}

function positionBias(orders: OrderBiasOptions["orders"]): Tracker {
  let count = 0;
  let towardsFirst = 0;
  let towardsSecond = 0;
  return {
    add({ ahead, behind }) {
      const verdicts = [ahead, behind].filter((verdict) => verdict !== null);
      if (orders === "one" || (orders === "both" && verdicts.length < 2)) return;
      const excess = meanOf(verdicts);
      count += 1;
      towardsFirst += Math.max(0, excess);
      towardsSecond += Math.max(0, -excess);
    },
    report: () => [
      {
        name: "position_bias",
        value: count === 0 ? null : (towardsFirst - towardsSecond) / count,
        interval: differenceInterval(towardsFirst, towardsSecond, count),
        count,
        meaning:
          "How often the judge answers for the first slot whatever the texts (below 0: the second slot); none where only the order of the data was asked.",
      },
    ],
  };
}

function lengthBias(lengths = lengthEffect()): Tracker {
  let count = 0;
  let unequal = 0;
  let longerWins = 0;
  return {
    add({ ahead, behind, longer }) {
      const balance = balanceOf(ahead, behind);
      lengths.add(longer, (balance + 1) / 2);
      count += 1;
      if (balance === 0 || longer === 0) return;
      unequal += 1;
      if (Math.sign(balance) === Math.sign(longer)) longerWins += 1;
    },
    report() {
      const fit = lengths.fit();
      return [
        share(
          "longer_wins_rate",
          longerWins,
          unequal,
          "Share of decided comparisons of unequal lengths that the longer text won.",
        ),
        {
          name: "length_coefficient",
          value: fit?.coefficient ?? null,
          interval: fit?.interval ?? null,
          count,
          meaning:
            "Change of the log odds of winning with one standard deviation of the length difference; 0 without an effect of length.",
        },
      ];
    },
  };
}

/** The numbers of `lengthBias`, of comparisons turned so that i is the candidate, and how often candidates won. */
function winsAgainstBaseline(): Tracker {
  const lengths = lengthEffect();
  const bias = lengthBias(lengths);
  const wins = winRate(
    "win_rate",
    "What candidates won of their comparisons with the baseline, by the mean of the verdicts; a tie is half a win.",
    ({ candidate }) => candidate,
  );
  return {
    add(comparison) {
      if (comparison.candidate === null) return;
      bias.add(comparison.candidate === "i" ? comparison : turned(comparison));
      wins.add(comparison);
    },
    report() {
      const fit = lengths.fit();
      const raw = wins.report();
      return [
        ...bias.report(),
        ...raw,
        {
          name: "length_controlled_win_rate",
          value: fit ? shareOf(fit.intercept) : null,
          interval: fit && [shareOf(fit.interceptInterval[0]), shareOf(fit.interceptInterval[1])],
          count: raw[0]?.count ?? 0,
          meaning: "The same between texts of equal length, by the fit that gives the length coefficient.",
        },
      ];
    },
  };
}

/** Says nothing where the judge met no response of its own model beside one of another. */
function ownWins(): Tracker {
  const wins = winRate(
    "own_win_rate",
    "What responses of the judge's own model won of their comparisons with others, by the mean of the verdicts; a tie is half a win.",
    ({ own }) => own,
  );
  return { add: wins.add, report: () => wins.report().filter(({ count }) => count > 0) };
}

/** What one side won of the comparisons that have it. */
function winRate(name: string, meaning: string, sideOf: (comparison: Compared) => Side | null): Tracker {
  let count = 0;
  let won = 0;
  return {
    add(comparison) {
      const side = sideOf(comparison);
      if (side === null) return;
      const balance = balanceOf(comparison.ahead, comparison.behind);
      count += 1;
      won += ((side === "i" ? balance : -balance) + 1) / 2;
    },
    report: () => [share(name, won, count, meaning)],
  };
}

/** The same comparison seen from j. */
function turned({ ahead, behind, longer, candidate, own }: Compared): Compared {
  return { ahead: behind, behind: ahead, longer: -longer, candidate: other(candidate), own: other(own) };
}

function other(side: Side | null): Side | null {
  return side === null ? null : side === "i" ? "j" : "i";
}

/** The mean verdict on i, in [−1, 1]. */
function balanceOf(ahead: number | null, behind: number | null): number {
  return meanOf([...(ahead === null ? [] : [ahead]), ...(behind === null ? [] : [-behind])]);
}

/** Of log odds. */
function shareOf(odds: number): number {
  return 1 / (1 + Math.exp(-odds));
}

/** What the scores count by themselves: verdicts by slot, unread comparisons, canaries. */
function slotRates() {
  const sums = { wins: 0, ties: 0, losses: 0, cells: 0, unread: 0, canaries: 0, hits: 0 };
  const addCell = (score: Score): void => {
    if (score.kind === "failed" && score.code === "unread_verdict") {
      sums.cells += 1;
      sums.unread += 1;
    }
    const parts = partsOf(score);
    const read = parts[PARTS.comparisons] ?? 0;
    const unread = parts[PARTS.unread] ?? 0;
    if (read + unread > 0) {
      sums.cells += 1;
      sums.unread += unread / (read + unread);
    }
    sums.wins += parts[PARTS.firstWins] ?? 0;
    sums.ties += parts[PARTS.firstTies] ?? 0;
    sums.losses += parts[PARTS.firstLosses] ?? 0;
  };
  return {
    add(players: readonly Score[], scores: readonly Score[]): void {
      for (const score of players) addCell(score);
      const canary = scores.map((score) => partsOf(score)[PARTS.canary]).find((hit) => hit !== undefined);
      if (canary === undefined) return;
      sums.canaries += 1;
      sums.hits += canary;
    },
    report(): readonly Figure[] {
      const spoken = sums.wins + sums.losses;
      return [
        share(
          "first_slot_rate",
          sums.wins,
          spoken,
          "Share of verdicts other than ties that went to the response shown first; 0.5 without bias.",
        ),
        share("tie_rate", sums.ties, spoken + sums.ties, "Share of verdicts that were ties."),
        {
          name: "unread_rate",
          value: sums.cells === 0 ? null : sums.unread / sums.cells,
          interval: null,
          count: sums.cells,
          meaning: "Mean over responses of the share of their comparisons that could not be read.",
        },
        share("canary_hit_rate", sums.hits, sums.canaries, "Share of canary pairs whose better answer won."),
      ];
    },
  };
}

function comparisonsOf(
  group: Group,
  scores: readonly Score[],
  places: readonly number[],
  isOwn: (response: SampledResponse) => boolean,
): Compared[] {
  const players = playersOf(group, isOwn);
  const playerAt = (place: number): PlayedText | undefined => players.get(group.responses[place]?.text ?? "");
  return places.flatMap((i, index) =>
    places.slice(index + 1).flatMap((j): Compared[] => {
      const ahead = partsOf(scores[i])[firstAgainst(j)] ?? null;
      const behind = partsOf(scores[j])[firstAgainst(i)] ?? null;
      const [one, two] = [playerAt(i), playerAt(j)];
      if ((ahead === null && behind === null) || !one || !two) return [];
      return [
        {
          ahead,
          behind,
          longer: one.length - two.length,
          candidate: candidateOf(one, two),
          own: sideOf(one.own && two.others, two.own && one.others),
        },
      ];
    }),
  );
}

/** What is known of the responses that have one text: they may have both roles, and several models. */
interface PlayedText {
  readonly length: number;
  candidate: boolean;
  baseline: boolean;
  /** One of them is the judge's own; one names another model. */
  own: boolean;
  others: boolean;
}

function playersOf(
  { responses }: Group,
  isOwn: (response: SampledResponse) => boolean,
): ReadonlyMap<string, PlayedText> {
  const players = new Map<string, PlayedText>();
  for (const response of responses) {
    const { text, role } = response;
    const known = players.get(text);
    const player = known ?? {
      length: text.length,
      candidate: false,
      baseline: false,
      own: false,
      others: false,
    };
    if (!known) players.set(text, player);
    player[role] = true;
    if (isOwn(response)) player.own = true;
    else if (response.model !== undefined) player.others = true;
  }
  return players;
}

function candidateOf(one: PlayedText, two: PlayedText): Side | null {
  const side = sideOf(one.candidate && two.baseline, two.candidate && one.baseline);
  // Where neither is a baseline nobody is: the first text is what all others meet.
  return one.baseline || two.baseline ? side : "j";
}

/** The side that alone has it. */
function sideOf(i: boolean, j: boolean): Side | null {
  return i === j ? null : i ? "i" : "j";
}

/**
 * Cohen's kappa (po − pe) / (1 − pe) from counts of "first verdict,second verdict"; null without counts and where pe = 1.
 *
 * Worked: d1 = A A B B and d2 = A B B B: po = 3/4, pe = 1/2 · 1/4 + 1/2 · 3/4 = 1/2, kappa 1/2.
 */
export function kappaOf(counts: ReadonlyMap<string, number>): number | null {
  const rows = new Map<string, number>();
  const columns = new Map<string, number>();
  let total = 0;
  let agreed = 0;
  for (const [key, count] of counts) {
    const [one = "", two = ""] = key.split(",");
    rows.set(one, (rows.get(one) ?? 0) + count);
    columns.set(two, (columns.get(two) ?? 0) + count);
    total += count;
    if (one === two) agreed += count;
  }
  if (total === 0) return null;
  let expected = 0;
  for (const [label, count] of rows) expected += count * (columns.get(label) ?? 0);
  const chance = expected / (total * total);
  return chance === 1 ? null : (agreed / total - chance) / (1 - chance);
}

/** The first place of each text. */
function firstPlaces({ responses }: Group): number[] {
  const seen = new Set<string>();
  return responses.flatMap(({ text }, place) => {
    if (seen.has(text)) return [];
    seen.add(text);
    return [place];
  });
}

function partsOf(score: Score | undefined): Readonly<Record<string, number>> {
  return (score?.kind === "scored" && score.parts) || {};
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function share(name: string, part: number, whole: number, meaning: string): Figure {
  return {
    name,
    value: whole === 0 ? null : part / whole,
    interval: wilsonInterval(part, whole),
    count: whole,
    meaning,
  };
}
