import { resolve } from "node:path";
import { Command } from "commander";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { merge } from "../../annotate/merge.ts";
import { catalog } from "../../catalog.ts";
import { type OverrideFlags, override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import { integer, type RunFlags } from "../run-options.ts";
import { execute } from "./run.ts";

interface Flags extends RunFlags, OverrideFlags {
  readonly recipe: string;
  readonly out: string;
}

export function mergeCommand(setup: CommandSetup): Command {
  return new Command("merge")
    .description("Join what `run --shard i/n` left in several directories, and finish the dataset.")
    .argument("<dirs...>", "the output directories of the sharded runs")
    .requiredOption("--recipe <file>", "the recipe they were run with")
    .requiredOption("--out <dir>", "where the dataset goes; may be one of the directories")
    .option("--input <path...>", "the input files, when they were given on the command line")
    .option("--limit <n>", "the limit the shards were run with", integer(1))
    .option("--seed <number>", "the seed, when it was given on the command line", integer(0))
    .option("--accept-failed", "leave failed cells failed")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText(
      "after",
      `
The result has the same bytes as one run. Nothing is scored: a missing shard is an error.

Example:
  $ prefkit merge part-0 part-1 part-2 --recipe recipe.yaml --out out`,
    )
    .action(async (directories: string[], flags: Flags) => {
      const { terminal } = setup;
      const loaded = override(
        await loadRecipe(flags.recipe, terminal.environment),
        flags,
        terminal.directory,
      );
      const paths = directories.map((path) => resolve(terminal.directory, path));
      const out = resolve(terminal.directory, flags.out);
      await execute(setup, flags, (options) => merge(loaded, catalog, paths, { ...options, out }));
    });
}
