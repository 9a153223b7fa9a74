import { spawn } from "node:child_process";
import { join } from "node:path";
import { takeLock } from "../../annotate/lock.ts";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { linesOf } from "./events.ts";
import {
  checkPython,
  type Environment,
  installedPython,
  installFolder,
  output,
  pins,
  unfinishedMark,
  type Versions,
} from "./python.ts";
import { shellLine } from "./shell-line.ts";

interface InstallOptions {
  /** The Python that the environment is made from. */
  readonly named?: string;
  readonly environment: Environment;
  readonly cacheDirectory: string;
}

/**
 * The commands that `installPython` runs; looks for a Python, and changes nothing. An environment that is there is completed;
 * one whose installation was not finished is made anew.
 * Throws `missing_dependency` when no Python of 3.10 or newer is found.
 */
export async function installCommands(
  files: Files,
  { named, environment, cacheDirectory }: InstallOptions,
): Promise<readonly (readonly string[])[]> {
  const python = installedPython(cacheDirectory);
  const pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", ...pins(true)];
  const isWhole = (await files.exists(python)) && !(await files.exists(unfinishedMark(cacheDirectory)));
  if (isWhole) return [pip];
  const base = await basePython(named ?? environment.PREFKIT_PYTHON, environment);
  return [[base, "-m", "venv", "--clear", installFolder(cacheDirectory)], pip];
}

/**
 * Makes a virtual environment in the cache with the pinned packages, or completes the one that is there. pip is told nothing
 * but the pins: the user's own index, proxy and cache settings hold. Until all of it is there and answers, a mark beside the
 * environment says that it is not whole, and nothing trains with it. Returns null when it was stopped.
 * Throws `missing_dependency` when no Python of 3.10 or newer is found or pip fails; `directory_locked` while another process
 * installs.
 */
export async function installPython(
  files: Files,
  options: InstallOptions & { readonly onLine: (line: string) => void; readonly stop: AbortSignal },
): Promise<{ readonly python: string; readonly versions: Versions } | null> {
  const { environment, cacheDirectory, onLine, stop } = options;
  await files.makeDirectory(cacheDirectory);
  const unlock = await takeLock(files, join(cacheDirectory, ".python-train.lock"));
  try {
    const commands = await installCommands(files, options);
    const mark = unfinishedMark(cacheDirectory);
    await files.createExclusive(mark, "An installation that `prefkit train --install` has not finished.\n");
    for (const command of commands) {
      if (stop.aborted) return null;
      onLine(shellLine(command));
      const fault = await run(command, environment, onLine, stop);
      if (stop.aborted) return null;
      if (fault !== null) throw failed(command, fault);
    }
    const python = installedPython(cacheDirectory);
    const versions = await checkPython(python, { lora: true, environment });
    await files.remove(mark);
    return { python, versions };
  } finally {
    await unlock();
  }
}

/** Prints its version, and which of the modules that an environment is made with it lacks: Debian packs them apart. */
const PROBE = `import importlib.util as u, sys
print(*sys.version_info[:3], sep=".", end=" ")
print(*[name for name in ("venv", "ensurepip") if u.find_spec(name) is None], sep=",")`;

async function basePython(named: string | undefined, environment: Environment): Promise<string> {
  const candidates = named
    ? [named]
    : ["python3.13", "python3.12", "python3.11", "python3.10", "python3", "python"];
  const unfit: string[] = [];
  const absent: string[] = [];
  for (const candidate of candidates) {
    const { stdout, problem } = await output(candidate, ["-c", PROBE], environment);
    const [, version = "", lacking = ""] = /^(\d+\.\d+\.\d+) ?([\w,]*)\s*$/.exec(stdout) ?? [];
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const isNew = major > 3 || (major === 3 && minor >= 10);
    if (isNew && lacking === "") return candidate;
    if (problem?.endsWith("ENOENT")) absent.push(candidate);
    else if (version === "") unfit.push(`${candidate}: ${problem ?? "no answer"}`);
    else
      unfit.push(`${candidate} is ${version}${isNew ? ` and lacks ${lacking.replace(",", " and ")}` : ""}`);
  }
  if (absent.length > 0) unfit.push(`not there: ${absent.join(", ")}`);
  throw new PrefkitError(
    "missing_dependency",
    `no Python of 3.10 or newer that can make an environment was found (${unfit.join("; ")}).`,
    "install one, on Debian and Ubuntu with its package python3-venv, or name it by --python.",
  );
}

/**
 * Runs a module as `python -m` does, and ends with all that it started when its stdin closes: a pip that outlived a killed
 * installation would write into the environment that the next one makes.
 */
const WATCHED = `import os, runpy, sys, threading
def watch():
    while os.read(0, 1024): pass
    os.killpg(0, 9) if hasattr(os, "killpg") else os._exit(70)
threading.Thread(target=watch, daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)`;

const KEPT_LINES = 8;

interface Fault {
  readonly how: string;
  readonly last: readonly string[];
}

/** Runs `python -m module …` to its end and tells its lines; null when it ended well. A stop ends it and what it started. */
async function run(
  [program = "", , ...args]: readonly string[],
  environment: Environment,
  onLine: (line: string) => void,
  stop: AbortSignal,
): Promise<Fault | null> {
  // A group of its own, so that nothing of it goes on when it is stopped: venv and pip start processes themselves.
  const isGroup = process.platform !== "win32";
  const child = spawn(program, ["-c", WATCHED, ...args], {
    env: environment,
    stdio: ["pipe", "pipe", "pipe"],
    detached: isGroup,
  });
  const end = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (isGroup) process.kill(-child.pid, "SIGTERM");
    else child.kill();
  };
  stop.addEventListener("abort", end);
  child.stdin.on("error", () => undefined);
  const ended = new Promise<string | null>((resolve) => {
    child.on("error", (error) => resolve(reasonOf(error)));
    child.on("close", (code, signal) =>
      resolve(code === 0 ? null : `it ended with ${signal === null ? `code ${code}` : `signal ${signal}`}`),
    );
  });
  const last: string[] = [];
  const tell = async (stream: NodeJS.ReadableStream): Promise<void> => {
    for await (const line of linesOf(stream as AsyncIterable<Uint8Array>)) {
      onLine(line);
      if (line.trim() === "") continue;
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
    }
  };
  try {
    await Promise.all([tell(child.stdout), tell(child.stderr)]);
    const how = await ended;
    return how === null ? null : { how, last };
  } finally {
    stop.removeEventListener("abort", end);
  }
}

function failed(command: readonly string[], { how, last }: Fault): PrefkitError {
  const lines = last.map((line) => `\n  ${line}`).join("");
  return new PrefkitError(
    "missing_dependency",
    `\`${shellLine(command)}\` failed: ${how}${last.length === 0 ? "." : `; its last lines:${lines}`}`,
    "see to what they say (network, index, disk) and run `prefkit train --install` again; or install the packages yourself and name that Python by --python.",
  );
}
