import { END, type Token } from "./tokens.ts";
import { LIMITS } from "./tree.ts";

/** Thrown, and caught by `parseMath`, when a formula cannot be read. One instance: making a stack each time is dear. */
export const UNREADABLE = new Error("unreadable formula");
/** The same for what only a symbolic engine can read. */
export const BEYOND = new Error("beyond this reader");

/** A place in a list of tokens. */
export interface Cursor {
  readonly tokens: Token[];
  at: number;
  depth: number;
  /** Open absolute-value bars: a further bar closes. */
  bars: number;
  /** Sums and products read so far. */
  series: number;
  /** Units that were passed over. */
  units: number;
}

export function peek(cursor: Cursor, ahead = 0): Token {
  return cursor.tokens[cursor.at + ahead] ?? END;
}

export function isMark(cursor: Cursor, text: string, ahead = 0): boolean {
  const token = peek(cursor, ahead);
  return token.kind === "mark" && token.text === text;
}

export function isCommand(cursor: Cursor, text: string): boolean {
  const token = peek(cursor);
  return token.kind === "command" && token.text === text;
}

export function skipMark(cursor: Cursor, text: string): boolean {
  if (!isMark(cursor, text)) return false;
  cursor.at += 1;
  return true;
}

export function expectMark(cursor: Cursor, text: string): void {
  if (!skipMark(cursor, text)) throw UNREADABLE;
}

/** Reads one level deeper. Bars opened outside do not close inside brackets. */
export function deeper<T>(cursor: Cursor, read: (cursor: Cursor) => T, bars = 0): T {
  const outer = cursor.bars;
  cursor.depth += 1;
  if (cursor.depth > LIMITS.depth) throw UNREADABLE;
  cursor.bars = bars;
  const value = read(cursor);
  cursor.bars = outer;
  cursor.depth -= 1;
  return value;
}
