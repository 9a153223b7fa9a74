/** The value of JSON text; null for text that is none, where that is an answer and no fault. */
export function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The same where null is a value too: undefined for text that is no JSON. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What to add to "is not JSON": the parser's own words would show the text, which is anybody's. */
export function howBroken(error: unknown): string {
  return error instanceof Error && /end of JSON|Unterminated/.test(error.message)
    ? ": it ends too early"
    : "";
}
