import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { describeNeeds, type Plan } from "../../annotate/plan.ts";
import type { ResolvedRecipe } from "../../annotate/resolve.ts";
import { type CallEstimate, validate } from "../../annotate/validate.ts";
import { catalog } from "../../catalog.ts";
import { type OverrideFlags, override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import { startProgress } from "../progress.ts";
import { integer } from "../run-options.ts";
import { number, size } from "../run-summary.ts";

interface Flags extends OverrideFlags {
  readonly limit?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function validateCommand({ terminal }: CommandSetup): Command {
  return new Command("validate")
    .description(
      "Check a recipe and its whole input, and show what a run would do. Nothing is scored or spent.",
    )
    .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
    .option("--input <path...>", "read these files instead of the recipe's input.path")
    .option("--limit <n>", "only the first n groups", integer(1))
    .option("--quiet", "no progress")
    .option("--json", "print the plan as JSON on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n  $ prefkit validate recipe.yaml\n  $ prefkit validate recipe.yaml --json | jq .plan.groups",
    )
    .action(async (path: string, flags: Flags) => {
      const loaded = override(await loadRecipe(path, terminal.environment), flags, terminal.directory);
      const scratch = await mkdtemp(join(tmpdir(), "prefkit-validate-"));
      const progress = startProgress(terminal, { quiet: flags.quiet ?? false });
      try {
        const { resolved, plan, estimates } = await validate(loaded, catalog, {
          scratch,
          onPlanning: progress.planning,
          ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        });
        progress.stop();
        if (flags.json)
          terminal.out(
            JSON.stringify({
              ok: true,
              plan: publicPlan(plan),
              scorers: calls(resolved, plan),
              models: estimates,
            }),
          );
        else for (const line of planLines(resolved, plan, estimates)) terminal.out(line);
      } finally {
        progress.stop();
        await rm(scratch, { recursive: true, force: true });
      }
    });
}

function publicPlan({ shards, ...plan }: Plan): object {
  return { ...plan, shards: shards.length };
}

/** A scorer is called once per group. */
function calls(resolved: ResolvedRecipe, plan: Plan): object[] {
  return resolved.scorers.map(({ key, scorer, cost }) => ({
    key,
    scorer: scorer.name,
    version: scorer.version,
    cost,
    calls: plan.groups,
  }));
}

function planLines(resolved: ResolvedRecipe, plan: Plan, estimates: readonly CallEstimate[]): string[] {
  const bytes = plan.input.files.reduce((sum, file) => sum + file.bytes, 0);
  const width = Math.max(...resolved.scorers.map(({ key }) => key.length));
  return [
    pc.bold("The recipe and its input are sound."),
    `  input    ${number(plan.groups)} groups, ${number(plan.responses)} responses in ${number(plan.input.files.length)} file${plan.input.files.length === 1 ? "" : "s"} (${size(bytes)})`,
    ...(plan.input.skippedRows > 0
      ? [
          `  skipped  ${number(plan.input.skippedRows)} rows that cannot be used, such as ${plan.input.skippedExamples[0]}`,
        ]
      : []),
    ...(plan.input.replacedSurrogates > 0
      ? [`  replaced ${number(plan.input.replacedSurrogates)} lone surrogates by U+FFFD`]
      : []),
    `  shards   ${number(plan.shards.length)} of up to ${number(resolved.recipe.shardSize)} groups, codec ${plan.codec}, seed ${plan.seed}`,
    "  scorers",
    ...resolved.scorers.map(({ key, scorer, cost }) => {
      const needs = scorer.needs ? `, needs ${describeNeeds(scorer.needs)}` : "";
      return `    ${key.padEnd(width)}  ${scorer.name} ${scorer.version}, ${cost}, ${number(plan.groups)} calls${needs}`;
    }),
    `  reward   ${resolved.combine ? resolved.combine.terms.map((term) => `${term.weight} × ${term.score}`).join(" + ") : "none"}`,
    `  pairs    ${resolved.pairs ? resolved.pairs.builder.name : "none"}`,
    ...estimateLines(estimates),
    ...plan.warnings.map((warning) => `${pc.yellow("warning:")} ${warning}`),
  ];
}

/** What models would be asked, with sums; nothing where no model is named. */
function estimateLines(estimates: readonly CallEstimate[]): string[] {
  if (estimates.length === 0) return [];
  const rows = estimates.map(({ model, purpose, calls, promptTokens, outputTokens, money }) => [
    `${purpose} → ${model}`,
    `${number(calls)} calls`,
    `${number(Math.round(promptTokens))} tokens in`,
    `${number(Math.round(outputTokens))} out`,
    money === null ? "no price" : amount(money),
  ]);
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const priced = estimates.flatMap(({ money }) => money ?? []);
  const total = priced.reduce((sum, money) => sum + money, 0);
  const unpriced = estimates.length - priced.length;
  return [
    "  models   estimated: a token per four characters, replies half as long as they may be, nothing from the cache",
    ...rows.map(
      (row) =>
        `    ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}`,
    ),
    ...(priced.length > 0
      ? [
          `    about ${amount(total)} in all${unpriced > 0 ? `, besides ${unpriced} without a price` : ""}; --max-cost sets a limit`,
        ]
      : []),
  ];
}

function amount(money: number): string {
  return money.toLocaleString("en-US", {
    minimumFractionDigits: 2,
    maximumFractionDigits: money < 1 ? 6 : 2,
  });
}
