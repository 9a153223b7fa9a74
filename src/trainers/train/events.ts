import type { JsonObject } from "../../core/types.ts";

/** What prefkit_train.py puts in front of a line that is meant for us. */
export const MARK = "@prefkit ";

/** What the training process tells of itself; see the docstring of prefkit_train.py. */
export type TrainEvent =
  | {
      readonly event: "start";
      readonly versions: Readonly<Record<string, string | null>>;
      readonly processes: number;
      /** "cpu", or the GPU's name. */
      readonly device: string;
      /** Rows given, and those that the trainer keeps. */
      readonly rows: number;
      readonly kept: number;
      /** Rows whose prompt and response are longer than the trainer takes; null where it was not counted. */
      readonly truncated: number | null;
    }
  | TrainLog
  | { readonly event: "summary"; readonly metrics: Metrics }
  | { readonly event: "refused"; readonly code: string; readonly problem: string; readonly fix: string }
  | { readonly event: "end"; readonly kind: "done" | "stopped"; readonly step: number; readonly of: number };

/** Numbers by TRL's own names; null stands for NaN and infinities. */
export type Metrics = Readonly<Record<string, number | null>>;

export interface TrainLog {
  readonly event: "log";
  readonly step: number;
  readonly of: number;
  readonly epoch: number | null;
  /** Since the training loop began, in this process. */
  readonly seconds: number;
  readonly metrics: Metrics;
  /** The metrics that were NaN or infinite. */
  readonly not_finite: readonly string[];
}

const KINDS: readonly string[] = ["start", "log", "summary", "refused", "end"];

/** The event of a line, or null for the libraries' own talk. A marked line that is broken is talk too. */
export function eventOf(line: string): TrainEvent | null {
  if (!line.startsWith(MARK)) return null;
  try {
    const parsed = JSON.parse(line.slice(MARK.length)) as JsonObject | null;
    return KINDS.includes(String(parsed?.event)) ? (parsed as unknown as TrainEvent) : null;
  } catch {
    return null;
  }
}

/** The versions that `--versions` prints; null when the output has none. */
export function versionsOf(stdout: string): Readonly<Record<string, string | null>> | null {
  const line = stdout.split("\n").find((text) => text.startsWith(MARK));
  if (line === undefined) return null;
  try {
    return JSON.parse(line.slice(MARK.length)) as Readonly<Record<string, string | null>>;
  } catch {
    return null;
  }
}

/** Cuts a stream of bytes into lines, whatever the pieces it comes in; a last line without an end counts. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? "";
    yield* parts;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
