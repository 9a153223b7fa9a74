// Kills runs of the built command line at random moments and checks what they leave.
//
//   node test/long/kill-runs.mjs [--settings short]
//
// PREFKIT_KILLS: SIGKILLs per setting (default 30; short: 5). PREFKIT_DIST: the build to try (default: dist).
// PREFKIT_KILL_SEED: where the moments are drawn from. PREFKIT_KILL_GROUPS: size of the input (default 20,000).
//
// After any number of kills the same command must lead to the bytes of a run that was left alone, a paid call whose
// answer is in the cache must not be made again, and nothing of a finished shard may be scored again.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../../dist"));
const main = join(dist, "src/cli/main.js");
const fixtures = join(here, "../flows/fixtures/scorers.mjs");
const { readCache } = await import(pathToFileURL(join(dist, "src/annotate/score-cache.js")).href);

const short = process.argv.includes("short");
const killsPerSetting = Number(process.env.PREFKIT_KILLS ?? (short ? 5 : 30));
const seed = Number(process.env.PREFKIT_KILL_SEED ?? 1);
const groupCount = Number(process.env.PREFKIT_KILL_GROUPS ?? 20_000);
const shardSize = 500;
const scratch = mkdtempSync(join(tmpdir(), "prefkit-kills-"));

/** A seeded source of numbers in [0, 1) (mulberry32). */
function randomNumbers(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const idOf = (index) => `g${String(index).padStart(6, "0")}`;

function writeInput() {
  const words = ["so", "we", "add", "both", "and", "find", "that", "each", "of", "them", "costs", "more"];
  const draw = randomNumbers(7);
  const lines = [];
  for (let index = 0; index < groupCount; index++) {
    const answer = Math.floor(draw() * 100);
    const responses = Array.from({ length: 2 + Math.floor(draw() * 3) }, () => {
      const text = Array.from(
        { length: 3 + Math.floor(draw() * 12) },
        () => words[Math.floor(draw() * words.length)],
      );
      return `${text.join(" ")}.\nA: ${draw() < 0.5 ? answer : Math.floor(draw() * 100)}`;
    });
    const prompt = `Question ${index}: how much is it?`;
    lines.push(JSON.stringify({ id: idOf(index), prompt, reference: String(answer), responses }));
  }
  writeFileSync(join(scratch, "input.jsonl"), `${lines.join("\n")}\n`);
}

function writeRecipes() {
  const own = relative(scratch, fixtures).replaceAll("\\", "/");
  const use = own.startsWith(".") ? own : `./${own}`;
  const recipe = (scorers, reward) =>
    JSON.stringify({
      input: { path: "input.jsonl" },
      scorers,
      reward,
      pairs: { use: "best-vs-worst", minMargin: 0.1 },
      output: { split: { test: 0.1 } },
      seed: 5,
      shardSize,
    });
  // JSON is YAML too.
  writeFileSync(
    join(scratch, "recipe.yaml"),
    recipe(
      {
        correct: { use: "math-answer" },
        paid: { use: `${use}#paid`, cost: "paid" },
        free: { use: `${use}#free`, cpuBound: true },
      },
      {
        terms: [
          { score: "correct" },
          { score: "paid", transform: [{ use: "standardize", scope: "run" }] },
          { score: "free", weight: -0.001 },
        ],
      },
    ),
  );
  writeFileSync(
    join(scratch, "stuck.yaml"),
    recipe(
      { correct: { use: "math-answer" }, stuck: { use: `${use}#stuck`, cost: "paid" } },
      { terms: [{ score: "correct" }] },
    ),
  );
}

/** Starts the command line; `kill` may end it. Resolves to how it ended. */
function start(args, { cache, log }) {
  const child = spawn(process.execPath, [main, ...args, "--quiet"], {
    cwd: scratch,
    env: { ...process.env, PREFKIT_CACHE_DIR: cache, FLOW_LOG: log },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const ended = new Promise((done) => child.on("close", (code, signal) => done({ code, signal, errors })));
  return { child, ended };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** sha256 of every file under a directory, without the work directory and what depends on the day. */
function bytesOf(directory, inside = "") {
  const found = {};
  for (const name of readdirSync(join(directory, inside)).sort()) {
    const path = join(inside, name);
    if (path === ".prefkit" || path === "stats.json") continue;
    if (statSync(join(directory, path)).isDirectory()) Object.assign(found, bytesOf(directory, path));
    else
      found[path] = createHash("sha256")
        .update(readFileSync(join(directory, path)))
        .digest("hex");
  }
  return found;
}

/** Whatever a kill leaves: with a run.json, every file it names is whole. */
function unfinishedUnderFinalName(out) {
  const path = join(out, "run.json");
  if (!existsSync(path)) return [];
  return JSON.parse(readFileSync(path, "utf8")).files.flatMap((entry) => {
    const file = join(out, entry.path);
    if (!existsSync(file)) return [`run.json names ${entry.path}, which is not there`];
    const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
    return hash === entry.sha256 ? [] : [`${entry.path} is not what run.json says`];
  });
}

function logLines(log) {
  return existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
}

async function cachedIds(cache) {
  if (!existsSync(join(cache, "scores.lmdb"))) return new Set();
  const ids = new Set();
  for await (const { promptId } of readCache(cache)) ids.add(promptId);
  return ids;
}

function journaledIds(out) {
  const work = join(out, ".prefkit");
  const ids = new Set();
  for (const name of existsSync(work) ? readdirSync(work) : []) {
    if (!/^journal.*\.jsonl$/.test(name)) continue;
    // What follows the last newline is a torn line.
    for (const line of readFileSync(join(work, name), "utf8").split("\n").slice(0, -1)) {
      const { shard } = JSON.parse(line);
      for (let index = shard * shardSize; index < (shard + 1) * shardSize; index++) ids.add(idOf(index));
    }
  }
  return ids;
}

/** What must not be called again, noted after each kill together with how long the log was then. */
async function note(ledger, { out, cache, log }) {
  ledger.push({ lines: logLines(log).length, paid: await cachedIds(cache), free: journaledIds(out) });
}

function repeatedCalls(ledger, log) {
  const lines = logLines(log);
  const problems = [];
  for (const { lines: from, paid, free } of ledger) {
    for (const line of lines.slice(from)) {
      const [scorer, id] = line.split(" ");
      if (scorer === "paid" && paid.has(id)) problems.push(`paid again for ${id}, which was in the cache`);
      if (scorer === "free" && free.has(id)) problems.push(`scored ${id} again, whose shard was finished`);
    }
  }
  return problems;
}

/** Files whose appearance marks a moment worth a kill. */
const MOMENTS = [
  ".prefkit/plan.json",
  ".prefkit/parts/scores-00007.jsonl.tmp",
  ".prefkit/parts/scores-00020.jsonl",
  ".prefkit/finish/groups",
  ".prefkit/finish/pairs/train-00000-of-00001.parquet",
  ".prefkit/finish/run.json",
  "pairs",
  "scores",
  "run.json",
];

/** Waits until the path appears, or the child ends. Looks without pause, since publishing takes milliseconds. */
async function untilThere(path, ended) {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const near = join(path, "..");
  while (!over && !existsSync(path))
    await (existsSync(near) ? new Promise((done) => setImmediate(done)) : pause(2));
}

/**
 * Runs a command until it is done, killing it on the way. `budget.left` counts the kills still to be made. Every other
 * kill waits for one of the moments above (the first for `first`, where it is given). The rest come at a time drawn
 * uniformly from `wall`, the length of a whole run in milliseconds, or from its first third: as each run goes on where
 * the last was killed, these too reach every part of the work.
 */
async function runUnderKills(args, place, { budget, random, wall, first, ledger }) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const run = start(args, place);
    if (budget.left > 0) {
      const drawn = attempt % 2 === 1 ? MOMENTS[Math.floor(random() * MOMENTS.length)] : undefined;
      const moment = attempt === 0 ? first : drawn;
      if (moment === undefined || existsSync(join(place.out, moment)))
        await Promise.race([run.ended, pause(random() * (random() < 0.3 ? wall : wall / 3))]);
      else await untilThere(join(place.out, moment), run.ended);
      run.child.kill("SIGKILL");
    }
    const { code, signal, errors } = await run.ended;
    const problems = unfinishedUnderFinalName(place.out);
    if (problems.length > 0) return problems;
    if (signal === "SIGKILL") {
      budget.left -= 1;
      budget.made += 1;
      await note(ledger, place);
      continue;
    }
    return code === 0 ? [] : [`exit ${code}: ${errors.trim()}`];
  }
  return ["not done after 100 attempts"];
}

function differences(reference, bytes) {
  const names = new Set([...Object.keys(reference), ...Object.keys(bytes)]);
  return [...names]
    .filter((name) => reference[name] !== bytes[name])
    .map((name) => `${name} differs from the reference`);
}

/** A place for one run: its own output, cache and log. */
function placeFor(name) {
  const directory = join(scratch, name);
  mkdirSync(directory, { recursive: true });
  return {
    directory,
    out: join(directory, "out"),
    cache: join(directory, "cache"),
    log: join(directory, "calls.log"),
  };
}

const say = (line) => process.stdout.write(`${line}\n`);

let failures = 0;
function verdict(name, problems, details, began) {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const [first] = problems;
  if (first !== undefined) failures += 1;
  const outcome = first === undefined ? "ok  " : "FAIL";
  say(
    `${outcome} ${name}: ${details}, ${seconds} s${first === undefined ? "" : `\n     ${problems.length} problems, the first: ${first}`}`,
  );
}

async function killedSetting(concurrency, workers, reference, wall) {
  const began = performance.now();
  const budget = { left: killsPerSetting, made: 0 };
  const random = randomNumbers(seed + 100 * concurrency + workers);
  const problems = [];
  let rounds = 0;
  // A run is through after some kills; then the next begins afresh, until all kills are made.
  while (budget.left > 0 && problems.length === 0) {
    const place = placeFor(`c${concurrency}w${workers}-${rounds}`);
    const ledger = [];
    const args = [
      "run",
      "recipe.yaml",
      "--out",
      place.out,
      "--concurrency",
      `${concurrency}`,
      "--workers",
      `${workers}`,
    ];
    problems.push(...(await runUnderKills(args, place, { budget, random, wall, ledger })));
    if (problems.length === 0) {
      problems.push(...differences(reference, bytesOf(place.out)), ...repeatedCalls(ledger, place.log));
    }
    rounds += 1;
    rmSync(place.directory, { recursive: true, force: true });
  }
  verdict(
    `concurrency ${concurrency}, workers ${workers}`,
    problems,
    `${budget.made} kills over ${rounds} runs`,
    began,
  );
}

async function mergedShards(reference, wall) {
  const began = performance.now();
  const shards = 5;
  const cache = placeFor("shards").cache;
  const places = Array.from({ length: shards }, (_, index) => ({ ...placeFor(`shard-${index}`), cache }));
  const budget = { left: 0, made: 0 };
  const random = randomNumbers(seed);
  const problems = [];
  for (const [index, place] of places.entries()) {
    const ledger = [];
    const args = ["run", "recipe.yaml", "--out", place.out, "--shard", `${index}/${shards}`];
    budget.left = Math.max(1, Math.round(killsPerSetting / shards));
    const options = { budget, random, wall: wall / shards, first: ".prefkit/parts", ledger };
    problems.push(...(await runUnderKills(args, place, options)), ...repeatedCalls(ledger, place.log));
  }
  const target = { ...placeFor("merged"), cache };
  budget.left = Math.max(1, Math.round(killsPerSetting / shards));
  const args = ["merge", ...places.map(({ out }) => out), "--recipe", "recipe.yaml", "--out", target.out];
  const options = { budget, random, wall: wall / 2, first: ".prefkit/finish", ledger: [] };
  problems.push(...(await runUnderKills(args, target, options)));
  if (problems.length === 0) problems.push(...differences(reference, bytesOf(target.out)));
  if (logLines(target.log).length > 0) problems.push("the merge called a scorer");
  verdict(`${shards} shards apart, merged`, problems, `${budget.made} kills`, began);
  for (const { directory } of [...places, target]) rmSync(directory, { recursive: true, force: true });
}

async function signalled(signal, expected, reference) {
  const began = performance.now();
  const place = placeFor(`signal-${signal}`);
  const args = ["run", "recipe.yaml", "--out", place.out];
  const ledger = [];
  const problems = [];
  // The first stops while scoring, the second while finishing.
  for (const moment of [".prefkit/parts/scores-00003.jsonl", ".prefkit/finish/groups"]) {
    const run = start(args, place);
    await untilThere(join(place.out, moment), run.ended);
    run.child.kill(signal);
    const { code, errors } = await run.ended;
    if (code !== expected)
      problems.push(`exit ${code} instead of ${expected} at ${moment}: ${errors.trim()}`);
    if (!/The same command goes on from there/.test(errors)) problems.push(`it said: ${errors.trim()}`);
    await note(ledger, place);
  }
  if (!existsSync(join(place.out, ".prefkit/parts"))) problems.push("nothing was saved");
  problems.push(...(await runUnderKills(args, place, { budget: { left: 0, made: 0 }, ledger })));
  problems.push(...differences(reference, bytesOf(place.out)), ...repeatedCalls(ledger, place.log));
  const doubled = logLines(place.log).length - new Set(logLines(place.log)).size;
  if (doubled > 0) problems.push(`${doubled} calls were made twice, although a clean stop saves everything`);
  verdict(`${signal}, then the same command`, problems, "2 stops", began);
  rmSync(place.directory, { recursive: true, force: true });
}

async function secondSignal() {
  const began = performance.now();
  const place = placeFor("second-signal");
  const run = start(["run", "stuck.yaml", "--out", place.out], place);
  await untilThere(place.log, run.ended);
  run.child.kill("SIGINT");
  const waits = await Promise.race([run.ended.then(() => false), pause(1500).then(() => true)]);
  const problems = waits ? [] : ["the first SIGINT did not wait for the call under way"];
  const asked = performance.now();
  run.child.kill("SIGINT");
  const { code } = await run.ended;
  if (code !== 130) problems.push(`exit ${code} instead of 130`);
  if (performance.now() - asked > 1500) problems.push("the second SIGINT was not heeded at once");
  verdict("second SIGINT", problems, "quits at once", began);
  rmSync(place.directory, { recursive: true, force: true });
}

try {
  writeInput();
  writeRecipes();
  const place = placeFor("reference");
  const began = performance.now();
  const { code, errors } = await start(["run", "recipe.yaml", "--out", place.out], place).ended;
  const wall = performance.now() - began;
  if (code !== 0) throw new Error(`the reference run ended with ${code}: ${errors}`);
  const reference = bytesOf(place.out);
  const calls = logLines(place.log).length;
  const problems = calls === 2 * groupCount ? [] : [`${calls} calls instead of ${2 * groupCount}`];
  verdict("reference", problems, `${groupCount} groups, ${Object.keys(reference).length} files`, began);

  const settings = short
    ? [
        [4, 2],
        [16, 1],
      ]
    : [1, 4, 16].flatMap((concurrency) => [1, 2].map((workers) => [concurrency, workers]));
  // Two lanes, as a run keeps about one processor busy; there each run takes longer than it did alone.
  const waiting = [
    ...settings.map(
      ([concurrency, workers]) =>
        () =>
          killedSetting(concurrency, workers, reference, 1.5 * wall),
    ),
    () => mergedShards(reference, 1.5 * wall),
  ];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  };
  await Promise.all([lane(), lane()]);
  await signalled("SIGINT", 130, reference);
  await signalled("SIGTERM", 143, reference);
  await secondSignal();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
say(failures === 0 ? "All as it should be." : `${failures} settings failed.`);
process.exitCode = failures === 0 ? 0 : 1;
