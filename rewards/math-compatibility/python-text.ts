/** What Python calls white space in `str.strip`, `str.split` and `\s`; JavaScript's set differs in six characters. */
export const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;

const EDGES = new RegExp(`^${SPACE}+|(?<!${SPACE})${SPACE}+$`, "g");
const SPACES = new RegExp(`${SPACE}+`);

/** `str.strip()`. */
export function strip(text: string): string {
  return text.replace(EDGES, "");
}

/** `" ".join(text.split())`. */
export function collapse(text: string): string {
  return strip(text).split(SPACES).join(" ");
}

/** `text[-count:]`: Python counts code points, JavaScript's `slice` UTF-16 units. */
export function lastCharacters(text: string, count: number): string {
  // A code point takes at most two units; a unit more shows whether the cut went through a pair.
  const tail = text.length > 2 * count ? text.slice(-2 * count - 1) : text;
  return [...tail].slice(-count).join("");
}

/** Digits that are no decimal digits (Unicode's Numeric_Type=Digit): superscripts, circled digits and the like. */
const OTHER_DIGITS = String.raw`\u{b2}\u{b3}\u{b9}\u{1369}-\u{1371}\u{19da}\u{2070}\u{2074}-\u{2079}\u{2080}-\u{2089}\u{2460}-\u{2468}\u{2474}-\u{247c}\u{2488}-\u{2490}\u{24ea}\u{24f5}-\u{24fd}\u{24ff}\u{2776}-\u{277e}\u{2780}-\u{2788}\u{278a}-\u{2792}\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}`;
const ALL_DIGITS = new RegExp(String.raw`^[\p{Nd}${OTHER_DIGITS}]+$`, "u");

/** `str.isdigit()`. */
export function isDigits(text: string): boolean {
  return ALL_DIGITS.test(text);
}
