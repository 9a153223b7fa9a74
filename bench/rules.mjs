// `npm run bench rules [-- --short] [--json FILE] [--before DIST]`: how often math-answer is right, beside Math-Verify on
// the same pairs, and how fast. PREFKIT_PYTHON: a Python with test/python/requirements-rules.txt. --before names another
// build of prefkit, whose cost per response is printed too. Exit code 1: a wrong answer was accepted.
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { answerTemplates } from "./fixtures/answer-templates.mjs";
import { mathVerify, mathVerifyLack } from "./fixtures/math-verify.mjs";
import {
  errorsOf,
  namedErrors,
  printBothSides,
  printErrors,
  printFeatures,
  printOurs,
} from "./fixtures/rules-agreement.mjs";
import { hostileRun } from "./fixtures/rules-hostile.mjs";
import { judgePairs, loadScorer } from "./fixtures/rules-judge.mjs";
import { corpusPairs, gsm8kGroups, gsm8kLikePairs } from "./fixtures/rules-pairs.mjs";
import { count, highest, latency, rate } from "./fixtures/rules-print.mjs";

const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== "--"),
  options: { short: { type: "boolean" }, json: { type: "string" }, before: { type: "string" } },
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? here("../dist"));
const gsm8k = here("../../shared/data/gsm8k/example_model_solutions.jsonl");
const lack = mathVerifyLack();
const GSM8K_PAIRS = options.short ? 20_000 : 200_000;
const MATH_PER_SIDE = options.short ? 100 : 500;
/** Math-Verify is timed on the first so many of the GSM8K-like pairs, and on so many of each template feature's side. */
const PEER = { gsm8k: options.short ? 300 : 2000, perSide: options.short ? 3 : 12 };

printMachine();
const scorer = await loadScorer(dist);
const found = {
  agreement: await agreement(),
  speed: await speed(),
  hostile: hostileRun(dist),
  gsm8k: await recipe(),
};
if (options.json) writeFileSync(options.json, `${JSON.stringify(found, null, 2)}\n`);
const accepted = [...found.agreement.flatMap(({ ours }) => ours.falseAccepts), ...found.hostile.falseAccepts];
console.log(`\nWrong answers accepted: ${accepted.length === 0 ? "none" : accepted.join(", ")}`);
process.exitCode = accepted.length > 0 ? 1 : 0;

/** Verdicts against the known truth, set by set. */
async function agreement() {
  const sets = [
    ["corpus, half A", corpusPairs(here("../test/corpus/answers-a.jsonl"))],
    ["corpus, half B", corpusPairs(here("../test/corpus/answers-b.jsonl"))],
    ["templates", answerTemplates()],
  ];
  console.log(`\nAgreement with the truth${lack === null ? "" : ` (Math-Verify absent: ${lack})`}\n`);
  const results = [];
  for (const [name, pairs] of sets) {
    if (pairs === null) {
      console.log(`  ${name}: absent`);
      continue;
    }
    const judged = await judgePairs(scorer, pairs);
    const verdicts = judged.map(({ verdict }) => verdict);
    const milliseconds = judged.map(({ ms }) => ms);
    const ours = errorsOf(pairs, verdicts);
    const theirs = lack === null ? mathVerify(pairs) : null;
    const peer = theirs && errorsOf(pairs, theirs.verdicts);
    console.log(`  ${name}: ${count(pairs.length)} pairs`);
    printErrors("prefkit", pairs, ours, milliseconds);
    if (peer) {
      const seconds = theirs.seconds.map((one) => 1000 * one);
      printErrors(`Math-Verify ${theirs.version}`, pairs, peer, seconds);
      printBothSides(pairs, ours, peer);
    }
    printFeatures(pairs, ours, peer);
    printOurs(pairs, judged, ours);
    results.push({
      name,
      pairs: pairs.length,
      worstMs: highest(milliseconds),
      ours: namedErrors(pairs, ours),
      peer: peer && namedErrors(pairs, peer),
    });
  }
  return results;
}

/** Verdicts per second, each pair new to both sides. */
async function speed() {
  const threads = cpus().length;
  const kinds = [
    { name: "GSM8K-like", pairs: gsm8kLikePairs(GSM8K_PAIRS, 2), peer: gsm8kLikePairs(PEER.gsm8k, 2) },
    {
      name: "MATH-like",
      pairs: answerTemplates({ seed: 2, perSide: MATH_PER_SIDE }),
      peer: answerTemplates({ seed: 2, perSide: PEER.perSide }),
    },
  ];
  const warmup = [...gsm8kLikePairs(10_000, 3), ...answerTemplates({ seed: 3, perSide: 120 })];
  await judgePairs(scorer, warmup);
  const results = [];
  for (const { name, pairs, peer } of kinds) {
    const started = performance.now();
    const judged = await judgePairs(scorer, pairs);
    const single = (1000 * pairs.length) / (performance.now() - started);
    const all = (1000 * pairs.length) / (await threadsMilliseconds(pairs, warmup, threads));
    const milliseconds = judged.map(({ ms }) => ms);
    console.log(`\n${name}: ${count(pairs.length)} pairs\n`);
    console.log(
      `  prefkit            ${rate(single)} in one thread, ${rate(all)} in ${threads}; ${latency(milliseconds)}`,
    );
    const result = { name, pairs: pairs.length, single, all, worstMs: highest(milliseconds) };
    if (lack === null) Object.assign(result, comparePeer(peer, single, all));
    results.push(result);
  }
  return results;
}

function comparePeer(pairs, single, all) {
  const { seconds, all_cores, version } = mathVerify(pairs, { allCores: true });
  const peerSingle = seconds.length / seconds.reduce((sum, one) => sum + one, 0);
  const peerAll = all_cores.pairs / all_cores.seconds;
  console.log(
    `  ${`Math-Verify ${version}`.padEnd(18)} ${rate(peerSingle)} in one process, ${rate(peerAll)} in ${all_cores.processes}; ${latency(seconds.map((one) => 1000 * one))} (${count(pairs.length)} of the pairs)`,
  );
  console.log(
    `  ratio              ${count(single / peerSingle)} and ${count(all / peerAll)} times (goal: 20)`,
  );
  return { peerSingle, peerAll, ratio: single / peerSingle, ratioAll: all / peerAll };
}

/** From the word to start until the last thread is done, in milliseconds; starting the threads is left out on both sides. */
async function threadsMilliseconds(pairs, warmup, threads) {
  const workers = Array.from({ length: threads }, (_, thread) => {
    const share = pairs.filter((_, index) => index % threads === thread);
    return new Worker(here("fixtures/rules-worker.mjs"), { workerData: { dist, pairs: share, warmup } });
  });
  const messages = () =>
    Promise.all(
      workers.map(
        (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)),
      ),
    );
  await messages();
  const started = performance.now();
  const done = messages();
  for (const worker of workers) worker.postMessage("start");
  await done;
  const milliseconds = performance.now() - started;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return milliseconds;
}

/** The recipe datasets/recipes/gsm8k.yaml's scorer on the labelled solutions of GSM8K. */
async function recipe() {
  const groups = gsm8kGroups(gsm8k);
  if (groups === null) {
    console.log("\nGSM8K recipe: absent (no example_model_solutions.jsonl)");
    return null;
  }
  const responses = groups.reduce((sum, { flags }) => sum + flags.length, 0);
  console.log(`\nGSM8K recipe: ${count(responses)} labelled solutions\n`);
  const results = {};
  for (const [name, build] of Object.entries({ before: options.before, now: dist })) {
    if (build === undefined) continue;
    const { scores, milliseconds } = await judgeGroups(await loadScorer(resolve(build)), groups);
    const agreed = groups.flatMap(({ flags }, place) =>
      flags.filter((flag, index) => scores[place][index].value === (flag ? 1 : 0)),
    ).length;
    const microseconds = (1000 * milliseconds) / responses;
    console.log(
      `  ${name.padEnd(8)}agrees with ${count(agreed)} flags; ${microseconds.toFixed(1)} µs per response (median of 7 passes)`,
    );
    results[name] = { agreed, responses, microsecondsPerResponse: microseconds };
  }
  return results;
}

/** The scores of the groups, and the median of seven passes over them. */
async function judgeGroups(scorer, groups) {
  const context = { signal: new AbortController().signal, seed: 0 };
  const passes = [];
  let scores = [];
  for (let pass = 0; pass < 7; pass++) {
    const started = performance.now();
    scores = [];
    for (const { group } of groups) scores.push(await scorer.score(group, context));
    passes.push(performance.now() - started);
  }
  return { scores, milliseconds: passes.sort((a, b) => a - b)[3] };
}

function printMachine() {
  const [first] = cpus();
  console.log(
    `${first?.model ?? "unknown processor"} × ${cpus().length}, ${(totalmem() / 2 ** 30).toFixed(1)} GB, Node ${process.version}, load ${loadavg()[0].toFixed(1)}${options.short ? " (short run)" : ""}`,
  );
}
