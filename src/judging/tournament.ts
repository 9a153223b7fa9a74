import { PrefkitError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { componentsOf } from "./bradley-terry.ts";

/** Two players, the lower number first; which of them the judge sees first is decided elsewhere. */
export interface Match {
  readonly i: number;
  readonly j: number;
}

export type Plan =
  | { readonly use: "all-pairs" }
  /** Everybody meets `opponents` others (one of them one more, where the number of players is odd too). At least 2. */
  | { readonly use: "round-robin"; readonly opponents: number }
  /** Every candidate meets every baseline; without baselines, everybody meets the first. */
  | { readonly use: "baseline" }
  /** Players of like standing meet, round after round, no two of them twice; with more rounds than half the players, by the circle method. */
  | { readonly use: "swiss"; readonly rounds?: number | undefined };

/** A player of a tournament. One that is neither a candidate nor a baseline does not play. */
export interface Player {
  readonly candidate: boolean;
  readonly baseline: boolean;
}

/** How a tournament goes on: the matches of the next round, by what came of the earlier ones; none when it is over. */
export interface Tournament {
  /** `points`: by player, the wins so far, a tie being half of one. */
  nextRound(points: readonly number[]): readonly Match[];
}

/** A tournament by a plan. All but Swiss have one round. */
export function tournament(plan: Plan, players: readonly Player[], random: Random): Tournament {
  if (plan.use === "swiss") {
    const rounds = swissRounds(plan, players.length);
    const pairing = rounds <= players.length / 2 ? swiss : circle;
    return pairing(players.length, rounds, random);
  }
  let matches: readonly Match[] = matchesOf(plan, players, random);
  return {
    nextRound: () => {
      const round = matches;
      matches = [];
      return round;
    },
  };
}

/** How many matches `tournament` will hold, whatever chance and the results bring. */
export function matchCount(plan: Plan, players: readonly Player[]): number {
  const count = players.length;
  const all = (count * (count - 1)) / 2;
  switch (plan.use) {
    case "all-pairs":
      return all;
    case "round-robin":
      return plan.opponents >= count - 1 ? all : Math.ceil((count * plan.opponents) / 2);
    case "baseline":
      return againstBaselines(players).length;
    case "swiss":
      return swissRounds(plan, count) * Math.floor(count / 2);
  }
}

function matchesOf(
  plan: Exclude<Plan, { use: "swiss" }>,
  players: readonly Player[],
  random: Random,
): readonly Match[] {
  if (plan.use === "baseline") return againstBaselines(players);
  if (plan.use === "all-pairs" || plan.opponents >= players.length - 1) return everyPair(players.length);
  return ring(players.length, plan.opponents, random);
}

function everyPair(count: number): Match[] {
  const matches: Match[] = [];
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) matches.push({ i, j });
  return matches;
}

function againstBaselines(players: readonly Player[]): Match[] {
  const hasBaseline = players.some(({ baseline }) => baseline);
  const isBaseline = (player: number): boolean =>
    hasBaseline ? players[player]?.baseline === true : player === 0;
  const isCandidate = (player: number): boolean =>
    hasBaseline ? players[player]?.candidate === true : player > 0;
  return everyPair(players.length).filter(
    ({ i, j }) => (isCandidate(i) && isBaseline(j)) || (isCandidate(j) && isBaseline(i)),
  );
}

/**
 * Players on a ring in random order, each meeting those at certain distances. Distance 1 is always among these, so that all
 * are linked; the others are drawn. For an odd number of opponents, half the ring meets the other half as well; where the
 * ring is odd too, one player thereby meets one more.
 */
function ring(count: number, opponents: number, random: Random): Match[] {
  const order = random.shuffle(Array.from({ length: count }, (_, player) => player));
  const half = Math.floor(count / 2);
  const isOdd = opponents % 2 === 1;
  // Opposite places of an even ring are at `half`; on an odd ring that distance is kept free where it is needed below.
  const farthest = count % 2 === 0 || isOdd ? half - 1 : half;
  const far = random.shuffle(Array.from({ length: farthest - 1 }, (_, index) => index + 2));
  const distances = [1, ...far].slice(0, Math.floor(opponents / 2));
  const places: (readonly [number, number])[] = distances.flatMap((distance) =>
    order.map((_, place) => [place, (place + distance) % count] as const),
  );
  const across = Array.from({ length: count - half }, (_, place) => [place, place + half] as const);
  if (isOdd) places.push(...across);
  return places.map(([a, b]) => matchOf(order[a] ?? 0, order[b] ?? 0));
}

/** Enough rounds to tell one winner, and to link all players; never more than can be held without a repeated match. */
export function swissRounds({ rounds }: { readonly rounds?: number | undefined }, count: number): number {
  if (count < 2) return 0;
  const most = count % 2 === 0 ? count - 1 : count;
  return Math.min(most, rounds ?? Math.ceil(Math.log2(count)));
}

function matchOf(a: number, b: number): Match {
  return a < b ? { i: a, j: b } : { i: b, j: a };
}

/** The rounds of a round robin of everybody, in which each round pairs all: one stays, the others walk around a circle. */
function circle(count: number, rounds: number, random: Random): Tournament {
  const order = random.shuffle(Array.from({ length: count }, (_, player) => player));
  // With an odd number, an empty seat: who meets it sits out.
  const [fixed, ...walking] = count % 2 === 1 ? [null, ...order] : order;
  const seats = walking.length;
  let round = 0;
  return {
    nextRound: () => {
      if (round === rounds) return [];
      const at = (seat: number): number => walking[(seat + seats) % seats] ?? 0;
      const across = Array.from({ length: (seats - 1) / 2 }, (_, index) =>
        matchOf(at(round + index + 1), at(round - index - 1)),
      );
      const stays = fixed === null || fixed === undefined ? [] : [matchOf(fixed, at(round))];
      round += 1;
      return [...stays, ...across];
    },
  };
}

/**
 * Each round pairs players of like standing who have not met. With an odd number, the lowest that has not sat out yet does.
 * Where it would otherwise leave groups of players that nothing links, players of different groups are paired first.
 * No match is repeated: in rounds up to half the players, each has not met half of the others yet, so that a pairing exists.
 */
function swiss(count: number, rounds: number, random: Random): Tournament {
  const lots = random.shuffle(Array.from({ length: count }, (_, player) => player));
  const played: Match[] = [];
  const met = new Set<number>();
  const satOut = new Set<number>();
  let round = 0;
  return {
    nextRound: (points) => {
      if (round === rounds) return [];
      round += 1;
      const standing = Array.from({ length: count }, (_, player) => player).sort(
        (a, b) => (points[b] ?? 0) - (points[a] ?? 0) || (lots[a] ?? 0) - (lots[b] ?? 0),
      );
      if (count % 2 === 1) {
        const out = standing.findLast((player) => !satOut.has(player)) ?? standing[count - 1] ?? 0;
        satOut.add(out);
        standing.splice(standing.indexOf(out), 1);
      }
      const groups = componentsOf(count, played);
      // Each later round can at best halve the number of groups.
      const mustLink = new Set(groups).size > 2 ** (rounds - round);
      const strangers = (a: number, b: number): boolean => !mustLink || groups[a] !== groups[b];
      const hasMet = (a: number, b: number): boolean => met.has(keyOf(a, b, count));
      const pairs = pairUp(standing, hasMet, strangers);
      for (const { i, j } of pairs) met.add(keyOf(i, j, count));
      played.push(...pairs);
      return pairs;
    },
  };
}

function keyOf(a: number, b: number, count: number): number {
  return Math.min(a, b) * count + Math.max(a, b);
}

/** A search that has gone on for this long is given up for `repaired`, which needs none. */
const MOST_TRIALS = 2_000;

type Relation = (a: number, b: number) => boolean;

/** Pairs from the top down, each with the nearest in standing it may meet, going back where that strands somebody below. */
function pairUp(standing: readonly number[], hasMet: Relation, strangers: Relation): Match[] {
  let trials = 0;
  const search = (waiting: readonly number[]): Match[] | null => {
    const [top, ...others] = waiting;
    if (top === undefined) return [];
    trials += 1;
    if (trials > MOST_TRIALS) return null;
    for (const other of byStanding(top, others, strangers)) {
      if (hasMet(top, other)) continue;
      const rest = search(others.filter((player) => player !== other));
      if (rest !== null) return [matchOf(top, other), ...rest];
      if (trials > MOST_TRIALS) return null;
    }
    return null;
  };
  return search(standing) ?? repaired(standing, hasMet, strangers);
}

/** The nearest first, but strangers before all others. */
function byStanding(top: number, others: readonly number[], strangers: Relation): number[] {
  return [
    ...others.filter((other) => strangers(top, other)),
    ...others.filter((other) => !strangers(top, other)),
  ];
}

/**
 * From the top down; two who are left, and have met, each take one of a pair further up. Such a pair exists while everybody has not met
 * at least half of the others (the proof of Dirac's theorem, for pairings).
 */
function repaired(standing: readonly number[], hasMet: Relation, strangers: Relation): Match[] {
  const waiting = [...standing];
  const left: number[] = [];
  const pairs: Match[] = [];
  for (let top = waiting.shift(); top !== undefined; top = waiting.shift()) {
    const from = top;
    const other = byStanding(from, waiting, strangers).find((player) => !hasMet(from, player));
    if (other === undefined) {
      left.push(from);
      continue;
    }
    waiting.splice(waiting.indexOf(other), 1);
    pairs.push(matchOf(from, other));
  }
  for (let at = 0; at + 1 < left.length; at += 2) {
    const [one = 0, two = 0] = left.slice(at, at + 2);
    const straight = ({ i, j }: Match): boolean => !hasMet(one, i) && !hasMet(two, j);
    const place = pairs.findLastIndex((pair) => straight(pair) || straight({ i: pair.j, j: pair.i }));
    const pair = pairs[place];
    if (!pair) throw new PrefkitError("internal", "a Swiss round has no pairing.", "report this.");
    const { i, j } = straight(pair) ? pair : { i: pair.j, j: pair.i };
    pairs.splice(place, 1, matchOf(one, i), matchOf(two, j));
  }
  return pairs;
}
