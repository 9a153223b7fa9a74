import { hash } from "node:crypto";
import type { EvalReport } from "../report.ts";
import { count, cutMiddle, listed, named } from "./format.ts";
import { html, type Markup, type Part, styleElement } from "./markup.ts";
import { agreementSection, comparisonsSection } from "./sections/comparisons.ts";
import { examplesSection } from "./sections/examples.ts";
import { judgeSection, marginsSection, presetSection } from "./sections/metrics.ts";
import { originSection } from "./sections/origin.ts";
import { lede, overallSection, tiles } from "./sections/overall.ts";
import { type Section, sectionElement } from "./sections/section.ts";
import { lengthsSection, subsetsSection } from "./sections/slices.ts";
import { STYLE } from "./style.ts";

/** Nothing is loaded and nothing runs: only this style sheet, by its hash. */
const POLICY = `default-src 'none'; style-src 'sha256-${hash("sha256", STYLE, "base64")}'; base-uri 'none'; form-action 'none'`;

/**
 * The report of `prefkit eval` as one page: no script, nothing from elsewhere, readable from file:// and in print, in light
 * and dark. Whatever comes from data (names of files, subsets and scorers, texts) is text on it, with hidden characters shown.
 *
 * The same report gives the same bytes. Plots show what they can hold (the 40 largest subsets, for one scorer); the rest is
 * in tables, and beyond 500 subsets in the JSON report alone. Numbers that are missing are a dash.
 */
export function htmlReport(report: EvalReport): string {
  const sections = [
    overallSection(report),
    presetSection(report),
    subsetsSection(report),
    lengthsSection(report),
    comparisonsSection(report),
    agreementSection(report),
    judgeSection(report),
    marginsSection(report),
    examplesSection(report),
    originSection(report),
  ].filter((section) => section !== null);
  return `${html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="prefkit ${report.prefkit}">
<title>${pageTitle(report)}</title>
${styleElement(STYLE)}
</head>
<body>
<main>
<header>
<h1>${heading(report)}</h1>
${lede(report)}
${tiles(report)}
${warnings(report)}
${contents(sections)}
</header>
${sections.map(sectionElement)}</main>
</body>
</html>
`}`;
}

const DOCTYPE = "<!doctype html>";
const MAKER = '<meta name="generator" content="prefkit ';

/** Whether this is the beginning of a page that `htmlReport` made, by any version. */
export function isReportPage(head: string): boolean {
  return head.startsWith(DOCTYPE) && head.includes(MAKER);
}

/** Named in a heading; more are counted. */
const NAMED = 3;

function heading({ scorers }: EvalReport): Part {
  if (scorers.length === 0 || scorers.length > NAMED)
    return `${count(scorers.length)} scorers against gold labels`;
  return [listed(scorers.map(({ name }) => named(name))), " against gold labels"];
}

function pageTitle({ scorers }: EvalReport): string {
  const names =
    scorers.length > NAMED ? `${count(scorers.length)} scorers` : scorers.map(({ name }) => name).join(", ");
  return `prefkit eval: ${cutMiddle(names, 100)}`;
}

/** Warnings that are seen at once; the others are behind a line that opens them. */
const SEEN_WARNINGS = 6;
const MOST_WARNINGS = 50;

function warnings({ warnings: given }: EvalReport): Part {
  if (given.length === 0) return null;
  const rest = given.slice(SEEN_WARNINGS, MOST_WARNINGS);
  const left = given.length - SEEN_WARNINGS - rest.length;
  return html`<div class="warnings" role="note"><p>Before you believe a number:</p>${warningList(given.slice(0, SEEN_WARNINGS))}${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary>${warningList(rest)}</details>`}${left > 0 ? html`<p>${count(left)} more are in the JSON report alone.</p>` : null}</div>`;
}

function warningList(given: readonly string[]): Markup {
  return html`<ul>${given.map((warning) => html`<li>${cutMiddle(warning, 1000)}</li>`)}</ul>`;
}

function contents(sections: readonly Section[]): Markup {
  return html`<nav aria-label="Contents">${sections.map(({ id, heading: title }) => html`<a href="#${id}">${title}</a>`)}</nav>`;
}
