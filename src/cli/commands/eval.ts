import { resolve } from "node:path";
import { Command, Option } from "commander";
import pc from "picocolors";
import { type LoadedRecipe, loadRecipe, recipeFromCode } from "../../annotate/load-recipe.ts";
import { catalog } from "../../catalog.ts";
import { PrefkitError } from "../../core/errors.ts";
import { nodeFiles, writeWhole } from "../../core/files.ts";
import { assess } from "../../evaluate/assess.ts";
import { DEFAULT_SAMPLES } from "../../evaluate/bootstrap.ts";
import { DEFAULT_EXAMPLES, type EvaluateOutcome, evaluate } from "../../evaluate/evaluate.ts";
import { htmlReport } from "../../evaluate/html/index.ts";
import { PRESETS, type PresetName } from "../../evaluate/report.ts";
import type { ResultsFile } from "../../evaluate/verdict-file.ts";
import { checkPage } from "../../evaluate/write-page.ts";
import { checkReportDirectory, writeReport } from "../../evaluate/write-report.ts";
import { reportLines } from "../eval-lines.ts";
import { override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import { given, integer, withModelOptions } from "../run-options.ts";
import { namedScorers } from "../scorer-names.ts";
import { inScratch } from "../scratch.ts";
import type { Terminal } from "../terminal.ts";
import { visibleJson, visibleLine } from "../visible.ts";
import { watched } from "../watched.ts";

interface Flags {
  readonly recipe?: string;
  readonly scorer?: string;
  readonly verdicts?: string[];
  readonly preset: PresetName;
  readonly by?: string;
  readonly generative?: boolean;
  readonly samples: number;
  readonly seed?: number;
  readonly examples: number;
  readonly out?: string;
  readonly html?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly acceptFailed?: boolean;
  readonly maxCost?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function evalCommand(setup: CommandSetup): Command {
  const { terminal } = setup;
  return withModelOptions(
    new Command("eval")
      .description(
        "Measure scorers against gold labels: accuracy with intervals, by subset and length, and how they compare.",
      )
      .argument("<gold...>", "files or globs with gold labels, in the preset's layout")
      .option("--recipe <file>", "the scorers and models of this recipe; the rest of it is left aside")
      .option("--scorer <names>", "scorers by name or module path, separated by commas, as they are")
      .option(
        "--verdicts <file...>",
        "scores or verdicts that exist already, one FILE or NAME=FILE per scorer",
      )
      .addOption(
        new Option("--preset <name>", "how the files are laid out and scored")
          .choices(PRESETS)
          .default("pairs"),
      )
      .option("--by <path>", "the column that names each item's subset (default: the preset's)")
      .option("--generative", "unread verdicts earn what a coin would, as benchmarks have it for judges")
      .option("--samples <n>", "bootstrap samples", integer(100), DEFAULT_SAMPLES)
      .option("--seed <n>", "for intervals, and the order in which responses are shown", integer(0))
      .option("--examples <n>", "items that went wrong to show in the report", integer(0), DEFAULT_EXAMPLES)
      .option("--out <dir>", "write report.json and every score here")
      .option("--html <file>", "write the report as one page")
      .option("--limit <n>", "only the first n items", integer(1))
      .option("--concurrency <n>", "items in flight at a time (default: 16)", integer(1))
      .option("--accept-failed", "go on where scorers fail; such items are unscored"),
  )
    .option("--quiet", "no progress")
    .option("--json", "print the report as JSON on stdout")
    .addHelpText(
      "after",
      `
Intervals are 95 % (percentile bootstrap over prompts). Ties and unscored items are shown apart.
Two scorers are compared on the items that both judged: difference with interval, exact McNemar.

Examples:
  $ prefkit eval gold.jsonl --scorer math-answer
  $ prefkit eval "reward-bench/*.parquet" --preset rewardbench --recipe judges.yaml --out report
  $ prefkit eval judgebench.jsonl --preset judgebench --verdicts judge-a.jsonl judge-b.jsonl --json`,
    )
    .action(async (gold: string[], flags: Flags) => {
      const loaded = await recipeOf(flags, terminal.directory, terminal.environment);
      const out = flags.out === undefined ? null : resolve(terminal.directory, flags.out);
      if (out !== null) await checkReportDirectory(out);
      const page = flags.html === undefined ? null : resolve(terminal.directory, flags.html);
      if (page !== null) await checkPage(page, out);
      const verdicts = await resultsFiles(flags.verdicts ?? [], terminal.directory);
      await inScratch("eval", (scratch) =>
        watched(
          setup,
          { quiet: flags.quiet, onSignal: "finishing what is under way" },
          (watch) =>
            evaluate(loaded, catalog, {
              path: gold,
              baseDirectory: terminal.directory,
              preset: flags.preset,
              seed: loaded?.recipe.seed ?? flags.seed ?? 0,
              ...{ samples: flags.samples, examples: flags.examples, verdicts },
              ...{ scratch, ...watch },
              ...given(flags, [
                "by",
                "generative",
                "limit",
                "concurrency",
                "acceptFailed",
                "maxCost",
                "offline",
              ]),
            }),
          (outcome) => printOutcome(outcome, { terminal, json: flags.json ?? false, out, page }),
        ),
      );
    });
}

async function printOutcome(
  { kind, assessment, usage }: EvaluateOutcome,
  to: {
    readonly terminal: Terminal;
    readonly json: boolean;
    readonly out: string | null;
    readonly page: string | null;
  },
): Promise<void> {
  const { terminal, json, out, page } = to;
  if (assessment === null) {
    if (json) terminal.out(visibleJson({ ok: false, outcome: kind, models: usage }));
    terminal.err(endedEarly(kind));
    return;
  }
  const report = assess(assessment);
  // What was paid for is shown before a disk can fail.
  if (json) terminal.out(visibleJson({ ok: true, outcome: kind, ...report, models: usage }));
  else for (const line of reportLines(report)) terminal.out(line);
  for (const warning of report.warnings)
    terminal.err(`${pc.yellow("warning:")} ${visibleLine(warning, 300)}`);
  for (const { name, failed } of report.scorers) {
    const codes = Object.entries(failed).map(([code, count]) => `${count} ${code}`);
    if (codes.length > 0) terminal.err(`${pc.yellow("warning:")} ${name} failed on ${codes.join(", ")}.`);
  }
  if (out !== null) terminal.err(`Wrote ${await writeReport(out, report, assessment)}`);
  if (page !== null) {
    await writeWhole(nodeFiles, page, htmlReport(report));
    terminal.err(`Wrote ${page}`);
  }
}

/** FILE or NAME=FILE; a file whose own name holds the sign is that file. */
async function resultsFiles(given: readonly string[], directory: string): Promise<readonly ResultsFile[]> {
  return Promise.all(
    given.map(async (text) => {
      const [, name, path] = /^([^=/\\]+)=(.+)$/s.exec(text) ?? [];
      if (name === undefined || path === undefined) return { path: text };
      return (await nodeFiles.exists(resolve(directory, text))) ? { path: text } : { name, path };
    }),
  );
}

/** null: results files alone. */
async function recipeOf(
  { recipe, scorer, verdicts, seed }: Flags,
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<LoadedRecipe | null> {
  if (recipe !== undefined && scorer !== undefined) {
    throw new PrefkitError(
      "bad_option",
      "eval was given --recipe and --scorer.",
      "give one of them; a recipe names its scorers.",
    );
  }
  if (recipe !== undefined) {
    const loaded = await loadRecipe(resolve(directory, recipe), environment);
    return override(loaded, seed === undefined ? {} : { seed }, directory);
  }
  if (scorer === undefined) {
    if (verdicts !== undefined) return null;
    throw new PrefkitError(
      "bad_option",
      "eval was given nothing to measure.",
      "add --scorer NAME, --recipe FILE or --verdicts FILE.",
    );
  }
  const scorers = namedScorers(scorer);
  const code = { input: { path: "gold" }, scorers, ...(seed === undefined ? {} : { seed }) };
  return recipeFromCode(code, directory, environment);
}

function endedEarly(kind: EvaluateOutcome["kind"]): string {
  return kind === "budget"
    ? "The money is spent. Replies that came are in the cache; a larger --max-cost goes on from there."
    : "Stopped. Replies that came are in the cache; the same command goes on from there.";
}
