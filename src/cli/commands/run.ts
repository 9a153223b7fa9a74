import { Command } from "commander";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { type RunOptions, type RunOutcome, run } from "../../annotate/run.ts";
import { catalog } from "../../catalog.ts";
import { type OverrideFlags, override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import {
  integer,
  type RunFlags,
  runOptionsOf,
  sliceOf,
  withModelOptions,
  withRunOptions,
} from "../run-options.ts";
import { printOutcome } from "../run-summary.ts";
import { watched } from "../watched.ts";

interface Flags extends RunFlags, OverrideFlags {
  readonly shard?: string;
}

export function runCommand(setup: CommandSetup): Command {
  return withModelOptions(withRunOptions(new Command("run")))
    .description("Run a recipe: plan, score, combine, pair, and write the dataset.")
    .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
    .option(
      "--input <path...>",
      "read these files instead of the recipe's input.path (from the current directory)",
    )
    .option("--seed <number>", "instead of the recipe's seed", integer(0))
    .option("--shard <i/n>", "only the shards k with k mod n = i; `prefkit merge` joins them")
    .addHelpText(
      "after",
      `
Killed or stopped at any moment, the same command goes on where it was: no row is lost or
doubled, and no finished call is paid for again. Failed cells are tried again by the same command.

Examples:
  $ prefkit run recipe.yaml
  $ prefkit run recipe.yaml --out out --limit 100
  $ prefkit run recipe.yaml --out part-0 --shard 0/4     # on four machines, then:
  $ prefkit merge part-0 part-1 part-2 part-3 --recipe recipe.yaml --out out`,
    )
    .action(async (path: string, flags: Flags) => {
      const loaded = override(
        await loadRecipe(path, setup.terminal.environment),
        flags,
        setup.terminal.directory,
      );
      const slice = sliceOf(flags.shard);
      await execute(setup, flags, (options) =>
        run(loaded, catalog, { ...options, ...(slice ? { slice } : {}) }),
      );
    });
}

/** Runs with progress and signals, prints the outcome and sets the exit code; shared by run, score and merge. */
export async function execute(
  setup: CommandSetup,
  flags: RunFlags,
  work: (options: RunOptions) => Promise<RunOutcome>,
): Promise<void> {
  await watched(
    setup,
    { quiet: flags.quiet, onSignal: "finishing what is under way, then saving" },
    (watch) => work({ ...runOptionsOf(flags, setup.terminal.directory), ...watch }),
    (outcome) => printOutcome(setup.terminal, outcome, flags.json ?? false),
  );
}
