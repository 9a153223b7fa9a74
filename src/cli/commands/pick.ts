import { Command } from "commander";
import pc from "picocolors";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { catalog } from "../../catalog.ts";
import type { PairAccuracy } from "../../evaluate/pair-accuracy.ts";
import { type PickOutcome, pick } from "../../evaluate/pick.ts";
import type { Comparison, Picking } from "../../evaluate/pick-models.ts";
import type { CommandSetup } from "../program.ts";
import { given, integer, withModelOptions } from "../run-options.ts";
import { number } from "../run-summary.ts";
import { inScratch } from "../scratch.ts";
import { visibleJson, visibleLine } from "../visible.ts";
import { watched } from "../watched.ts";

interface Flags {
  readonly gold: string[];
  readonly domain?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly acceptFailed?: boolean;
  readonly maxCost?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function pickCommand(setup: CommandSetup): Command {
  const { terminal } = setup;
  return withModelOptions(
    new Command("pick")
      .description(
        "Measure how often each scorer of a recipe prefers what people prefer, on gold pairs, to pick one of them.",
      )
      .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
      .requiredOption("--gold <path...>", "files or globs with rows {prompt, chosen, rejected}")
      .option(
        "--domain <path>",
        "the column that names each pair's domain (default: domain, if there is one)",
      )
      .option("--limit <n>", "only the first n pairs", integer(1))
      .option("--concurrency <n>", "pairs in flight at a time (default: 16)", integer(1))
      .option("--accept-failed", "go on where scorers fail; such pairs are unscored"),
  )
    .option("--quiet", "no progress")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText(
      "after",
      `
Only the recipe's scorers and models are used: write one scorer for each pair of models, or for each
setting, that you want to compare. A pair counts as correct when the chosen response has strictly the
higher score. Intervals are 95 % (Wilson); p is McNemar's, exact. Nothing is written.

Examples:
  $ prefkit pick recipe.yaml --gold gold.jsonl
  $ prefkit pick recipe.yaml --gold "gold/*.parquet" --domain subset --json | jq .best`,
    )
    .action(async (path: string, flags: Flags) => {
      const loaded = await loadRecipe(path, terminal.environment);
      await inScratch("pick", (scratch) =>
        watched(
          setup,
          { quiet: flags.quiet, onSignal: "finishing what is under way" },
          (watch) =>
            pick(loaded, catalog, {
              gold: {
                path: flags.gold,
                baseDirectory: terminal.directory,
                ...given(flags, ["domain", "limit"]),
              },
              ...{ scratch, ...watch },
              ...given(flags, ["concurrency", "acceptFailed", "maxCost", "offline"]),
            }),
          (outcome) => {
            if (flags.json) terminal.out(visibleJson(jsonOf(outcome)));
            else if (outcome.picking) for (const line of pickingLines(outcome.picking)) terminal.out(line);
            for (const line of troubleLines(outcome)) terminal.err(line);
          },
        ),
      );
    });
}

function jsonOf({ kind, picking, failed, usage }: PickOutcome): object {
  return { ok: kind === "done", outcome: kind, ...picking, failed, models: usage };
}

function troubleLines({ kind, failed }: PickOutcome): string[] {
  if (kind === "stopped")
    return ["Stopped. Replies that came are in the cache; the same command goes on from there."];
  if (kind === "budget")
    return [
      "The money is spent. Replies that came are in the cache; a larger --max-cost goes on from there.",
    ];
  return Object.entries(failed).flatMap(([key, codes]) => {
    const counts = Object.entries(codes).map(([code, count]) => `${number(count)} ${code}`);
    return counts.length === 0
      ? []
      : [`${pc.yellow("warning:")} ${key} failed on ${counts.join(", ")}; those pairs are unscored.`];
  });
}

const HEADINGS = ["", "pairs", "correct", "wrong", "ties", "unscored", "accuracy", "95 % interval"];

function pickingLines(picking: Picking): string[] {
  const { best, scorers, comparisons } = picking;
  const rows = scorers.flatMap(({ scorer, domains, ...all }) => [
    [scorer, ...cells(all)],
    ...domains.map(({ domain, ...own }) => [
      `  ${domain === null ? "(no domain)" : visibleLine(domain, 40)}`,
      ...cells(own),
    ]),
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [
    pc.dim(line(HEADINGS)),
    ...rows.map((row) => (row[0] === best ? pc.bold(line(row)) : line(row))),
    "",
    bestLine(picking),
    ...comparisons.map((comparison) => `  ${comparisonLine(best ?? "", comparison)}`),
  ];
}

function bestLine({ pairs, best, scorers }: Picking): string {
  const unscored = scorers.find(({ scorer }) => scorer === best)?.unscored ?? 0;
  if (best === null) return `No scorer scored any of the ${number(pairs)} pairs.`;
  const caution =
    unscored === 0 ? "" : ` It left ${number(unscored)} of the ${number(pairs)} pairs unscored.`;
  return `${pc.bold(best)} has the highest accuracy.${caution}`;
}

function cells({ pairs, correct, wrong, tie, unscored, accuracy, interval }: PairAccuracy): string[] {
  return [
    ...[pairs, correct, wrong, tie, unscored].map(number),
    accuracy === null ? "–" : percent(accuracy),
    interval === null ? "–" : `${(100 * interval[0]).toFixed(1)}–${percent(interval[1])}`,
  ];
}

function comparisonLine(best: string, { scorer, pairs, onlyBest, onlyThis, pValue }: Comparison): string {
  const p = pValue < 0.001 ? "p < 0.001" : `p = ${pValue.toFixed(3)}`;
  return `against ${scorer}: of ${number(pairs)} pairs only ${best} is right on ${number(onlyBest)}, only ${scorer} on ${number(onlyThis)}; ${p}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
