/** A number as it was written: exact, with what stood around it. */
export interface WrittenNumber {
  readonly numerator: bigint;
  /** Always positive. */
  readonly denominator: bigint;
  /** Written with a percent sign; the fraction above is what stood before it (28% is 28/1). */
  readonly percent: boolean;
  /** The words behind the number, in lower case; "" when there are none. They are kept apart, never converted. */
  readonly unit: string;
}

/** Larger exponents are not expanded: 1e999999999 would fill the memory. */
const MAX_EXPONENT = 400;

const DECIMAL = String.raw`(?:(?:\d{1,3}(?:[, ]\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)`;
const LATEX_FRACTION = new RegExp(
  String.raw`^(?:(\d+) *)?\\frac *(?:\{ *(-?${DECIMAL}) *\}|(\d)) *(?:\{ *(-?${DECIMAL}) *\}|(\d))`,
);
const SLASH_FRACTION = new RegExp(String.raw`^(?:(\d+) +)?(${DECIMAL}) *\/ *(${DECIMAL})(?! *\/)`);
const SCIENTIFIC = new RegExp(
  String.raw`^(${DECIMAL})(?:[eE]([+-]?\d+)| *(?:[xX×*]|\\times|\\cdot) *10 *\^ *(?:\{ *([+-]?\d+) *\}|([+-]?\d+)))`,
);
const PLAIN = new RegExp(`^${DECIMAL}`);

interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * Reads a text that is one number and nothing else but a unit: "1,234", "-3.50", "1/2", "1 1/2", "\frac{1}{2}",
 * "2.5e3", "2.5 \times 10^{3}", "28%", "5 million", "twenty-five", "18 eggs per day". Expects normalised text
 * (`normaliseAnswer`), at most a thousand characters or so.
 *
 * Null for anything else, above all for formulas: a number is never lifted out of "9 + x", "5x" or "3\sqrt{2}".
 */
export function readNumber(text: string): WrittenNumber | null {
  const signed = /^([+-]?) *(.*)$/s.exec(wordsToDigits(text));
  const body = signed?.[2] ?? "";
  const head = readHead(body);
  if (head === null) return null;
  const tail = readTail(body.slice(head.length));
  if (tail === null) return null;
  const magnitude = head.value.numerator * 10n ** tail.power;
  return {
    numerator: signed?.[1] === "-" ? -magnitude : magnitude,
    denominator: head.value.denominator,
    percent: tail.percent,
    unit: tail.unit,
  };
}

function readHead(text: string): { readonly value: Fraction; readonly length: number } | null {
  const fraction = LATEX_FRACTION.exec(text);
  if (fraction) {
    const [all, whole, above, aboveDigit, below, belowDigit] = fraction;
    return headOf(quotient(whole, above ?? aboveDigit, below ?? belowDigit), all);
  }
  const slash = SLASH_FRACTION.exec(text);
  if (slash) return headOf(quotient(slash[1], slash[2], slash[3]), slash[0]);
  const scientific = SCIENTIFIC.exec(text);
  if (scientific) {
    const [all, mantissa, plain, braced, bare] = scientific;
    return headOf(scaled(mantissa ?? "", plain ?? braced ?? bare ?? ""), all);
  }
  const [decimal] = PLAIN.exec(text) ?? [];
  return decimal === undefined ? null : headOf(fractionOf(decimal), decimal);
}

function headOf(value: Fraction | null, written: string) {
  return value === null ? null : { value, length: written.length };
}

/** "-1,234.50" -> -123450 / 100. */
function fractionOf(decimal: string): Fraction {
  const [whole = "", places = ""] = decimal.replace(/[, ]/g, "").split(".");
  return { numerator: BigInt(`${whole}${places}` || "0"), denominator: 10n ** BigInt(places.length) };
}

/** A mixed number when `whole` is given; null when the denominator is zero. */
function quotient(whole = "0", above = "", below = ""): Fraction | null {
  const [top, bottom] = [fractionOf(above), fractionOf(below)];
  if (bottom.numerator === 0n) return null;
  const sign = bottom.numerator < 0n ? -1n : 1n;
  const denominator = sign * top.denominator * bottom.numerator;
  return { numerator: sign * top.numerator * bottom.denominator + BigInt(whole) * denominator, denominator };
}

function scaled(mantissa: string, exponent: string): Fraction | null {
  if (exponent.length > 5 || Math.abs(Number(exponent)) > MAX_EXPONENT) return null;
  const { numerator, denominator } = fractionOf(mantissa);
  const power = 10n ** BigInt(Math.abs(Number(exponent)));
  return Number(exponent) >= 0
    ? { numerator: numerator * power, denominator }
    : { numerator, denominator: denominator * power };
}

const SCALES: Readonly<Record<string, bigint>> = { thousand: 3n, million: 6n, billion: 9n, trillion: 12n };

/** What may follow the number: a scale, a percent sign, a unit. Null when it is something else. */
function readTail(
  text: string,
): { readonly power: bigint; readonly percent: boolean; readonly unit: string } | null {
  const [, scale, percent, rest = ""] =
    /^(?: *(thousand|million|billion|trillion)\b)?( *(?:%|percent\b|percentage\b|pct\b))?(.*)$/is.exec(
      text,
    ) ?? [];
  if (!isUnit(rest)) return null;
  return {
    power: SCALES[scale?.toLowerCase() ?? ""] ?? 0n,
    percent: percent !== undefined,
    unit: rest.trim().toLowerCase(),
  };
}

/** Units that are written right behind the digits; a single letter there is a variable, as in 5x. */
const GLUED_UNIT =
  /^(?:mm|cm|km|kg|mg|ml|lbs?|oz|ft|hrs?|mins?|mph|am|pm|m\/s|km\/h)(?:\^?\{?[23]\}?|[²³])?$/i;
/** "$18/day"; any other "/x" is a division. */
const RATE = /^\/(?:second|minute|hour|hr|day|night|week|month|year|person|child|student|mile)s?$/i;
const UNIT_WORD = /^\p{L}[\p{L}'’-]*(?:\^?\{?[23]\}?|[²³])?$/u;
const SHORT_UNIT_WORDS = wordSet("m g s h l an at by in of on mm cm km kg mg ml lb oz ft yd mi hr am pm");
/** Words that make another number of the one before them. */
const VALUE_WORDS = wordSet(
  `and plus minus times over mod root roots sqrt squared cubed factorial choose divided multiplied point
   half halves third thirds quarter quarters fifths tenths hundredths hundred hundreds dozen dozens
   not than more less fewer least most`,
);

function isUnit(text: string): boolean {
  if (text === "") return true;
  if (!text.startsWith(" ")) return GLUED_UNIT.test(text) || RATE.test(text);
  return text
    .trim()
    .split(/[ /]+/)
    .every((written) => {
      const word = written.toLowerCase().replace(/[\^{}23²³]+$/, "");
      if (!UNIT_WORD.test(written) || changesValue(word)) return false;
      return word.length >= 3 || SHORT_UNIT_WORDS.has(word);
    });
}

function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/));
}

const SMALL =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const NUMBER_WORD = new RegExp(
  `^(-? *)(?:(${TENS.join("|")})(?:[- ](?=(?:${SMALL.slice(1, 10).join("|")})\\b))?)?(${SMALL.join("|")})?\\b`,
  "i",
);

/** "twenty-five apples" -> "25 apples"; only from zero to ninety-nine, only at the start. */
function wordsToDigits(text: string): string {
  return text.replace(NUMBER_WORD, (all, sign: string, tens?: string, small?: string) => {
    if (tens === undefined && small === undefined) return all;
    const value =
      (tens ? 10 * (TENS.indexOf(tens.toLowerCase()) + 2) : 0) +
      (small ? SMALL.indexOf(small.toLowerCase()) : 0);
    return `${sign}${value}`;
  });
}

/** Whether any word of the text names a number that `readNumber` may not have understood. */
export function mentionsNumberWord(text: string): boolean {
  return text
    .toLowerCase()
    .split(/[^a-z]+/)
    .some(
      (word) =>
        SMALL.includes(word) || TENS.includes(word) || VALUE_WORDS.has(word) || Object.hasOwn(SCALES, word),
    );
}

/** More words that make another number of the one before them: scales, and parts such as "eighths" and "billionths". */
const SCALE_WORD =
  /^(?:(?:ten|thousand|[mbtr]illion|quadrillion|quintillion|sextillion|septillion)s|(?:quadr|quint|sext|sept)illion|lakhs?|lacs?|crores?|mill?|mln|mio|bn|bil|tn|grand|gross|score|couples?|permille?s?|promille|ppm|ppb|ppt|bps|doubled?|tripled?|quadrupled?|halved|twice|thrice|fold|twofold|threefold|tenfold|(?:fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ieth|hundredth|(?:thous|mill|bill|trill)(?:and|ion)th)s?)$/;

/** Words that deny a number, hedge it or set another one beside it. */
const DENIAL =
  /^(?:no|nor|not|none|never|cannot|is|are|was|were|if|but|or|versus|vs|unless|except|wrong|incorrect|false|wait|hmm+|um+|uh+|oops|sorry|maybe|perhaps|possibly|probably|alternatively|actually|rather|instead|either|neither|otherwise|else|remainder|base|radix|mod|modulo)$/;

/**
 * Whether words behind a number are no unit: they name another number, scale this one, or deny it ("dozen", "or thirteen",
 * "isn't", "remainder one", "base three", "13 also possible").
 */
export function changesValue(words: string): boolean {
  if (/(?<!\p{L})\d/u.test(words) || /n['’]t\b/i.test(words) || mentionsNumberWord(words)) return true;
  return words
    .toLowerCase()
    .split(/[^a-z]+/)
    .some((word) => SCALE_WORD.test(word) || DENIAL.test(word));
}

export interface NumberComparison {
  /** Largest accepted |given − gold| / |gold|; 0 demands equality. */
  readonly tolerance: number;
  /** `distinct`: 28% is 0.28 and not 28. `ignore`: 28% is also 28. */
  readonly percent: "distinct" | "ignore";
}

/** Compares two numbers exactly, as fractions of integers: 0.5 is 1/2, and 0.333 is not 1/3. */
export function sameNumber(gold: WrittenNumber, given: WrittenNumber, options: NumberComparison): boolean {
  if (isNear(plainValue(gold), plainValue(given), options.tolerance)) return true;
  return (
    options.percent === "ignore" && gold.percent !== given.percent && isNear(gold, given, options.tolerance)
  );
}

function plainValue({ numerator, denominator, percent }: WrittenNumber): Fraction {
  return { numerator, denominator: percent ? denominator * 100n : denominator };
}

export function isNear(gold: Fraction, given: Fraction, tolerance: number): boolean {
  const scaledGold = gold.numerator * given.denominator;
  const distance = magnitude(given.numerator * gold.denominator - scaledGold);
  if (tolerance === 0 || distance === 0n) return distance === 0n;
  const { numerator, denominator } = readNumber(String(tolerance)) ?? { numerator: 0n, denominator: 1n };
  return distance * denominator <= magnitude(scaledGold) * numerator;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
