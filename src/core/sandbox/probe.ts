import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { PrefkitError, reasonOf } from "../errors.ts";
import { CLEAN_ENVIRONMENT, type Containment, containedCommand, READY } from "./contain.ts";
import { DEFAULT_LIMITS, type SandboxJob } from "./job.ts";
import { hasPrlimit, unsafeCommand } from "./unsafe.ts";

/** What a sandbox must give, and how a shell inside it finds out; each line that says so names one. */
const CHECKS: Readonly<Record<string, string>> = {
  // Setting up takes a dozen process ids of the namespace.
  "own processes": '[ "$$" -le 99 ]',
  "no network": '! [ -e /proc/net/dev ] || [ "$(grep -c : /proc/net/dev)" -le 1 ]',
  "no home directories": "! ls /home/* /root/.[a-z]* 2>/dev/null | grep -q .",
  "read-only system": "! (: >/usr/prefkit-probe) 2>/dev/null && ! (: >/prefkit-probe) 2>/dev/null",
  "a working directory": "(: >probe) && [ -e probe ]",
  "no capabilities": "! [ -e /proc/self/status ] || grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status",
  "no new privileges": "! [ -e /proc/self/status ] || grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status",
  // One would bring capabilities, and with them file systems in memory that nothing limits.
  "no user namespaces": "! unshare --user true 2>/dev/null",
  "no mounts": "! mount -t tmpfs none /box 2>/dev/null",
  "processor time": '[ "$(ulimit -t)" = 1 ]',
  "open files": '[ "$(ulimit -n)" = 32 ]',
  "no execution of files": "cp /bin/true own && ! ./own 2>/dev/null",
  "room for files":
    "! (head -c 700000 /dev/zero >one && head -c 700000 /dev/zero >two) 2>/dev/null && rm -f one two own",
  "file size": "! (head -c 2097152 /dev/zero >big) 2>/dev/null",
  // tail has to keep all of it.
  memory: "! (head -c 134217728 /dev/zero | tail -c 134217728 >/dev/null) 2>/dev/null",
  // Last, since what it starts stays until the end.
  processes: "! (i=0; while [ $i -lt 24 ]; do sleep 9 & i=$((i+1)); done) 2>/dev/null",
};

const PROBE: SandboxJob = {
  command: [
    "/bin/sh",
    "-c",
    Object.entries(CHECKS)
      .map(([name, check]) => `if ${check}; then echo '+${name}'; fi`)
      .join("\n"),
  ],
  readable: [],
  limits: { ...DEFAULT_LIMITS, cpuSeconds: 1, memoryMb: 64, processes: 12, fileMb: 1, openFiles: 32 },
};

interface Attempt {
  readonly containment: Containment;
  /** Names of checks that failed; all of them when nothing started. */
  readonly missing: readonly string[];
  readonly problem: string;
}

let found: Containment | readonly Attempt[] | null = null;

/**
 * How this platform contains programs; found out by building a sandbox and trying each limit in it, once per process
 * (about 0.1 s).
 *
 * Throws: `sandbox_unfit` with what is missing when no way of building one gives every limit.
 */
export function probeContainment(): Containment {
  found ??= probe();
  if ("by" in found) return found;
  throw refusal(found);
}

/**
 * Why a job that must end with exit code 0 does not, in words; null when it does. For trying an interpreter once, before
 * its trouble is taken for that of the programs it runs. Blocks for as long as the job takes, at most 30 s.
 */
export function whyNotRunning(job: SandboxJob, confinement: Containment | "unsafe"): string | null {
  const [file, ...rest] = confinement === "unsafe" ? unsafeCommand(job) : containedCommand(job, confinement);
  const { status, stderr, error } = runToEnd(file, rest);
  if (status === 0) return null;
  return reasonOf(error ?? (stderr.trim() || `exit code ${status}`));
}

function probe(): Containment | readonly Attempt[] {
  if (process.platform !== "linux") return [];
  const ways: readonly Containment["by"][] = process.getuid?.() === 0 ? ["root", "user"] : ["user"];
  const attempts: Attempt[] = [];
  for (const proc of [true, false]) {
    for (const by of ways) {
      const outcome = attempt({ by, proc });
      if (outcome.missing.length === 0) return outcome.containment;
      attempts.push(outcome);
    }
  }
  return attempts;
}

function attempt(containment: Containment): Attempt {
  const [file, ...rest] = containedCommand(PROBE, containment);
  const { stdout, stderr, error, output } = runToEnd(file, rest);
  const names = Object.keys(CHECKS);
  if (!(output?.[4] ?? "").startsWith(READY)) {
    const problem = error?.message ?? reasonOf(stderr);
    return { containment, missing: names, problem };
  }
  const given = new Set(stdout.split("\n").map((line) => line.slice(1)));
  const missing = names.filter((name) => !given.has(name));
  return { containment, missing, problem: `it lacks: ${missing.join(", ")}` };
}

function runToEnd(file: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(file, args, {
    cwd: "/",
    env: { ...CLEAN_ENVIRONMENT },
    encoding: "utf8",
    timeout: 30_000,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe", "ignore", "pipe"],
  });
}

function refusal(attempts: readonly Attempt[]): PrefkitError {
  // The attempt that came furthest says most.
  const best = [...attempts].sort((a, b) => a.missing.length - b.missing.length)[0];
  const reason = best === undefined ? `this is ${process.platform}, not Linux` : best.problem;
  const tools = hasPrlimit() ? "" : "install util-linux (prlimit, setpriv, unshare); ";
  return new PrefkitError(
    "sandbox_unfit",
    `programs cannot be contained on this machine: ${reason}.`,
    `${tools}allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; ` +
      "in Docker --security-opt seccomp=unconfined, or root with --cap-add SYS_ADMIN), or write `sandbox: unsafe` to run programs without containment.",
  );
}
