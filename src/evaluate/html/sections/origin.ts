import type { EvalReport } from "../../report.ts";
import { bytes, count, cutMiddle, level, named } from "../format.ts";
import { html, type Markup, type Part } from "../markup.ts";
import type { Section } from "./section.ts";

const SETTINGS_LIMIT = 4000;
const MOST_FILES = 50;

/** Everything that the same page can be made from again. No date: the same report has the same bytes. */
export function originSection(report: EvalReport): Section {
  const { preset, protocol, gold, seed, bootstrap, prefkit, scorers } = report;
  const left = gold.files.length - MOST_FILES;
  const rows: (readonly [string, Part])[] = [
    ["preset", preset],
    ["protocol", protocol],
    [
      "gold files",
      gold.files.length === 0
        ? "none named"
        : html`<ul>${gold.files.slice(0, MOST_FILES).map(({ path, bytes: size }) => html`<li>${named(path)}, ${bytes(size)}</li>`)}${left > 0 ? html`<li>and ${count(left)} more</li>` : null}</ul>`,
    ],
    ...(gold.sha256 === undefined
      ? []
      : [["sha256 of the files", html`<code>${gold.sha256}</code>`] as const]),
    ["gold items", count(gold.items)],
    ["subsets by", gold.by === null ? "nothing" : named(gold.by)],
    [
      "intervals",
      `${level(bootstrap.level)} percentile bootstrap over prompts, ${count(bootstrap.samples)} samples, seed ${seed}`,
    ],
    ["prefkit", prefkit],
    ...scorers.flatMap(({ name, settings }) =>
      settings === undefined ? [] : [["scorer", html`${named(name)} ${settingsText(settings)}`] as const],
    ),
  ];
  return {
    id: "origin",
    heading: "How this was made",
    content: html`<dl class="origin">${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>\n`)}</dl>`,
  };
}

function settingsText(settings: Readonly<Record<string, unknown>>): Markup {
  return html`<code>${cutMiddle(JSON.stringify(settings), SETTINGS_LIMIT)}</code>`;
}
