/** Markup made by `html`, and by nothing else: a string is always text. */
class Markup {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
}

export type { Markup };

/** What may stand in a template: markup as it is, text escaped, nothing for null, lists one after the other. */
export type Part = Markup | string | number | null | readonly Part[];

/**
 * A template for HTML and for SVG within it. Every string that is put in is text: it is escaped for element content and for
 * quoted attributes alike, and what is not shown in it is made visible. Attributes must be quoted; one that is not throws.
 *
 *   html`<td title="${name}">${name}</td>` with name `a"><b>` -> <td title="a&quot;&gt;&lt;b&gt;">a&quot;&gt;&lt;b&gt;</td>
 */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  checkQuotes(literals);
  let markup = literals[0] ?? "";
  for (const [index, part] of parts.entries()) {
    markup += rendered(part) + (literals[index + 1] ?? "");
  }
  return new Markup(markup);
}

/** Every place in a program is checked the first time that it runs. */
function checkQuotes(literals: TemplateStringsArray): void {
  if (checked.has(literals)) return;
  let soFar = "";
  for (const literal of literals.slice(0, -1)) {
    soFar += literal;
    const tag = soFar.slice(soFar.lastIndexOf("<") + 1);
    const isInTag = soFar.includes("<") && !tag.includes(">");
    if (isInTag && tag.split('"').length % 2 === 1) {
      throw new TypeError(`html: put quotes around the value that follows ${literal.slice(-20)}`);
    }
  }
  checked.add(literals);
}

const checked = new WeakSet<TemplateStringsArray>();

/** A style sheet of ours. Text in it is not escaped, so that it must not be able to end the element. */
export function styleElement(css: string): Markup {
  if (css.includes("<")) throw new TypeError("html: a style sheet may not hold a <.");
  return new Markup(`<style>${css}</style>`);
}

function rendered(part: Part): string {
  if (part === null) return "";
  if (typeof part === "string") return escaped(part);
  if (typeof part === "number") return escaped(String(part));
  return part instanceof Markup ? part.toString() : part.map(rendered).join("");
}

function escaped(text: string): string {
  return shown(text).replace(/[&<>"'`]/g, (found) => ENTITIES[found] ?? found);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** Text with its line ends as "\n" and each hidden code point as its name: U+202E -> ⟨U+202E⟩. */
export function shown(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(HIDDEN, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/**
 * Controls, formats such as bidirectional overrides, lone surrogates, separators and whatever else has no shape of its own.
 * Joiners and the two selectors of emoji and text style stay: scripts and emoji are spelt with them.
 */
const HIDDEN = /(?!\n|\t|\u200c|\u200d|\ufe0e|\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{DI}\p{NChar}\u2028\u2029]/gu;
