import { resolve } from "node:path";
import { Command } from "commander";
import { type ImportSummary, importFiles, type LeftOutReason } from "../../../datasets/import-files.ts";
import type { Importer } from "../../../datasets/importer.ts";
import { importerNamed, importers } from "../../../datasets/index.ts";
import { nodeFiles } from "../../core/files.ts";
import type { CommandSetup } from "../program.ts";
import { integer } from "../run-options.ts";
import { number, shortPath } from "../run-summary.ts";
import { exitCodes, listenForSignals } from "../signals.ts";
import { stageProgress } from "../stage-progress.ts";
import { visibleJson, visibleLine } from "../visible.ts";

interface Flags {
  readonly out: string;
  readonly limit?: number;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
The groups have the fields that a recipe looks for when nothing is mapped; existing ratings are in each response's
metadata, for the scorer precomputed. What cannot be used is left out and counted, by reason.

Examples:
  $ prefkit import helpsteer2 train.jsonl.gz --out groups.jsonl
  $ prefkit import hh-rlhf "helpful-*/train.jsonl.gz" --out helpful.parquet
  $ prefkit eval helpful.parquet --preset groups --scorer repetition-penalty`;

export function importCommand(setup: CommandSetup): Command {
  const names = importers.map(({ name, title }) => `  ${name.padEnd(26)}${title}`);
  return new Command("import")
    .description("Turn a published dataset into groups, with its ratings, to score and pair anew.")
    .argument("<layout>", "the layout of the files: one of those below")
    .argument("<files...>", "files or globs: jsonl(.gz), json, csv, parquet, arrow")
    .requiredOption("--out <file>", "the file to write: .jsonl or .parquet")
    .option("--limit <n>", "only the first n groups", integer(1))
    .option("--force", "replace the file when it exists")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText("after", `\nLayouts:\n${names.join("\n")}\n${EXAMPLES}`)
    .action((layout: string, from: string[], flags: Flags) => importWith(setup, layout, from, flags));
}

async function importWith(
  { terminal, exit }: CommandSetup,
  layout: string,
  from: readonly string[],
  flags: Flags,
): Promise<void> {
  const importer = importerNamed(layout);
  const out = resolve(terminal.directory, flags.out);
  const note = (text: string): void => {
    if (!flags.quiet) terminal.err(text);
  };
  const progress = stageProgress(note, { Importing: "Importing, rows read" });
  const signals = listenForSignals((name) => note(`${name}: stopping.`));
  try {
    const made = await importFiles({
      files: nodeFiles,
      importer,
      from,
      baseDirectory: resolve(terminal.directory),
      out,
      force: flags.force ?? false,
      stop: signals.stop,
      onProgress: (rows) => progress("Importing", rows, null),
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    });
    if (made === null) {
      terminal.err("Stopped; nothing was written.");
      return exit(exitCodes(signals.received()));
    }
    if (flags.json) terminal.out(visibleJson({ ok: true, layout, out, licence: importer.licence, ...made }));
    else for (const line of linesOf(importer, made, shortPath(out, terminal.directory))) terminal.out(line);
  } finally {
    signals.close();
  }
}

function linesOf(importer: Importer, made: ImportSummary, shown: string): string[] {
  const left = made.leftOut === 0 ? "nothing left out" : `${number(made.leftOut)} left out`;
  return [
    `${visibleLine(shown, 300)}  ${number(made.groups)} groups, ${number(made.responses)} responses from ${number(made.rows)} rows; ${left}`,
    ...made.reasons.map(reasonLine),
    `  ratings in the responses' metadata: ${importer.ratings.join(", ")}`,
    `  licence: ${importer.licence}; see ${importer.source}`,
  ];
}

function reasonLine({ why, count, examples }: LeftOutReason): string {
  const places = examples.map(
    ({ file, line, row }) => `${file ?? ""}${line === undefined ? ` row ${row ?? "?"}` : `:${line}`}`,
  );
  return `  ${number(count)}: ${visibleLine(why, 200)} (${visibleLine(places.join(", "), 200)})`;
}
