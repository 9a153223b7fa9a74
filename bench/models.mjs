// `npm run bench models [-- --short]`: what the call path costs beside the bare HTTP client, and how well it keeps to a
// limit that it is not told. Every client runs in a process of its own against one server in another, in turn.
// PREFKIT_PYTHON: a Python with the `openai` package, for its asyncio client.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus, loadavg, totalmem } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? here("../dist"));
const isShort = process.argv.includes("--short");
const only = process.argv.find((argument) => argument.startsWith("--only="))?.slice(7);
const CALLS = isShort ? 4_000 : 20_000;
const rounds = process.argv.find((argument) => argument.startsWith("--rounds="))?.slice(9);
const ROUNDS = rounds === undefined ? (isShort ? 1 : 3) : Number(rounds);
const CONCURRENCY = 256;
const LATENCY_MS = 200;
const LIMITED = { calls: isShort ? 200 : 1_800, perMinute: 600, burst: 10, latencyMs: 50 };
const python = process.env.PREFKIT_PYTHON;

printMachine();
const missed = [...(only === "limit" ? [] : await throughput()), ...(only === "rate" ? [] : await limit())];
for (const goal of missed) console.log(`  missed: ${goal}`);
// 3: a goal was missed, which says little when the run is short or the machine is not idle.
process.exitCode = missed.length === 0 ? 0 : 3;

async function throughput() {
  const server = await start("fixtures/model-server.mjs", LATENCY_MS);
  const ideal = (CALLS * LATENCY_MS) / CONCURRENCY / 1000;
  const node =
    (kind, calls = CALLS) =>
    () =>
      client(kind, server.origin, calls, CONCURRENCY);
  // The peers are there for their rate; a quarter of the calls, once, tells it.
  const few = CALLS / 4;
  const clients = [
    { name: "undici Pool, bare", run: node("undici") },
    { name: "prefkit: call path over it", run: node("call path") },
    { name: "prefkit: openai provider", run: node("prefkit") },
    { name: "autoevals (one judge)", calls: few, run: node("autoevals", few) },
    ...(python === undefined
      ? []
      : [
          {
            name: "openai, Python asyncio",
            calls: few,
            run: () =>
              json(python, [here("models_openai.py"), server.origin, String(few), String(CONCURRENCY)]),
          },
        ]),
  ];
  console.log(
    `\n${number(CALLS)} calls, ${CONCURRENCY} at a time, to a server that takes ${LATENCY_MS} ms: the floor is calls × latency ÷ concurrency = ${number(ideal, 1)} s\n`,
  );
  const found = new Map(clients.map(({ name }) => [name, []]));
  // In turn, so that what else the machine does falls on all alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, calls, run } of clients) {
      if (round === 0 || calls === undefined) found.get(name).push(await run());
    }
  }
  await server.stop();
  const missed = [];
  const bare = CALLS / median(found.get("undici Pool, bare").map(({ seconds }) => seconds));
  for (const { name, calls = CALLS } of clients) {
    const runs = found.get(name);
    const rate = calls / median(runs.map((one) => one.seconds));
    const cpu = median(runs.map((one) => one.cpuSeconds));
    const [first, last] = [0, 3].map((quarter) => median(runs.map((one) => one.peaks[quarter])));
    const lost = runs.reduce((sum, one) => sum + one.lost, 0);
    if (name === "prefkit: openai provider") {
      if (rate < 0.95 * bare) missed.push("95 % of the bare client's rate");
      if (last > 1.15 * first + 10) missed.push("flat memory");
      if (lost > 0) missed.push("no call lost");
    }
    console.log(
      `  ${name.padEnd(28)}${number(rate).padStart(6)} calls/s  ${percent(rate / bare)} of the bare client, ${percent((rate * ideal) / CALLS)} of the floor; CPU ${number((1000 * cpu) / calls, 2)} ms per call; memory ${number(first)} MB in the first quarter, ${number(last)} MB in the last; ${lost} lost`,
    );
  }
  if (python === undefined) {
    console.log(
      "  openai, Python asyncio      skipped: set PREFKIT_PYTHON to a Python that has the openai package",
    );
  }
  console.log(
    `  goal: prefkit at least 95 % of the bare client, memory flat (at most 15 % and 10 MB more in the last quarter)${isShort ? "; too few calls to judge" : ""}`,
  );
  return missed;
}

async function limit() {
  const { calls, perMinute, burst, latencyMs } = LIMITED;
  const server = await start("fixtures/model-server.mjs", latencyMs, perMinute, burst);
  const floor = ((calls - burst) * 60) / perMinute;
  console.log(
    `\n${number(calls)} calls to a server that takes ${perMinute} a minute (burst ${burst}) and says so only by 429 with retry-after: the floor is ${number(floor, 1)} s\n`,
  );
  await server.counts("reset");
  const { seconds, lost } = await client("prefkit", server.origin, calls, CONCURRENCY);
  const { received, refused } = await server.counts("reset");
  await server.stop();
  console.log(
    `  prefkit           ${number(seconds, 1)} s, ${percent(seconds / floor)} of the floor (goal: at most 105 %); ${lost} lost; ${refused} of ${number(received)} requests refused, ${number((100 * refused) / calls, 2)} % of the calls (goal: under 2 %${isShort ? ", at 1,800 calls: what is learned is learned at the start" : ""})`,
  );
  return [
    ...(lost === 0 ? [] : ["no call lost"]),
    ...(refused < 0.02 * calls ? [] : ["under 2 % wasted"]),
    ...(seconds <= 1.05 * floor ? [] : ["at most 105 % of the limit's floor"]),
  ];
}

function client(kind, origin, calls, concurrency) {
  const args = [here("fixtures/model-client.mjs"), kind, origin, calls, concurrency, dist].map(String);
  return json(process.execPath, args, { OPENAI_BASE_URL: `${origin}/v1`, OPENAI_API_KEY: "bench" });
}

async function json(command, args, environment = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
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
    counts: async (what = "counts") => (await fetch(`${origin}/${what}`)).json(),
    stop: async () => {
      child.kill();
      await once(child, "close");
    },
  };
}

function printMachine() {
  const [first] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(
    `${first?.model ?? "unknown processor"} × ${cpus().length}, ${number(totalmem() / 2 ** 30, 1)} GB, Node ${process.version}, load ${load[0]}${isShort ? " (short run)" : ""}`,
  );
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share) {
  return `${(100 * share).toFixed(0).padStart(3)} %`;
}
