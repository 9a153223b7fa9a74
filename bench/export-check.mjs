/**
 * What the export check costs, and that its memory does not grow with the rows: TRL preference exports of 250,000 and of
 * 1,000,000 rows (or --rows, and a quarter of them), each checked in a process of its own. Fewer rows would be over before the
 * collector has run often enough to show what it lets lie.
 *
 *   node bench/export-check.mjs [--rows 1000000] [--tokenizer FOLDER] [--token-rows 150000]
 *
 * With a tokenizer a third of --token-rows is checked beside all of them, rendered and tokenized; at least two row groups, since a
 * file of one would need less memory than any longer one. --rows 0 leaves the first part out.
 * Needs a build (`dist`, or where PREFKIT_DIST points) and Linux: memory is RssAnon, read from /proc every 100 ms, and where it
 * seems to grow, the least of three runs at either size; with a tokenizer the heap may hold 192 MB (what more it would take is
 * the collector's slack). The heap is read after a garbage collection at the end. Each row has a prompt of about 100 and two answers of about 200 characters.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../dist"));
const load = (path) => import(pathToFileURL(join(dist, "src", path)).href);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    tokenizer: { type: "string" },
    "token-rows": { type: "string", default: "150000" },
  },
});

if (positionals[0] === "make") await make(Number(positionals[1]), positionals[2]);
else if (positionals[0] === "check") await check(positionals[1], positionals[2]);
else await main();

/** x' = (1103515245 x + 12345) mod 2^31. */
function lcg(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state * bound) / 2 ** 31);
  };
}

/** Writes an export of `count` rows, as `exportDataset` does. */
async function make(count, directory) {
  const { nodeFiles } = await load("core/files.js");
  const { openSplit } = await load("trainers/export-files.js");
  const { exportManifestText } = await load("trainers/export-manifest.js");
  const { trl } = await load("trainers/trl.js");
  const extras = { tools: false, images: false, toolMessages: false };
  const layout = trl.layouts.preference.create({ format: "conversational" }, { extras, scores: [] });
  const files = await openSplit("train", {
    files: nodeFiles,
    directory,
    format: layout.format,
    rowSet: layout.rowSet,
    withPairIds: true,
    maxRowsPerFile: 1_000_000,
  });
  const draw = lcg(3);
  const word = () => String.fromCharCode(...Array.from({ length: 2 + draw(8) }, () => 97 + draw(26)));
  const words = Array.from({ length: 4096 }, word);
  const text = (about) => {
    let made = "";
    while (made.length < about) made += `${words[draw(64) * draw(64)]} `;
    return made.trimEnd();
  };
  for (let start = 0; start < count; start += 1000) {
    const rows = Array.from({ length: Math.min(1000, count - start) }, () => ({
      prompt: [{ role: "user", content: text(50 + draw(100)) }],
      chosen: [{ role: "assistant", content: text(100 + draw(200)) }],
      rejected: [{ role: "assistant", content: text(100 + draw(200)) }],
    }));
    await files.write(
      rows,
      rows.map((_, index) =>
        createHash("md5")
          .update(`${start + index}`)
          .digest("hex"),
      ),
    );
  }
  const entries = await files.close();
  const manifest = {
    prefkit: "bench",
    exportVersion: 1,
    trainer: "trl",
    kind: "preference",
    options: { format: "conversational" },
    format: layout.format,
    source: { planId: "bench", table: "pairs", rows: count, extras, scores: [] },
    rows: { train: count },
    leftOut: {},
    files: entries,
  };
  await writeFile(join(directory, "export.json"), exportManifestText(manifest));
}

/** What `prefkit check` does, and its heap when it is done. */
async function check(directory, tokenizerFolder) {
  const { nodeFiles } = await load("core/files.js");
  const { checkExport, loadTrainerTokenizer } = await load("trainers/check/index.js");
  const { trainers } = await load("trainers/index.js");
  const runtime = { cacheDirectory: tmpdir(), environment: {}, directory: process.cwd(), offline: true };
  const tokenizer = tokenizerFolder ? await loadTrainerTokenizer(tokenizerFolder, { runtime }) : undefined;
  const began = performance.now();
  let longest = 0;
  let last = began;
  const result = await checkExport({
    files: nodeFiles,
    directory,
    trainers,
    onProgress: () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    },
    ...(tokenizer === undefined ? {} : { tokenizer }),
  });
  const seconds = (performance.now() - began) / 1000;
  globalThis.gc();
  const heap = process.memoryUsage().heapUsed / 1e6;
  const { state, examples, lengths } = result;
  console.log(JSON.stringify({ state, examples, seconds, heap, longest, p50: lengths?.total?.p50 ?? null }));
}

async function main() {
  const directory = await mkdtemp(join(tmpdir(), "prefkit-bench-"));
  try {
    console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`);
    const rows = Number(options.rows);
    if (rows > 0) await growth(directory, Math.ceil(rows / 4), rows, undefined);
    const tokenRows = Number(options["token-rows"]);
    if (options.tokenizer)
      await growth(directory, Math.ceil(tokenRows / 3), tokenRows, resolve(options.tokenizer));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function growth(directory, few, many, tokenizer) {
  const what = tokenizer ? "with a tokenizer" : "without a tokenizer";
  console.log(
    `\n| ${what} | s | rows/s | peak RssAnon MB | heap after gc MB | longest silence ms | file MB |\n| --- | --- | --- | --- | --- | --- | --- |`,
  );
  let [small, large] = [await measure(directory, few, tokenizer), await measure(directory, many, tokenizer)];
  // What the collector lets lie adds to a peak, now more and now less: the least of some runs is nearest to what is needed.
  for (let run = 1; run < 3 && large.rss > 1.15 * small.rss; run++) {
    small = lessMemory(small, await measure(directory, few, tokenizer));
    large = lessMemory(large, await measure(directory, many, tokenizer));
  }
  verdict(`every row is sound`, small.state === "sound" && large.state === "sound");
  verdict(
    `peak memory at most 15 % higher (${percent(large.rss / small.rss - 1)})`,
    large.rss <= 1.15 * small.rss,
  );
  verdict(
    `heap at most 5 MB larger (${(large.heap - small.heap).toFixed(1)} MB)`,
    large.heap <= small.heap + 5,
  );
  const cost = large.seconds / many / (small.seconds / few) - 1;
  verdict(`time per row at most 15 % higher (${percent(cost)})`, cost <= 0.15);
  // A row group of 10,000 rows is decoded in one go.
  verdict(`progress at least every two seconds`, large.longest <= 2000);
}

function lessMemory(one, other) {
  return other.rss < one.rss ? other : one;
}

async function measure(directory, rows, tokenizer) {
  const place = join(directory, `export-${rows}`);
  await run(["make", String(rows), place]);
  const found = await run(["check", place, ...(tokenizer ? [tokenizer] : [])]);
  const file = (await stat(join(place, "data/train-00000-of-00001.parquet"))).size / 1e6;
  await rm(place, { recursive: true });
  const { seconds, rss, heap, longest, p50 } = found;
  const tokens = p50 === null ? "" : `, half of them at most ${p50} tokens long`;
  console.log(
    `| ${rows} rows${tokens} | ${seconds.toFixed(1)} | ${Math.round(rows / seconds)} | ${rss.toFixed(0)} | ${heap.toFixed(1)} | ${longest.toFixed(0)} | ${file.toFixed(0)} |`,
  );
  return found;
}

/** Runs this script as a child; what it says, and its peak memory in MB (10^6 bytes). */
async function run(args) {
  // Tokens are many small things in the heap, and what the collector leaves lying grows with its freedom; rows are in buffers outside.
  const limit = args[0] === "check" && args.length > 2 ? ["--max-old-space-size=192"] : [];
  const child = spawn(process.execPath, ["--expose-gc", ...limit, fileURLToPath(import.meta.url), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  let rss = 0;
  const sampler = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    rss = Math.max(rss, Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1.024e-3);
  }, 100);
  const code = await new Promise((done) => child.on("close", done));
  clearInterval(sampler);
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}`);
  return output.trim() === "" ? {} : { ...JSON.parse(output), rss };
}

function percent(share) {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}

function verdict(requirement, isMet) {
  console.log(`${isMet ? "met" : "NOT MET"}: ${requirement}`);
  if (!isMet) process.exitCode = 3;
}
