import { resolve } from "node:path";
import { Command } from "commander";
import { recipeFromCode } from "../../annotate/load-recipe.ts";
import { run } from "../../annotate/run.ts";
import { catalog } from "../../catalog.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { CommandSetup } from "../program.ts";
import { type RunFlags, withRunOptions } from "../run-options.ts";
import { execute } from "./run.ts";

interface Flags extends RunFlags {
  readonly scorer: string;
}

export function scoreCommand(setup: CommandSetup): Command {
  return withRunOptions(new Command("score"))
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
      const names = flags.scorer
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "");
      const scorers = Object.fromEntries(names.map((use) => [keyOf(use), { use }]));
      if (names.length === 0 || Object.keys(scorers).length !== names.length) {
        throw new PrefkitError(
          "bad_option",
          `--scorer got "${flags.scorer}".`,
          "name each scorer once, separated by commas.",
        );
      }
      const recipe = { input: { path: input.length === 1 ? (input[0] as string) : input }, scorers };
      const loaded = recipeFromCode(recipe, resolve(terminal.directory), terminal.environment);
      await execute(setup, flags, (options) => run(loaded, catalog, options));
    });
}

/** "./mine.mjs#brevity" -> "brevity"; a name of ours is its own key. */
function keyOf(use: string): string {
  const [path = "", name] = use.split("#", 2);
  return name ?? path.replace(/^.*\//, "").replace(/\.[cm]?[jt]s$/, "");
}
