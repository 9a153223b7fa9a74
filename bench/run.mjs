// `npm run bench run [-- --short]`: how fast a recipe runs, what bounds it, whether memory stays flat, and whether a
// second processor helps. Every number stands beside the floor or the ideal measured in the same run.
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeGroups } from "./fixtures/groups.mjs";
import { turnsPerMillisecond } from "./fixtures/spin.mjs";
import { watchedRun } from "./fixtures/watched-run.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? here("../dist"));
const main = join(dist, "src/cli/main.js");
const isShort = process.argv.includes("--short");
const GROUPS = isShort ? 20_000 : 200_000;
const SPIN_GROUPS = isShort ? 2_000 : 10_000;
const SPIN_MS = 1;

const BOUND_BY = {
  read: "parsing JSON and hashing ids, on the main thread",
  score: "the rule scorers, on the main thread",
  store: "writing parts, and encoding and compressing Parquet, on the main thread",
  combine: "transforms and the weighted sum, on the main thread",
  pair: "the pair rule, on the main thread",
  summary: "the counts and correlations of the dataset card, on the main thread",
  "start, plan, close": "the planning scan (parsing every row once more) and hashing the input",
};

const directory = await mkdtemp(join(tmpdir(), "prefkit-bench-"));
try {
  printMachine();
  if (!process.argv.includes("--threads")) await rules();
  await threads();
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** Three rule scorers over many groups, and the same over a quarter of them. */
async function rules() {
  const input = join(directory, "groups.jsonl");
  await writeGroups(input, GROUPS);
  const { size } = await stat(input);
  const recipe = await writeRecipe("rules", {
    input: { path: input },
    scorers: {
      correct: { use: "math-answer" },
      format: { use: "format-tags" },
      repetition: { use: "repetition-penalty" },
    },
    reward: {
      terms: [
        { score: "correct" },
        { score: "format", weight: 0.2 },
        { score: "repetition", weight: 0.5, transform: [{ use: "standardize", scope: "run" }] },
      ],
    },
    pairs: { use: "best-vs-worst" },
  });
  console.log(
    `\nThree rule scorers: ${number(GROUPS)} groups of 4 responses, ${number(size / 1e6)} MB of JSON Lines\n`,
  );
  const floor = JSON.parse((await watchedRun([here("fixtures/floor.mjs"), input])).out);
  const quarter = await prefkit(recipe, "rules-quarter", ["--limit", String(GROUPS / 4)]);
  const whole = await prefkit(recipe, "rules", []);

  const { stats, summary, rows } = whole;
  console.log(
    `  groups/s          ${number(GROUPS / stats.wallSeconds)}  (${number(stats.wallSeconds, 1)} s)`,
  );
  console.log(
    `  rows written/s    ${number(rows / stats.wallSeconds)}  (${number(rows)} rows, ${number(summary.pairs)} pairs)`,
  );
  console.log(
    `  floor             ${number(GROUPS / floor.seconds)} groups/s: read, sha256 and JSON.parse alone (${number(floor.seconds, 1)} s); the run takes ${number(stats.wallSeconds / floor.seconds, 1)} times as long`,
  );
  console.log(
    `  CPU seconds       ${number(stats.cpuSeconds, 1)}, of which main thread ${ofTotal(whole.mainCpu, whole.allCpu)}; floor ${number(floor.cpuSeconds, 1)}`,
  );
  const charged = Object.values(stats.stages).reduce((sum, seconds) => sum + seconds, 0);
  const stages = { ...stats.stages, "start, plan, close": Math.max(0, stats.wallSeconds - charged) };
  const ordered = Object.entries(stages).sort(([, a], [, b]) => b - a);
  for (const [stage, seconds] of ordered) {
    console.log(
      `    ${stage.padEnd(20)}${number(seconds, 1).padStart(7)} s  ${percent(seconds / stats.wallSeconds)}`,
    );
  }
  const [[slowest] = [""]] = ordered;
  console.log(`  slowest           ${slowest}: ${BOUND_BY[slowest] ?? "see the stage's name"}`);
  if (whole.rssMb !== null && quarter.rssMb !== null) {
    for (const [name, measured] of [
      ["RSS", "rssMb"],
      ["RssAnon", "anonymousMb"],
    ]) {
      const ratio = number(whole[measured] / quarter[measured], 2);
      const verdict = isShort ? "too few groups to judge: row groups are still filling" : "1 is flat";
      console.log(
        `  peak ${name.padEnd(12)} ${number(quarter[measured])} MB at ${number(GROUPS / 4)} groups, ${number(whole[measured])} MB at ${number(GROUPS)}: ratio ${ratio} (${verdict})`,
      );
    }
  }
  await rm(input);
}

/** A scorer that keeps a processor busy, with one thread and with two. */
async function threads() {
  const input = join(directory, "spin.jsonl");
  await writeGroups(input, SPIN_GROUPS);
  const turns = SPIN_MS * turnsPerMillisecond();
  const recipe = await writeRecipe("spin", {
    input: { path: input },
    scorers: { spin: { use: `${here("fixtures/spin.mjs")}#spin`, turns } },
  });
  const busy = (SPIN_GROUPS * 4 * SPIN_MS) / 1000;
  console.log(
    `\nA CPU-bound scorer: ${number(SPIN_GROUPS)} groups of 4 responses, ${SPIN_MS} ms each (${number(turns)} turns), ${number(busy, 1)} s of work\n`,
  );
  const walls = [];
  for (const workers of [1, 2]) {
    const { stats, mainCpu, allCpu } = await prefkit(recipe, `spin-${workers}`, [
      "--workers",
      String(workers),
    ]);
    walls.push(stats.wallSeconds);
    console.log(
      `  --workers ${workers}       ${number(stats.wallSeconds, 1)} s (ideal ${number(busy / workers, 1)} s), ${number(SPIN_GROUPS / stats.wallSeconds)} groups/s; CPU ${number(stats.cpuSeconds, 1)} s, of which main thread ${ofTotal(mainCpu, allCpu)}`,
    );
  }
  console.log(
    `  speed-up          ${number(walls[0] / walls[1], 2)} with two threads on ${cpus().length} processors (goal: 1.6)`,
  );
}

async function prefkit(recipe, name, flags) {
  const out = join(directory, name);
  const run = await watchedRun([main, "run", recipe, "--out", out, "--quiet", "--json", ...flags]);
  const stats = JSON.parse(await readFile(join(out, "stats.json"), "utf8"));
  const { summary, files } = JSON.parse(run.out);
  const rows = files.reduce((sum, file) => sum + (file.rows ?? 0), 0);
  await rm(out, { recursive: true, force: true });
  return { ...run, stats, summary, rows };
}

async function writeRecipe(name, recipe) {
  const path = join(directory, `${name}.yaml`);
  // JSON is YAML.
  await writeFile(path, JSON.stringify(recipe, null, 2));
  return path;
}

function printMachine() {
  const [first] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(
    `${first?.model ?? "unknown processor"} × ${cpus().length}, ${number(totalmem() / 2 ** 30, 1)} GB, Node ${process.version}, load ${load[0]}${isShort ? " (short run)" : ""}`,
  );
}

function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share) {
  return `${(100 * share).toFixed(0).padStart(3)} %`;
}

function ofTotal(part, total) {
  return part === null || !total
    ? "unknown (no /proc)"
    : `${percent(part / total).trim()} (${number(part, 1)} of ${number(total, 1)} s)`;
}
