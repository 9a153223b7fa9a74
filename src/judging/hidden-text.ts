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
  const kinds = new Set<HiddenKind>();
  const rightToLeft = RIGHT_TO_LEFT.test(text);
  let removed = 0;
  const stripped = text.replace(HIDDEN, (found: string, ...rest: unknown[]) => {
    const groups = rest.at(-1) as Readonly<Record<string, string | undefined>>;
    if (groups.kept !== undefined) return found;
    if (groups.line !== undefined) return "\n";
    if (groups.mark !== undefined && rightToLeft) return found;
    kinds.add(kindOf(groups));
    removed += 1;
    return "";
  });
  return { text: hidden === "strip" ? stripped : text, removed, kinds: [...kinds].sort() };
}

function kindOf(groups: Readonly<Record<string, string | undefined>>): HiddenKind {
  if (groups.mark !== undefined) return "bidi";
  const kind = Object.keys(BY_KIND).find((name) => groups[name] !== undefined);
  return (kind ?? "format") as HiddenKind;
}

const SUSPECT = /(?![\n\t])[\p{DI}\p{Cc}\p{Cs}\p{Co}\p{NChar}\u2028\u2029\ufff9-\ufffb]/u;
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

const KEPT = [
  `\\u{1f3f4}(?:${["gbeng", "gbsct", "gbwls"].map(tags).join("|")})\\u{e007f}`,
  "(?<=\\p{ExtPict}|\\p{EMod}|\\p{ExtPict}\\ufe0f)\\u200d(?=\\p{ExtPict}|[\\u2640\\u2642\\u2695])",
  `(?<=[${JOINING}])[\\u200c\\u200d](?!\\p{DI})`,
  `(?<=[0-9#*])\\ufe0f(?=\\u20e3)`,
  `(?<=(?![0-9#*])\\p{Emoji}|\\p{ExtPict})[\\ufe0e\\ufe0f](?![${SELECTOR}])`,
  `(?<=[\\p{Sm}\\p{Ideographic}\\p{scx=Mymr}])[\\ufe00-\\ufe02](?![${SELECTOR}])`,
  `(?<=\\p{Ideographic})[\\u{e0100}-\\u{e01ef}](?![${SELECTOR}])`,
  `(?<=\\p{scx=Mong})[\\u180b-\\u180d\\u180f](?![${SELECTOR}])`,
  `(?<=${JAMO})[\\u115f\\u1160]|[\\u115f\\u1160](?=${JAMO})`,
];

/** The first that matches is the kind. */
const BY_KIND: Readonly<Record<HiddenKind, string>> = {
  soft_hyphen: "\\u00ad",
  bidi: "[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]",
  invisible_operator: "[\\u2061-\\u2064]",
  variation_selector: `[${SELECTOR}]`,
  tag: "[\\u{e0000}-\\u{e007f}]",
  zero_width: "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b-\\u200d\\u2060\\u3164\\ufeff\\uffa0]",
  lone_surrogate: "\\p{Cs}",
  private_use: "\\p{Co}",
  noncharacter: "\\p{NChar}",
  control: "(?![\\n\\t])\\p{Cc}",
  format: "[\\p{DI}\\ufff9-\\ufffb]",
};

const DIRECTION_MARK = "[\\u061c\\u200e\\u200f]";
const HIDDEN = new RegExp(
  [
    `(?<kept>${KEPT.join("|")})`,
    "(?<line>\\r\\n|[\\r\\u0085\\u2028\\u2029])",
    `(?<mark>(?<!\\p{DI})${DIRECTION_MARK}(?!\\p{DI}))`,
    ...Object.entries(BY_KIND).map(([kind, pattern]) => `(?<${kind}>${pattern})`),
  ].join("|"),
  "gu",
);
