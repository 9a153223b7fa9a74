import { resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { drawSamples, type SampleOutcome } from "../../annotate/draw-samples.ts";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { catalog } from "../../catalog.ts";
import { PrefkitError } from "../../core/errors.ts";
import { type OverrideFlags, override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import { integer, type RunFlags, runOptionsOf, withModelOptions, withRunOptions } from "../run-options.ts";
import { number, shortPath } from "../run-summary.ts";
import { visibleJson } from "../visible.ts";
import { watched } from "../watched.ts";

type Flags = RunFlags & OverrideFlags;

export function sampleCommand(setup: CommandSetup): Command {
  const { terminal } = setup;
  return withModelOptions(withRunOptions(new Command("sample"), "where the samples are written; required"))
    .description(
      "Fill groups with sampled responses by a recipe's `sample` section, and write them as Parquet.",
    )
    .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
    .option("--input <path...>", "read these files instead of the recipe's input.path")
    .option("--seed <number>", "instead of the recipe's seed", integer(0))
    .addHelpText(
      "after",
      `
\`prefkit run\` draws the samples itself; this command is for looking at them, for sharing them between
recipes, and for runs in shards. What it writes opens with load_dataset, and a recipe reads it with
  input: { path: "DIR/train-*.parquet", map: { id: prompt_id, sibling: sibling_id } }

Examples:
  $ prefkit sample recipe.yaml --out samples
  $ prefkit sample recipe.yaml --out samples --limit 20 --max-cost 1`,
    )
    .action(async (path: string, flags: Flags) => {
      const { out } = flags;
      if (out === undefined) {
        throw new PrefkitError("bad_option", "sample was given no output directory.", "add --out DIR.");
      }
      const loaded = override(await loadRecipe(path, terminal.environment), flags, terminal.directory);
      await watched(
        setup,
        { quiet: flags.quiet, onSignal: "finishing what is under way, then saving" },
        (watch) =>
          drawSamples(loaded, catalog, resolve(terminal.directory, out), {
            ...runOptionsOf(flags, terminal.directory),
            ...watch,
          }),
        (outcome) => {
          if (flags.json) terminal.out(visibleJson(jsonOf(outcome)));
          else for (const line of outcomeLines(outcome, terminal.directory)) terminal.err(line);
        },
      );
    });
}

function jsonOf(outcome: SampleOutcome): object {
  return {
    ok: outcome.kind === "done",
    outcome: outcome.kind,
    out: outcome.out,
    ...(outcome.kind === "budget" ? { error: "budget_reached" } : {}),
    models: outcome.usage,
    ...(outcome.counts ? { counts: outcome.counts } : {}),
  };
}

function outcomeLines({ kind, out, counts }: SampleOutcome, directory: string): string[] {
  const shown = shortPath(out, directory);
  if (kind === "budget") {
    return [
      "The money is spent. Replies that came are in the cache; a larger --max-cost goes on from there.",
    ];
  }
  if (kind === "stopped" || !counts) {
    return ["Stopped. Replies that came are in the cache; the same command goes on from there."];
  }
  const failed = Object.values(counts.failures).reduce((sum, count) => sum + count, 0);
  return [
    `${pc.bold(shown)}  ${number(counts.groups)} groups, ${number(counts.sampled)} responses sampled`,
    ...(counts.twins > 0 ? [`  ${number(counts.twins)} of them are rephrased twins`] : []),
    ...Object.entries(counts.withoutTwin).map(
      ([why, count]) => `  ${number(count)} prompts have no twin: ${why.replaceAll("_", " ")}`,
    ),
    ...(counts.groupsWithEqualTexts > 0
      ? [`  ${number(counts.groupsWithEqualTexts)} groups whose texts are all equal`]
      : []),
    ...(failed > 0 ? [`  ${pc.yellow("warning:")} ${number(failed)} samples failed`] : []),
  ];
}
