// `npm run bench judges [-- --short] [--only accuracy|bias|rate|added] [--concurrency N] [--rounds N] [--json FILE]`: what pairwise
// judging makes of a judge whose faults are planted, beside autoevals; the position bias that is estimated from a run; what
// rubric-judge costs beside a bare HTTP client; what one criterion more costs. Exit code 3: a goal was missed, which says little of
// speed when the machine is not idle.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { accuracyTables, biasTable } from "./fixtures/judges-accuracy.mjs";
import { addedCriterion } from "./fixtures/judges-added.mjs";
import { plainJudge, readPlainPrompt } from "./fixtures/plain-judge.mjs";

const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== "--"),
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    concurrency: { type: "string", default: "256" },
    json: { type: "string" },
  },
});
const { short } = options;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? here("../dist"));
const built = (path) => import(pathToFileURL(join(dist, path)).href);
const CONCURRENCY = Number(options.concurrency);
const LATENCY_MS = 200;
const CALLS = short ? 4_000 : 20_000;
const ROUNDS = Number(options.rounds ?? (short ? 1 : 3));

const PARTS = { accuracy, bias, rate, added };
if (options.only !== undefined && !Object.hasOwn(PARTS, options.only)) {
  console.error(`--only is one of ${Object.keys(PARTS).join(", ")}.`);
  process.exit(2);
}
printMachine();
const found = {};
const missed = [];
for (const [name, part] of Object.entries(PARTS)) {
  if (options.only === undefined || options.only === name) found[name] = await part();
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(found, null, 2)}\n`);
for (const goal of missed) console.log(`  missed: ${goal}`);
process.exitCode = missed.length === 0 ? 0 : 3;

async function judgeModules() {
  const modules = await Promise.all(
    [
      "rewards/pairwise-judge.js",
      "src/testing/simulated-judge.js",
      "src/testing/simulated-judge/judged-prompt.js",
      "src/testing/arbitraries.js",
      "src/core/random.js",
    ].map(built),
  );
  return Object.assign({ plainJudge, readPlainPrompt }, ...modules);
}

async function accuracy() {
  const result = await accuracyTables(await judgeModules(), { pairs: short ? 50 : 400, short });
  for (const { method, wrong } of result.sums) {
    if (!method.startsWith("plain") && !method.startsWith("autoevals") && wrong > 0)
      missed.push(`no silently wrong number (${method}: ${wrong})`);
  }
  return result;
}

async function bias() {
  const seeds = short ? 10 : 100;
  const rows = await biasTable(await judgeModules(), { seeds, pairs: short ? 60 : 200 });
  console.log(`  goal: inside in at least 90 of 100${short ? "; too few seeds to judge" : ""}`);
  if (!short && rows.some(({ inside }) => inside < 90))
    missed.push("the planted bias inside in at least 90 of 100 seeds");
  return rows;
}

async function rate() {
  const server = await start("fixtures/judges-server.mjs", LATENCY_MS);
  const ideal = (CALLS * LATENCY_MS) / CONCURRENCY / 1000;
  console.log(
    `\n${number(CALLS)} judge calls (rubric-judge, one call per criterion, 4 criteria), ${CONCURRENCY} at a time, to a server that takes ${LATENCY_MS} ms: the floor is ${number(ideal, 1)} s\n`,
  );
  const clients = ["undici", "rubric-judge"].map((kind) => ({ kind, runs: [] }));
  // In turn, so that what else the machine does falls on both alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { kind, runs } of clients) {
      const args = [here("fixtures/judges-client.mjs"), kind, server.origin, CALLS, CONCURRENCY, dist];
      const before = loadavg()[0];
      runs.push({ ...(await json(args.map(String))), load: before });
    }
  }
  await server.stop();
  const rows = clients.map(({ kind, runs }) => ({
    kind,
    rate: CALLS / median(runs.map(({ seconds }) => seconds)),
    cpu: (1000 * median(runs.map(({ cpuSeconds }) => cpuSeconds))) / CALLS,
    lost: runs.reduce((sum, { lost }) => sum + lost, 0),
    runs,
  }));
  const [bare, ours] = rows;
  for (const row of rows) {
    const name = row.kind === "undici" ? "undici Pool, bare" : "prefkit: rubric-judge";
    console.log(
      `  ${name.padEnd(24)}${number(row.rate).padStart(6)} calls/s  ${percent(row.rate / bare.rate)} of the bare client, ${percent((row.rate * ideal) / CALLS)} of the floor; CPU ${number(row.cpu, 2)} ms per call; ${row.lost} lost; load ${row.runs.map(({ load }) => load.toFixed(1)).join(", ")}`,
    );
  }
  console.log(`  goal: at least 90 % of the bare client${short ? "; too few calls to judge" : ""}`);
  if (ours.lost > 0) missed.push("no call lost");
  if (!short && ours.rate < 0.9 * bare.rate) missed.push("90 % of the bare client's rate");
  return rows;
}

async function added() {
  const server = await start("fixtures/judges-server.mjs", 5);
  try {
    const { texts, runs } = await addedCriterion({
      ...{ dist, origin: server.origin, prompts: short ? 20 : 200 },
      counts: () => server.counts("reset"),
    });
    console.log(
      `\nOne criterion more: \`prefkit run\` on ${texts} responses, calls as the server counted them\n`,
    );
    for (const { run, received, criteria } of runs)
      console.log(`  ${run.padEnd(8)}${number(received).padStart(6)}  ${JSON.stringify(criteria)}`);
    const [first, again, more] = runs;
    const isGood =
      first.received === 3 * texts &&
      again.received === 0 &&
      more.received === texts &&
      more.criteria.brief === texts;
    if (!isGood) missed.push("only the new criterion is paid for");
    return { texts, runs };
  } finally {
    await server.stop();
  }
}

async function json(args) {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, OPENAI_API_KEY: "bench" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with ${code}`);
  return JSON.parse(out);
}

async function start(script, ...args) {
  const child = spawn(process.execPath, [here(script), ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = await once(child.stdout, "data");
  const origin = `http://127.0.0.1:${String(port).trim()}`;
  return {
    origin,
    counts: async (what) => (await fetch(`${origin}/${what}`)).json(),
    stop: async () => {
      child.kill();
      await once(child, "close");
    },
  };
}

function printMachine() {
  const [first] = cpus();
  console.log(
    `${first?.model ?? "unknown processor"} × ${cpus().length}, ${number(totalmem() / 2 ** 30, 1)} GB, Node ${process.version}, load ${loadavg()[0].toFixed(1)}${short ? " (short run)" : ""}`,
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share) {
  return `${(100 * share).toFixed(0).padStart(3)} %`;
}
