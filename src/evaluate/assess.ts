import { randomFor } from "../core/random.ts";
import { VERSION } from "../core/version.ts";
import { cohenKappa, krippendorffAlpha } from "./agreement.ts";
import { DEFAULT_SAMPLES, LEVEL, meanOf, percentileInterval, resampledClusterMeans } from "./bootstrap.ts";
import {
  betterOf,
  type GoldItem,
  groupedBy,
  type Judgement,
  known,
  numberPrompts,
  type RowOf,
  type Sample,
  type ScorerResults,
  type ScorerView,
  sampleOf,
} from "./gold.ts";
import { judgeItem } from "./judge-item.ts";
import { lengthRows, longerWins } from "./lengths.ts";
import { levelResults } from "./level-scores.ts";
import { orderMetrics } from "./order-metrics.ts";
import { mcNemar } from "./pair-accuracy.ts";
import { presets } from "./presets/index.ts";
import type {
  AccuracyRow,
  AgreementReport,
  EvalReport,
  Histogram,
  PresetName,
  ScorerComparison,
  ScorerReport,
  SubsetRow,
} from "./report.ts";

export interface Assessment {
  readonly preset: PresetName;
  readonly items: readonly GoldItem[];
  readonly scorers: readonly ScorerResults[];
  readonly files?: EvalReport["gold"]["files"];
  /** Over the contents of the gold files. */
  readonly sha256?: string;
  /** The column that named the subsets. */
  readonly by?: string | null;
  /** Unread verdicts (and in RewardBench ties) earn what a coin would. */
  readonly generative?: boolean;
  readonly seed?: number;
  /** Bootstrap samples. */
  readonly samples?: number;
  readonly warnings?: readonly string[];
}

/**
 * Measures scores against gold labels: the whole of `prefkit eval` but for reading files and calling scorers.
 * The same input and seed give the same report. The order of the items does not matter but for the order of the subsets,
 * and for numbers whose intervals are drawn item by item.
 */
export function assess(given: Assessment): EvalReport {
  const { preset: name, items, seed = 0, samples = DEFAULT_SAMPLES, by = null, warnings = [] } = given;
  const prompts = numberPrompts(items);
  const views = levelResults(given.scorers).map((results) => viewOf(given, prompts, results, seed, samples));
  const scorers = views.map((view) => scorerReport(name, view));
  const isPairs = items.some((item) => betterOf(item) !== null);
  return {
    format: "prefkit-eval",
    formatVersion: 1,
    prefkit: VERSION,
    preset: name,
    protocol: presets[name].protocol,
    gold: {
      files: given.files ?? [],
      ...(given.sha256 !== undefined && { sha256: given.sha256 }),
      items: items.length,
      prompts: new Set(prompts).size,
      by,
    },
    seed,
    bootstrap: { samples, level: LEVEL },
    scorers,
    comparisons: views.flatMap((first, index) =>
      views.slice(index + 1).map((second) => comparison(first, second, isPairs)),
    ),
    agreement: views.length < 2 ? null : agreementOf(views, isPairs),
    warnings: [...warnings, ...repeatWarnings(prompts, views.length), ...views.flatMap(warningsOf)],
  };
}

function viewOf(
  { preset, items, generative = false }: Assessment,
  prompts: readonly number[],
  results: ScorerResults,
  seed: number,
  samples: number,
): ScorerView {
  const means = ({ places, values }: Sample, key: string): Float64Array => {
    const clusters = places.map((place) => prompts[place] ?? place);
    const random = randomFor(seed, "bootstrap", results.name, key);
    return resampledClusterMeans(values, clusters, samples, random);
  };
  return {
    items,
    prompts,
    results,
    judgements: items.map((item, index) => judgeItem(preset, item, results, index, generative)),
    generative,
    seed,
    samples,
    means,
    interval: (sample, key) => percentileInterval(means(sample, key)),
  };
}

function scorerReport(name: PresetName, view: ScorerView): ScorerReport {
  const { items, results } = view;
  const row = (places: readonly number[], key: string): AccuracyRow => accuracyRow(places, view, key);
  return {
    name: results.name,
    overall: row([...items.keys()], "all"),
    subsets: subsetRows(items, row),
    lengths: lengthRows(items, row),
    longerWins: longerWins(items, results.scores),
    metrics: [...presets[name].metrics(view), ...orderMetrics(view)],
    curves: presets[name].curves?.(view) ?? [],
    margins: marginsOf(view),
    failed: results.failed ?? {},
    ...(results.settings && { settings: results.settings }),
    ...(results.examples && { examples: results.examples }),
  };
}

function accuracyRow(places: readonly number[], view: ScorerView, key: string): AccuracyRow {
  const counts = { correct: 0, wrong: 0, tie: 0, unscored: 0, noPreference: 0 };
  for (const place of places) {
    const outcome = view.judgements[place]?.outcome;
    if (outcome !== undefined) counts[outcome] += 1;
  }
  const credits = sampleOf(places, (place) => view.judgements[place]?.credit ?? null);
  return {
    items: places.length,
    ...counts,
    accuracy: meanOf(credits.values),
    interval: view.interval(credits, key),
  };
}

function subsetRows(items: readonly GoldItem[], row: RowOf): readonly SubsetRow[] {
  const places = groupedBy(items.keys(), (index) => items[index]?.subset ?? null);
  if (places.size === 0 || (places.size === 1 && places.has(null))) return [];
  return [...places].map(([subset, indices]) => ({
    subset,
    ...row(indices, subset === null ? "no subset" : `subset ${subset}`),
  }));
}

/** Best right response minus best wrong one; null unless all are scored and there are both. */
function marginOf({ correct }: GoldItem, scores: readonly (number | null)[]): number | null {
  let [right, wrong] = [-Infinity, -Infinity];
  for (const [index, is] of correct.entries()) {
    const score = scores[index] ?? null;
    if (score === null) return null;
    if (is) right = Math.max(right, score);
    else wrong = Math.max(wrong, score);
  }
  const margin = right - wrong;
  return Number.isFinite(margin) ? margin : null;
}

const BINS = 40;

function marginsOf({ items, results }: ScorerView): Histogram | null {
  const margins = Float64Array.from(
    known(items.map((item, index) => marginOf(item, results.scores[index] ?? []))),
  ).sort();
  if (margins.length === 0) return null;
  // A few far ones would leave all others in one bin.
  const low = margins[Math.floor(0.005 * (margins.length - 1))] as number;
  const high = margins[Math.ceil(0.995 * (margins.length - 1))] as number;
  const counts = new Array<number>(high > low ? BINS : 1).fill(0);
  for (const margin of margins) {
    const place = high > low ? Math.floor(((margin - low) / (high - low)) * BINS) : 0;
    const bin = Math.max(0, Math.min(counts.length - 1, place));
    counts[bin] = (counts[bin] as number) + 1;
  }
  return { low, high, counts, xLabel: "score of the right response minus score of the wrong one" };
}

function comparison(first: ScorerView, second: ScorerView, isPairs: boolean): ScorerComparison {
  const sample = sampleOf(first.judgements.keys(), (place) => {
    const [one, other] = [first, second].map(({ judgements }) => judgements[place]?.credit ?? null);
    return one == null || other == null ? null : one - other;
  });
  const differences = sample.values;
  const onlyFirst = differences.filter((difference) => difference > 0).length;
  const onlySecond = differences.filter((difference) => difference < 0).length;
  return {
    first: first.results.name,
    second: second.results.name,
    items: differences.length,
    onlyFirst,
    onlySecond,
    pValue: mcNemar(onlyFirst, onlySecond),
    difference: meanOf(differences),
    interval: first.interval(sample, `against ${second.results.name}`),
    kappa: isPairs ? cohenKappa(verdictsOf(first), verdictsOf(second)) : null,
  };
}

/**
 * −1, 0, 1 for each pair, and again turned round: which of the two is called the first is the file's whim, and must not
 * make agreement by chance look larger where all chosen ones stand first.
 */
function verdictsOf({ items, results }: ScorerView): (number | null)[] {
  const verdicts = items.map((item, index): number | null => {
    const [a = null, b = null] = item.correct.length === 2 ? (results.scores[index] ?? []) : [];
    return a === null || b === null ? null : Math.sign(a - b);
  });
  // No −0: it is another label than 0 to Object.is, though not to Map.
  return [
    ...verdicts,
    ...verdicts.map((verdict) => (verdict === null || verdict === 0 ? verdict : -verdict)),
  ];
}

function agreementOf(views: readonly ScorerView[], isPairs: boolean): AgreementReport {
  const scores = views.map(({ items, results }) =>
    items.flatMap((item, index) => item.correct.map((_, place) => results.scores[index]?.[place] ?? null)),
  );
  return {
    verdicts: isPairs ? krippendorffAlpha(views.map(verdictsOf), "nominal") : null,
    scoresOrdinal: krippendorffAlpha(scores, "ordinal"),
    scoresInterval: krippendorffAlpha(scores, "interval"),
  };
}

/** A percentile interval of few items is too narrow, and has no width where all went alike. */
const FEW = 50;

function warningsOf({ items, prompts, results: { name }, judgements }: ScorerView): string[] {
  const placesOf = (is: (judgement: Judgement) => boolean): number[] =>
    [...judgements.keys()].filter((place) => is(judgements[place] ?? { outcome: "unscored", credit: null }));
  const judged = placesOf(({ outcome }) => outcome !== "unscored" && outcome !== "noPreference");
  const coins = placesOf(({ outcome, credit }) => outcome === "unscored" && credit !== null).length;
  const open = placesOf(({ outcome, credit }) => outcome === "unscored" && credit === null).length;
  const drawn = new Set(judged.map((place) => prompts[place])).size;
  const [of, unit] = drawn === judged.length ? ["items", ""] : [`items of ${drawn} prompts`, " prompts"];
  return [
    ...(drawn > 0 && drawn < FEW
      ? [
          `${name} judged ${judged.length} ${of}: bootstrap intervals of fewer than ${FEW}${unit} are too narrow.`,
        ]
      : []),
    ...(drawn === 0 ? [`${name} judged none of the ${items.length} items.`] : []),
    ...(open > 0 && drawn > 0
      ? [`${name} left ${open} of ${items.length} items unscored; its accuracy is over the others.`]
      : []),
    ...(coins > 0
      ? [`${name} could not be read on ${coins} of ${items.length} items; they earn what a coin would.`]
      : []),
  ];
}

/** The sign test takes every item for one draw; the intervals do not. */
function repeatWarnings(prompts: readonly number[], scorers: number): string[] {
  const different = new Set(prompts).size;
  return different === prompts.length || scorers < 2
    ? []
    : [
        `the ${prompts.length} items are of ${different} prompts: McNemar's p takes items for independent, and may be far too small; go by the interval of the difference, which draws prompts.`,
      ];
}
