import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import { levelled, reaches } from "../core/noise.ts";
import { type Random, randomFor } from "../core/random.ts";
import type { Pair, RewardedGroup, SampledResponse } from "../core/types.ts";
import type { NoPairReason, PairBuilder, PairContext, PairResult } from "./pair-builder.ts";

export const maxPairsOption = z.number().int().min(1);

/** The options every rule has; spread into its `z.strictObject`. */
export const commonOptions = {
  minMargin: z
    .number()
    .min(0)
    .default(0)
    .describe("Smallest difference of the two rewards. It is always above 0 as well."),
  maxPairs: maxPairsOption.exactOptional().describe("Most pairs per prompt; no limit when absent."),
  dedupe: z
    .boolean()
    .default(true)
    .describe(
      "Set aside a response whose trimmed text an earlier one has. Identical texts never pair anyway.",
    ),
  lengthMatch: z
    .number()
    .min(1)
    .exactOptional()
    .describe("Largest ratio of the longer to the shorter text, in Unicode code points."),
  veto: z
    .array(
      z.strictObject({
        score: z.string().min(1),
        part: z
          .string()
          .min(1)
          .exactOptional()
          .describe("A part of that score, such as one principle of a rubric; its value when absent."),
        mayBeLowerBy: z
          .number()
          .min(0)
          .exactOptional()
          .describe("How much lower is still allowed; default 0."),
      }),
    )
    .default([])
    .describe(
      "Scores, or parts of them, on which chosen may not be lower than rejected. Unscored on either side vetoes too.",
    ),
};

/** For rules that look for the best or the worst: what to do when several responses share that reward. */
export const tieOption = z
  .enum(["first", "random", "skip"])
  .default("first")
  .describe("Among equal rewards: the one that stands first, a seeded draw, or no pair for this prompt.");

const commonSchema = z.strictObject(commonOptions);
export type CommonPairOptions = z.output<typeof commonSchema>;

/** A response that may stand in a pair. */
export interface Candidate {
  /** Index in the group. */
  readonly place: number;
  readonly response: SampledResponse;
  /** Of rewards that differ by rounding alone the lowest, so that they are equal (see `levelled`). */
  readonly reward: number;
  /** Without white space at its ends. */
  readonly text: string;
  /** Of the whole text, in Unicode code points. */
  readonly length: number;
}

/** Two candidates that the options allow to be paired; chosen has the higher reward. */
export interface Couple {
  readonly chosen: Candidate;
  readonly rejected: Candidate;
  readonly margin: number;
}

export interface Choice {
  readonly group: RewardedGroup;
  readonly candidates: readonly Candidate[];
  /** All allowed couples, widest margin first (`widestFirst`). */
  readonly couples: readonly Couple[];
  readonly random: Random;
}

/**
 * What a rule adds: which of the allowed couples become pairs, the most wanted first (`maxPairs` cuts the rest), or
 * "tie" when it passes over the group because of one.
 */
export type Choose = (choice: Choice) => readonly Couple[] | "tie";

export interface RuleTraits {
  readonly name: string;
  readonly version: number;
  /** The score without which a response counts as unscored to this rule. */
  readonly needsScore?: string | undefined;
  /** Whether the response at a place counts as unscored for another reason. */
  lacks?(group: RewardedGroup, place: number): boolean;
}

/**
 * A pair builder from a rule. All that rules share is here.
 *
 * Rewards that differ by rounding alone (`isTie`) are equal to every rule; pairs carry them as they are.
 *
 * Order:   pairs come widest margin first; among equal margins the higher chosen reward, then the place of chosen, then
 *          the place of rejected.
 * Reasons: a response without a pair gets the first that holds of
 *            baseline, unscored, empty, identical_text (an earlier candidate has its text), single_candidate;
 *          else how far its most promising couple with another candidate got, in this order:
 *            identical_text, tie, below_margin, length_mismatch, vetoed, not_selected.
 *          So "vetoed" means that no partner was left after the veto, and "not_selected" that there was one, and the
 *          rule chose others. A rule that passes over the group for a tie gives "tie" to every candidate.
 * Chance:  drawn from (seed, rule, prompt id) alone.
 * Throws:  `not_finite` for a reward that is NaN or infinite, `contract_broken` for a wrong number of rewards.
 */
export function pairBuilder(traits: RuleTraits, options: CommonPairOptions, choose: Choose): PairBuilder {
  return {
    name: traits.name,
    version: traits.version,
    reads: [
      ...(traits.needsScore === undefined ? [] : [{ score: traits.needsScore, option: ["score"] }]),
      ...options.veto.map(({ score }, index) => ({ score, option: ["veto", index, "score"] })),
    ],
    build: (group, context) => build(traits, options, choose, group, context),
  };
}

function build(
  traits: RuleTraits,
  options: CommonPairOptions,
  choose: Choose,
  group: RewardedGroup,
  { seed }: PairContext,
): PairResult {
  const { candidates, reasons } = sift(traits, options, group);
  const { couples, reached } = couple(candidates, options, group);
  const random = randomFor(seed, "pairs", traits.name, group.group.prompt.id);
  const choice = choose({ group, candidates, couples, random });
  const taken = choice === "tie" ? [] : choice.slice(0, options.maxPairs);
  const paired = new Set(taken.flatMap(({ chosen, rejected }) => [chosen.place, rejected.place]));
  for (const { place } of candidates) {
    if (paired.has(place)) continue;
    reasons[place] = choice === "tie" ? "tie" : (reached.get(place) ?? "single_candidate");
  }
  const pairs = taken.toSorted(widestFirst()).map((one) => toPair(one, group.rewards));
  return { pairs, unpaired: reasons };
}

/** Tells the candidates from those that can stand in no pair whatever the others are like. */
function sift(
  traits: RuleTraits,
  { dedupe }: CommonPairOptions,
  group: RewardedGroup,
): { candidates: Candidate[]; reasons: (NoPairReason | null)[] } {
  checkRewards(group);
  const { needsScore } = traits;
  const found: Candidate[] = [];
  const seen = new Set<string>();
  const reasons = group.group.responses.map((response, place): NoPairReason | null => {
    const reward = group.rewards[place] ?? null;
    if (response.role === "baseline") return "baseline";
    if (reward === null) return "unscored";
    if (needsScore !== undefined && scoreOf(group, needsScore, place) === null) return "unscored";
    if (traits.lacks?.(group, place)) return "unscored";
    const text = response.text.trim();
    if (text === "") return "empty";
    if (dedupe && seen.has(text)) return "identical_text";
    seen.add(text);
    found.push({ place, response, reward, text, length: codePoints(response.text) });
    return null;
  });
  const rewards = levelled(found.map(({ reward }) => reward));
  const candidates = found.map((one, index) => ({ ...one, reward: rewards[index] ?? one.reward }));
  return { candidates, reasons };
}

/** From the least to the most promising. */
const STAGES = [
  "identical_text",
  "tie",
  "below_margin",
  "length_mismatch",
  "vetoed",
  "not_selected",
] as const satisfies readonly NoPairReason[];
type Stage = (typeof STAGES)[number];

/** The allowed couples, in order, and for each candidate how far its most promising couple got. */
function couple(
  candidates: readonly Candidate[],
  options: CommonPairOptions,
  group: RewardedGroup,
): { couples: Couple[]; reached: Map<number, Stage> } {
  const couples: Couple[] = [];
  const reached = new Map<number, Stage>();
  const reach = ({ place }: Candidate, stage: Stage): void => {
    const before = reached.get(place);
    if (before === undefined || STAGES.indexOf(stage) > STAGES.indexOf(before)) reached.set(place, stage);
  };
  for (const [index, one] of candidates.entries()) {
    for (const other of candidates.slice(index + 1)) {
      const [chosen, rejected] = one.reward >= other.reward ? [one, other] : [other, one];
      const pair: Couple = { chosen, rejected, margin: chosen.reward - rejected.reward };
      const stage = stageOf(pair, options, group);
      reach(one, stage);
      reach(other, stage);
      if (stage === "not_selected") couples.push(pair);
    }
  }
  const margins = levelled(couples.map(({ margin }) => margin));
  const ranked = couples.map((one, index) => ({ ...one, margin: margins[index] ?? one.margin }));
  return { couples: ranked.sort(widestFirst()), reached };
}

/** What stands in the way of a couple; "not_selected" when nothing does. */
function stageOf(
  { chosen, rejected, margin }: Couple,
  options: CommonPairOptions,
  group: RewardedGroup,
): Stage {
  const { minMargin, lengthMatch = Infinity, veto } = options;
  if (chosen.text === rejected.text) return "identical_text";
  if (!(margin > 0)) return "tie";
  if (!reaches(chosen.reward, rejected.reward, minMargin)) return "below_margin";
  const shorter = Math.min(chosen.length, rejected.length);
  if (Math.max(chosen.length, rejected.length) / shorter > lengthMatch) return "length_mismatch";
  const vetoed = veto.some(({ score, part, mayBeLowerBy = 0 }) => {
    const ofChosen = scoreOf(group, score, chosen.place, part);
    const ofRejected = scoreOf(group, score, rejected.place, part);
    return ofChosen === null || ofRejected === null || !reaches(ofChosen, ofRejected, -mayBeLowerBy);
  });
  return vetoed ? "vetoed" : "not_selected";
}

/**
 * The order of couples: widest margin, then higher chosen reward, then the rank of chosen, then that of rejected.
 * The rank is the place in the group unless another is given.
 */
export function widestFirst(
  rank: (candidate: Candidate) => number = ({ place }) => place,
): (a: Couple, b: Couple) => number {
  return (a, b) =>
    b.margin - a.margin ||
    b.chosen.reward - a.chosen.reward ||
    rank(a.chosen) - rank(b.chosen) ||
    rank(a.rejected) - rank(b.rejected);
}

/** How a rule tells equal rewards apart: by place, or by a seeded shuffle. */
export function tieRank(
  tie: z.output<typeof tieOption>,
  candidates: readonly Candidate[],
  random: Random,
): (candidate: Candidate) => number {
  if (tie !== "random") return ({ place }) => place;
  const ranks = new Map(random.shuffle(candidates).map(({ place }, rank) => [place, rank]));
  return ({ place }) => ranks.get(place) ?? place;
}

/** One scorer's value for a response, or a part of it; null where it is abstained, failed or missing. */
export function scoreOf(group: RewardedGroup, name: string, place: number, part?: string): number | null {
  const score = group.columns.find((column) => column.name === name)?.scores[place];
  if (score?.kind !== "scored") return null;
  if (part === undefined) return score.value;
  return (Object.hasOwn(score.parts ?? {}, part) ? score.parts?.[part] : null) ?? null;
}

function toPair({ chosen, rejected }: Couple, rewards: RewardedGroup["rewards"]): Pair {
  const chosenReward = rewards[chosen.place] ?? chosen.reward;
  const rejectedReward = rewards[rejected.place] ?? rejected.reward;
  return {
    chosen: chosen.response,
    rejected: rejected.response,
    chosenReward,
    rejectedReward,
    rewardMargin: chosenReward - rejectedReward,
  };
}

function codePoints(text: string): number {
  return text.length - (text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0);
}

function checkRewards({ group, rewards }: RewardedGroup): void {
  const place = { place: { promptId: group.prompt.id } };
  if (rewards.length !== group.responses.length) {
    throw new PrefkitError(
      "contract_broken",
      `got ${rewards.length} rewards for ${group.responses.length} responses.`,
      "give one reward, or null, per response; `combine` does.",
      place,
    );
  }
  const wrong = rewards.findIndex((reward) => reward !== null && !Number.isFinite(reward));
  if (wrong === -1) return;
  throw new PrefkitError(
    "not_finite",
    `the reward of response ${wrong + 1} is ${rewards[wrong]}.`,
    "give a finite number, or null for a response without a reward.",
    place,
  );
}
