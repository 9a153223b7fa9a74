/**
 * What running programs in the sandbox costs: 1,000 small programs of five kinds by `code-tests`, one after the other and on all cores,
 * beside bare spawns of the same interpreter in the same run (`python3 -I`, `python3 -I -S`, `node`), interleaved.
 *
 *   node bench/code.mjs [--programs 1000] [--concurrency CORES]
 *
 * Needs a build (`dist`, or where PREFKIT_DIST points) and Linux. Overhead per program is the sequential time of the
 * scorer minus that of the bare spawn, as medians.
 */
import { spawn } from "node:child_process";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? join(here, "../dist"));
const load = (path) => import(pathToFileURL(join(dist, path)).href);

const { values } = parseArgs({
  options: {
    programs: { type: "string", default: "1000" },
    concurrency: { type: "string", default: String(availableParallelism()) },
  },
});
const concurrency = Number(values.concurrency);
const SEQUENTIAL = 20;
const BARE = 100;

const { codeTests } = await load("rewards/code-tests.js");
const { findInterpreter } = await load("rewards/code-tests/interpreters.js");

const context = { signal: new AbortController().signal, seed: 0 };
const python = findInterpreter("python").command[0];

/** Program number n; one in ten is wrong. */
const KINDS = {
  "python, one input": {
    options: {},
    program: (n) => `x = int(input())\nprint(x * ${n}${n % 10 === 9 ? " + 1" : ""})`,
    tests: (n) => ({ inputs: ["7\n"], outputs: [String(7 * n)] }),
    bare: (n) => [python, ["-I", "-c", `x = int(input())\nprint(x * ${n})`]],
  },
  "python, ten inputs": {
    options: {},
    program: (n) => `x = int(input())\nprint(x * ${n}${n % 10 === 9 ? " + 1" : ""})`,
    tests: (n) => ({
      inputs: Array.from({ length: 10 }, (_, i) => `${i + 1}\n`),
      outputs: Array.from({ length: 10 }, (_, i) => String((i + 1) * n)),
    }),
    bare: (n) => [python, ["-I", "-c", `x = int(input())\nprint(x * ${n})`]],
  },
  "python, three assertions": {
    options: {},
    program: (n) => `def f(x):\n    return x * ${n}${n % 10 === 9 ? " + 1" : ""}`,
    tests: (n) => [1, 2, 3].map((x) => `assert f(${x}) == ${x * n}`),
    bare: (n) => [python, ["-I", "-c", `def f(x): return x * ${n}\nassert f(1) == ${n}`]],
  },
  "javascript, one input": {
    options: { language: "javascript" },
    program: (n) =>
      `console.log(Number(require("fs").readFileSync(0, "utf8")) * ${n}${n % 10 === 9 ? " + 1" : ""})`,
    tests: (n) => ({ inputs: ["7\n"], outputs: [String(7 * n)] }),
    bare: (n) => [
      process.execPath,
      ["-e", `console.log(Number(require("fs").readFileSync(0, "utf8")) * ${n})`],
    ],
  },
  "javascript, three assertions": {
    options: { language: "javascript" },
    program: (n) => `function f(x) { return x * ${n}${n % 10 === 9 ? " + 1" : ""} }`,
    tests: (n) => [1, 2, 3].map((x) => `assert.equal(f(${x}), ${x * n})`),
    bare: (n) => [
      process.execPath,
      ["-e", `function f(x) { return x * ${n} } require("assert").equal(f(1), ${n})`],
    ],
  },
};

const total = Math.ceil(Number(values.programs) / Object.keys(KINDS).length);

console.log(
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(2)}, ${total} programs of each kind, ${concurrency} at a time`,
);
const rows = [];
for (const [name, kind] of Object.entries(KINDS)) rows.push({ name, ...(await measure(kind)) });
console.table(Object.fromEntries(rows.map(({ name, ...row }) => [name, row])), [
  "bare ms",
  "scored ms",
  "overhead ms",
  "programs/s",
  "bare/s",
  "right",
]);

async function measure(kind) {
  const one = codeTests({ ...kind.options, concurrency: 1 });
  const bareTimes = [];
  const scoredTimes = [];
  for (let n = 0; n < SEQUENTIAL; n += 1) {
    bareTimes.push(await timed(() => bareSpawn(kind, n)));
    scoredTimes.push(await timed(() => one.score(groupOf(kind, n), context)));
  }
  const many = codeTests({ ...kind.options, concurrency });
  let right = 0;
  const seconds =
    (await timed(() =>
      inParallel(total, concurrency * 2, async (n) => {
        const [score] = await many.score(groupOf(kind, n), context);
        if (score?.kind === "scored" && score.value === (n % 10 === 9 ? 0 : 1)) right += 1;
      }),
    )) / 1000;
  const bareSeconds = (await timed(() => inParallel(BARE, concurrency, (n) => bareSpawn(kind, n)))) / 1000;
  return {
    "bare ms": round(median(bareTimes)),
    "scored ms": round(median(scoredTimes)),
    "overhead ms": round(median(scoredTimes) - median(bareTimes)),
    "programs/s": round(total / seconds),
    "bare/s": round(BARE / bareSeconds),
    right: `${right}/${total}`,
  };
}

function groupOf(kind, n) {
  const prompt = {
    id: String(n),
    messages: [{ role: "user", content: "?" }],
    reference: JSON.stringify(kind.tests(n)),
    metadata: {},
  };
  return { prompt, responses: [{ id: `${n}-0`, text: kind.program(n), role: "candidate", metadata: {} }] };
}

function bareSpawn(kind, n) {
  const [file, args] = kind.bare(n);
  return new Promise((done, fail) => {
    // The same clean environment as in the sandbox.
    const env = { PATH: process.env.PATH, LANG: "C.UTF-8" };
    const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end("7\n");
    child.stdout.resume();
    child.on("error", fail);
    child.on("close", (code) => (code === 0 ? done() : fail(new Error(`exit code ${code}`))));
  });
}

async function inParallel(count, width, work) {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(times) {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

function round(number) {
  return Math.round(number * 10) / 10;
}
