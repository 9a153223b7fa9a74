import type { EvalReport, Metric, PresetName, ScorerReport } from "../../report.ts";
import { histogramChart, lineChart } from "../charts.ts";
import { AGAIN, count, cutMiddle, intervalIn, inUnit, isKnown, named } from "../format.ts";
import { type IntervalRow, intervalTable, type RowGroup, shareAxis } from "../interval-table.ts";
import { html, type Markup, type Part } from "../markup.ts";
import { note, type Section } from "./section.ts";

const TITLES: Readonly<Record<PresetName, string>> = {
  pairs: "Other readings of the scores",
  groups: "Other readings of the accuracy",
  rewardbench: "RewardBench scores",
  rewardbench2: "RewardBench 2 scores",
  judgebench: "JudgeBench scores",
  "ppe-human": "PPE, human preferences",
  "ppe-correctness": "PPE, best of K",
};

/** What tells about the judge rather than about how good it is. */
const OF_THE_JUDGE: ReadonlySet<string> = new Set([
  "consistency",
  "first-slot",
  "unread",
  "order-kappa",
  "longer-wins",
  "gold-longer-wins",
]);

export function presetSection({ scorers, preset }: EvalReport): Section | null {
  const table = metricTable(
    "preset-table",
    "The preset's own numbers",
    scorers.map((scorer) => [scorer, scorer.metrics.filter(({ key }) => !OF_THE_JUDGE.has(key))]),
  );
  const curves = scorers.flatMap(({ name, curves: own }, index) =>
    own.length === 0
      ? []
      : [
          scorers.length === 1 ? null : html`<h3>${named(name)}</h3>`,
          lineChart(`curve-${index}`, `Best of K: ${own[0]?.yLabel ?? ""}`, own),
        ],
  );
  if (table === null && curves.length === 0) return null;
  return { id: "preset", heading: TITLES[preset], content: [table, curves] };
}

/** How the judge decides, whoever is right: by place, by length, and how often it could not be read. */
export function judgeSection({ scorers }: EvalReport): Section | null {
  const table = metricTable(
    "judge-table",
    "What the verdicts lean on",
    scorers.map((scorer) => [
      scorer,
      [...scorer.metrics.filter(({ key }) => OF_THE_JUDGE.has(key)), ...longerMetrics(scorer)],
    ]),
  );
  return table === null ? null : { id: "judge", heading: "Judge diagnostics", content: table };
}

function longerMetrics({ longerWins }: ScorerReport): Metric[] {
  if (longerWins === null) return [];
  const { pairs, scorer, gold } = longerWins;
  const row = { interval: null, unit: "share", items: pairs, headline: false, note: null } as const;
  return [
    {
      ...row,
      key: "longer-wins",
      label: "the longer response wins",
      value: scorer,
      note: "of the decided pairs of unequal length",
    },
    {
      ...row,
      key: "gold-longer-wins",
      label: "gold prefers the longer one",
      value: gold,
      note: "on the same pairs",
    },
  ];
}

/** Metrics of one scorer, or of several with the scorers' rows together under each metric. */
function metricTable(
  id: string,
  caption: string,
  given: readonly (readonly [ScorerReport, readonly Metric[]])[],
): Markup | null {
  const all = given.flatMap(([{ name }, metrics]) => metrics.map((metric) => ({ name, metric })));
  if (all.length === 0) return null;
  const isSingle = given.length === 1;
  const keys = [...new Set(all.map(({ metric }) => metric.key))];
  const groups: RowGroup[] = isSingle
    ? [{ heading: null, rows: all.map(({ metric }) => metricRow(labelOf(metric), metric)) }]
    : keys.flatMap((key): RowGroup[] => {
        const own = all.filter(({ metric }) => metric.key === key);
        const [first] = own;
        if (!first) return [];
        return [
          {
            heading: labelOf(first.metric),
            rows: own.map(({ name, metric }) => metricRow(named(name, AGAIN), metric)),
          },
        ];
      });
  if (all.every(({ metric }) => metric.value === null)) {
    return note(`${caption}: none could be computed from what was judged.`);
  }
  return intervalTable({
    id,
    caption,
    labelHeading: isSingle ? "number" : "number, scorer",
    valueHeading: "value",
    columns: ["items"],
    groups,
    axis: shareAxis(groups.flatMap(({ rows }) => rows)),
  });
}

function labelOf({ label, note: remark }: Metric): Part {
  const name = cutMiddle(label, LABEL_LIMIT);
  return remark === null ? name : html`${name} <small>${cutMiddle(remark, LABEL_LIMIT)}</small>`;
}

const LABEL_LIMIT = 200;

/** Shares have a dot on the axis; what is counted otherwise has none. */
function metricRow(label: Part, { value, interval, unit, items }: Metric): IntervalRow {
  const isShare = unit === "share" && (!isKnown(value) || (value >= 0 && value <= 1));
  return {
    label,
    value: isShare ? value : null,
    interval: isShare ? interval : null,
    text: inUnit(value, unit),
    intervalText: intervalIn(interval, unit),
    cells: [count(items)],
  };
}

export function marginsSection({ scorers }: EvalReport): Section | null {
  const charts = scorers.flatMap(({ name, margins }, index) =>
    margins === null
      ? []
      : [
          html`<div>${scorers.length === 1 ? null : html`<h3>${named(name)}</h3>`}${histogramChart(`margins-${index}`, "Margins of the scores", margins)}</div>`,
        ],
  );
  if (charts.length === 0) return null;
  return {
    id: "margins",
    heading: "Margins",
    content: [
      note(
        `To the right of 0 the scorer agrees with gold. The first and the last bin hold all that lies beyond.`,
      ),
      html`<div class="charts">${charts}</div>`,
    ],
  };
}
