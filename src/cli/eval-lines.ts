import pc from "picocolors";
import type {
  AccuracyRow,
  EvalReport,
  Interval,
  LengthRow,
  Metric,
  ScorerComparison,
  ScorerReport,
} from "../evaluate/report.ts";
import { number } from "./run-summary.ts";
import { visibleLine } from "./visible.ts";

const HEADINGS = ["", "items", "correct", "wrong", "ties", "unscored", "accuracy", "95 % interval"];

/** An evaluation as a terminal shows it: a table of accuracies, the preset's numbers, and how the scorers compare. */
export function reportLines(report: EvalReport): string[] {
  const rows = report.scorers.flatMap(accuracyRows);
  const undecided = Math.max(0, ...report.scorers.map(({ overall }) => overall.noPreference));
  return [
    ...table([HEADINGS, ...rows]),
    ...(undecided > 0
      ? [`Gold has no preference on ${number(undecided)} items; they are in no accuracy.`]
      : []),
    ...report.scorers.flatMap(metricLines),
    ...(report.comparisons.length > 0 ? ["", ...report.comparisons.map(comparisonLine)] : []),
    ...agreementLines(report),
  ];
}

function accuracyRows({ name, overall, subsets, lengths }: ScorerReport): string[][] {
  return [
    [visibleLine(name, 40), ...cells(overall)],
    ...subsets.map((row) => [
      `  ${row.subset === null ? "(no subset)" : visibleLine(row.subset, 40)}`,
      ...cells(row),
    ]),
    ...(lengths.length < 2 ? [] : lengths.map((row) => [`  longer by ${rangeOf(row)}`, ...cells(row)])),
  ];
}

function cells({ items, correct, wrong, tie, unscored, accuracy, interval }: AccuracyRow): string[] {
  return [
    ...[items, correct, wrong, tie, unscored].map(number),
    accuracy === null ? "–" : percent(accuracy),
    shareInterval(interval),
  ];
}

function metricLines({ name, metrics, longerWins }: ScorerReport): string[] {
  const rows = [...metrics]
    .sort((a, b) => Number(b.headline) - Number(a.headline))
    .map((metric) => [
      `  ${metric.label}`,
      shown(metric, metric.value),
      metric.interval === null ? "" : intervalOf(metric, metric.interval),
      metric.note ?? "",
    ]);
  if (longerWins) {
    const { pairs, scorer, gold } = longerWins;
    const note = `of ${number(pairs)} decided pairs of unequal length; in gold ${percent(gold)}`;
    rows.push(["  longer response wins", percent(scorer), "", note]);
  }
  return rows.length === 0 ? [] : ["", pc.bold(visibleLine(name, 40)), ...table(rows, 3)];
}

function shown({ unit }: Metric, value: number | null): string {
  if (value === null) return "–";
  if (unit === "share") return percent(value);
  return value.toFixed(unit === "points" ? 2 : 3);
}

function intervalOf(metric: Metric, interval: Interval): string {
  return metric.unit === "share"
    ? shareInterval(interval)
    : `${shown(metric, interval[0])}–${shown(metric, interval[1])}`;
}

function comparisonLine({
  first,
  second,
  items,
  onlyFirst,
  onlySecond,
  pValue,
  difference,
  interval,
  kappa,
}: ScorerComparison): string {
  const names = `${pc.bold(visibleLine(first, 40))} against ${pc.bold(visibleLine(second, 40))}`;
  if (difference === null || interval === null) return `${names}: no item that both judged.`;
  const p = pValue < 0.001 ? "p < 0.001" : `p = ${pValue.toFixed(3)}`;
  const [low, high] = interval.map((end) => points(end));
  const agreement = kappa === null ? "" : `; kappa ${kappa.toFixed(3)}`;
  return `${names}: ${points(difference)} points (${low} to ${high}) on ${number(items)} items; better on ${number(onlyFirst)}, worse on ${number(onlySecond)}, ${p}${agreement}`;
}

function agreementLines({ agreement, scorers }: EvalReport): string[] {
  if (agreement === null || scorers.length < 3 || agreement.verdicts === null) return [];
  return [
    `Krippendorff's alpha of all ${scorers.length} scorers' verdicts: ${agreement.verdicts.toFixed(3)}`,
  ];
}

/** Columns from the left ones on are padded at their right, the others at their left. */
function table(rows: readonly (readonly string[])[], left = 0): string[] {
  const columns = Math.max(...rows.map(({ length }) => length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row, place) => {
    const line = row
      .map((cell, column) =>
        column === 0 || column === left
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
    return left === 0 && place === 0 ? pc.dim(line) : line;
  });
}

function shareInterval(interval: Interval | null): string {
  return interval === null ? "–" : `${(100 * interval[0]).toFixed(1)}–${percent(interval[1])}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function points(share: number): string {
  const text = (100 * share).toFixed(1);
  return share > 0 ? `+${text}` : text.replace("-", "−");
}

function signed(value: number): string {
  return value > 0 ? `+${number(value)}` : number(value).replace("-", "−");
}

function rangeOf({ from, to }: LengthRow): string {
  return from === to ? signed(from) : `${signed(from)} … ${signed(to)}`;
}
