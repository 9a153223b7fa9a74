import { Command } from "commander";
import { VERSION } from "../core/version.ts";
import { cacheCommand } from "./commands/cache.ts";
import { checkCommand } from "./commands/check.ts";
import { combineCommand } from "./commands/combine.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { listCommand } from "./commands/list.ts";
import { mergeCommand } from "./commands/merge.ts";
import { pairCommand } from "./commands/pair.ts";
import { pickCommand } from "./commands/pick.ts";
import { rubricCommand } from "./commands/rubric.ts";
import { rulesCommand } from "./commands/rules.ts";
import { runCommand } from "./commands/run.ts";
import { sampleCommand } from "./commands/sample.ts";
import { scoreCommand } from "./commands/score.ts";
import { serveCommand } from "./commands/serve.ts";
import { trainCommand } from "./commands/train.ts";
import { validateCommand } from "./commands/validate.ts";
import { whyCommand } from "./commands/why.ts";
import type { Terminal } from "./terminal.ts";

/** What a command is made from; it answers with an exit code. */
export interface CommandSetup {
  readonly terminal: Terminal;
  readonly exit: (code: number) => void;
}

/** The whole command line. One command per file. */
export function buildProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command("prefkit")
    .description(
      "Scores, rewards and preference pairs for language-model responses, as Parquet that trainers read.",
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(add --help for the options and examples)")
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .addHelpText(
      "after",
      `
Start:
  $ prefkit init                      # a recipe and sample data to look at
  $ prefkit run recipe.yaml           # score, combine, pair, write Parquet

Exit codes: 0 done; 1 I/O or internal fault; 2 bad usage, recipe or input; 3 too many failed
scores; 4 budget reached; 130 and 143 stopped by a signal. After 1, 3, 4, 130 and 143 the same
command goes on where it stopped.`,
    );
  const setup: CommandSetup = { terminal, exit };
  for (const command of [
    initCommand,
    listCommand,
    importCommand,
    validateCommand,
    doctorCommand,
    sampleCommand,
    runCommand,
    scoreCommand,
    combineCommand,
    pairCommand,
    mergeCommand,
    pickCommand,
    evalCommand,
    rulesCommand,
    rubricCommand,
    exportCommand,
    trainCommand,
    serveCommand,
    checkCommand,
    whyCommand,
    cacheCommand,
  ]) {
    // Settings are copied only to commands made by the program itself.
    program.addCommand(command(setup).copyInheritedSettings(program));
  }
  return program;
}
