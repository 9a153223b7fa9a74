import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import { versionsOf } from "./events.ts";
import { shellLine } from "./shell-line.ts";

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
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where `--install` puts its environment. */
export function installFolder(cacheDirectory: string): string {
  return join(cacheDirectory, "python-train");
}

/** Stands beside the environment from before it is made until it was found whole: a half-made one may have any of its parts. */
export function unfinishedMark(cacheDirectory: string): string {
  return `${installFolder(cacheDirectory)}.unfinished`;
}

export function installedPython(cacheDirectory: string): string {
  const folder = installFolder(cacheDirectory);
  return process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

/**
 * The Python to train with: the one that was named, else PREFKIT_PYTHON's, else the one `--install` made.
 * Throws `missing_dependency` when there is none, or the installation of the last one was not finished.
 */
export async function findPython(
  files: Files,
  options: { readonly named?: string; readonly environment: Environment; readonly cacheDirectory: string },
): Promise<string> {
  const given = options.named ?? options.environment.PREFKIT_PYTHON;
  if (given !== undefined && given !== "") return given;
  const { cacheDirectory } = options;
  const own = installedPython(cacheDirectory);
  if (await files.exists(unfinishedMark(cacheDirectory))) {
    throw new PrefkitError(
      "missing_dependency",
      `the Python environment ${installFolder(cacheDirectory)} is not whole: its installation was interrupted, or still goes on.`,
      "run `prefkit train --install` again, which makes it anew; or name another Python by --python.",
    );
  }
  if (await files.exists(own)) return own;
  throw new PrefkitError(
    "missing_dependency",
    "training runs in Python, and no Python was named: neither --python nor PREFKIT_PYTHON, and none is installed by prefkit.",
    "name one that has TRL, or run `prefkit train --install`, which makes an environment of its own (1.5 GB or more).",
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
      `run \`${shellLine([python, "-m", "pip", "install", ...pins(options.lora)])}\`, or \`prefkit train --install\`.`,
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

/** What pip is told to install. */
export function pins(lora: boolean): string[] {
  return Object.entries(TRAIN_REQUIREMENTS)
    .filter(([name]) => lora || name !== "peft")
    .map(([name, version]) => `${name}==${version}`);
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
  /** Why there was no process, or how it ended; null when it ended well. */
  readonly problem: string | null;
}

export function output(command: string, args: readonly string[], environment: Environment): Promise<Output> {
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
