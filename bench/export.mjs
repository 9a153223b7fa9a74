/**
 * `npm run bench export [-- --short]`: what exports, imports and the preparation of a training cost, and that their memory does
 * not grow with the rows. Each in a process of its own, over a quarter of the rows and over all of them, beside the same files read
 * by the same reader and nothing else.
 *
 *   node bench/export.mjs [--rows 1000000] [--only NAME,NAME] [--short: 200,000 rows] [--keep DIRECTORY]
 *
 * Needs a build (`dist`, or where PREFKIT_DIST points) and Linux: memory is the highest RssAnon of samples each 100 ms. --keep
 * makes the data there, and takes what is there already. With a quarter of fewer than 250,000 rows memory has not levelled off, and is
 * not judged. 3 as the exit code: memory grew.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { makeDataset, makeLogprobs, makeRatings, makeTranscripts } from "./fixtures/export-data.mjs";
import { watchedRun } from "./fixtures/watched-run.mjs";

const script = fileURLToPath(import.meta.url);
const dist = resolve(process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../dist", import.meta.url)));
const load = (path) => import(pathToFileURL(join(dist, "src", path)).href);
const loadDatasets = (path) => import(pathToFileURL(join(dist, "datasets", path)).href);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string" },
    short: { type: "boolean", default: false },
    only: { type: "string" },
    keep: { type: "string" },
  },
});

/** Memory at all rows over memory at a quarter. */
const MOST = 1.15;
/** Fewer rows fill no heap, and say nothing of growth. */
const LEVEL = 250_000;
/** What an import keeps of each group, at most, to find repeated ones: 16 bytes in a table that is doubled when three fifths full. */
const ID_BYTES = 54;

/** The name, the floor it is printed beside, and what its process does. */
const EXPORTS = [
  ["trl preference", "pairs", "trl", "preference", {}],
  ["trl unpaired", "pairs", "trl", "unpaired", {}],
  ["trl prompts", "groups", "trl", "prompts", {}],
  ["verl prompts", "groups", "verl", "prompts", {}],
  ["openrlhf preference", "pairs", "openrlhf", "preference", {}],
  ["llama-factory preference as JSON", "pairs", "llama-factory", "preference", {}],
];
const IMPORTS = [
  ["hh-rlhf to JSON Lines", "transcripts", "hh-rlhf", "transcripts.jsonl", "groups.jsonl"],
  ["ultrafeedback to Parquet", "ratings", "ultrafeedback", "ratings.parquet", "groups.parquet"],
];
const JOINS = [
  ["reference log-probs", "pairs", "logprobs"],
  ["reference log-probs out of order", "pairs", "logprobs-shuffled"],
];

/** What a child process does; each gives the rows that it read. */
const WORK = {
  export: async (place, out, trainer, kind, given) => {
    const { nodeFiles } = await load("core/files.js");
    const { exportDataset } = await load("trainers/export-dataset.js");
    const { trainerNamed } = await load("trainers/index.js");
    const made = await exportDataset({
      ...{ files: nodeFiles, from: join(place, "dataset"), out, kind },
      ...{ trainer: trainerNamed(trainer), options: JSON.parse(given) },
    });
    return made.source.rows;
  },
  import: async (place, out, layout, input, name) => {
    const { nodeFiles } = await load("core/files.js");
    const { importFiles } = await loadDatasets("import-files.js");
    const { importers } = await loadDatasets("index.js");
    const made = await importFiles({
      ...{ files: nodeFiles, from: [join(place, input)], baseDirectory: place, out: join(out, name) },
      importer: importers.find((importer) => importer.name === layout),
    });
    return made.rows;
  },
  join: async (place, out, table) => {
    const { nodeFiles } = await load("core/files.js");
    const { joinReference } = await load("trainers/train/reference-join.js");
    const { PAIR_IDS_FILE, REFERENCE_FILE } = await load("trainers/train/run-directory.js");
    const { openParquet } = await load("store/parquet-reader.js");
    await mkdir(out, { recursive: true });
    await copyFile(join(place, PAIR_IDS_FILE), join(out, PAIR_IDS_FILE));
    const dataset = join(place, "dataset");
    await joinReference({
      files: nodeFiles,
      dataset,
      logprobs: join(place, table),
      run: out,
      split: "train",
    });
    const { rows } = await openParquet(nodeFiles, join(out, REFERENCE_FILE));
    return rows;
  },
  /** Rows of the same Parquet by the same reader, its hash looked at first. */
  read: async (place, _out, table) => {
    const { nodeFiles } = await load("core/files.js");
    const { readManifest } = await load("store/manifest.js");
    const { tableRows } = await load("annotate/rework.js");
    const directory = join(place, "dataset");
    return await countRows(tableRows(nodeFiles, directory, await readManifest(nodeFiles, directory), table));
  },
  /** Rows of the same input by the same reader. */
  "read-input": async (place, _out, input) => {
    const { findFiles, formatOf } = await load("store/input/find-files.js");
    const { FORMAT_READERS } = await load("store/input/format-readers.js");
    const [file] = await findFiles([join(place, input)], place);
    return await countRows(FORMAT_READERS[formatOf(file.path)](file, 0, () => true));
  },
  make: async (place, _out, count) => {
    await mkdir(place, { recursive: true });
    const rows = Number(count);
    await makeDataset(load, join(place, "dataset"), join(place, "pair_ids.txt"), rows);
    await makeLogprobs(load, join(place, "logprobs"), rows, false);
    await makeLogprobs(load, join(place, "logprobs-shuffled"), rows, true);
    await makeTranscripts(join(place, "transcripts.jsonl"), rows);
    await makeRatings(load, join(place, "ratings.parquet"), rows);
    return rows;
  },
};

async function countRows(batches) {
  let rows = 0;
  for await (const batch of batches) rows += batch.length;
  return rows;
}

if (positionals[0] !== undefined) await work();
else await main();

async function work() {
  const [name, ...args] = positionals;
  const began = performance.now();
  const rows = await WORK[name](...args);
  console.log(JSON.stringify({ rows, seconds: (performance.now() - began) / 1000 }));
}

async function main() {
  const rows = Number(options.rows ?? (options.short ? 200_000 : 1_000_000));
  const directory = options.keep ? resolve(options.keep) : await mkdtemp(join(tmpdir(), "prefkit-bench-"));
  try {
    printMachine();
    const places = [];
    for (const count of [rows / 4, rows]) places.push(await placeOf(directory, count));
    await table("exports", places, [
      ...["pairs", "groups"].map((name) => floor(name, ["read", name])),
      ...EXPORTS.map(([name, beside, trainer, kind, given]) => ({
        ...{ name, beside, work: ["export", trainer, kind, JSON.stringify(given)] },
      })),
    ]);
    await table("imports", places, [
      ...IMPORTS.map(([, beside, , input]) => floor(beside, ["read-input", input])),
      ...IMPORTS.map(([name, beside, layout, input, out]) => ({
        ...{ name, beside, grows: ID_BYTES, work: ["import", layout, input, out] },
      })),
    ]);
    await table("preparation of DPO", places, [
      floor("pairs", ["read", "pairs"]),
      ...JOINS.map(([name, beside, logprobs]) => ({ name, beside, work: ["join", logprobs] })),
    ]);
  } finally {
    if (!options.keep) await rm(directory, { recursive: true, force: true });
  }
}

function floor(name, work) {
  return { name: `floor: ${name} read, nothing else`, floorOf: name, work };
}

function printMachine() {
  const [first] = cpus();
  console.log(
    `${cpus().length} × ${first?.model}, ${(totalmem() / 1e9).toFixed(1)} GB, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
  );
}

/** The data of so many rows, made in a process of its own. */
async function placeOf(directory, count) {
  const place = join(directory, String(count));
  if (existsSync(place)) return { place, count };
  await rm(`${place}.part`, { recursive: true, force: true });
  await child(["make", `${place}.part`, "", String(count)]);
  await rename(`${place}.part`, place);
  return { place, count };
}

async function table(title, places, jobs) {
  const wanted = options.only?.split(",");
  const isWanted = ({ name, floorOf }) =>
    wanted === undefined ||
    wanted.includes(name) ||
    jobs.some(({ name: other, beside }) => beside === floorOf && wanted.includes(other));
  const chosen = jobs.filter(isWanted);
  if (chosen.length === 0) return;
  const [few, many] = places;
  console.log(
    `\n| ${title}, ${many.count.toLocaleString("en")} rows | s | CPU s | rows per CPU s | of the floor | RssAnon at a quarter, MB | at all | ratio | written MB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |`,
  );
  const floors = new Map();
  for (const { name, floorOf, beside, grows, work: args } of chosen) {
    const small = await measure(few, args);
    const large = await measure(many, args);
    // Per second of the processor: other work on the machine takes no share of these.
    const speed = large.rows / large.cpu;
    if (floorOf !== undefined) floors.set(floorOf, speed);
    const cells = [
      ...[name, large.seconds.toFixed(1), large.cpu.toFixed(1), Math.round(speed).toLocaleString("en")],
      floorOf === undefined ? `${((100 * speed) / floors.get(beside)).toFixed(0)} %` : "",
      ...[small.memory.toFixed(0), large.memory.toFixed(0), (large.memory / small.memory).toFixed(2)],
      large.written.toFixed(0),
    ];
    console.log(`| ${cells.join(" | ")} |`);
    if (large.rows !== many.count) throw new Error(`${name} read ${large.rows} of ${many.count} rows`);
    if (
      few.count < LEVEL ||
      large.memory <= MOST * small.memory + 1e-6 * (grows ?? 0) * (many.count - few.count)
    )
      continue;
    console.log(`NOT MET: ${name} takes more than ${MOST} times the memory for four times the rows`);
    process.exitCode = 3;
  }
}

async function measure({ place }, [name, ...args]) {
  const out = `${place}-out-${process.pid}`;
  await rm(out, { recursive: true, force: true });
  const found = await child([name, place, out, ...args]);
  const written = existsSync(out) ? await bytesIn(out) : 0;
  await rm(out, { recursive: true, force: true });
  return { ...found, written: written / 1e6 };
}

async function child(args) {
  const { out, anonymousMb, allCpu } = await watchedRun([script, ...args]);
  return { ...JSON.parse(out), memory: anonymousMb, cpu: allCpu };
}

async function bytesIn(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
