import type { AccuracyRow, EvalReport, Interval } from "../report.ts";
import { count, intervalIn, percent } from "./format.ts";
import { type Axis, intervalTable, shareAxis } from "./interval-table.ts";
import type { Markup, Part } from "./markup.ts";

/** Accuracies with their counts, in one or several groups. */
export interface AccuracyTable {
  readonly id: string;
  readonly caption: Part;
  readonly labelHeading: string;
  readonly groups: readonly {
    readonly heading: Part;
    readonly rows: readonly (readonly [label: Part, row: AccuracyRow])[];
  }[];
  /** Default: one for the rows of this table. */
  readonly axis?: Axis;
}

const COUNTS = [
  ["items", "items"],
  ["correct", "correct"],
  ["wrong", "wrong"],
  ["tie", "ties"],
  ["unscored", "unscored"],
  ["noPreference", "gold undecided"],
] as const;

/** Where gold has a preference everywhere, no column counts where it has none. */
export function accuracyTable({ scorers }: EvalReport, table: AccuracyTable): Markup {
  const isUndecided = scorers.some(({ overall }) => overall.noPreference > 0);
  const columns = COUNTS.filter(([key]) => key !== "noPreference" || isUndecided);
  const rows = table.groups.flatMap((group) => group.rows.map(([, row]) => row));
  return intervalTable({
    id: table.id,
    caption: table.caption,
    labelHeading: table.labelHeading,
    valueHeading: "accuracy",
    columns: columns.map(([, heading]) => heading),
    groups: table.groups.map(({ heading, rows: own }) => ({
      heading,
      rows: own.map(([label, row]) => ({
        label,
        value: row.accuracy,
        interval: row.interval,
        text: percent(row.accuracy),
        intervalText: intervalIn(row.interval, "share"),
        cells: columns.map(([key]) => count(row[key])),
      })),
    })),
    axis: table.axis ?? accuracyAxis(rows),
  });
}

/** 50 % is marked: of two responses, a coin is right on half. */
export function accuracyAxis(
  rows: readonly { readonly accuracy: number | null; readonly interval: Interval | null }[],
): Axis {
  return shareAxis(
    rows.map(({ accuracy, interval }) => ({ value: accuracy, interval })),
    0.5,
  );
}
