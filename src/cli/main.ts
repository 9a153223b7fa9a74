#!/usr/bin/env node
import { CommanderError } from "commander";
import { environmentWithDotenv } from "../annotate/load-recipe.ts";
import { buildProgram } from "./program.ts";
import { printError, printUsageFault, processTerminal } from "./terminal.ts";

/** Runs the command line and sets the exit code; see docs/cli.md for what each code means. */
async function main(): Promise<void> {
  const asksForJson = process.argv.includes("--json");
  let terminal = processTerminal(process.env);
  try {
    terminal = processTerminal(await environmentWithDotenv());
    const program = buildProgram(terminal, (code) => {
      process.exitCode = code;
    });
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = printUsageFault(terminal, error, asksForJson);
      return;
    }
    process.exitCode = printError(terminal, error, asksForJson);
  }
}

// A reader that goes away (`| head`) is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
await main();
