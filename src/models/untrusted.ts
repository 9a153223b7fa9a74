import type { Json } from "../core/types.ts";

/**
 * Offsets at which `text` must be cut so that no piece holds a special token: one inside each occurrence, overlapping ones
 * too. null when one of a single character occurs, which cannot be cut.
 */
export function breaksIn(text: string, specialTokens: readonly string[]): number[] | null {
  const breaks = new Set<number>();
  for (const token of specialTokens) {
    if (token === "") continue;
    const first = [...token][0]?.length ?? 1;
    for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + 1)) {
      if (first >= token.length) return null;
      breaks.add(at + first);
    }
  }
  return [...breaks].sort((a, b) => a - b);
}

/** `text` with `mark` put in at each offset. */
export function withMarks(text: string, breaks: readonly number[], mark: string): string {
  let marked = "";
  let from = 0;
  for (const at of breaks) {
    marked += text.slice(from, at) + mark;
    from = at;
  }
  return marked + text.slice(from);
}

/** The inverse of `withMarks`. */
export function withoutMarks(marked: string, mark: string): { text: string; breaks: number[] } {
  const pieces = marked.split(mark);
  const breaks: number[] = [];
  let at = 0;
  for (const piece of pieces.slice(0, -1)) {
    at += piece.length;
    breaks.push(at);
  }
  return { text: pieces.join(""), breaks };
}

/** A private-use character that occurs in none of the texts; null when they hold them all. */
export function unusedMark(texts: readonly string[]): string | null {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const mark = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(mark))) return mark;
  }
  return null;
}

/** A JSON value with every string in it (keys too) changed. */
export function mapStrings(value: Json, change: (text: string) => string): Json {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item: Json) => mapStrings(item, change));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [change(key), mapStrings(inner, change)]),
  );
}
