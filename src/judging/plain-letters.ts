/** A text in plain letters, and for each of its UTF-16 units (and its end) the offset in the text it was made from. */
export interface PlainText {
  readonly text: string;
  readonly offsets: readonly number[];
}

/** Cyrillic and Greek letters that look like Latin ones. */
const LOOK_ALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["аеорсухіјѕԁɡһӏԛԝТ", "aeopcyxijsdghlqwT"],
    ["АВЕКМНОРСХУІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCXYIJSABEZHIKMNOPTYX"],
    ["ονιακτυρ", "oviaktup"],
  ].flatMap(([from = "", to = ""]) => [...from].map((letter, index) => [letter, to[index] ?? ""])),
);

/**
 * Full-width, mathematical, circled and other letters of style, and Cyrillic and Greek look-alikes, as the ASCII they are read
 * as. null when there is nothing to make plain.
 */
export function plainLetters(text: string): PlainText | null {
  // Each letter once: a text has few different ones.
  const changed = new Map<string, string>();
  for (const letter of new Set(text.match(/[\u0100-\u{10ffff}]/gu))) {
    const made = plainLetter(letter);
    if (made !== letter) changed.set(letter, made);
  }
  if (changed.size === 0) return null;
  const offsets: number[] = [];
  let plain = "";
  let at = 0;
  for (const letter of text) {
    const made = changed.get(letter) ?? letter;
    plain += made;
    for (let unit = 0; unit < made.length; unit++) offsets.push(at + (made === letter ? unit : 0));
    at += letter.length;
  }
  offsets.push(at);
  return { text: plain, offsets };
}

function plainLetter(letter: string): string {
  const known = LOOK_ALIKES[letter];
  if (known !== undefined) return known;
  const simple = letter.normalize("NFKC");
  return simple !== letter && /^[!-~]{1,3}$/.test(simple) ? simple : letter;
}

const FIGURES: Readonly<Record<string, string>> = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t" };

/** "1gn0r3" as "ignore": figures that touch letters, as the letters they stand for. Offsets stay. null when there are none. */
export function lettersForFigures(text: string): string | null {
  const plain = text.replace(/\b(?=[a-z]{0,33}\d)\d{0,2}[a-z](?:[a-z]|\d(?!\d{3})){1,30}/gi, (word) =>
    word.replace(/[013457]/g, (figure) => FIGURES[figure] ?? figure),
  );
  return plain === text ? null : plain;
}
