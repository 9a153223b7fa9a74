import { resolve } from "node:path";
import { Command } from "commander";
import { recipeFromCode } from "../../annotate/load-recipe.ts";
import { run } from "../../annotate/run.ts";
import { catalog } from "../../catalog.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { CommandSetup } from "../program.ts";
import { type RunFlags, withRunOptions } from "../run-options.ts";
import { namedScorers } from "../scorer-names.ts";
import { execute } from "./run.ts";

interface Flags extends RunFlags {
  readonly scorer: string;
}

export function scoreCommand(setup: CommandSetup): Command {
  return withRunOptions(new Command("score"), "the output directory; required")
    .description("Score one file with scorers as they are, without a recipe.")
    .argument(
      "<input...>",
      "files or globs: jsonl(.gz), json, csv, parquet, arrow; fields prompt, responses, reference, id",
    )
    .requiredOption("--scorer <names>", "scorers by name or module path, separated by commas")
    .addHelpText(
      "after",
      `
Each scorer runs with its default options. With one scorer, its score is the reward.

Examples:
  $ prefkit score answers.jsonl --scorer math-answer --out scored
  $ prefkit score answers.jsonl --scorer math-answer,./mine.mjs#brevity --out scored
  $ prefkit pair scored --use pass-vs-fail`,
    )
    .action(async (input: string[], flags: Flags) => {
      const { terminal } = setup;
      if (flags.out === undefined) {
        throw new PrefkitError("bad_option", "score was given no output directory.", "add --out DIR.");
      }
      const scorers = namedScorers(flags.scorer);
      const recipe = { input: { path: input.length === 1 ? (input[0] as string) : input }, scorers };
      const loaded = recipeFromCode(recipe, resolve(terminal.directory), terminal.environment);
      await execute(setup, flags, (options) => run(loaded, catalog, options));
    });
}
