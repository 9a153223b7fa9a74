import type { ErrorPlace } from "../../core/errors.ts";
import type { Group } from "../../core/types.ts";

export type InputFormat = "jsonl" | "json" | "csv" | "parquet" | "arrow";

/** What to read, and how a row becomes a group. */
export interface InputSpec {
  /** Files or globs, resolved from the base directory; read in the order given, each glob's matches sorted by name. */
  readonly path: string | readonly string[];
  /** Taken from the file's extension when absent. */
  readonly format?: InputFormat | undefined;
  readonly map?: FieldMap | undefined;
  /** Path of the key that rows of one group share: one response (or a few) per row. */
  readonly groupBy?: string | undefined;
  /** Rows of one group stand next to each other, so that grouping can stream. Only with `groupBy`. */
  readonly sorted?: boolean | undefined;
  /** What the caller does with bad rows. Reading yields them either way. */
  readonly onBadRow?: "fail" | "skip" | undefined;
  /** Memory for the grouping index, in MiB; default 1024. Only with `groupBy` without `sorted`. */
  readonly memoryLimitMb?: number | undefined;
}

/**
 * Where each field of a group is found in a row. Values are dotted paths: `answer`, `small.solution`, `messages.0.content`;
 * `*` stands for every element of a list (`completions.*.text`). A column whose own name has dots is found first.
 * Fields that are not named are looked for under their default names (see `docs/input.md`).
 */
export interface FieldMap {
  readonly id?: string | undefined;
  readonly prompt?: string | undefined;
  readonly reference?: string | undefined;
  readonly responses?: string | readonly (string | ResponseMap)[] | ResponseMap | undefined;
  readonly tools?: string | undefined;
  readonly images?: string | undefined;
  readonly sibling?: string | undefined;
  /** A list keeps each value under its path as written; a record names them. */
  readonly metadata?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Keep `tool_calls`, `tool_call_id` and `name` of messages. Without it a message that has them makes a bad row. */
  readonly toolMessages?: boolean | undefined;
}

/** Where the fields of one response are found in a row. All but `metadata` and `baseline` are paths. */
export interface ResponseMap {
  readonly text: string;
  readonly reasoning?: string | undefined;
  readonly role?: string | undefined;
  readonly model?: string | undefined;
  readonly finishReason?: string | undefined;
  readonly tokenCount?: string | undefined;
  readonly sumLogprob?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | readonly string[] | undefined;
  /** These responses are baselines: scored and referred to, never paired. */
  readonly baseline?: boolean | undefined;
}

/** Where reading can start again. Opaque: only what `read` gave may be given back. */
export interface Position {
  /** Index into `Input.files`. */
  readonly file: number;
  /** Byte offset or row number, by format. */
  readonly at: number;
}

export interface InputFile {
  /** Relative to the base directory, with `/`. */
  readonly path: string;
  readonly bytes: number;
}

export interface GroupRow {
  readonly kind: "group";
  readonly group: Group;
  /** With `groupBy`: the place of the group's first row. */
  readonly place: ErrorPlace;
  readonly position: Position;
  /** How many lone surrogates were replaced by U+FFFD in this group's texts. */
  readonly replacedSurrogates: number;
}

export interface BadRow {
  readonly kind: "bad";
  readonly problem: string;
  readonly fix: string;
  readonly place: ErrorPlace;
}

export type InputRow = GroupRow | BadRow;

export interface Input {
  readonly files: readonly InputFile[];
  /** Which optional columns the mapping fills. */
  readonly extras: { readonly tools: boolean; readonly images: boolean; readonly toolMessages: boolean };
  /** Whether `read(start)` goes straight to the start; else it reads over everything before it. */
  readonly seeks: boolean;
  /** Rows in input order, in batches of at most 256, pulled lazily. The same start gives the same rows. */
  read(start?: Position): AsyncGenerator<readonly InputRow[]>;
  /** sha256 (hex) over the files' sizes and contents, in order. Where they lie and how they are called does not matter. */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}
