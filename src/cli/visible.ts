/**
 * Text of a dataset as a terminal may show it. Candidate texts are anybody's: an escape sequence in one could recolour,
 * move or rename the reader's terminal, and a bidirectional override could show other words than are there.
 *
 * Line breaks and tabs stay; other C0 controls become their pictures (ESC -> ␛), all else that is not shown becomes its
 * code (U+202E -> \u{202e}).
 */
export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSEEN, (found) => {
    const code = found.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "␡" : `\\u{${code.toString(16)}}`;
  });
}

/** Controls (Cc), formats such as bidirectional overrides (Cf), lone surrogates (Cs), line and paragraph separators. */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** The same on one line, cut in the middle when it is longer than `limit` characters: the end holds the answer. */
export function visibleLine(text: string, limit = 100): string {
  return visible(shortened(text.replace(/\s+/g, " ").trim(), limit, " … "));
}

/** The head and the tail of a text, and how much is left out between them. */
export function visibleBlock(text: string, limit = 600): string {
  const left = Array.from(text).length - limit;
  return visible(shortened(text, limit, `\n[… ${left} more characters …]\n`));
}

function shortened(text: string, limit: number, gap: string): string {
  const characters = Array.from(text);
  if (characters.length <= limit) return text;
  const head = Math.ceil((limit * 2) / 3);
  return `${characters.slice(0, head).join("")}${gap}${characters.slice(characters.length - (limit - head)).join("")}`;
}

/** JSON whose text a terminal shows as it stands: what JSON leaves unescaped and a terminal may obey is escaped too. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN_IN_JSON, (found) =>
    Array.from({ length: found.length }, (_, index) => {
      return `\\u${found.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}

const UNSEEN_IN_JSON = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
