import type { Group, JsonObject, Message } from "../src/core/types.ts";
import { kindOf, RowProblem } from "../src/store/input/row-problem.ts";
import type { RowReading } from "../src/store/input/row-values.ts";
import type { Fields } from "../src/store/input/source.ts";

/** A part of a row, or all of it, that became no group, and why. Never holds the data's text. */
export interface LeftOut {
  readonly why: string;
  readonly column?: string;
}

export interface ImportedRow {
  readonly groups: readonly Group[];
  readonly leftOut: readonly LeftOut[];
}

/** A response before it has an id. */
export interface ResponseDraft {
  readonly text: string;
  readonly model?: string;
  /** The existing ratings and flags: what the scorer `precomputed` reads. */
  readonly metadata: JsonObject;
}

/** A group before it has ids. */
export interface GroupDraft {
  readonly messages: readonly Message[];
  readonly reference?: string | null;
  readonly responses: readonly ResponseDraft[];
  readonly metadata: JsonObject;
  /** Parts of the row that are in no response. */
  readonly leftOut?: readonly LeftOut[];
}

/**
 * One published layout. One file per layout, and a line in `index.ts`.
 *
 * `rows` never throws for what a row holds: what cannot be used is in `leftOut`.
 */
export interface Importer {
  /** As on the command line: kebab-case. */
  readonly name: string;
  readonly title: string;
  /** Where the data is published. */
  readonly source: string;
  /** As its card states it. */
  readonly licence: string;
  /** Where the names of the columns were taken from. */
  readonly checked: string;
  /** Columns that a file of this layout has. */
  readonly columns: readonly string[];
  /** What each response's metadata then holds. */
  readonly ratings: readonly string[];
  /** Whether the data says which of two responses is preferred; groups then have `preferred` 1 and 0. */
  readonly preference: boolean;
  /** Rows that follow each other and have the same prompt are one group. */
  readonly joinsNeighbours: boolean;
  rows(row: Fields): ImportedRow;
}

export type ImporterDefinition = Omit<Importer, "joinsNeighbours" | "rows"> & {
  readonly joinsNeighbours?: boolean;
  /** Throws `RowProblem` for a row that cannot be used. */
  readonly read: (row: Fields, reading: RowReading) => GroupDraft;
};

/** Reads the texts of one row; lone surrogates become U+FFFD, as in all input. */
export function newReading(): RowReading {
  return { replaced: 0, imageParts: 0, textual: false };
}

/** Text that holds something. */
export function filledText(value: unknown, column: string): string {
  if (typeof value !== "string") {
    throw new RowProblem(`must be text and is ${kindOf(value)}.`, "correct the row.", column);
  }
  if (value.trim() === "") throw new RowProblem("is empty.", "correct the row.", column);
  return value.toWellFormed();
}

/** Text, or nothing where there is none or it is empty. */
export function textIfAny(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.toWellFormed() : undefined;
}

export function listOf(value: unknown, column: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new RowProblem(`must be a list and is ${kindOf(value)}.`, "correct the row.", column);
}

/** A number, also as text ("4", as UltraFeedback writes them) or as a 64-bit integer; null for what is none, as "N/A" and NaN. */
export function ratingOf(value: unknown): number | null {
  const text = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const number = typeof text === "bigint" ? Number(text) : text;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

/** A number that must be there. */
export function requiredRating(value: unknown, column: string): number {
  const rating = ratingOf(value);
  if (rating !== null) return rating;
  throw new RowProblem(`must be a number and is ${kindOf(value)}.`, "correct the row.", column);
}

/** One message from the user. */
export function userTurn(text: string): readonly Message[] {
  return [{ role: "user", content: text }];
}
