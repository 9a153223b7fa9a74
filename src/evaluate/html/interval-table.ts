import { scaleLinear } from "d3-scale";
import type { Interval } from "../report.ts";
import { isKnown } from "./format.ts";
import { html, type Markup, type Part } from "./markup.ts";

/** A number with its interval: a dot and a line in the table's plot, and the same in words beside it. */
export interface IntervalRow {
  readonly label: Part;
  readonly value: number | null;
  readonly interval: Interval | null;
  /** The number and the interval as they are read. */
  readonly text: string;
  readonly intervalText: string;
  readonly cells: readonly Part[];
}

export interface RowGroup {
  /** A line above the rows; null for none. */
  readonly heading: Part;
  readonly rows: readonly IntervalRow[];
}

export interface IntervalTable {
  /** Names the marks of this table's plot; unique on the page. */
  readonly id: string;
  readonly caption: Part;
  readonly labelHeading: string;
  readonly valueHeading: string;
  readonly columns: readonly string[];
  readonly groups: readonly RowGroup[];
  readonly axis: Axis;
}

export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** Drawn stronger than the ticks: no difference, a coin's accuracy. */
  readonly reference: number | null;
}

/**
 * A table whose second column is a plot: every row has its dot and interval on one axis. It is the plot and its text
 * alternative at once; labels wrap as text does, and it takes the width that there is.
 */
export function intervalTable(table: IntervalTable): Markup {
  const { id, caption, labelHeading, valueHeading, columns, groups, axis } = table;
  return html`${captioned(id, caption)}<table class="plotted" aria-labelledby="${id}-caption">
<thead><tr><th scope="col">${labelHeading}</th><th scope="col" class="number">${valueHeading}</th>${hasPlot(axis) ? html`<th scope="col" class="plot">${axisMarks(id, axis)}</th>` : null}${columns.map((column) => html`<th scope="col" class="number">${column}</th>`)}</tr></thead>
${groups.map((group) => rowGroup(group, table))}</table></div>`;
}

/** Opens the region in which a table is scrolled where it is wider than the page; the caption stays in view above it. */
export function captioned(id: string, caption: Part): Markup {
  return html`<p class="caption" id="${id}-caption">${caption}</p><div class="wide" role="region" tabindex="0" aria-labelledby="${id}-caption">`;
}

function rowGroup({ heading, rows }: RowGroup, { id, axis, columns, groups }: IntervalTable): Markup {
  // Numbers stand below each other, also those that have no interval.
  const hasIntervals = groups.some(({ rows: all }) => all.some(({ intervalText }) => intervalText !== ""));
  const first =
    heading === null
      ? null
      : html`<tr class="group"><th scope="rowgroup" colspan="${columns.length + (hasPlot(axis) ? 3 : 2)}">${heading}</th></tr>\n`;
  return html`<tbody>
${first}${rows.map((row) => html`<tr><th scope="row">${row.label}</th><td class="number"><b>${row.text}</b>${hasIntervals ? html`<small>${row.intervalText}</small>` : null}</td>${hasPlot(axis) ? html`<td class="plot">${dot(id, row, axis)}</td>` : null}${row.cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>\n`)}</tbody>
`;
}

/** With nothing on the axis there is no plot. */
function hasPlot({ ticks }: Axis): boolean {
  return ticks.length > 0;
}

/** The axis' labels, and its lines once for all rows. */
function axisMarks(id: string, axis: Axis): Markup {
  const at = positions(axis);
  return html`<svg class="axis" aria-hidden="true"><defs><g id="${id}-grid">${axis.ticks.map(({ at: place }) => html`<line x1="${at(place)}" x2="${at(place)}" y2="100%"/>`)}${axis.reference === null ? null : html`<line class="reference" x1="${at(axis.reference)}" x2="${at(axis.reference)}" y2="100%"/>`}</g></defs>${axis.ticks.map(({ at: place, label }) => html`<text x="${at(place)}" y="100%" dy="-9" text-anchor="middle">${label}</text>`)}</svg>`;
}

/** Hidden from readers of the page's text: the cell before it says the same. */
function dot(id: string, { value, interval }: IntervalRow, axis: Axis): Markup {
  const at = positions(axis);
  const line =
    interval?.every(isKnown) === true
      ? html`<line class="interval" x1="${at(interval[0])}" x2="${at(interval[1])}" y1="50%" y2="50%"/>`
      : null;
  const mark = isKnown(value) ? html`<circle cx="${at(value)}" cy="50%" r="4"/>` : null;
  return html`<svg aria-hidden="true"><use href="#${id}-grid"/>${line}${mark}</svg>`;
}

function positions({ low, high }: Axis): (value: number) => string {
  const scale = scaleLinear([low, high], [0, 100]).clamp(true);
  return (value) => `${Math.round(scale(value) * 100) / 100}%`;
}

/** An axis for shares: from the twentieth below the smallest to the one above the largest, and at least three wide. */
export function shareAxis(
  rows: readonly Pick<IntervalRow, "interval" | "value">[],
  reference: number | null = null,
): Axis {
  const values = valuesOf(rows);
  if (values.length === 0) return { low: 0, high: 1, ticks: [], reference: null };
  let low = Math.max(0, Math.floor(20 * smallest(values) + 1e-9));
  let high = Math.min(20, Math.ceil(20 * -smallest(values.map((value) => -value)) - 1e-9));
  while (high - low < 3) {
    if (high < 20) high += 1;
    else low -= 1;
  }
  const isInside = reference !== null && reference > low / 20 && reference < high / 20;
  return withTicks(low / 20, high / 20, isInside ? reference : null);
}

/** An axis for differences: as far to the left of 0 as to the right. */
export function differenceAxis(rows: readonly Pick<IntervalRow, "interval" | "value">[]): Axis {
  const far = -smallest([-0.05, ...valuesOf(rows).map((value) => -Math.abs(value))]);
  const [, end = 1] = scaleLinear([-far, far], [0, 1]).nice(4).domain();
  return withTicks(-end, end, 0);
}

function valuesOf(rows: readonly Pick<IntervalRow, "interval" | "value">[]): number[] {
  return rows.flatMap(({ value, interval }) => [value, ...(interval ?? [])]).filter(isKnown);
}

/** Math.min takes its numbers as arguments, and there may be more than fit. */
function smallest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function withTicks(low: number, high: number, reference: number | null): Axis {
  const scale = scaleLinear([low, high], [0, 1]);
  const places = scale.ticks(4);
  return {
    low,
    high,
    reference,
    ticks: places.map((at) => ({ at, label: axisPercent(at) })),
  };
}

function axisPercent(share: number): string {
  return `${String(Math.round(share * 1e4) / 100).replace("-", "−")}`;
}
