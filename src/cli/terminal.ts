import type { CommanderError } from "commander";
import { exitCodeOf, isPrefkitError, reasonOf } from "../core/errors.ts";
import { visible, visibleJson } from "./visible.ts";

/** Where a command prints and what it is told by; a test gives its own. */
export interface Terminal {
  /** Results only: what `--json` promises. */
  readonly out: (text: string) => void;
  /** Everything else: progress, warnings, errors. */
  readonly err: (text: string) => void;
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
}

export function processTerminal(environment: Terminal["environment"]): Terminal {
  return {
    out: (text) => {
      process.stdout.write(`${text}\n`);
    },
    err: (text) => {
      process.stderr.write(`${text}\n`);
    },
    isInteractive: Boolean(process.stderr.isTTY) && environment.TERM !== "dumb" && !environment.CI,
    columns: process.stderr.columns ?? 80,
    environment,
    directory: process.cwd(),
  };
}

/** Prints an error as a user should see it, and nothing of it that a terminal would obey; the stack only for faults of our own, or when asked for. */
export function printError(terminal: Terminal, error: unknown, json: boolean): number {
  const exitCode = exitCodeOf(error);
  if (json) {
    const code = isPrefkitError(error) ? error.code : "internal";
    const fix = isPrefkitError(error)
      ? error.fix
      : "run again with PREFKIT_DEBUG=1 and report what it prints.";
    terminal.out(visibleJson({ ok: false, code, message: problemOf(error), fix, exitCode }));
  }
  if (isPrefkitError(error)) {
    terminal.err(visible(`PrefkitError: ${error.message}`));
    if (terminal.environment.PREFKIT_DEBUG) terminal.err(visible(error.stack ?? ""));
  } else {
    terminal.err(visible(`Internal error: ${reasonOf(error)}`));
    terminal.err(
      terminal.environment.PREFKIT_DEBUG
        ? visible((error as Error)?.stack ?? "")
        : "Fix: run again with PREFKIT_DEBUG=1 and report what it prints. [internal]",
    );
  }
  return exitCode;
}

function problemOf(error: unknown): string {
  return reasonOf(isPrefkitError(error) ? error.message.split("\nFix:")[0] : error, 2000);
}

/** After commander has said on stderr what is wrong with the command line: that as JSON, and the exit code. Help and version are no faults. */
export function printUsageFault(
  terminal: Terminal,
  { code, message, exitCode }: CommanderError,
  json: boolean,
): number {
  if (exitCode === 0) return 0;
  if (json) {
    const [said = ""] = message.replace(/^error: /, "").split("\n");
    const fault = { code: "bad_option", message: code === "commander.help" ? "no command was given." : said };
    const fix = "add --help for the commands, options and examples.";
    terminal.out(visibleJson({ ok: false, ...fault, fix, exitCode: 2 }));
  }
  return 2;
}
