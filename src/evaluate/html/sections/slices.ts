import type { AccuracyRow, EvalReport } from "../../report.ts";
import { type AccuracyTable, accuracyAxis, accuracyTable } from "../accuracy-table.ts";
import { AGAIN, count, named } from "../format.ts";
import { html, type Markup, type Part } from "../markup.ts";
import { note, type Section } from "./section.ts";

/** Subsets in the plot; the others stand in a table that can be opened, and beyond that in the JSON report alone. */
const SHOWN = 40;
const LISTED = 500;
/** Rows of the two tables, all scorers together. */
const SHOWN_ROWS = 160;
const LISTED_ROWS = 1200;

/** Some of the items: what every scorer made of them. */
interface Slice<Key> {
  readonly key: Key;
  readonly rows: readonly (readonly [scorer: string, row: AccuracyRow])[];
}

export function subsetsSection(report: EvalReport): Section | null {
  const { scorers, gold } = report;
  const slices = new Map<string | null, [scorer: string, row: AccuracyRow][]>();
  for (const { name, subsets } of scorers) {
    for (const row of subsets) slices.set(row.subset, [...(slices.get(row.subset) ?? []), [name, row]]);
  }
  if (slices.size === 0) return null;
  const all = [...slices].map(([key, rows]): Slice<string | null> => ({ key, rows }));
  const most = Math.min(SHOWN, Math.max(1, Math.floor(SHOWN_ROWS / scorers.length)));
  const isCut = all.length > most;
  if (isCut) all.sort((a, b) => sizeOf(b) - sizeOf(a));
  const shown = all.slice(0, most);
  const rest = all.slice(most, most + Math.min(LISTED, Math.floor(LISTED_ROWS / scorers.length)));
  const axis = axisOf([...shown, ...rest]);
  const left = all.length - shown.length - rest.length;
  const by = gold.by === null ? null : html`, as named by ${named(gold.by)}`;
  return {
    id: "subsets",
    heading: "By subset",
    content: [
      isCut
        ? note(`The ${shown.length} largest of ${count(all.length)} subsets. The others follow in a table.`)
        : null,
      sliceTable(
        report,
        {
          id: "subsets-table",
          caption: html`Accuracy in each subset${by}`,
          labelHeading: "subset",
          axis,
        },
        shown,
        subsetName,
      ),
      rest.length === 0
        ? null
        : html`<details><summary>${count(rest.length)} smaller subsets</summary>${sliceTable(report, { id: "subsets-rest", caption: "Smaller subsets", labelHeading: "subset", axis }, rest, subsetName)}</details>`,
      left > 0 ? note(`${count(left)} more are in the JSON report alone.`) : null,
    ],
  };
}

function subsetName(subset: string | null): Part {
  return subset === null ? html`<i>no subset</i>` : named(subset);
}

function sizeOf({ rows }: Slice<unknown>): number {
  return rows.reduce((most, [, { items }]) => Math.max(most, items), 0);
}

export function lengthsSection(report: EvalReport): Section | null {
  // The gold responses alone decide on the buckets, so that they are the same for all scorers.
  const buckets = report.scorers.find(({ lengths }) => lengths.length > 0)?.lengths ?? [];
  if (buckets.length === 0) return null;
  const slices = buckets.map(
    ({ from, to }): Slice<readonly [number, number]> => ({
      key: [from, to],
      rows: report.scorers.flatMap(({ name, lengths }) =>
        lengths.flatMap((row) => (row.from === from && row.to === to ? [[name, row] as const] : [])),
      ),
    }),
  );
  return {
    id: "lengths",
    heading: "By length",
    content: [
      note(
        "A scorer that likes long answers is right where the better one is longer, and wrong where it is shorter.",
      ),
      sliceTable(
        report,
        {
          id: "lengths-table",
          caption: "Accuracy by how many code points longer the better response is",
          labelHeading: "longer by",
          axis: axisOf(slices),
        },
        slices,
        lengthRange,
      ),
    ],
  };
}

/** −120, 5 -> "−120 to +5" */
function lengthRange(range: readonly [number, number]): string {
  const [low, high] = range.map((length) => {
    const text = count(Math.abs(length));
    return length === 0 ? text : `${length < 0 ? "−" : "+"}${text}`;
  });
  return low === high ? `${low}` : `${low} to ${high}`;
}

function axisOf(slices: readonly Slice<unknown>[]): NonNullable<AccuracyTable["axis"]> {
  return accuracyAxis(slices.flatMap(({ rows }) => rows.map(([, row]) => row)));
}

/** One scorer: a row for each slice. Several: their rows together under each slice, where they can be compared. */
function sliceTable<Key>(
  report: EvalReport,
  table: Omit<AccuracyTable, "groups">,
  slices: readonly Slice<Key>[],
  nameOf: (key: Key) => Part,
): Markup {
  const isSingle = report.scorers.length === 1;
  const rowsOfOne = slices.flatMap(({ key, rows }) => rows.map(([, row]) => [nameOf(key), row] as const));
  return accuracyTable(report, {
    ...table,
    labelHeading: isSingle ? table.labelHeading : `${table.labelHeading}, scorer`,
    groups: isSingle
      ? [{ heading: null, rows: rowsOfOne }]
      : slices.map(({ key, rows }) => ({
          heading: nameOf(key),
          rows: rows.map(([name, row]) => [named(name, AGAIN), row] as const),
        })),
  });
}
