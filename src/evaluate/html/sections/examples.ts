import type { EvalExample, EvalReport, ScorerReport } from "../../report.ts";
import { count, cutMiddle, isKnown, NONE, named, plain } from "../format.ts";
import { html, type Markup, type Part } from "../markup.ts";
import { note, type Section } from "./section.ts";

/** Of each scorer. */
const MOST_EXAMPLES = 20;
const MOST_RESPONSES = 8;
/** In code points. */
const TEXT_LIMIT = 800;

export function examplesSection({ scorers }: EvalReport): Section | null {
  const parts = scorers.flatMap((scorer) => ((scorer.examples ?? []).length === 0 ? [] : [ofScorer(scorer)]));
  if (parts.length === 0) return null;
  return {
    id: "examples",
    heading: "Examples",
    content: [note(`Texts are cut to ${TEXT_LIMIT} characters: their middle is left out.`), parts],
  };
}

function ofScorer({ name, examples = [] }: ScorerReport): Markup {
  const shown = examples.slice(0, MOST_EXAMPLES);
  return html`<h3>${named(name)}</h3>
${shown.map(example)}${examples.length > shown.length ? note(`${count(examples.length - shown.length)} more are in the JSON report.`) : null}`;
}

function example({ id, subset, outcome, prompt, responses }: EvalExample): Markup {
  const left = responses.length - MOST_RESPONSES;
  return html`<details class="example"><summary>${outcome}: ${named(id)}${subset === null ? null : html` in ${named(subset)}`}</summary>
<h4>Prompt</h4><pre dir="auto">${cut(prompt)}</pre>
${responses.slice(0, MOST_RESPONSES).map(({ text, correct, score }) => html`<h4>${correct ? "Right by gold" : "Wrong by gold"}, score ${isKnown(score) ? plain(score) : NONE}</h4><pre dir="auto">${cut(text)}</pre>\n`)}${left > 0 ? note(`${count(left)} more responses are left out.`) : null}</details>
`;
}

function cut(text: string): Part {
  return text === "" ? html`<i>empty</i>` : cutMiddle(text, TEXT_LIMIT);
}
