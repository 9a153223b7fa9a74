import { Command, Option } from "commander";
import { extractRulesFrom, type RulesFlags } from "../extract-rules.ts";
import type { CommandSetup } from "../program.ts";
import { showRules } from "../rules-table.ts";
import { decimal, integer, temperature, withModelOptions } from "../run-options.ts";
import { listenForSignals } from "../signals.ts";

export function rulesCommand(setup: CommandSetup): Command {
  return (
    new Command("rules")
      .description("Rules for good responses, learned from what people preferred.")
      // What the program told this group, its commands are told when one of them is called.
      .hook("preSubcommand", (group, command) => void command.copyInheritedSettings(group))
      .addCommand(extractCommand(setup))
      .addCommand(showCommand(setup))
      .addHelpText(
        "after",
        `
Examples:
  $ prefkit rules extract gold.jsonl --recipe recipe.yaml --reasoner r1 --verifier judge --out rules
  $ prefkit rules show rules/rules.yaml`,
      )
  );
}

function extractCommand({ terminal, exit }: CommandSetup): Command {
  return withModelOptions(
    new Command("extract")
      .description("Learn rules from preferences, measure each on held-out pairs, and write a rule set.")
      .argument("<gold...>", "files or globs with rows {prompt, chosen, rejected}")
      .requiredOption("--recipe <path>", "the recipe whose `models` are named below")
      .requiredOption("--reasoner <model>", "says why people preferred what they preferred")
      .option("--extractor <model>", "takes rules out of that, and merges them (default: the reasoner)")
      .requiredOption("--verifier <model>", "judges held-out responses by the rules")
      .requiredOption("--out <dir>", "where rules.yaml and report.json are written")
      .option("--pairs <n>", "pairs to learn from, at most (default: 256)", integer(1))
      .option("--held-out <n>", "pairs to measure on, at most (default: 128)", integer(0))
      .option("--seed <n>", "draws the pairs (default: the recipe's seed)", integer(0))
      .addOption(
        new Option("--source <text>", "what rules are taken from (default: reasoning)").choices([
          "reasoning",
          "explanation",
          "both",
        ]),
      )
      .option("--min-agreement <x>", "leave out rules below this agreement, in [0, 1]", decimal)
      .option("--min-coverage <x>", "leave out rules below this coverage, in [0, 1]", decimal)
      .option("--temperature <x>", "of all but verdicts; none: send none at all (default: 0.6)", temperature)
      .option("--max-tokens <n>", "most tokens of a reply, but for verdicts (default: 8192)", integer(1))
      .option("--verdict-max-tokens <n>", "most tokens of a verdict's reply (default: 1024)", integer(1))
      .option("--max-chars <n>", "longest conversation shown; its middle is cut (default: none)", integer(1))
      .option("--concise", "rules must be followed concisely, as in AutoRule's released verifier")
      .option("--name <name>", "of the rule set (default: autorule)")
      .option("--concurrency <n>", "questions in flight at a time (default: 64)", integer(1)),
  )
    .option("--quiet", "no progress")
    .option("--json", "print the outcome as JSON on stdout")
    .addHelpText(
      "after",
      `
Whatever was answered is kept in DIR/.prefkit: the same command goes on where it was stopped, and gives
the same files as one that was not.

Examples:
  $ prefkit rules extract gold.jsonl --recipe recipe.yaml --reasoner r1 --verifier judge --out rules
  $ prefkit rules extract "gold/*.parquet" --recipe recipe.yaml --reasoner r1 --extractor small \\
      --verifier judge --out rules --pairs 100 --held-out 200 --min-agreement 0.6`,
    )
    .action(async (gold: string[], flags: RulesFlags) => {
      const signals = listenForSignals((name) =>
        terminal.err(`${name}: finishing what is under way. Once more quits at once.`),
      );
      try {
        exit(await extractRulesFrom(gold, flags, terminal, signals));
      } finally {
        signals.close();
      }
    });
}

function showCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("show")
    .description("Show a rule set and, where the report stands beside it, how well each rule does.")
    .argument("<file>", "a rule set, as `rules extract` writes it")
    .option("--json", "print it as JSON on stdout")
    .addHelpText(
      "after",
      `
Example:
  $ prefkit rules show rules/rules.yaml`,
    )
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      await showRules(file, terminal, json ?? false);
      exit(0);
    });
}
