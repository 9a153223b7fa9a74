import { isTie } from "../core/noise.ts";
import type { JsonObject } from "../core/types.ts";
import type { AccuracyRow, EvalExample, Interval } from "./report.ts";

/** What gold says of one prompt's responses, without their texts: all that is kept while a file is evaluated. */
export interface GoldItem {
  readonly id: string;
  readonly subset: string | null;
  /** Names the prompt: items of equal ones are no independent evidence, and are drawn together for intervals. Absent: a prompt of its own. */
  readonly prompt?: string;
  /** Which responses are right, or preferred, in file order. All alike: gold has no preference. */
  readonly correct: readonly boolean[];
  /** Lengths of the responses, in Unicode code points. */
  readonly lengths: readonly number[];
  /** The models behind the responses, where the layout names them. */
  readonly models?: readonly string[];
  /** The pairs of responses that the benchmark itself compares, where the layout names them. */
  readonly pairs?: readonly ResponsePair[];
}

/** Places of two responses, counted from 0. */
export type ResponsePair = readonly [first: number, second: number];

/** A judge's verdict on a pair in file order, turned back when the judge saw the other order. null: unread. */
export type Verdict = "first" | "second" | "tie";

/** What one scorer made of the items. */
export interface ScorerResults {
  readonly name: string;
  /** One score, or null, per response: [items][responses], in file order. */
  readonly scores: readonly (readonly (number | null)[])[];
  /** Verdicts of each item by the order in which it was judged, where the judge's own are known. */
  readonly verdicts?: readonly (readonly (Verdict | null)[])[];
  /**
   * The items without a score because a judge's reply could not be read, and for no other reason. What failed otherwise, was
   * abstained on or is missing is not unread.
   */
  readonly unread?: readonly boolean[];
  /** The scores only write down verdicts: they tell who won, and not by how much. */
  readonly verdictOnly?: true;
  /** Cells that failed, by code. */
  readonly failed?: Readonly<Record<string, number>>;
  /** What was run, for the report. */
  readonly settings?: JsonObject;
  readonly examples?: readonly EvalExample[];
}

export type Outcome = "correct" | "noPreference" | "tie" | "unscored" | "wrong";

/** How one item went. */
export interface Judgement {
  readonly outcome: Outcome;
  /** In [0, 1]; null: the item is in no accuracy. */
  readonly credit: number | null;
}

/** What one scorer made of one item. */
export interface ItemResult {
  /** One score, or null, per response. */
  readonly scores: readonly (number | null)[];
  /** By the order in which the item was judged, where they are known; else none. */
  readonly verdicts: readonly (Verdict | null)[];
  /** No score because a judge's reply could not be read, and for no other reason. */
  readonly isUnread: boolean;
  /** The scores only write down a verdict. */
  readonly verdictOnly?: true;
}

/** Numbers of some items: `values[i]` is that of the item at `places[i]`. */
export interface Sample {
  readonly places: readonly number[];
  readonly values: readonly number[];
}

/** The numbers of those places that have one. */
export function sampleOf(places: Iterable<number>, numberAt: (place: number) => number | null): Sample {
  const sample = { places: [] as number[], values: [] as number[] };
  for (const place of places) {
    const value = numberAt(place);
    if (value === null) continue;
    sample.places.push(place);
    sample.values.push(value);
  }
  return sample;
}

/** What a preset's numbers are made of: one scorer on all items, and draws of a mean for intervals. */
export interface ScorerView {
  readonly items: readonly GoldItem[];
  /** The number of each item's prompt; items of equal prompts have equal ones. */
  readonly prompts: readonly number[];
  /** Scores that differ by rounding alone are equal here (`levelResults`): presets may compare them as they stand. */
  readonly results: ScorerResults;
  readonly judgements: readonly Judgement[];
  readonly generative: boolean;
  readonly seed: number;
  readonly samples: number;
  /** Bootstrap draws of the mean of these numbers, over prompts; the key keeps draws of unlike things independent. */
  means(sample: Sample, key: string): Float64Array;
  interval(sample: Sample, key: string): Interval | null;
}

/** The gold item as a pair: which of two responses is the better one; null where it is none. */
export function betterOf({ correct }: GoldItem): 0 | 1 | null {
  if (correct.length !== 2 || correct[0] === correct[1]) return null;
  return correct[0] ? 0 : 1;
}

/**
 * The share of right responses among those with the highest score; scores that differ by rounding alone are equal (`isTie`).
 *
 *   outcome: correct when all of them are right, wrong when none is, tie in between
 *
 * Source: RewardBench 2 (Malik et al. 2025), where one of four is right and a tie of t earns 1/t.
 * Worked: scores [3, 3, 1, 0] with the first one right -> tie, credit 0.5.
 * A response without a score makes the item unscored; where gold has no preference nothing is judged.
 */
export function topShare(correct: readonly boolean[], scores: readonly (number | null)[]): Judgement {
  if (correct.every((is) => is === correct[0])) return { outcome: "noPreference", credit: null };
  const found = known(correct.map((_, index) => scores[index] ?? null));
  if (found.length < correct.length) return { outcome: "unscored", credit: null };
  const highest = found.reduce((most, score) => Math.max(most, score), -Infinity);
  const best = correct.filter((_, index) => isTie(found[index] ?? Number.NaN, highest));
  const all = best.length;
  const right = best.filter((is) => is).length;
  return { outcome: right === all ? "correct" : right === 0 ? "wrong" : "tie", credit: right / all };
}

/** A pair is correct when the better response has strictly the higher score; a tie earns nothing. */
export function strictly(correct: readonly boolean[], scores: readonly (number | null)[]): Judgement {
  const judgement = topShare(correct, scores);
  return judgement.outcome === "tie" ? { outcome: "tie", credit: 0 } : judgement;
}

/** Numbers prompts from 0 on; an item that names none has one of its own. */
export function numberPrompts(items: readonly GoldItem[]): readonly number[] {
  const numbers = new Map<string, number>();
  let next = 0;
  return items.map(({ prompt }) => {
    const known = prompt === undefined ? undefined : numbers.get(prompt);
    if (known !== undefined) return known;
    if (prompt !== undefined) numbers.set(prompt, next);
    next += 1;
    return next - 1;
  });
}

/** The numbers of the items that have one. */
export function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

/** Counts and accuracy of the items at these places; the key names the interval's draws. */
export type RowOf = (places: readonly number[], key: string) => AccuracyRow;

/** In the order in which keys first appear. */
export function groupedBy<Value, Key>(
  values: Iterable<Value>,
  keyOf: (value: Value) => Key,
): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
