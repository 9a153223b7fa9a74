import type { AccuracyRow, EvalReport, Metric, ScorerReport } from "../../report.ts";
import { accuracyTable } from "../accuracy-table.ts";
import { AGAIN, count, cutMiddle, intervalIn, inUnit, level, named, percent } from "../format.ts";
import { captioned } from "../interval-table.ts";
import { html, type Markup, type Part } from "../markup.ts";
import { note, type Section } from "./section.ts";

/** How many scorers stand in large figures above the tables. */
const TILES = 4;

/** One large figure for each of a few scorers. */
export function tiles({ scorers }: EvalReport): Part {
  if (scorers.length > TILES) return null;
  return html`<dl class="tiles">${scorers.map(tile)}</dl>`;
}

function tile(scorer: ScorerReport): Markup {
  const { label, value, interval, unit, items } = headlineOf(scorer);
  const range = intervalIn(interval, unit);
  return html`<div><dt>${named(scorer.name)}</dt><dd class="figure">${inUnit(value, unit)}</dd><dd>${label}${range === "" ? null : `, ${range}`}</dd><dd>n = ${count(items)}</dd></div>`;
}

/** The preset's headline number, else the accuracy. */
function headlineOf({ metrics, overall }: ScorerReport): Metric {
  return metrics.find(({ headline }) => headline) ?? accuracyMetric(overall);
}

function accuracyMetric({ accuracy, interval, items, unscored, noPreference }: AccuracyRow): Metric {
  return {
    key: "accuracy",
    label: "accuracy",
    value: accuracy,
    interval,
    unit: "share",
    items: items - unscored - noPreference,
    headline: true,
    note: null,
  };
}

export function overallSection(report: EvalReport): Section {
  const { scorers, bootstrap } = report;
  return {
    id: "overall",
    heading: "Accuracy",
    content: [
      accuracyTable(report, {
        id: "overall-table",
        caption: `How often each scorer agrees with the gold labels, with ${level(bootstrap.level)} bootstrap intervals over prompts`,
        labelHeading: "scorer",
        groups: [
          { heading: null, rows: scorers.map(({ name, overall }) => [named(name), overall] as const) },
        ],
      }),
      outcomes(scorers),
      failures(scorers),
    ],
  };
}

const OUTCOMES = [
  ["correct", "correct"],
  ["tie", "tie"],
  ["wrong", "wrong"],
  ["unscored", "unscored"],
  ["noPreference", "gold has no preference"],
] as const;

/** A bar for each scorer, as long as all its items, cut by how they went. */
function outcomes(scorers: readonly ScorerReport[]): Part {
  const present = OUTCOMES.filter(([key]) => scorers.some(({ overall }) => overall[key] > 0));
  if (present.length === 0) return null;
  return html`${captioned("outcomes", "How the items went")}<table class="outcomes" aria-labelledby="outcomes-caption">
<thead><tr><th scope="col">scorer</th><th scope="col">share of all items</th></tr></thead>
<tbody>${scorers.map(({ name, overall }) => html`<tr><th scope="row">${named(name, AGAIN)}</th><td>${bar(overall)}</td></tr>\n`)}</tbody></table></div>
<ul class="legend">${present.map(([key, label]) => html`<li><svg class="key" aria-hidden="true"><rect class="${key}" width="100%" height="100%"/></svg>${label}</li>`)}</ul>`;
}

function bar(row: AccuracyRow): Markup {
  if (!(row.items > 0)) return html`<span class="quiet">no items</span>`;
  let start = 0;
  const parts = OUTCOMES.flatMap(([key, label]) => {
    const share = row[key] / row.items;
    if (!(share > 0)) return [];
    const at = start;
    start += share;
    return html`<rect class="${key}" x="${place(at)}" width="${place(share)}" height="100%"><title>${label}: ${count(row[key])}, ${percent(share)}</title></rect>`;
  });
  const words = OUTCOMES.map(([key, label]) => `${label} ${count(row[key])}`).join(", ");
  return html`<svg class="bar-row" role="img" aria-label="${words}">${parts}</svg>`;
}

function place(share: number): string {
  return `${Math.round(share * 1e4) / 100}%`;
}

/** What could not be scored, and why. */
function failures(scorers: readonly ScorerReport[]): Part {
  const lines = scorers.flatMap(({ name, failed }) => {
    const codes = Object.entries(failed).filter(([, cells]) => cells > 0);
    if (codes.length === 0) return [];
    return html`<li>${named(name)}: ${codes.map(([code, cells]) => `${cutMiddle(code, 60)}\u00a0${count(cells)}`).join(", ")}</li>`;
  });
  return lines.length === 0
    ? null
    : [note("Scores that failed, by code:"), html`<ul class="note">${lines}</ul>`];
}

/** The sentence under the title. */
export function lede({ scorers, gold }: EvalReport): Markup {
  const [best, next] = scorers
    .map((scorer) => ({ scorer, headline: headlineOf(scorer) }))
    .filter(({ headline }) => headline.value !== null)
    .sort((a, b) => (b.headline.value ?? 0) - (a.headline.value ?? 0));
  const items = `${count(gold.items)} gold ${gold.items === 1 ? "item" : "items"}`;
  if (!best) {
    const why = gold.items === 0 ? "there are no gold items" : `none of the ${items} could be measured`;
    return html`<p class="lede">No number for any scorer: ${why}.</p>`;
  }
  const { label, value, interval, unit } = best.headline;
  const range = intervalIn(interval, unit);
  const isHighest = next !== undefined && next.headline.value !== value;
  return html`<p class="lede">${isHighest ? "Highest: " : null}${named(best.scorer.name)}, ${label} ${inUnit(value, unit)}${range === "" ? null : ` (${range})`}, on ${items}.</p>`;
}
