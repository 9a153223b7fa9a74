import { jsonOrNull } from "../core/json.ts";
import type { Group, Json, JsonObject } from "../core/types.ts";
import type { ResponseMap } from "../store/input/types.ts";
import type { ResponsePair } from "./gold.ts";

/** How a file's rows become gold items. */
export interface Layout {
  /** Columns that may hold the id; the first that a file has is used. */
  readonly id: readonly string[];
  readonly prompt: string;
  /** Columns with the responses, given the names of all columns. */
  responses(columns: ReadonlySet<string>): readonly (string | ResponseMap)[];
  /** Columns that the labels are read from, given the names of all columns; those must be there. */
  labels(columns: ReadonlySet<string>): readonly string[];
  /** Columns that may name the subset; the first that a file has is used. */
  readonly subset: readonly string[];
  /** What the labels say of a row's responses. Returns a text, what is wrong and should be there, for a bad row. */
  read(group: Group, labels: JsonObject): GoldLabels | string;
}

export interface GoldLabels {
  readonly correct: readonly boolean[];
  readonly models?: readonly string[];
  readonly pairs?: readonly ResponsePair[];
}

/** Rows {prompt, chosen, rejected}: text, a message, or a list; told apart by their role, which scorers do not see. */
export const CHOSEN_REJECTED: Pick<Layout, "labels" | "prompt" | "read" | "responses"> = {
  prompt: "prompt",
  responses: () => [{ text: "chosen" }, { text: "rejected", baseline: true }],
  labels: () => [],
  read: ({ responses }) => {
    const correct = responses.map(({ role }) => role === "candidate");
    if (correct.includes(true) && correct.includes(false)) return { correct };
    return "chosen or rejected holds no response.";
  },
};

/** The same with exactly one response on either side. */
export const ONE_AGAINST_ONE: typeof CHOSEN_REJECTED = {
  ...CHOSEN_REJECTED,
  read: ({ responses }) =>
    responses.map(({ role }) => role).join() === "candidate,baseline"
      ? { correct: [true, false] }
      : "chosen and rejected are not one response each.",
};

/** A list of yes and no, one per response: booleans, 0 and 1, or JSON text of such a list (as CSV has it). */
export function flagsOf(value: Json | undefined, responses: number, column: string): GoldLabels | string {
  const list: unknown = typeof value === "string" ? jsonOrNull(value) : value;
  const flags = Array.isArray(list) ? list.map(flagOf) : [];
  if (flags.length !== responses) {
    return `${column} must be a list with one true or false for each of the ${responses} responses.`;
  }
  const correct = flags.filter((flag) => flag !== null);
  return correct.length === flags.length
    ? { correct }
    : `${column} holds something else than true, false, 0 and 1.`;
}

/** A list of pairs of places of responses, counted from 0, or JSON text of one. */
export function pairsOf(
  value: Json | undefined,
  responses: number,
  column: string,
): readonly ResponsePair[] | string {
  const list: unknown = typeof value === "string" ? jsonOrNull(value) : value;
  const isPlace = (place: unknown): place is number =>
    typeof place === "number" && Number.isInteger(place) && place >= 0 && place < responses;
  const isPair = (pair: unknown): pair is ResponsePair =>
    Array.isArray(pair) && pair.length === 2 && pair.every(isPlace);
  if (Array.isArray(list) && list.every(isPair)) return list;
  return `${column} must be a list of pairs of numbers from 0 to ${responses - 1}.`;
}

function flagOf(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  return value === 0 || value === 1 ? value === 1 : null;
}
