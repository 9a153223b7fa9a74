import { resolve } from "node:path";
import { Command } from "commander";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { finishOf } from "../../annotate/recombine.ts";
import { refuseOtherScores } from "../../annotate/same-scorers.ts";
import { catalog } from "../../catalog.ts";
import type { CommandSetup } from "../program.ts";
import { type RecombineFlags, recombineWith } from "../recombine-with.ts";
import { visibleLine } from "../visible.ts";

interface Flags extends RecombineFlags {
  readonly recipe: string;
}

export function combineCommand(setup: CommandSetup): Command {
  return new Command("combine")
    .description(
      "New rewards and pairs for a finished dataset, by another recipe's reward and pairs. No scorer runs.",
    )
    .argument("<dir>", "a finished dataset")
    .requiredOption(
      "--recipe <file>",
      "its reward, pairs and output sections are used; scorers that it has must be those of the dataset",
    )
    .option("--out <dir>", "write a new dataset instead of changing this one")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText("after", "\nExample:\n  $ prefkit combine out --recipe other-weights.yaml --out out-2")
    .action(async (directory: string, flags: Flags) => {
      const { terminal } = setup;
      const loaded = await loadRecipe(flags.recipe, terminal.environment);
      const from = resolve(terminal.directory, directory);
      const change = finishOf(loaded);
      await recombineWith(setup, from, change, loaded.label, flags, async (manifest) => {
        await refuseOtherScores(loaded, catalog, manifest, directory);
        if (flags.quiet) return;
        for (const section of ["reward", "pairs"] as const) {
          if (change[section] !== undefined || manifest[section] === null) continue;
          const kept = visibleLine(JSON.stringify(manifest[section]));
          terminal.err(`${loaded.label} has no section ${section}; the dataset's own is kept: ${kept}`);
        }
      });
    });
}
