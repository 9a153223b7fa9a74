import { isPrefkitError } from "../core/errors.ts";
import type { RowProblemKind } from "./check-contracts.ts";
import type { TableName } from "./manifest.ts";

export type ProblemKind =
  | RowProblemKind
  | "bad_manifest"
  | "missing_file"
  | "extra_file"
  | "wrong_size"
  | "wrong_hash"
  | "unreadable_file"
  | "wrong_row_set"
  | "wrong_columns"
  | "wrong_row_count"
  | "bad_value"
  | "tables_disagree"
  | "wrong_summary";

/** One thing that is not as it was written, or not as the contract says. */
export interface DatasetProblem {
  readonly kind: ProblemKind;
  /** Relative to the dataset. */
  readonly file: string;
  /** From 0, within the file; null when the file as a whole is meant. */
  readonly row: number | null;
  readonly column: string | null;
  readonly problem: string;
}

/** All problems of one kind: how many, and the first of them. */
export interface ProblemCount {
  readonly kind: ProblemKind;
  readonly count: number;
  readonly examples: readonly DatasetProblem[];
}

export interface DatasetCheck {
  /** The directory or file, as given. */
  readonly path: string;
  /** unfinished: a run has begun here and has written no dataset yet. */
  readonly state: "sound" | "damaged" | "unfinished";
  /** Rows by table, as the files' footers say; a table without a readable file is absent. */
  readonly rows: Readonly<Partial<Record<TableName, number>>>;
  /** Files looked at. */
  readonly files: number;
  readonly problems: readonly ProblemCount[];
  /** What is no damage and worth knowing. */
  readonly notes: readonly string[];
}

/** How many problems of one kind are kept; all are counted. */
const MAX_EXAMPLES = 20;
export type Add = (problem: DatasetProblem) => void;

/** Counts problems by kind, in the order in which the kinds were met. */
export function gatherProblems(): { add: Add; build: () => ProblemCount[] } {
  const kinds = new Map<ProblemKind, { count: number; examples: DatasetProblem[] }>();
  return {
    add: (problem) => {
      const kind = kinds.get(problem.kind) ?? { count: 0, examples: [] };
      kind.count += 1;
      if (kind.examples.length < MAX_EXAMPLES) kind.examples.push(problem);
      kinds.set(problem.kind, kind);
    },
    build: () => [...kinds].map(([kind, found]) => ({ kind, ...found })),
  };
}

/** A file as a problem names it, and as the disk does. */
export interface FilePlace {
  readonly file: string;
  readonly path: string;
}

/** Turns damage and errors of the disk, met while a file is read, into a problem of that file. */
export async function collecting(
  { file, path }: FilePlace,
  add: Add,
  work: () => Promise<void>,
  kind: ProblemKind = "unreadable_file",
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    add(ofFile(kind, file, bareMessage(error.message, path)));
  }
}

/** What an error says, without the path that stands beside it and without what to do. */
function bareMessage(message: string, path: string): string {
  let text = message.split("\nFix:")[0] ?? "";
  while (text.startsWith(path)) text = text.slice(path.length).replace(/^[:,]? ?/, "");
  return text.replace(/\.$/, "");
}

export function ofFile(kind: ProblemKind, file: string, problem: string): DatasetProblem {
  return { kind, file, row: null, column: null, problem };
}
