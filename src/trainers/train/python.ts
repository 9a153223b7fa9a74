import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { linesOf, versionsOf } from "./events.ts";

/** What `prefkit train --install` installs, and what the tests run with; Python 3.10 or newer. */
export const TRAIN_REQUIREMENTS: Readonly<Record<string, string>> = {
  torch: "2.13.0",
  transformers: "5.23.0",
  trl: "1.13.0",
  accelerate: "1.15.0",
  datasets: "5.2.0",
  requests: "2.34.2",
  peft: "0.21.2",
};

/** Majors that the script was written for; others have other names, other tokens and other losses. */
const MAJORS: Readonly<Record<string, number>> = { trl: 1, transformers: 5 };

export const TRAIN_SCRIPT = fileURLToPath(new URL("../python/prefkit_train.py", import.meta.url));

export type Versions = Readonly<Record<string, string | null>>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Where `--install` puts its environment. */
export function installedPython(cacheDirectory: string): string {
  const folder = join(cacheDirectory, "python-train");
  return process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

/**
 * The Python to train with: the one that was named, else PREFKIT_PYTHON's, else the one `--install` made.
 * Throws `missing_dependency` when there is none, saying what to do.
 */
export async function findPython(
  files: Files,
  options: { readonly named?: string; readonly environment: Environment; readonly cacheDirectory: string },
): Promise<string> {
  const given = options.named ?? options.environment.PREFKIT_PYTHON;
  if (given !== undefined && given !== "") return given;
  const own = installedPython(options.cacheDirectory);
  if (await files.exists(own)) return own;
  throw new PrefkitError(
    "missing_dependency",
    "training runs in Python, and no Python was named: neither --python nor PREFKIT_PYTHON, and none is installed by prefkit.",
    "name one that has TRL, or run `prefkit train --install`, which makes an environment of its own (about 1.5 GB).",
  );
}

/**
 * Asks the training script for the versions it finds, and refuses what it cannot train with. Nothing heavy is imported.
 * Throws `missing_dependency` with what is missing and the command that installs it.
 */
export async function checkPython(
  python: string,
  options: { readonly lora: boolean; readonly environment: Environment },
): Promise<Versions> {
  const { stdout, stderr, problem } = await output(python, [TRAIN_SCRIPT, "--versions"], options.environment);
  const versions = versionsOf(stdout);
  if (versions === null) {
    throw new PrefkitError(
      "missing_dependency",
      `${python} did not run the training script: ${problem ?? (reasonOf(stderr.trim()) || "no answer")}.`,
      "name a Python of 3.10 or newer by --python, or run `prefkit train --install`.",
    );
  }
  const faults = faultsOf(versions, options.lora);
  if (faults.length > 0) {
    throw new PrefkitError(
      "missing_dependency",
      `${python} cannot train: ${faults.join("; ")}.`,
      `run \`${python} -m pip install ${pins(options.lora).join(" ")}\`, or \`prefkit train --install\`.`,
    );
  }
  return versions;
}

function faultsOf(versions: Versions, lora: boolean): string[] {
  const [major = 0, minor = 0] = (versions.python ?? "").split(".").map(Number);
  const faults =
    major < 3 || (major === 3 && minor < 10) ? [`Python is ${versions.python}, and 3.10 is needed`] : [];
  for (const name of Object.keys(TRAIN_REQUIREMENTS)) {
    if (versions[name] == null && (lora || name !== "peft")) faults.push(`${name} is missing`);
  }
  for (const [name, needed] of Object.entries(MAJORS)) {
    const version = versions[name];
    if (version == null || Number(version.split(".")[0]) === needed) continue;
    faults.push(`${name} is ${version}, and ${needed}.x is needed (tested with ${TRAIN_REQUIREMENTS[name]})`);
  }
  return faults;
}

function pins(lora: boolean): string[] {
  return Object.entries(TRAIN_REQUIREMENTS)
    .filter(([name]) => lora || name !== "peft")
    .map(([name, version]) => `${name}==${version}`);
}

interface InstallOptions {
  readonly named?: string;
  readonly environment: Environment;
  readonly cacheDirectory: string;
}

/**
 * The commands that `installPython` runs; looks for a Python, and changes nothing.
 * Throws `missing_dependency` when no Python of 3.10 or newer is found.
 */
export async function installCommands(
  files: Files,
  { named, environment, cacheDirectory }: InstallOptions,
): Promise<readonly (readonly string[])[]> {
  const folder = join(cacheDirectory, "python-train");
  const python = installedPython(cacheDirectory);
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", ...pins(true)];
  if (await files.exists(python)) return [[python, ...pip]];
  const base = await basePython(named ?? environment.PREFKIT_PYTHON, environment);
  return [
    [base, "-m", "venv", folder],
    [python, ...pip],
  ];
}

/**
 * Makes a virtual environment in the cache with the pinned packages, or completes the one that is there. pip is told nothing
 * but the pins: the user's own index, proxy and cache settings hold.
 * Throws `missing_dependency` when no Python of 3.10 or newer is found or pip fails.
 */
export async function installPython(
  files: Files,
  options: InstallOptions & { readonly onLine: (line: string) => void; readonly stop: AbortSignal },
): Promise<{ readonly python: string; readonly versions: Versions }> {
  const { environment, cacheDirectory, onLine, stop } = options;
  for (const [program = "", ...args] of await installCommands(files, options)) {
    onLine([program, ...args].join(" "));
    await succeeds(program, args, environment, onLine, stop);
  }
  const python = installedPython(cacheDirectory);
  return { python, versions: await checkPython(python, { lora: true, environment }) };
}

async function basePython(named: string | undefined, environment: Environment): Promise<string> {
  const candidates = named
    ? [named]
    : ["python3.13", "python3.12", "python3.11", "python3.10", "python3", "python"];
  for (const candidate of candidates) {
    const { stdout } = await output(
      candidate,
      ["-c", "import sys, venv; print(sys.version_info >= (3, 10))"],
      environment,
    );
    if (stdout.trim() === "True") return candidate;
  }
  throw new PrefkitError(
    "missing_dependency",
    `no Python of 3.10 or newer with venv was found (tried ${candidates.join(", ")}).`,
    "install one, or name it by --python.",
  );
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
  /** Why there was no process, or how it ended; null when it ended well. */
  readonly problem: string | null;
}

function output(command: string, args: readonly string[], environment: Environment): Promise<Output> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes) => {
      stdout += String(bytes);
    });
    child.stderr.on("data", (bytes) => {
      stderr += String(bytes);
    });
    child.on("error", (error) => resolve({ stdout, stderr, problem: reasonOf(error) }));
    child.on("close", (code) =>
      resolve({ stdout, stderr, problem: code === 0 || stderr !== "" ? null : `it ended with code ${code}` }),
    );
  });
}

async function succeeds(
  command: string,
  args: readonly string[],
  environment: Environment,
  onLine: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"], signal: stop });
  const ended = new Promise<string | null>((resolve) => {
    child.on("error", (error) => resolve(reasonOf(error)));
    child.on("close", (code) => resolve(code === 0 ? null : `it ended with code ${code}`));
  });
  const tell = async (stream: NodeJS.ReadableStream): Promise<void> => {
    for await (const line of linesOf(stream as AsyncIterable<Uint8Array>)) onLine(line);
  };
  await Promise.all([tell(child.stdout), tell(child.stderr)]);
  const problem = await ended;
  if (problem === null) return;
  throw new PrefkitError(
    "missing_dependency",
    `\`${command} ${args.join(" ")}\` failed: ${problem}.`,
    "look at the lines above; then run `prefkit train --install` again, or install the packages yourself and name that Python by --python.",
  );
}
