/**
 * Whether a program's output is the expected one. Blanks at the ends of lines and blank lines at the end do not count,
 * nor does the kind of line end; everything else does, as blanks at the start of a line do. With a `tolerance` above 0,
 * words that are numbers on both sides are equal when |a − b| <= tolerance · max(1, |b|), b the expected one, and words
 * may be any number of blanks apart.
 */
export function sameOutput(output: string, expected: string, tolerance: number): boolean {
  const [got, wanted] = [trimmed(output), trimmed(expected)];
  if (got === wanted) return true;
  if (tolerance === 0) return false;
  const [gotLines, wantedLines] = [got.split("\n").map(words), wanted.split("\n").map(words)];
  return (
    gotLines.length === wantedLines.length &&
    gotLines.every((line, index) => {
      const other = wantedLines[index] ?? [];
      return (
        line.length === other.length &&
        line.every((word, place) => sameWord(word, other[place] ?? "", tolerance))
      );
    })
  );
}

/**
 * Whether a returned value is the expected one, both as JSON: lists and tuples by their elements, objects by their keys
 * in any order, numbers by value (1 is 1.0), within the tolerance. As in APPS, the expected value may stand in a list of
 * one.
 */
export function sameReturn(value: unknown, expected: unknown, tolerance: number): boolean {
  return (
    sameValue(value, expected, tolerance) ||
    (Array.isArray(expected) && expected.length === 1 && sameValue(value, expected[0], tolerance))
  );
}

function sameValue(value: unknown, expected: unknown, tolerance: number): boolean {
  if (typeof value === "number" && typeof expected === "number") return isClose(value, expected, tolerance);
  if (Array.isArray(value) && Array.isArray(expected)) {
    return (
      value.length === expected.length &&
      value.every((item, index) => sameValue(item, expected[index], tolerance))
    );
  }
  if (isObject(value) && isObject(expected)) {
    const keys = Object.keys(value);
    return (
      keys.length === Object.keys(expected).length &&
      keys.every((key) => Object.hasOwn(expected, key) && sameValue(value[key], expected[key], tolerance))
    );
  }
  return value === expected;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isClose(value: number, expected: number, tolerance: number): boolean {
  return value === expected || Math.abs(value - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

function trimmed(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trimEnd();
}

function words(line: string): string[] {
  return line.split(/\s+/).filter(Boolean);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function sameWord(word: string, expected: string, tolerance: number): boolean {
  if (word === expected) return true;
  return NUMBER.test(word) && NUMBER.test(expected) && isClose(Number(word), Number(expected), tolerance);
}
