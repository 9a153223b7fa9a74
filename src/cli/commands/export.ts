import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { ioError, PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import { suggestion } from "../../core/nearest.ts";
import { exportDataset } from "../../trainers/export-dataset.ts";
import type { ExportManifest } from "../../trainers/export-manifest.ts";
import { trainerNamed, trainers } from "../../trainers/index.ts";
import type { ExportKind, LayoutDefinition, TrainerAdapter } from "../../trainers/trainer-adapter.ts";
import type { CommandSetup } from "../program.ts";
import { decimal, integer } from "../run-options.ts";
import { number, shortPath } from "../run-summary.ts";
import { exitCodes, listenForSignals } from "../signals.ts";
import { stageProgress } from "../stage-progress.ts";
import { visibleJson, visibleLine } from "../visible.ts";

interface Flags {
  readonly for: string;
  readonly as: string;
  readonly out: string;
  readonly margin?: boolean;
  readonly threshold?: number;
  readonly score?: string;
  readonly format?: string;
  readonly option?: Readonly<Record<string, string>>;
  readonly maxRowsPerFile?: number;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function exportCommand(setup: CommandSetup): Command {
  return new Command("export")
    .description(
      "Write a finished dataset in a trainer's own layout, with the config or command that trains on it.",
    )
    .argument("<dir>", "a finished dataset")
    .requiredOption("--for <trainer>", `one of ${trainers.map(({ name }) => name).join(", ")}`)
    .requiredOption("--as <kind>", "what the rows are for: one of the trainer's kinds, below")
    .requiredOption("--out <dir>", "a new directory, or an earlier export with --force")
    .option("--margin", "with rows for a reward model: write the reward margin, which its loss subtracts")
    .option(
      "--threshold <number>",
      "the least reward of a desired response, or the least value of a right step",
      decimal,
    )
    .option("--score <key>", "the score whose spans are the steps")
    .option("--format <format>", "TRL: conversational (default) or text")
    .option("--option <name=value...>", "any other option of the layout", option)
    .option("--max-rows-per-file <n>", "begin another file after so many rows", integer(1))
    .option("--force", "replace an earlier export")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText("after", `\nTrainers, kinds and their options:\n${kindLines().join("\n")}\n${EXAMPLES}`)
    .action((directory: string, flags: Flags) => exportWith(setup, directory, flags));
}

const EXAMPLES = `
Pairs with an empty side or two equal sides are left out, as is what a layout has no place for; README.md in
the export says how many and why.

Examples:
  $ prefkit export out --for trl --as preference --out for-dpo
  $ prefkit export out --for trl --as reward --margin --out for-rm
  $ prefkit export out --for trl --as unpaired --option from=groups --threshold 0.5 --out for-kto
  $ prefkit export out --for trl --as stepwise --score steps --out for-prm
  $ prefkit export out --for llama-factory --as preference --out for-llama-factory`;

async function exportWith({ terminal, exit }: CommandSetup, directory: string, flags: Flags): Promise<void> {
  const trainer = trainerNamed(flags.for);
  const kind = kindOf(trainer, flags.as);
  const out = resolve(terminal.directory, flags.out);
  await refuseOwnDirectory(out, terminal.directory);
  const note = (text: string): void => {
    if (!flags.quiet) terminal.err(text);
  };
  const progress = stageProgress(note);
  const signals = listenForSignals((name) => note(`${name}: stopping.`));
  try {
    const made = await exportDataset({
      files: nodeFiles,
      from: resolve(terminal.directory, directory),
      out,
      trainer,
      kind,
      options: layoutOptions(trainer.layouts[kind], flags),
      force: flags.force ?? false,
      stop: signals.stop,
      onProgress: ({ read, total }) => progress("Exporting", read, total),
      ...(flags.maxRowsPerFile === undefined ? {} : { maxRowsPerFile: flags.maxRowsPerFile }),
    });
    if (made === null) {
      terminal.err("Stopped; nothing was written.");
      return exit(exitCodes(signals.received()));
    }
    if (flags.json) terminal.out(visibleJson({ ok: true, out, ...made }));
    else
      for (const line of exportLines(made, trainer, shortPath(out, terminal.directory))) terminal.out(line);
  } finally {
    signals.close();
  }
}

/** An export takes its directory's place as a whole: a shell in it would be left in one that is gone. */
async function refuseOwnDirectory(out: string, directory: string): Promise<void> {
  const [target, here] = await Promise.all([realDirectory(out), realDirectory(directory)]);
  const below = relative(target, here);
  if (isAbsolute(below) || below === ".." || below.startsWith(`..${sep}`)) return;
  throw new PrefkitError(
    "bad_option",
    `--out ${visibleLine(out, 300)} is the directory you are in${below === "" ? "" : ", or one around it"}, and an export replaces its directory as a whole.`,
    "name a directory in it, as in --out for-training, or run the command from elsewhere.",
  );
}

/** With links followed, as far as it exists. */
async function realDirectory(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return path;
    throw ioError("look at", path, error);
  }
}

function kindOf(trainer: TrainerAdapter, name: string): ExportKind {
  const kinds = Object.keys(trainer.layouts) as ExportKind[];
  const found = kinds.find((kind) => kind === name);
  if (found) return found;
  throw new PrefkitError("unknown_name", `${trainer.title} has no kind "${name}".`, suggestion(name, kinds));
}

/** The layout's options from the flags that are one, and from --option. */
function layoutOptions(definition: LayoutDefinition | undefined, flags: Flags): Record<string, unknown> {
  const { margin, threshold, score, format } = flags;
  const own = Object.entries({ margin, threshold, score, format }).filter(([, value]) => value !== undefined);
  const given = Object.entries(flags.option ?? {}).map(
    ([name, text]) => [name, valueFor(definition, name, text)] as const,
  );
  return Object.fromEntries([...own, ...given]);
}

/** Text where the option takes text, as the score "1"; else what the text says as JSON. */
function valueFor(definition: LayoutDefinition | undefined, name: string, text: string): unknown {
  const shape = definition?.options.shape ?? {};
  if (Object.hasOwn(shape, name) && shape[name]?.safeParse(text).success) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function option(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`got "${text}"; write name=value.`);
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

function kindLines(): string[] {
  return trainers.flatMap(({ name, layouts }) =>
    Object.entries(layouts).map(([kind, { options }], index) => {
      const names = Object.keys(options.shape);
      const shown = names.length === 0 ? "" : `  (${names.join(", ")})`;
      return `  ${(index === 0 ? name : "").padEnd(14)}  ${kind}${shown}`;
    }),
  );
}

function exportLines(made: ExportManifest, trainer: TrainerAdapter, shown: string): string[] {
  const rows = Object.entries(made.rows).map(([split, count]) => `${split} ${number(count)}`);
  const further = made.files.filter(({ split, path }) => split === null && !path.startsWith("pair_ids/"));
  return [
    `${pc.bold(visibleLine(shown, 300))}  ${made.kind} rows for ${trainer.title}: ${rows.join(", ")}`,
    ...Object.entries(made.leftOut).map(
      ([why, count]) => `  left out ${number(count)}: ${visibleLine(why, 200)}`,
    ),
    `  beside the data: ${further.map(({ path }) => path).join(", ")}`,
  ];
}
