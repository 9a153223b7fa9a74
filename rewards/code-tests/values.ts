/** JSON as the programs' side reads it: lists and objects headed by their tag. */
export function wireValue(value: unknown): unknown {
  if (Array.isArray(value)) return ["l", value.map(wireValue)];
  if (typeof value === "object" && value !== null) {
    return ["d", Object.entries(value).map(([key, item]) => [key, wireValue(item)])];
  }
  return value;
}

const MOST_LEVELS = 400;

const JAVASCRIPT_KINDS: ReadonlyMap<unknown, string> = new Map([
  ["f", "a function"],
  ["o", "an object"],
  ["p", "a promise"],
]);

/** A value that the other side wrote, which may be anything. What JSON has no word for becomes a text that says so. */
export function plainValue(wire: unknown, depth = 0): unknown {
  if (typeof wire !== "object" || wire === null) return wire ?? null;
  // Neither side writes an object, nor a value nested so deep.
  if (!Array.isArray(wire) || depth > MOST_LEVELS) return "(…)";
  const [tag, body] = wire as [unknown, unknown];
  const items = Array.isArray(body) ? (body as unknown[]) : [];
  const each = (): unknown[] => items.map((item) => plainValue(item, depth + 1));
  switch (tag) {
    case "l":
    case "t":
    case "q":
    case "y":
      return tag === "y" ? plainValue(["l", items[1]], depth + 1) : each();
    case "d":
    case "n":
    case "o":
      return Object.fromEntries(
        items.map((pair) => {
          const [key, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
          return [String(plainValue(key, depth + 1)), plainValue(value, depth + 1)];
        }),
      );
    case "i":
    case "f":
      return numberOf(typeof body === "string" ? body : "NaN");
    case "u":
      return null;
    case "s":
    case "z":
      return `(a set of ${items.length})`;
    case "h":
      // A handle: the object stays with the program.
      return `(${JAVASCRIPT_KINDS.get(wire[2]) ?? `an object of class ${short(wire[2])}`})`;
    default:
      return `(${short(tag)} ${short(body)})`;
  }
}

/** A text or a number as it is; of anything else only that it is there, since it may be of any size and depth. */
function short(part: unknown): string {
  return typeof part === "object" && part !== null ? "…" : String(part).slice(0, 100);
}

/** Python writes large integers as "-0x…". */
function numberOf(text: string): number {
  return text.startsWith("-0x")
    ? -Number(text.slice(1))
    : text === "inf"
      ? Infinity
      : text === "-inf"
        ? -Infinity
        : Number(text);
}
