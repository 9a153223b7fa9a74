// Kills exports and imports of the built command line at random moments and checks what they leave.
//
//   node test/long/kill-exports.mjs
//
// PREFKIT_KILLS: SIGKILLs per command (default 15). PREFKIT_KILL_ROWS: rows of the data (default 20,000). PREFKIT_DIST: the
// build to try (default: dist). PREFKIT_KILL_SEED: where the moments are drawn from.
//
// After a kill the target is what it was before, or the whole new one, and nothing between; the same command then gives the
// bytes of one that was left alone, and nothing lies beside it any more.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { makeDataset, makeRatings, makeTranscripts } from "../../bench/fixtures/export-data.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../../dist"));
const load = (path) => import(pathToFileURL(join(dist, "src", path)).href);
const kills = Number(process.env.PREFKIT_KILLS ?? 15);
const rows = Number(process.env.PREFKIT_KILL_ROWS ?? 20_000);
const scratch = mkdtempSync(join(tmpdir(), "prefkit-kills-"));

let state = Number(process.env.PREFKIT_KILL_SEED ?? 1) >>> 0;
/** mulberry32: numbers in [0, 1). */
function draw() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** Runs the command line; null as the code when it was killed, after `killAfter` ms. */
async function prefkit(args, killAfter) {
  const began = performance.now();
  const child = spawn(process.execPath, [join(dist, "src/cli/main.js"), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const code = await new Promise((done) => child.on("close", done));
  clearTimeout(timer);
  return { code, said, ms: performance.now() - began };
}

/** sha256 over the names and bytes of a file, or of all files of a directory; null where nothing is. */
function fingerprint(path) {
  if (!existsSync(path)) return null;
  const hash = createHash("sha256");
  const files = statSync(path).isFile()
    ? [path]
    : readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort();
  for (const file of files) hash.update(`${relative(path, file)}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

function fail(what) {
  throw new Error(`${what}; the data is in ${scratch}`);
}

/**
 * @param name of the target, in a directory of its own
 * @param begin makes what stands there first; with it the command replaces that
 */
async function tryCommand(name, args, begin) {
  const directory = join(scratch, "out");
  const out = join(directory, name);
  const fresh = async () => {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    if (begin) await prefkit([...begin, "--out", out]);
    return fingerprint(out);
  };
  await fresh();
  const alone = await prefkit([...args, "--out", out]);
  if (alone.code !== 0) fail(`${args.join(" ")} ended with ${alone.code}: ${alone.said}`);
  const whole = fingerprint(out);
  const counts = { before: 0, aside: 0, after: 0 };
  for (let kill = 0; kill < kills; kill++) {
    const before = await fresh();
    // Half of the kills come near the end, where names change.
    const { code } = await prefkit(
      [...args, "--out", out],
      alone.ms * (kill % 2 === 0 ? draw() : 0.85 + 0.2 * draw()),
    );
    const left = fingerprint(out);
    // Between the two renames of a replacement the earlier one stands aside.
    const aside = left === null && before !== null ? fingerprint(join(directory, `.${name}.replaced`)) : null;
    if (left !== whole && left !== before && aside !== before)
      fail(`kill ${kill} left something else at ${out}`);
    counts[left === whole ? "after" : left === before ? "before" : "aside"] += 1;
    const again = await prefkit([...args, "--out", out]);
    const isThere = code === 0 || left === whole;
    if (again.code !== 0 && !(isThere && again.said.includes("not_this_run")))
      fail(`the command after kill ${kill} ended with ${again.code}: ${again.said}`);
    if (fingerprint(out) !== whole) fail(`after kill ${kill} the same command gave other bytes`);
    const others = readdirSync(directory).filter((entry) => entry !== name);
    if (again.code === 0 && others.length > 0) fail(`after kill ${kill} there is still ${others.join(", ")}`);
  }
  process.stdout.write(
    `${args[0]} ${name}${begin ? ", over an earlier one" : ""}: ${kills} kills within ${(alone.ms / 1000).toFixed(1)} s; ` +
      `left as before ${counts.before}, whole ${counts.after}, the earlier one aside ${counts.aside}\n`,
  );
}

try {
  const dataset = join(scratch, "dataset");
  const smaller = join(scratch, "smaller");
  await makeDataset(load, dataset, join(scratch, "ids.txt"), rows);
  await makeDataset(load, smaller, join(scratch, "smaller.txt"), Math.ceil(rows / 10));
  await makeTranscripts(join(scratch, "transcripts.jsonl"), rows);
  await makeRatings(load, join(scratch, "ratings.parquet"), rows);
  const forTrl = ["--for", "trl", "--as", "preference", "--quiet"];
  const begin = ["export", smaller, ...forTrl];
  await tryCommand("for-dpo", ["export", dataset, ...forTrl]);
  await tryCommand("for-dpo", ["export", dataset, ...forTrl, "--force"], begin);
  await tryCommand("groups.jsonl", ["import", "hh-rlhf", join(scratch, "transcripts.jsonl"), "--quiet"]);
  await tryCommand("groups.parquet", [
    "import",
    "ultrafeedback",
    join(scratch, "ratings.parquet"),
    "--quiet",
  ]);
  rmSync(scratch, { recursive: true, force: true });
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
