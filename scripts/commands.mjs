// What the scripts share: running a command and telling how it went.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at the end. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** The compiled command line. */
export const prefkit = `${root}dist/src/cli/main.js`;

/**
 * Runs a command to its end and gives its exit code; the output goes to the terminal unless `capture` is set.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, capture?: boolean }} [options]
 */
export function runCommand(command, args, { cwd = root, env = {}, capture = false } = {}) {
  const started = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", capture ? "pipe" : "inherit", capture ? "pipe" : "inherit"],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  return {
    code: status ?? (signal === null ? 1 : 128),
    stdout: stdout ?? "",
    stderr: stderr ?? "",
    seconds: (performance.now() - started) / 1000,
  };
}

/** @param {readonly string[]} args @param {Parameters<typeof runCommand>[2]} [options] */
export function runNode(args, options) {
  return runCommand(process.execPath, args, options);
}

/** @param {readonly string[]} args @param {Parameters<typeof runCommand>[2]} [options] */
export function runVitest(args, options) {
  return runNode([`${root}node_modules/vitest/vitest.mjs`, "run", ...args], options);
}

/** Builds and says nothing unless it fails. With PREFKIT_BUILT=1, the build that lies there is taken as it stands. */
export function buildQuietly() {
  if (process.env.PREFKIT_BUILT === "1" && existsSync(prefkit)) return;
  const { code, stdout, stderr } = runNode([`${root}scripts/build.mjs`], { capture: true });
  if (code === 0) return;
  console.error(`${stdout}${stderr}`);
  process.exit(1);
}
