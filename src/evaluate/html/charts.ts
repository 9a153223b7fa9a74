import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { Curve, Histogram } from "../report.ts";
import { count, cutMiddle, isKnown, plain } from "./format.ts";
import { html, type Markup, type Part } from "./markup.ts";

const WIDTH = 480;
const HEIGHT = 280;
const FRAME = { left: 56, right: 12, top: 12, bottom: 44 };
const LONGEST = 60;
/** A path of more points than the picture has columns shows no more, and costs as much as all else. */
const MOST_POINTS = 400;

/** Lines over one pair of axes, with their names in a legend and their points in a table. */
export function lineChart(id: string, title: string, curves: readonly Curve[]): Markup {
  const drawn = curves.slice(0, STROKES).map((curve) => ({
    ...curve,
    points: thinned(curve.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))),
  }));
  const points = drawn.flatMap((curve) => curve.points);
  if (points.length === 0) return html`<p class="quiet">${title}: there is nothing to draw.</p>`;
  const x = scaleLinear(around(points.map(([at]) => at)), [FRAME.left, WIDTH - FRAME.right]);
  const y = scaleLinear(around(points.map(([, at]) => at)), [HEIGHT - FRAME.bottom, FRAME.top]).nice(5);
  const path = line<readonly [number, number]>()
    .x(([at]) => x(at))
    .y(([, at]) => y(at))
    .digits(1);
  const [first] = drawn;
  const wholeX = points.every(([at]) => Number.isInteger(at));
  const axes = frame(x, y, first?.xLabel ?? "", first?.yLabel ?? "", wholeX);
  const lines = drawn.map(
    ({ points: own }, index) =>
      html`<path class="line stroke-${index}" d="${path(own) ?? ""}"/>${own.length > 40 ? null : own.map(([px, py]) => html`<circle class="line-dot fill-${index}" cx="${rounded(x(px))}" cy="${rounded(y(py))}" r="2.5"/>`)}`,
  );
  return html`<figure class="chart">
${picture(id, title, `Lines: ${drawn.map(({ label }) => cutMiddle(label, LONGEST)).join(", ")}.`, [axes, lines])}
<figcaption><ul class="legend">${drawn.map(({ label }, index) => html`<li><svg class="key" aria-hidden="true"><line class="line stroke-${index}" x1="0" x2="100%" y1="50%" y2="50%"/></svg><bdi>${cutMiddle(label, 2 * LONGEST)}</bdi></li>`)}</ul></figcaption>
${table("The points of this plot", [first?.xLabel ?? "", ...drawn.map(({ label }) => label)], pointRows(drawn))}
</figure>`;
}

/** How many lines have a stroke of their own in the style sheet. */
const STROKES = 6;

function pointRows(curves: readonly Pick<Curve, "points">[]): Part[][] {
  const byX = curves.map(({ points }) => new Map(points));
  const places = [...new Set(curves.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  return places.map((at) => [plain(at), ...byX.map((values) => plain(values.get(at) ?? Number.NaN))]);
}

/** Bars of counts. */
export function histogramChart(id: string, title: string, histogram: Histogram): Markup {
  const { low, counts, xLabel } = histogram;
  // All in one place: a bar needs a width.
  const high = histogram.high > low ? histogram.high : low + 1;
  const most = Math.max(...counts.filter(isKnown), 0);
  if (!(most > 0) || !Number.isFinite(high - low)) {
    return html`<p class="quiet">${title}: there is nothing to draw.</p>`;
  }
  const only = histogram.high > low ? null : low;
  const x = scaleLinear(only === null ? [low, high] : [only - 1, only + 1], [
    FRAME.left,
    WIDTH - FRAME.right,
  ]);
  const y = scaleLinear([0, most], [HEIGHT - FRAME.bottom, FRAME.top]).nice(5);
  const step = (high - low) / counts.length;
  const edge = (index: number): number => (only === null ? low + index * step : only - 0.05 + 0.1 * index);
  const bars = counts.map((height, index) => {
    if (!(height > 0)) return null;
    const [from, to] = [x(edge(index)), x(edge(index + 1))];
    return html`<rect class="bar" x="${rounded(from)}" width="${rounded(Math.max(0.5, to - from - 0.7))}" y="${rounded(y(height))}" height="${rounded(y(0) - y(height))}"/>`;
  });
  const [start, end] = x.domain() as [number, number];
  const zero =
    start < 0 && end > 0
      ? html`<line class="reference" x1="${rounded(x(0))}" x2="${rounded(x(0))}" y1="${FRAME.top}" y2="${HEIGHT - FRAME.bottom}"/>`
      : null;
  const rows = counts.map((height, index): Part[] =>
    only === null
      ? [`${plain(edge(index))} to ${plain(edge(index + 1))}`, count(height)]
      : [plain(only), count(height)],
  );
  return html`<figure class="chart">
${picture(id, title, `${counts.length} bins from ${plain(low)} to ${plain(histogram.high)}; the fullest holds ${count(most)}.`, [frame(x, y, xLabel, "items"), bars, zero])}
${table("The bins of this plot", [xLabel, "items"], rows)}
</figure>`;
}

function picture(id: string, title: string, description: string, content: Part): Markup {
  return html`<svg class="picture" role="img" aria-labelledby="${id}-title ${id}-desc" viewBox="0 0 ${WIDTH} ${HEIGHT}"><title id="${id}-title">${title}</title><desc id="${id}-desc">${description} The numbers are in the table below it.</desc>${content}</svg>`;
}

function table(caption: string, headings: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  return html`<details class="data"><summary>${caption}</summary><div class="wide"><table><thead><tr>${headings.map((heading) => html`<th scope="col" class="number"><bdi>${cutMiddle(heading, 2 * LONGEST)}</bdi></th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td class="number">${cell}</td>`)}</tr>\n`)}</tbody></table></div></details>`;
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

function frame(x: Scale, y: Scale, xLabel: string, yLabel: string, wholeX = false): Markup {
  const [left, right] = x.range() as [number, number];
  const [bottom, top] = y.range() as [number, number];
  // Counts have no half.
  const xPlaces = x.ticks(6).filter((at) => !wholeX || Number.isInteger(at));
  const [xFormat, yFormat] = [x.tickFormat(6), y.tickFormat(5)];
  return html`<g class="frame">${y.ticks(5).map((at) => html`<line x1="${left}" x2="${right}" y1="${rounded(y(at))}" y2="${rounded(y(at))}"/><text x="${left - 8}" y="${rounded(y(at) + 4)}" text-anchor="end">${yFormat(at)}</text>`)}${xPlaces.map((at) => html`<text x="${rounded(x(at))}" y="${bottom + 18}" text-anchor="middle">${xFormat(at)}</text>`)}<text class="title" x="${right}" y="${HEIGHT - 6}" text-anchor="end">${cutMiddle(xLabel, LONGEST)}</text><text class="title" transform="translate(12 ${top}) rotate(-90)" text-anchor="end">${cutMiddle(yLabel, LONGEST / 2)}</text></g>`;
}

function around(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

function thinned<Point>(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const last = points.length - 1;
  return Array.from(
    { length: MOST_POINTS },
    (_, index) => points[Math.round((index * last) / (MOST_POINTS - 1))] as Point,
  );
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
