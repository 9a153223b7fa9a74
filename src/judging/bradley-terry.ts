import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { PrefkitError } from "../core/errors.ts";
import { levelled } from "../core/noise.ts";

/** What two players' comparisons came to. Wins may be fractions: a tie is half a win for each. */
export interface Comparison {
  readonly i: number;
  readonly j: number;
  readonly winsI: number;
  readonly winsJ: number;
}

export interface BradleyTerryOptions {
  /**
   * Wins added to either side of every pair that was compared, so that a player who won everything has a finite strength.
   * Default 0.5: together one tie for each pair compared. 0 is plain maximum likelihood, which may not exist.
   */
  readonly prior?: number;
}

export interface BradleyTerry {
  /** Natural log units, mean 0 within each component. */
  readonly strengths: readonly number[];
  /** Of each strength against the mean of its component. */
  readonly standardErrors: readonly number[];
  /** 95 %: strength ± 1.96 standard errors. */
  readonly intervals: readonly (readonly [low: number, high: number])[];
  /**
   * For each player, the smallest number among the players that comparisons link it to. Strengths of different components were
   * never measured against each other.
   */
  readonly components: readonly number[];
  readonly converged: boolean;
}

const Z95 = 1.959963984540054;
const MOST_STEPS = 100;
/** The largest entry of the gradient, as a share of all games, at which the fit is done. */
const TOLERANCE = 1e-11;
/** Strengths no further apart than this differ by rounding: equal records are equal strengths. */
const NOISE = 1e-12;
/** A standard error at which strengths have run off towards infinity, there being no maximum. */
const RUN_AWAY = 1000;

/**
 * Strengths of players from comparisons, P(i beats j) = 1 / (1 + exp(s_j − s_i)).
 *
 * Maximizes Σ w_ij log P(i beats j) by Newton's method with halved steps, w being wins and the prior. The standard errors are
 * those of the inverse of the information (prior included) within strengths of mean 0; comparisons count as independent.
 *
 * Strengths within 1e-12 of each other are one, so that players of equal records tie.
 *
 * Source: Bradley and Terry 1952, "Rank analysis of incomplete block designs"; the added half win is that of Haldane and
 *         Anscombe for log odds.
 * Worked: two players, 3 wins to 1, prior 0: s_1 − s_2 = ln 3, so ±0.549306. Information of the difference 4 · 3/4 · 1/4 = 0.75, so its
 *         variance is 4/3 and each strength's (half the difference) 1/3: standard error 0.577350.
 * Null:   when nothing was compared.
 * Edges:  with prior 0 and a player without a win or without a loss there is no maximum: `converged` is false.
 * Throws: `bad_option` for a player that does not exist or plays itself, and wins or a prior that are negative or not finite.
 */
export function bradleyTerry(
  players: number,
  results: readonly Comparison[],
  { prior = 0.5 }: BradleyTerryOptions = {},
): BradleyTerry | null {
  const wins = winsOf(players, results, prior);
  if (wins === null) return null;
  const components = componentsOf(players, results);
  const strengths = new Array<number>(players).fill(0);
  const standardErrors = new Array<number>(players).fill(0);
  let converged = true;
  for (const root of new Set(components)) {
    const members = components.flatMap((component, player) => (component === root ? [player] : []));
    // Alone, there is nothing to fit.
    if (members.length === 1) continue;
    const fit = fitComponent(members.map((a) => members.map((b) => wins.get(a, b))));
    converged &&= fit.converged;
    const levels = levelled(fit.strengths, (one, other) => Math.abs(one - other) <= NOISE);
    for (const [place, player] of members.entries()) {
      strengths[player] = levels[place] ?? 0;
      standardErrors[player] = fit.standardErrors[place] ?? 0;
    }
  }
  const intervals = strengths.map((strength, player) => {
    const reach = Z95 * (standardErrors[player] ?? 0);
    return [strength - reach, strength + reach] as const;
  });
  return { strengths, standardErrors, intervals, components, converged };
}

/** Which players comparisons link, directly or over others: each player's component, named by its smallest player. */
export function componentsOf(
  players: number,
  edges: readonly { readonly i: number; readonly j: number }[],
): number[] {
  const parent = Array.from({ length: players }, (_, player) => player);
  const rootOf = (player: number): number => {
    let at = player;
    while (parent[at] !== at) at = parent[at] ?? at;
    return at;
  };
  for (const { i, j } of edges) {
    const [a, b] = [rootOf(i), rootOf(j)];
    parent[Math.max(a, b)] = Math.min(a, b);
  }
  return parent.map((_, player) => rootOf(player));
}

/** Wins of row over column, with the prior for each pair compared; null when nothing was. */
function winsOf(players: number, results: readonly Comparison[], prior: number): Matrix | null {
  if (!(prior >= 0 && Number.isFinite(prior))) throw badComparison(`prior ${prior}`);
  const wins = Matrix.zeros(players, players);
  const compared = new Set<number>();
  for (const { i, j, winsI, winsJ } of results) {
    const known = [i, j].every((player) => Number.isInteger(player) && player >= 0 && player < players);
    if (!known || i === j) throw badComparison(`players ${i} and ${j} among ${players}`);
    const countable = [winsI, winsJ].every((count) => count >= 0 && Number.isFinite(count));
    if (!countable) throw badComparison(`wins ${winsI} to ${winsJ}`);
    const pair = Math.min(i, j) * players + Math.max(i, j);
    const added = compared.has(pair) ? 0 : prior;
    compared.add(pair);
    wins.set(i, j, wins.get(i, j) + winsI + added);
    wins.set(j, i, wins.get(j, i) + winsJ + added);
  }
  return compared.size === 0 ? null : wins;
}

function badComparison(got: string): PrefkitError {
  return new PrefkitError(
    "bad_option",
    `bradleyTerry got ${got}.`,
    "give two different players below the number of players, and wins and a prior that are finite and at least 0.",
  );
}

interface Fit {
  readonly strengths: readonly number[];
  readonly standardErrors: readonly number[];
  readonly converged: boolean;
}

function fitComponent(wins: readonly (readonly number[])[]): Fit {
  const games = wins.flat().reduce((sum, count) => sum + count, 0);
  let strengths = wins.map(() => 0);
  let likelihood = logLikelihood(wins, strengths);
  for (let step = 0; step < MOST_STEPS; step++) {
    const { gradient, information } = slopes(wins, strengths);
    const inverse = inverseWithinMeanZero(information);
    if (inverse === null) break;
    const next =
      Math.max(...gradient.map(Math.abs)) <= TOLERANCE * games
        ? null
        : climb(wins, strengths, likelihood, inverse.mmul(Matrix.columnVector(gradient)).to1DArray());
    if (next === null) {
      const standardErrors = strengths.map((_, place) => Math.sqrt(Math.max(0, inverse.get(place, place))));
      return { strengths, standardErrors, converged: Math.max(...standardErrors) < RUN_AWAY };
    }
    strengths = next;
    likelihood = logLikelihood(wins, strengths);
  }
  return { strengths, standardErrors: strengths.map(() => 0), converged: false };
}

/** The likelihood is concave: some fraction of a Newton step climbs, until rounding hides the climb; then null. */
function climb(
  wins: readonly (readonly number[])[],
  strengths: readonly number[],
  likelihood: number,
  move: readonly number[],
): number[] | null {
  for (let share = 1; share > 1e-9; share /= 2) {
    const next = centred(strengths.map((strength, place) => strength + share * (move[place] ?? 0)));
    if (logLikelihood(wins, next) > likelihood) return next;
  }
  return null;
}

function logLikelihood(wins: readonly (readonly number[])[], strengths: readonly number[]): number {
  let sum = 0;
  for (const [a, row] of wins.entries()) {
    for (const [b, count] of row.entries()) {
      if (count > 0) sum -= count * softplus((strengths[b] ?? 0) - (strengths[a] ?? 0));
    }
  }
  return sum;
}

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function slopes(wins: readonly (readonly number[])[], strengths: readonly number[]) {
  const size = strengths.length;
  const gradient = new Array<number>(size).fill(0);
  const information = Matrix.zeros(size, size);
  for (let a = 0; a < size; a++) {
    for (let b = a + 1; b < size; b++) {
      const won = wins[a]?.[b] ?? 0;
      const games = won + (wins[b]?.[a] ?? 0);
      if (games === 0) continue;
      const share = 1 / (1 + Math.exp((strengths[b] ?? 0) - (strengths[a] ?? 0)));
      const excess = won - games * share;
      gradient[a] = (gradient[a] ?? 0) + excess;
      gradient[b] = (gradient[b] ?? 0) - excess;
      const weight = games * share * (1 - share);
      information.set(a, b, -weight);
      information.set(b, a, -weight);
      information.set(a, a, information.get(a, a) + weight);
      information.set(b, b, information.get(b, b) + weight);
    }
  }
  return { gradient, information };
}

/**
 * The pseudo-inverse of a connected graph's Laplacian: with J the matrix of ones over n, (L + J)⁻¹ − J. Null when the weights
 * have vanished, as they do where there is no maximum.
 */
function inverseWithinMeanZero(laplacian: Matrix): Matrix | null {
  const size = laplacian.rows;
  const mean = Matrix.ones(size, size).div(size);
  const cholesky = new CholeskyDecomposition(Matrix.add(laplacian, mean));
  if (!cholesky.isPositiveDefinite()) return null;
  return cholesky.solve(Matrix.eye(size)).sub(mean);
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}
