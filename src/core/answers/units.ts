/** Units of measurement in their spellings; a line holds one kind of unit. Nothing is converted. */
const SPELLINGS = `
mm millimeter millimeters millimetre millimetres
cm centimeter centimeters centimetre centimetres
m meter meters metre metres
km kilometer kilometers kilometre kilometres kms
in inch inches
ft foot feet
yd yard yards yds
mi mile miles
mg milligram milligrams
g gram grams
kg kilogram kilograms kgs
lb lbs pound pounds
oz ounce ounces
ml milliliter milliliters
l liter liters litre litres
s sec secs second seconds
min mins minute minutes
h hr hrs hour hours
day days
week weeks
month months
year years yr yrs
mph
km/h kmh kph
m/s
am a.m. a.m
pm p.m. p.m
dollar dollars usd
cent cents
euro euros eur
degree degrees
radian radians rad
`;

const KINDS: ReadonlyMap<string, string> = new Map(
  SPELLINGS.trim()
    .split("\n")
    .flatMap((line) => {
      const spellings = line.split(" ");
      return spellings.map((spelling) => [spelling, spellings[0] ?? ""] as const);
    }),
);

const UNIT_AT_END =
  /(?:^|[\d\s})\]])(square |cubic |sq\.? )?([a-z]+(?:\.[a-z]\.?)?(?: ?\/ ?[a-z]+)?) ?(?:\^ ?\{? ?([23]) ?\}?|([²³]))?$/;

/** The unit of measurement at the end of an answer; null when there is none that is known. "5 square meters" -> "m2". */
export function unitOf(text: string): string | null {
  const match = UNIT_AT_END.exec(text.toLowerCase());
  if (match === null) return null;
  const [, dimension, written, power, raised] = match;
  const kind = KINDS.get((written ?? "").replaceAll(" ", ""));
  if (kind === undefined) return null;
  const exponent =
    dimension?.startsWith("c") || power === "3" || raised === "³"
      ? "3"
      : dimension || power || raised
        ? "2"
        : "";
  return `${kind}${exponent}`;
}

/** The currency of an answer: "€5", "\$5". A plain "$" may be a mark of mathematics and says nothing. */
export function currencyOf(raw: string): string | null {
  const sign = CURRENCY.exec(raw)?.[0].trim();
  return sign === undefined ? null : (CURRENCIES[sign] ?? sign);
}

/** A single "$" before a number is a currency too. */
const CURRENCY = /\\\$|[€£¥₹]|^(?:USD|EUR|GBP|CAD|AUD|INR|CNY|JPY)\b|^\$(?=\s*[\d.][^$]*$)/;
const CURRENCIES: Readonly<Record<string, string>> = {
  "\\$": "dollar",
  $: "dollar",
  USD: "dollar",
  "€": "euro",
  EUR: "euro",
  "£": "gbp",
  GBP: "gbp",
  "₹": "inr",
  INR: "inr",
};
