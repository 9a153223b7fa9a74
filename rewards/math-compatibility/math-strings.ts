/**
 * `is_equiv` of the MATH code: equal after `strip_string`. Where that raises for either text, the reference swallows the error and
 * compares the texts as they are; `isRaw` says that this happened.
 *
 *   "\frac12" and "1/2" -> equal        "0.50" and "\frac12" -> not equal        "2,500" and "2500" -> not equal
 */
export function isEquivalent(
  one: string,
  other: string,
): { readonly equal: boolean; readonly isRaw: boolean } {
  const [first, second] = [stripString(one), stripString(other)];
  if (first === null || second === null) return { equal: one === other, isRaw: true };
  return { equal: first === second, isRaw: false };
}

/** `strip_string`, step by step in its order; null where it raises. */
export function stripString(given: string): string | null {
  let text = given
    .replaceAll("\n", "")
    .replaceAll("\\!", "")
    .replaceAll("\\\\", "\\")
    .replaceAll("tfrac", "frac")
    .replaceAll("dfrac", "frac")
    .replaceAll("\\left", "")
    .replaceAll("\\right", "")
    .replaceAll("^{\\circ}", "")
    .replaceAll("^\\circ", "")
    .replaceAll("\\$", "");
  const [beforeUnits = "", ...units] = text.split("\\text{ ");
  if (units.length > 1) return null; // an assertion there
  text = beforeUnits
    .replaceAll("\\\\%", "")
    .replaceAll("\\%", "")
    .replaceAll(" .", " 0.")
    .replaceAll("{.", "{0.");
  if (text === "") return text;
  if (text.startsWith(".")) text = `0${text}`;
  const [left = "", right, ...more] = text.split("=");
  if (right !== undefined && more.length === 0 && [...left.slice(0, 5)].length <= 2) text = right;
  const rooted = withBracedRoots(text);
  const fractioned = rooted === null ? null : withBracedFractions(rooted.replaceAll(" ", ""));
  if (fractioned === null) return null;
  return slashFraction(fractioned === "0.5" ? "\\frac{1}{2}" : fractioned);
}

/** `fix_sqrt`: "\sqrt3" -> "\sqrt{3}". Raises on a "\sqrt" with nothing behind it. */
function withBracedRoots(text: string): string | null {
  const [head = "", ...tails] = text.split("\\sqrt");
  const fixed = tails.map((tail) => {
    if (tail.startsWith("{")) return `\\sqrt${tail}`;
    const first = firstCharacter(tail);
    return `\\sqrt{${first}}${tail.slice(first.length)}`;
  });
  return tails.includes("") ? null : head + fixed.join("");
}

/** `fix_fracs`: "\frac12" -> "\frac{1}{2}", "\frac1{72}" -> "\frac{1}{72}". Raises on a "\frac" with nothing behind it. */
function withBracedFractions(text: string): string | null {
  const [head = "", ...tails] = text.split("\\frac");
  let fixed = head;
  for (const tail of tails) {
    if (tail === "") return null;
    if (tail.startsWith("{")) {
      fixed += `\\frac${tail}`;
      continue;
    }
    const above = firstCharacter(tail);
    const below = firstCharacter(tail.slice(above.length));
    if (below === "") return text; // too short: the whole text stays as it was
    const rest = tail.slice(above.length + below.length);
    fixed += below === "{" ? `\\frac{${above}}{${rest}` : `\\frac{${above}}{${below}}${rest}`;
  }
  return fixed;
}

/** As Python indexes: a whole code point. */
function firstCharacter(text: string): string {
  const code = text.codePointAt(0);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** `fix_a_slash_b`: two integers as Python prints them; Python converts no more than 4,300 digits. */
function slashFraction(text: string): string {
  const [, above, below] = /^(-?[1-9]\d{0,4299}|0)\/(-?[1-9]\d{0,4299}|0)$/.exec(text) ?? [];
  return above === undefined || below === undefined ? text : `\\frac{${above}}{${below}}`;
}
