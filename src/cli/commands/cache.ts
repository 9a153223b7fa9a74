import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Argument, Command } from "commander";
import {
  type CachedScores,
  type CacheSummary,
  cacheDirectory,
  clearCache,
  readCache,
  summarizeCache,
} from "../../annotate/score-cache.ts";
import { PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import { exportReplies } from "../../models/recorded-replies.ts";
import { clearReplies, readReplies } from "../../models/reply-cache.ts";
import type { CommandSetup } from "../program.ts";
import { number, shortPath, size } from "../run-summary.ts";
import type { Terminal } from "../terminal.ts";
import { visibleJson, visibleLine } from "../visible.ts";

interface Flags {
  readonly scorer?: string;
  readonly replies?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const ACTIONS = ["stats", "list", "clear", "path", "export"] as const;
type Action = (typeof ACTIONS)[number];

export function cacheCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("cache")
    .description("Look at, export or clear the persistent cache of paid scores and of models' replies.")
    .addArgument(new Argument("[action]", "what to do").choices(ACTIONS).default("stats"))
    .argument("[file]", "with export: the JSON Lines file to write, one entry per line")
    .option("--scorer <name>", "only entries of this scorer")
    .option("--replies", "the replies of models instead of scores")
    .option("--yes", "with clear: remove the entries, which costs money to make again")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText(
      "after",
      `
The cache lives in PREFKIT_CACHE_DIR, else XDG_CACHE_HOME/prefkit, else ~/.cache/prefkit. Scores that
cost nothing are not in it. An entry holds the scores of one scorer for one group; or, with --replies,
one reply of a model. Exported replies are played back by the provider "recorded".

Examples:
  $ prefkit cache
  $ prefkit cache list --scorer my-judge
  $ prefkit cache export scores.jsonl
  $ prefkit cache export replies.jsonl --replies
  $ prefkit cache clear --scorer my-judge --yes`,
    )
    .action(async (action: Action, file: string | undefined, flags: Flags) => {
      const directory = cacheDirectory(terminal.environment);
      if ((file === undefined) === (action === "export")) {
        throw new PrefkitError(
          "bad_option",
          file === undefined ? "cache export got no file." : `cache ${action} got a file, ${file}.`,
          "write `prefkit cache export FILE`; only export takes a file.",
        );
      }
      if (flags.replies && flags.scorer !== undefined) {
        throw new PrefkitError("bad_option", "cache got --replies and --scorer.", "give one of them.");
      }
      switch (action) {
        case "path":
          terminal.out(flags.json ? visibleJson({ ok: true, directory }) : directory);
          break;
        case "stats":
          if (flags.replies) await printReplies(terminal, directory, flags);
          else printSummary(terminal, only(await summary(directory), flags.scorer), flags);
          break;
        case "list":
          await list(terminal, directory, flags);
          break;
        case "clear":
          await clear(terminal, directory, flags);
          break;
        case "export":
          await exportTo(terminal, directory, resolve(terminal.directory, file ?? ""), flags);
          break;
      }
      exit(0);
    });
}

/** Looking at a cache that nothing was ever kept in does not make one. */
async function summary(directory: string): Promise<CacheSummary> {
  if (!existsSync(directory)) return { directory, entries: 0, bytes: 0, scorers: {} };
  return summarizeCache(directory);
}

function only(
  all: CacheSummary,
  scorer: string | undefined,
): Omit<CacheSummary, "bytes"> & { readonly bytes?: number } {
  if (scorer === undefined) return all;
  const entries = all.scorers[scorer] ?? 0;
  // Sizes are kept for the cache as a whole.
  return { directory: all.directory, entries, scorers: { [scorer]: entries } };
}

function printSummary(terminal: Terminal, found: ReturnType<typeof only>, { json }: Flags): void {
  if (json) {
    terminal.out(visibleJson({ ok: true, ...found }));
    return;
  }
  const bytes = found.bytes === undefined ? "" : `, ${size(found.bytes)}`;
  terminal.out(`${found.directory}  ${number(found.entries)} entries${bytes}`);
  const scorers = Object.entries(found.scorers).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [scorer, entries] of scorers) terminal.out(`  ${visibleLine(scorer)}  ${number(entries)}`);
}

async function* entriesOf(
  directory: string,
  scorer: string | undefined,
): AsyncGenerator<{ key: string } & CachedScores> {
  if (!existsSync(directory)) return;
  for await (const entry of readCache(directory))
    if (scorer === undefined || entry.scorer === scorer) yield entry;
}

async function countReplies(directory: string): Promise<number> {
  let entries = 0;
  if (existsSync(directory)) for await (const _entry of readReplies(directory)) entries += 1;
  return entries;
}

async function printReplies(terminal: Terminal, directory: string, { json }: Flags): Promise<void> {
  const entries = await countReplies(directory);
  terminal.out(
    json ? visibleJson({ ok: true, directory, entries }) : `${directory}  ${number(entries)} replies`,
  );
}

async function listReplies(terminal: Terminal, directory: string, { json }: Flags): Promise<void> {
  if (json) terminal.out(`{"ok":true,"directory":${JSON.stringify(directory)},"entries":[`);
  let first = true;
  if (existsSync(directory)) {
    for await (const { key, usage } of readReplies(directory)) {
      const { promptTokens, outputTokens } = usage;
      if (json) terminal.out(`${first ? "" : ","}${visibleJson({ key, promptTokens, outputTokens })}`);
      else terminal.out(`${key}  ${promptTokens ?? "?"} tokens in, ${outputTokens ?? "?"} out`);
      first = false;
    }
  }
  if (json) terminal.out("]}");
  else if (first) terminal.err("The cache has no replies.");
}

async function list(terminal: Terminal, directory: string, { scorer, json, replies }: Flags): Promise<void> {
  if (replies) return listReplies(terminal, directory, { ...(json === undefined ? {} : { json }) });
  // One JSON object, printed as it is read: a cache may be larger than memory.
  if (json) terminal.out(`{"ok":true,"directory":${JSON.stringify(directory)},"entries":[`);
  let first = true;
  for await (const { key, scorer: name, promptId, scores } of entriesOf(directory, scorer)) {
    if (json)
      terminal.out(
        `${first ? "" : ","}${visibleJson({ key, scorer: name, promptId, scores: scores.length })}`,
      );
    else terminal.out(`${key}  ${visibleLine(name)}  ${visibleLine(promptId)}  ${scores.length} scores`);
    first = false;
  }
  if (json) terminal.out("]}");
  else if (first) terminal.err("The cache has no such entries.");
}

async function clear(
  terminal: Terminal,
  directory: string,
  { scorer, yes, json, replies }: Flags,
): Promise<void> {
  const entries = replies ? await countReplies(directory) : only(await summary(directory), scorer).entries;
  if (entries > 0 && !yes) {
    throw new PrefkitError(
      "bad_option",
      `cache clear would remove ${number(entries)} paid ${replies ? "replies" : "entries"}${scorer === undefined ? "" : ` of ${scorer}`}.`,
      `give --yes to remove them; \`prefkit cache export FILE${replies ? " --replies" : ""}${scorer === undefined ? "" : ` --scorer ${visibleLine(scorer)}`}\` keeps a copy.`,
    );
  }
  const removed =
    entries === 0 ? 0 : replies ? await clearReplies(directory) : await clearCache(directory, scorer);
  terminal.out(json ? visibleJson({ ok: true, directory, removed }) : `removed ${number(removed)} entries`);
}

async function exportTo(
  terminal: Terminal,
  directory: string,
  path: string,
  { scorer, json, replies }: Flags,
): Promise<void> {
  if (await nodeFiles.exists(path)) {
    throw new PrefkitError("bad_option", `cache export got ${path}, which exists.`, "choose another name.");
  }
  const temporary = join(dirname(path), `.prefkit-cache.${process.pid}.tmp`);
  const writer = await nodeFiles.create(temporary);
  let entries = 0;
  try {
    for await (const line of replies ? replyLines(directory) : scoreLines(directory, scorer)) {
      await writer.write(line);
      entries += 1;
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    await nodeFiles.remove(temporary);
    throw error;
  }
  await nodeFiles.rename(temporary, path);
  const shown = shortPath(path, terminal.directory);
  terminal.out(
    json ? visibleJson({ ok: true, file: path, entries }) : `${number(entries)} entries written to ${shown}`,
  );
}

async function* scoreLines(directory: string, scorer: string | undefined): AsyncGenerator<string> {
  for await (const entry of entriesOf(directory, scorer)) yield `${JSON.stringify(entry)}\n`;
}

async function* replyLines(directory: string): AsyncGenerator<string> {
  if (existsSync(directory)) yield* exportReplies(readReplies(directory));
}
