import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { PrefkitError, reasonOf } from "../../src/core/errors.ts";
import type { ReservedMemory, SandboxLimits } from "../../src/core/sandbox/job.ts";
import { whyNotRunning } from "../../src/core/sandbox/probe.ts";
import type { Confinement } from "../../src/core/sandbox/run.ts";
import type { Language } from "./extract.ts";

export interface Interpreter {
  readonly language: Language;
  /** The absolute path, and the arguments that come before the program's. */
  readonly command: readonly [string, ...string[]];
  /** Where its own files lie. */
  readonly readable: readonly string[];
  readonly reserved: ReservedMemory;
}

const known = new Map<string, Interpreter>();

/**
 * Asks the interpreter where it lies; once per process.
 *
 * Throws: `missing_dependency` when there is none under that name.
 */
export function findInterpreter(language: Language, path: string | undefined): Interpreter {
  const name = path ?? (language === "python" ? "python3" : process.execPath);
  const key = `${language} ${name}`;
  const found = known.get(key) ?? (language === "python" ? findPython(name) : findNode(name));
  known.set(key, found);
  return found;
}

const proven = new Set<string>();

/**
 * Starts the interpreter once in the sandbox, under the limits that programs will have; once per process and limits.
 *
 * Throws: `missing_dependency` when it does not start there: a library out of reach, too little memory.
 */
export function proveInterpreter(
  { language, command, readable, reserved }: Interpreter,
  confinement: Confinement,
  limits: SandboxLimits,
): void {
  const key = JSON.stringify([command, limits]);
  if (proven.has(key)) return;
  const empty = language === "python" ? "import select, resource, json, decimal" : "0";
  const [file, ...rest] = command;
  const job = {
    command: [file, ...rest, language === "python" ? "-c" : "-e", empty] as const,
    readable,
    reserved,
    limits,
  };
  const problem = whyNotRunning(job, confinement);
  if (problem !== null) {
    throw new PrefkitError(
      "missing_dependency",
      `code-tests: ${file} does not start where programs run: ${problem}.`,
      "raise memoryMb, or name another interpreter by the option `interpreter`.",
    );
  }
  proven.add(key);
}

function findPython(name: string): Interpreter {
  const ask = "import sys; print(sys.executable, sys.base_prefix, sys.prefix, sep='\\n')";
  const [executable = "", ...prefixes] = answer(name, ["-I", "-S", "-c", ask], "Python 3.8 or newer");
  return {
    language: "python",
    // No site packages at the start (they are set up when first needed), no user's packages, no bytecode written.
    command: [executable, "-s", "-S", "-B"],
    readable: [...new Set([...prefixes, realpathSync(executable)])],
    reserved: { addressSpaceMb: 64, dataMb: 0 },
  };
}

function findNode(name: string): Interpreter {
  const [executable = ""] = answer(name, ["-p", "process.execPath"], "Node.js 18 or newer");
  const path = realpathSync(executable);
  // V8 reserves address space for its heap, its code and its traps long before it uses any; since Node 26 so that more
  // than 512 MiB of it count as data.
  const reserved = { addressSpaceMb: 4096, dataMb: 768 };
  return { language: "javascript", command: [path], readable: [path], reserved };
}

function answer(name: string, args: readonly string[], what: string): string[] {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: "utf8", timeout: 30_000 });
  if (status === 0) return stdout.trim().split("\n");
  throw new PrefkitError(
    "missing_dependency",
    `code-tests found no interpreter as "${name}": ${reasonOf(error ?? stderr)}.`,
    `install ${what}, or name it by the option \`interpreter\`.`,
  );
}
