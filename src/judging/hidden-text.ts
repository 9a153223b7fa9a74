/** What a reader does not see and a model reads. */
export type HiddenKind =
  | "bidi"
  | "control"
  | "format"
  | "invisible_operator"
  | "lone_surrogate"
  | "noncharacter"
  | "private_use"
  | "soft_hyphen"
  | "tag"
  | "variation_selector"
  | "zero_width";

export interface VisibleText {
  /** The text without what is hidden; with `hidden: "flag"` as it was given. */
  readonly text: string;
  /** Hidden code points found. */
  readonly removed: number;
  /** Their kinds, sorted. */
  readonly kinds: readonly HiddenKind[];
}

export interface VisibleTextOptions {
  /** `flag` counts and leaves the text alone. Default `strip`. */
  readonly hidden?: "flag" | "strip";
}

/**
 * Takes out of a text what is not shown: zero-width characters, bidirectional controls, tag characters, variation selectors
 * that select nothing, soft hyphens, invisible operators, private use, noncharacters, controls and lone surrogates.
 *
 * What writing needs stays: line breaks and tabs; a joiner or non-joiner after a letter of a script that joins, and between
 * emoji; one variation selector after an emoji, an ideograph, a Mongolian letter or a mathematical sign; the three flags
 * made of tags; a direction mark that stands alone in a text with right-to-left letters; Hangul fillers beside their letters.
 * Line ends (CRLF, CR, U+0085, U+2028, U+2029) become "\n" and are not counted.
 *
 *   visibleText("1\u200b8 \u{1f44d}\ufe0f") -> { text: "18 \u{1f44d}\ufe0f", removed: 1, kinds: ["zero_width"] }
 */
export function visibleText(text: string, { hidden = "strip" }: VisibleTextOptions = {}): VisibleText {
  if (!SUSPECT.test(text)) return { text, removed: 0, kinds: [] };
  const taken: string[] = [];
  let removed = 0;
  let rightToLeft: boolean | null = null;
  const isShown = (at: number): boolean => {
    if (!matchesAt(MARK_ALONE, text, at)) return matchesAt(KEPT_ONE, text, at);
    rightToLeft ??= RIGHT_TO_LEFT.test(text);
    return rightToLeft;
  };
  // Text that holds a megabyte of hidden characters is read in whole runs: one by one, only what may be kept is looked at.
  const stripped = text.replace(RUN, (run: string, start: number) => {
    let shown = "";
    let at = start + keptFlag(text, start);
    shown += text.slice(start, at);
    const end = start + run.length;
    while (at < end) {
      const plain = lengthAt(NEVER_SHOWN, text, at);
      if (plain > 0) {
        const piece = text.slice(at, at + plain);
        taken.push(piece);
        removed += codePoints(piece);
        at += plain;
        continue;
      }
      const one = String.fromCodePoint(text.codePointAt(at) ?? 0);
      if (LINE_END.test(one)) shown += one === "\r" && text[at + 1] === "\n" ? "" : "\n";
      else if (isShown(at)) shown += one;
      else {
        taken.push(one);
        removed += 1;
      }
      at += one.length;
    }
    return shown;
  });
  return { text: hidden === "strip" ? stripped : text, removed, kinds: kindsOf(taken) };
}

/** Pieces stand apart, so that halves of surrogate pairs do not meet. What is of a kind that was found is not read again. */
function kindsOf(pieces: readonly string[]): HiddenKind[] {
  const kinds: HiddenKind[] = [];
  let rest = pieces.join("\n");
  for (;;) {
    const first = /[^\n]/u.exec(rest)?.[0];
    const found = first === undefined ? undefined : KINDS.find(([, members]) => first.search(members) === 0);
    if (!found) return kinds.sort();
    kinds.push(found[0]);
    rest = rest.replace(found[1], "\n");
  }
}

function lengthAt(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex - at : 0;
}

function matchesAt(sticky: RegExp, text: string, at: number): boolean {
  return lengthAt(sticky, text, at) > 0;
}

/** Length of the tags at the head of a run that make a flag with what stands before it. */
function keptFlag(text: string, start: number): number {
  return text.slice(Math.max(0, start - 2), start) === "\u{1f3f4}" ? lengthAt(FLAG_TAGS, text, start) : 0;
}

function codePoints(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}

// The classes have no lookarounds: these would be tried at each character of a run.
const SUSPECTS =
  "\\p{DI}\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\p{Cs}\\p{Co}\\p{NChar}\\u2028\\u2029\\ufff9-\\ufffb";
const SUSPECT = new RegExp(`[${SUSPECTS}]`, "u");
const RUN = new RegExp(`[${SUSPECTS}]+`, "gu");
const LINE_END = /^[\r\u0085\u2028\u2029]$/;
const RIGHT_TO_LEFT = /[\p{scx=Arab}\p{scx=Hebr}\p{scx=Syrc}\p{scx=Thaa}\p{scx=Nkoo}\p{scx=Adlm}]/u;

/** Scripts whose letters join, or change before a virama, so that joiners are spelling in them. */
const JOINING = [
  "Arab",
  "Syrc",
  "Mand",
  "Nkoo",
  "Mong",
  "Phag",
  "Adlm",
  "Rohg",
  "Deva",
  "Beng",
  "Guru",
  "Gujr",
]
  .concat(["Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh", "Khmr", "Mymr", "Tibt", "Java", "Bali", "Thaa"])
  .map((script) => `\\p{scx=${script}}`)
  .join("");
const SELECTOR = "\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}\\u180b-\\u180d\\u180f";
const JAMO = "[\\u1100-\\u115e\\u1161-\\u11ff\\ua960-\\ua97f\\ud7b0-\\ud7ff]";
const tags = (letters: string): string =>
  [...letters].map((letter) => `\\u{${(0xe0000 + (letter.codePointAt(0) ?? 0)).toString(16)}}`).join("");

const FLAG_TAGS = new RegExp(`(?:${["gbeng", "gbsct", "gbwls"].map(tags).join("|")})\\u{e007f}`, "uy");

const KEPT = [
  "(?<=\\p{ExtPict}|\\p{EMod}|\\p{ExtPict}\\ufe0f)\\u200d(?=\\p{ExtPict}|[\\u2640\\u2642\\u2695])",
  `(?<=[${JOINING}])[\\u200c\\u200d](?!\\p{DI})`,
  `(?<=[0-9#*])\\ufe0f(?=\\u20e3)`,
  `(?<=(?![0-9#*])\\p{Emoji}|\\p{ExtPict})[\\ufe0e\\ufe0f](?![${SELECTOR}])`,
  `(?<=[\\p{Sm}\\p{Ideographic}\\p{scx=Mymr}])[\\ufe00-\\ufe02](?![${SELECTOR}])`,
  `(?<=\\p{Ideographic})[\\u{e0100}-\\u{e01ef}](?![${SELECTOR}])`,
  `(?<=\\p{scx=Mong})[\\u180b-\\u180d\\u180f](?![${SELECTOR}])`,
  `(?<=${JAMO})[\\u115f\\u1160]|[\\u115f\\u1160](?=${JAMO})`,
];

const BY_KIND: Readonly<Record<Exclude<HiddenKind, "format">, string>> = {
  soft_hyphen: "\\u00ad",
  bidi: "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069",
  invisible_operator: "\\u2061-\\u2064",
  variation_selector: SELECTOR,
  tag: "\\u{e0000}-\\u{e007f}",
  zero_width: "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b-\\u200d\\u2060\\u3164\\ufeff\\uffa0",
  lone_surrogate: "\\p{Cs}",
  private_use: "\\p{Co}",
  noncharacter: "\\p{NChar}",
  control: "\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f",
};

/** `format` is what is left. */
const KINDS: readonly (readonly [HiddenKind, RegExp])[] = [
  ...Object.entries(BY_KIND).map(([kind, members]) => [kind as HiddenKind, `[${members}]+`] as const),
  ["format", `[[\\p{DI}\\ufff9-\\ufffb]--[${Object.values(BY_KIND).join("")}]]+`] as const,
].map(([kind, pattern]) => [kind, new RegExp(pattern, "gv")] as const);

const DIRECTION_MARK = "\\u061c\\u200e\\u200f";
const MARK_ALONE = new RegExp(`(?<!\\p{DI})[${DIRECTION_MARK}](?!\\p{DI})`, "uy");
const KEPT_ONE = new RegExp(KEPT.join("|"), "uy");
const LETTER_JOINER = "\\u200c\\u200d";
const MAYBE_SHOWN = `${DIRECTION_MARK}${LETTER_JOINER}\\u115f\\u1160\\r\\u0085\\u2028\\u2029${SELECTOR}`;
/**
 * Hidden characters whatever stands beside their run: those that nothing keeps, joiners and marks before another of the kind,
 * selectors before or after another. What is left, the edges of runs, is looked at one by one.
 */
const NEVER_SHOWN = new RegExp(
  `(?:${[
    `[[${SUSPECTS}]--[${MAYBE_SHOWN}]]+`,
    `[${LETTER_JOINER}${DIRECTION_MARK}]+(?=\\p{DI})`,
    `[${SELECTOR}]+(?=[${SELECTOR}])`,
    "(?<=\\p{DI})[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]",
  ].join("|")})+`,
  "vy",
);
