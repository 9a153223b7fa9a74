import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { Json } from "../../core/types.ts";
import { pairBuilders } from "../../pairs/index.ts";
import type { CommandSetup } from "../program.ts";
import { type RecombineFlags, recombineWith } from "../recombine-with.ts";
import { decimal, integer } from "../run-options.ts";

interface Flags extends RecombineFlags {
  readonly use: string;
  readonly minMargin?: number;
  readonly maxPairs?: number;
  readonly option?: Record<string, Json>;
}

export function pairCommand(setup: CommandSetup): Command {
  return new Command("pair")
    .description("New pairs for a finished dataset, from its rewards. No scorer runs.")
    .argument("<dir>", "a finished dataset")
    .requiredOption("--use <rule>", `one of ${Object.keys(pairBuilders).join(", ")}`)
    .option("--min-margin <number>", "smallest reward margin of a pair", decimal)
    .option("--max-pairs <n>", "at most so many pairs per prompt", integer(1))
    .option(
      "--option <name=value...>",
      "any other option of the rule; the value is read as JSON where it is JSON",
      option,
    )
    .option("--out <dir>", "write a new dataset instead of changing this one")
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText(
      "after",
      `
\`prefkit list RULE\` shows a rule's options.

Examples:
  $ prefkit pair out --use all-pairs --min-margin 0.2 --max-pairs 4
  $ prefkit pair out --use top-k-vs-bottom-k --option k=2 --out out-k2`,
    )
    .action(async (directory: string, flags: Flags) => {
      const pairs: Json = {
        use: flags.use,
        ...(flags.minMargin === undefined ? {} : { minMargin: flags.minMargin }),
        ...(flags.maxPairs === undefined ? {} : { maxPairs: flags.maxPairs }),
        ...flags.option,
      };
      await recombineWith(
        setup,
        resolve(setup.terminal.directory, directory),
        { pairs },
        "command line",
        flags,
      );
    });
}

function option(text: string, earlier: Record<string, Json> = {}): Record<string, Json> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`got "${text}"; write name=value.`);
  return { ...earlier, [text.slice(0, at)]: value(text.slice(at + 1)) };
}

function value(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
