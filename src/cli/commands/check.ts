import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { readJournals, readPlan } from "../../annotate/journal.ts";
import { ioError, PrefkitError } from "../../core/errors.ts";
import { type Files, nodeFiles } from "../../core/files.ts";
import { checkDataset } from "../../store/check-dataset.ts";
import type { DatasetCheck, DatasetProblem } from "../../store/check-problems.ts";
import { checkTable } from "../../store/check-table.ts";
import { TABLES } from "../../store/manifest.ts";
import { EXPORT_FILE } from "../../trainers/export-manifest.ts";
import { type CheckExportFlags, checkExportWith } from "../check-export.ts";
import type { CommandSetup } from "../program.ts";
import { integer } from "../run-options.ts";
import { number, shortPath } from "../run-summary.ts";
import { visibleJson, visibleLine } from "../visible.ts";

export function checkCommand(setup: CommandSetup): Command {
  const { terminal, exit } = setup;
  return new Command("check")
    .description(
      "Check that a dataset is whole: its files, its rows, and what its tables say of each other. Of an export: that its trainer reads what is meant.",
    )
    .argument("<path>", "the directory of a dataset or of an export, or one Parquet file")
    .option(
      "--tokenizer <model>",
      "exports: render with this model's tokenizer and chat template (a folder or hub id)",
    )
    .option(
      "--max-length <tokens>",
      "exports: what is cut or dropped at this length (default: that of the config in the export)",
      integer(1),
    )
    .option("--limit <n>", "exports: how many rows of each problem are listed (default: 20)", integer(0))
    .option("--json", "print what was found as JSON on stdout")
    .addHelpText(
      "after",
      `
Exit codes: 0 sound; 1 damaged, or an export with problems; 2 no finished dataset is there. Rows are counted from 0 within a file.

Examples:
  $ prefkit check out
  $ prefkit check out --json
  $ prefkit check out/pairs/train-00000-of-00001.parquet
  $ prefkit check for-dpo --tokenizer ./my-model --max-length 1024`,
    )
    .action(async (given: string, flags: CheckExportFlags) => {
      const path = resolve(terminal.directory, given);
      const ofFile = await isFile(path);
      if (!ofFile && (await nodeFiles.exists(join(path, EXPORT_FILE)))) {
        return await checkExportWith(setup, path, flags);
      }
      refuseExportFlags(flags, given);
      const shows = terminal.isInteractive && !flags.json;
      const onFile = (file: string): void => {
        if (shows) terminal.err(pc.dim(`checking ${visibleLine(file)}`));
      };
      const check = ofFile
        ? await checkTable(nodeFiles, path)
        : await checkDataset(nodeFiles, path, { onFile });
      const shards = check.state === "unfinished" ? await shardsDone(nodeFiles, path) : null;
      if (flags.json) {
        terminal.out(visibleJson({ ok: check.state === "sound", ...check, ...(shards ? { shards } : {}) }));
      } else {
        for (const line of checkLines(check, shortPath(path, terminal.directory))) terminal.out(line);
        if (shards) terminal.out(`  ${shards.done} of ${shards.total} shards are scored`);
        const fix = fixFor(check);
        if (fix !== null) terminal.err(`Fix: ${fix}`);
      }
      exit({ sound: 0, damaged: 1, unfinished: 2 }[check.state]);
    });
}

/** What only an export can be asked for would be passed over in silence elsewhere. */
function refuseExportFlags({ tokenizer, maxLength, limit }: CheckExportFlags, given: string): void {
  if (tokenizer === undefined && maxLength === undefined && limit === undefined) return;
  throw new PrefkitError(
    "bad_option",
    `${given} holds no ${EXPORT_FILE}, and --tokenizer, --max-length and --limit are for exports.`,
    "name the directory of an export, or leave them out.",
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return path.endsWith(".parquet");
    throw ioError("look at", path, error);
  }
}

/** What a directory without a dataset has got so far; null when its plan is not there. */
async function shardsDone(files: Files, directory: string): Promise<{ done: number; total: number } | null> {
  const plan = await readPlan(files, directory);
  if (plan === null) return null;
  return { done: (await readJournals(files, directory)).size, total: plan.shards.length };
}

function checkLines(check: DatasetCheck, shown: string): string[] {
  const colour = { sound: pc.green, damaged: pc.red, unfinished: pc.yellow }[check.state];
  const tables = TABLES.flatMap((table) => {
    const rows = check.rows[table];
    return rows === undefined ? [] : [`${table} ${number(rows)}`];
  });
  const holds = tables.length === 0 ? "" : `  rows: ${tables.join(", ")}`;
  const lines = [`${pc.bold(visibleLine(shown, 300))}  ${colour(check.state)}${holds}`];
  for (const note of check.notes) lines.push(`  ${note}`);
  for (const { kind, count, examples } of check.problems) {
    lines.push(
      `  ${pc.bold(kind)}  ${number(count)}${count > examples.length ? `, the first ${examples.length}:` : ""}`,
    );
    for (const example of examples) lines.push(`    ${problemLine(example)}`);
  }
  return lines;
}

function problemLine({ file, row, column, problem }: DatasetProblem): string {
  const place = [file, ...(row === null ? [] : [`row ${row}`]), ...(column === null ? [] : [column])];
  return `${visibleLine(place.join(", "), 200)}: ${visibleLine(problem, 300)}`;
}

function fixFor({ state, problems }: DatasetCheck): string | null {
  if (state === "unfinished") return "run the same recipe with the same --out again: finished work is kept.";
  if (state === "sound") return null;
  return problems.every(({ kind }) => kind === "extra_file")
    ? "move the extra files out of the dataset."
    : "restore the files from a copy, or run the recipe again into another directory: paid scores come from the cache.";
}
