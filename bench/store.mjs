/**
 * What writing Parquet costs: the same rows by prefkit's sink, by Python's `datasets` (from_generator, to_parquet) and
 * by pyarrow (ParquetWriter, batches of 10,000), each in a process of its own, interleaved, medians of three.
 * Nothing is left out of the times: start, imports and making the rows are in them, on all sides.
 *
 *   node bench/store.mjs --python VENV/bin/python [--node OTHER_NODE]... [--rows 100000] [--runs 3]
 *   node bench/store.mjs --rows 1000000      prefkit alone, beside 100,000 rows: memory and cost per row must not grow
 *
 * Needs a build (`dist`, or where PREFKIT_DIST points) and Linux: memory is the sum of RssAnon over the process and its
 * children, read from /proc every 100 ms; CPU time is the shell's count for its finished children.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { benchRows, contentHash } from "./store-rows.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../dist"));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "100000" },
    runs: { type: "string", default: "3" },
    python: { type: "string" },
    node: { type: "string", multiple: true, default: [] },
  },
});

if (positionals[0] === "write")
  await writeWithPrefkit(Number(positionals[1]), positionals[2], positionals[3]);
else await main();

/** The child process: what a user's own script would do. */
async function writeWithPrefkit(count, out, codec) {
  const load = (path) => import(pathToFileURL(join(dist, "src", path)).href);
  const { createParquetSink } = await load("store/parquet-sink.js");
  const { pairsRowSet } = await load("store/row-sets.js");
  const { nodeFiles } = await load("core/files.js");
  const sink = await createParquetSink(nodeFiles, out, pairsRowSet(), codec ? { codec } : {});
  let batch = [];
  for (const row of benchRows(count)) {
    batch.push(row);
    if (batch.length < 200) continue;
    await sink.write(batch);
    batch = [];
  }
  await sink.write(batch);
  await sink.close();
}

async function main() {
  const rows = Number(options.rows);
  const runs = Number(options.runs);
  const directory = await mkdtemp(join(tmpdir(), "prefkit-bench-"));
  try {
    console.log(`${cpus().length} × ${cpus()[0]?.model}; content of the first 200 rows: ${contentHash()}`);
    if (rows > 100_000) await growth(directory, rows, runs);
    else await comparison(directory, rows, runs);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function comparison(directory, rows, runs) {
  const python = options.python;
  if (python) {
    const hash = execFileSync(python, [join(here, "store_rows.py"), "hash"], { encoding: "utf8" }).trim();
    if (hash !== contentHash()) throw new Error(`Python makes other rows: ${hash}`);
    console.log("Python makes the same rows.");
  }
  const writers = [
    ...[process.execPath, ...options.node].map((node) => prefkitWith(node)),
    // `datasets` 5 compresses no column within a list, so this is its like.
    prefkitWith(options.node.at(-1) ?? process.execPath, "none"),
    ...(python ? ["datasets", "pyarrow"].map((kind) => pythonWith(python, kind)) : []),
  ];
  const measured = new Map(writers.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const { name, command } of writers) measured.get(name).push(await measure(directory, command, rows));
  }
  const results = new Map([...measured].map(([name, all]) => [name, medians(all)]));
  print(results, rows);
  const datasets = results.get("datasets");
  if (!datasets) return;
  const newest = results.get(prefkitWith(options.node.at(-1) ?? process.execPath).name);
  verdict("less CPU than datasets", newest.cpu < datasets.cpu);
  verdict("less wall time than datasets", newest.wall < datasets.wall);
  verdict("peak RssAnon below 0.7 GB", newest.rss < 700);
}

async function growth(directory, rows, runs) {
  const { command } = prefkitWith(options.node.at(-1) ?? process.execPath);
  const few = [];
  const many = [];
  for (let run = 0; run < runs; run++) {
    few.push(await measure(directory, command, 100_000));
    many.push(await measure(directory, command, rows));
  }
  const small = medians(few);
  const large = medians(many);
  print(new Map([["prefkit", small]]), 100_000);
  print(new Map([["prefkit", large]]), rows);
  const memory = large.rss / small.rss - 1;
  const cost = large.cpu / rows / (small.cpu / 100_000) - 1;
  verdict(`peak memory at most 15 % higher (${percent(memory)})`, memory <= 0.15);
  verdict(`CPU per row at most 15 % higher (${percent(cost)})`, cost <= 0.15);
}

function prefkitWith(node, codec) {
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  const script = fileURLToPath(import.meta.url);
  return {
    name: `prefkit, Node ${version}${codec ? `, codec ${codec}` : ""}`,
    command: (rows, out) => [node, script, "write", String(rows), out, ...(codec ? [codec] : [])],
  };
}

function pythonWith(python, kind) {
  return {
    name: kind,
    command: (rows, out) => [python, join(here, "store_rows.py"), kind, String(rows), out],
  };
}

/** Runs one writer in a fresh directory; seconds, and MB (10^6 bytes). */
async function measure(directory, command, rows) {
  const own = await mkdtemp(join(directory, "run-"));
  const out = join(own, "rows.parquet");
  const began = performance.now();
  const shell = spawn("sh", ["-c", '"$@" || exit 1; times', "sh", ...command(rows, out)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1" },
  });
  let output = "";
  shell.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  let peak = 0;
  const sampler = setInterval(async () => {
    peak = Math.max(peak, await anonymousMemory(shell.pid));
  }, 100);
  const code = await new Promise((done) => shell.on("close", done));
  clearInterval(sampler);
  if (code !== 0) throw new Error(`${command(rows, out).join(" ")} ended with ${code}`);
  const wall = (performance.now() - began) / 1000;
  // The last line of `times`: user and system time of finished children, as in "0m1.230s 0m0.100s".
  const cpu = output
    .trim()
    .split("\n")
    .at(-1)
    .split(/\s+/)
    .reduce((sum, part) => sum + 60 * Number.parseFloat(part) + Number.parseFloat(part.split("m")[1]), 0);
  const file = (await stat(out)).size / 1e6;
  await rm(own, { recursive: true });
  return { wall, cpu, rss: peak, file };
}

/** RssAnon in MB of a process and all below it; 0 for those that ended meanwhile. */
async function anonymousMemory(pid) {
  const text = (path) => readFile(path, "utf8").catch(() => "");
  const status = await text(`/proc/${pid}/status`);
  const children = (await text(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean);
  const below = await Promise.all(children.map(anonymousMemory));
  const own = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1.024e-3;
  return below.reduce((sum, memory) => sum + memory, own);
}

function medians(all) {
  const middle = (name) => all.map((one) => one[name]).sort((a, b) => a - b)[Math.floor(all.length / 2)];
  return { wall: middle("wall"), cpu: middle("cpu"), rss: middle("rss"), file: middle("file") };
}

function print(results, rows) {
  console.log(
    `\n| ${rows} rows by | CPU s | wall s | peak RssAnon MB | file MB |\n| --- | --- | --- | --- | --- |`,
  );
  for (const [name, { wall, cpu, rss, file }] of results) {
    console.log(
      `| ${name} | ${cpu.toFixed(2)} | ${wall.toFixed(2)} | ${rss.toFixed(0)} | ${file.toFixed(0)} |`,
    );
  }
}

function percent(share) {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}

function verdict(requirement, isMet) {
  console.log(`${isMet ? "met" : "NOT MET"}: ${requirement}`);
  if (!isMet) process.exitCode = 3;
}
