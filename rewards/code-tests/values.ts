/** JSON as the programs' side reads it: lists and objects headed by their tag. */
export function wireValue(value: unknown): unknown {
  if (Array.isArray(value)) return ["l", value.map(wireValue)];
  if (typeof value === "object" && value !== null) {
    return ["d", Object.entries(value).map(([key, item]) => [key, wireValue(item)])];
  }
  return value;
}

/** A value that the other side wrote, which may be anything. What JSON has no word for becomes a text that says so. */
export function plainValue(wire: unknown, depth = 0): unknown {
  if (!Array.isArray(wire) || depth > 400) return wire ?? null;
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
      return Object.fromEntries(
        items.map((pair) => {
          const [key, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
          return [String(plainValue(key, depth + 1)), plainValue(value, depth + 1)];
        }),
      );
    case "i":
    case "f":
      return numberOf(String(body));
    case "u":
      return null;
    default:
      return `(${String(tag)} ${String(JSON.stringify(body)).slice(0, 100)})`;
  }
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
