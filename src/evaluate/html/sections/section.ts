import { html, type Markup, type Part } from "../markup.ts";

/** A part of the page under a heading of its own. */
export interface Section {
  readonly id: string;
  readonly heading: string;
  readonly content: Part;
}

export function sectionElement({ id, heading, content }: Section): Markup {
  return html`<section id="${id}">
<h2>${heading}</h2>
${content}
</section>
`;
}

export function note(text: Part): Markup {
  return html`<p class="note">${text}</p>`;
}
