import { isAbsolute, relative, resolve, sep } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { ShardSlice } from "../annotate/journal.ts";
import type { RunOptions } from "../annotate/run.ts";
import { PrefkitError } from "../core/errors.ts";

/** The flags of every command that runs scorers. */
export interface RunFlags {
  readonly out?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly workers?: number;
  readonly acceptFailed?: boolean;
  readonly force?: boolean;
  readonly maxCost?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function withRunOptions(
  command: Command,
  out = "the output directory; default: the recipe's output.dir",
): Command {
  return command
    .option("--out <dir>", out)
    .option("--limit <n>", "only the first n groups", integer(1))
    .option("--concurrency <n>", "groups in flight at a time (default: 16)", integer(1))
    .option("--workers <n>", "threads for CPU-bound scorers (default: one per processor)", integer(1))
    .option("--accept-failed", "leave failed cells failed, and do not try them again")
    .option("--force", "start over in a directory that holds another run or other files")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout");
}

/** For commands that may call models. */
export function withModelOptions(command: Command): Command {
  return command
    .option(
      "--max-cost <amount>",
      "most money to spend, over all restarts, in the currency of the models' prices",
      decimal,
    )
    .option("--offline", "call no model: replies come from the cache alone");
}

export function runOptionsOf(flags: RunFlags, directory: string): RunOptions {
  return {
    ...(flags.out === undefined ? {} : { out: resolve(directory, flags.out) }),
    ...given(flags, ["limit", "concurrency", "workers", "acceptFailed", "force", "maxCost", "offline"]),
  };
}

/** The flags that were given, without those that were not. */
export function given<Flags extends object, Name extends keyof Flags>(
  flags: Flags,
  names: readonly Name[],
): { readonly [name in Name]?: Exclude<Flags[name], undefined> } {
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ) as { readonly [name in Name]?: Exclude<Flags[name], undefined> };
}

/** A temperature; none: send none at all, as some models refuse any. */
export function temperature(text: string): number | "none" {
  return text === "none" ? text : decimal(text);
}

/** A parser for whole numbers from a lower bound on. */
export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`got "${text}"; give a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A parser for numbers. */
export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new InvalidArgumentError(`got "${text}"; give a number.`);
  return value;
}

export function sliceOf(text: string | undefined): ShardSlice | null {
  if (text === undefined) return null;
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index >= count) {
    throw new PrefkitError(
      "bad_option",
      `--shard got "${text}".`,
      "write i/n with 0 <= i < n, as in --shard 0/4.",
    );
  }
  return { index, count };
}

/** A path given from one directory, as seen from another, with forward slashes, as recipes write it. */
export function fromDirectory(path: string, given: string, seenFrom: string): string {
  if (isAbsolute(path)) return path;
  return relative(seenFrom, resolve(given, path)).split(sep).join("/");
}
