/** Ways of writing a text so that a reader does not see it, or does not read it, and a model does. */

/** In characters of the tag block, which are not shown. */
export function inTags(text: string): string {
  return mapCodes(text, (code) => (code >= 0x20 && code < 0x7f ? 0xe0000 + code : code));
}

/** Each byte as eight zero-width characters. */
export function inZeroWidth(text: string): string {
  const bits = [...Buffer.from(text)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.replaceAll("0", "\u200b").replaceAll("1", "\u200c");
}

/** Each byte as one of 256 variation selectors, after an emoji. */
export function inSelectors(text: string): string {
  const selectors = [...Buffer.from(text)].map((byte) =>
    String.fromCodePoint(byte < 16 ? 0xfe00 + byte : 0xe0100 + byte - 16),
  );
  return `\u{1f600}${selectors.join("")}`;
}

/** Backwards, and turned round again on the screen by an override. */
export function inOverride(text: string): string {
  return `\u202e${[...text].reverse().join("")}\u202c`;
}

/** A character that is not shown between any two, so that no search finds the words. */
export function between(text: string, hidden: string): string {
  return [...text].join(hidden);
}

export function rot13(text: string): string {
  return mapCodes(text, (code) => {
    const base = code >= 97 && code <= 122 ? 97 : code >= 65 && code <= 90 ? 65 : null;
    return base === null ? code : ((code - base + 13) % 26) + base;
  });
}

/** Letters and figures of the full-width block, which read the same. */
export function fullWidth(text: string): string {
  return mapCodes(text, (code) => (code > 0x20 && code < 0x7f ? code + 0xfee0 : code));
}

/** Bold mathematical letters. */
export function mathematical(text: string): string {
  return mapCodes(text, (code) => {
    if (code >= 65 && code <= 90) return 0x1d400 + code - 65;
    return code >= 97 && code <= 122 ? 0x1d41a + code - 97 : code;
  });
}

/** Cyrillic letters for the Latin ones that look the same. */
export function cyrillic(text: string): string {
  const letters: Readonly<Record<string, string>> = {
    a: "а",
    c: "с",
    e: "е",
    i: "і",
    o: "о",
    p: "р",
    x: "х",
    y: "у",
  };
  return text.replace(/[aceiopxy]/g, (letter) => letters[letter] ?? letter);
}

function mapCodes(text: string, change: (code: number) => number): string {
  return [...text].map((letter) => String.fromCodePoint(change(letter.codePointAt(0) ?? 0))).join("");
}
