import type { AgreementReport, EvalReport, ScorerComparison } from "../../report.ts";
import { AGAIN, count, difference, inUnit, isKnown, named, pValue } from "../format.ts";
import { captioned, differenceAxis, type IntervalRow, intervalTable } from "../interval-table.ts";
import { html, type Markup } from "../markup.ts";
import { note, type Section } from "./section.ts";

export function comparisonsSection({ comparisons, gold }: EvalReport): Section | null {
  if (comparisons.length === 0) return null;
  const rows = comparisons.map(comparisonRow);
  return {
    id: "comparisons",
    heading: "Two scorers compared",
    content: [
      intervalTable({
        id: "comparisons-table",
        caption:
          "Accuracy of the first minus accuracy of the second, in points, on the items that both judged",
        labelHeading: "scorers",
        valueHeading: "difference",
        columns: ["p", "only first", "only second", "items"],
        groups: [{ heading: null, rows }],
        axis: differenceAxis(rows),
      }),
      note(
        `p is exact (McNemar's sign test, two-sided)${comparisons.length > 1 ? `, and not corrected for ${comparisons.length} comparisons` : ""}. ${gold.prompts < gold.items ? `It takes items for independent, and may be far too small where prompts repeat (${count(gold.items)} items of ${count(gold.prompts)} prompts); the interval draws prompts. ` : ""}“Only first” counts the items on which the first earned more.`,
      ),
    ],
  };
}

function comparisonRow(given: ScorerComparison): IntervalRow {
  const { first, second, items, onlyFirst, onlySecond, interval } = given;
  const inPoints = interval === null ? null : ([100 * interval[0], 100 * interval[1]] as const);
  return {
    label: html`${named(first, AGAIN)} − ${named(second, AGAIN)}`,
    value: given.difference,
    interval,
    text: difference(given.difference),
    intervalText: inPoints?.every(isKnown) ? inPoints.map((end) => difference(end / 100)).join(" to ") : "",
    cells: [pValue(given.pValue), count(onlyFirst), count(onlySecond), count(items)],
  };
}

export function agreementSection({ comparisons, agreement }: EvalReport): Section | null {
  const kappas = comparisons.filter(({ kappa }) => kappa !== null);
  if (agreement === null && kappas.length === 0) return null;
  return {
    id: "agreement",
    heading: "Agreement between scorers",
    content: [
      agreement === null ? null : alphaTable(agreement),
      kappas.length === 0 ? null : kappaTable(kappas),
      note("1 is full agreement, 0 what chance would give; below 0 they disagree more than by chance."),
    ],
  };
}

function alphaTable({ verdicts, scoresOrdinal, scoresInterval }: AgreementReport): Markup {
  const rows = [
    ["verdicts (nominal)", verdicts],
    ["scores by rank (ordinal)", scoresOrdinal],
    ["scores by value (interval)", scoresInterval],
  ] as const;
  return html`${captioned("alpha", "Krippendorff’s alpha, all scorers together")}<table aria-labelledby="alpha-caption">
<thead><tr><th scope="col">of</th><th scope="col" class="number">alpha</th></tr></thead>
<tbody>${rows.map(([label, value]) => html`<tr><th scope="row">${label}</th><td class="number">${inUnit(value, "number")}</td></tr>\n`)}</tbody></table></div>`;
}

function kappaTable(comparisons: readonly ScorerComparison[]): Markup {
  return html`${captioned("kappa", "Cohen’s kappa of the verdicts of two scorers")}<table aria-labelledby="kappa-caption">
<thead><tr><th scope="col">scorers</th><th scope="col" class="number">kappa</th></tr></thead>
<tbody>${comparisons.map(({ first, second, kappa }) => html`<tr><th scope="row">${named(first, AGAIN)} and ${named(second, AGAIN)}</th><td class="number">${inUnit(kappa, "number")}</td></tr>\n`)}</tbody></table></div>`;
}
