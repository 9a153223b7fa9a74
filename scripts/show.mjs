// `npm run show -- N [--short]`: shows one promise of the toolkit at full size (or shortened) and ends with a verdict line.
// Without N it lists them. Exit codes: 0 shown, 1 not shown, 2 no such line, 3 absent (what it needs is not on this machine).
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildQuietly, prefkit, root, runCommand, runNode, runVitest } from "./commands.mjs";

const [number, ...flags] = process.argv.slice(2).filter((word) => word !== "--");
const short = flags.includes("--short");
const long = ["--config", "test/long/vitest.config.ts"];
const gsm8k = `${root}../shared/data/gsm8k/example_model_solutions.jsonl`;
const python = process.env.PREFKIT_PYTHON ?? `${root}.cache/venv/bin/python`;
/** The newest Node LTS, as .ci/run installs it. */
const nodeLts = process.env.PREFKIT_NODE_LTS ?? `${root}.cache/ci/node-bin/node`;

const LINES = {
  1: ["a fresh clone makes a dataset with two commands, offline and within a minute", freshClone],
  2: [
    "math-answer agrees with all 5,276 flags of the GSM8K solutions, and 731 prompts have a pair",
    gsm8kAgreement,
  ],
  3: ["datasets, pyarrow, DuckDB and hyparquet read every value as it was put in", readers],
  4: ["a run killed at any moment ends with the same bytes, and pays for nothing twice", kills],
  5: ["the store writes with less time and memory than Python's datasets", storeBench],
  6: ["a run's speed, its stages, flat memory, and what more workers bring", runBench],
  7: ["bad input ends in a message with file, line and fix; no mutated input crashes or hangs", badInput],
  8: ["a scorer that fails in any way leaves failed cells, never numbers", scorerFaults],
  9: ["arrows, folders, exports and README hold", structure],
  10: ["every command explains itself, and progress is readable in a log", help],
  11: ["log-probs equal PyTorch's within 1e-4 a token, in process and through every client", logProbs],
  12: ["spans are exact or failed, also where tokens merge; public index rules are not", spans],
  13: ["the worked numbers of log-density ratios, votes and crossed labels", workedNumbers],
  14: ["20,000 calls at 256 at a time, and 1,800 against a limit that is not told", modelBench],
  15: ["every fault of a server ends as promised; kills lose nothing and pay for nothing twice", modelFaults],
  16: ["two processes share one cache and one limit file", twoProcesses],
  17: ["no key in any file; no text can end its turn", keysAndTurns],
  18: ["money is never spent beyond --max-cost", money],
  19: ["the toy pair tells better from worse on templates it was not trained on", toyPair],
  20: ["math-answer accepts no wrong answer of the corpus and refuses under 1 % of the right ones", corpus],
  21: ["math-answer beside Math-Verify: errors of both kinds, verdicts per second", rulesBench],
  22: ["no hostile answer takes a second or 300 MB, or ends as anything but a right verdict", hostileAnswers],
  23: ["instruction-checks agrees with IFEval's reference, id by id", ifeval],
  24: ["no program gets out of its sandbox; 1,000 programs and what each costs", programs],
  25: ["the worked numbers and laws of shaping, process scores and advantages", shapingNumbers],
  26: ["the worked numbers and laws of rubrics, rules, pairwise and listwise judging", judgeNumbers],
  27: [
    "a judge with planted faults: accuracy, calls, estimated bias; no number from malformed replies",
    judges,
  ],
  28: ["attacks on a gullible judge: what is stopped and what is not", attacks],
  29: ["rules and rubrics are the same after malformed output and kills at any stage", learning],
  30: ["prefkit eval scores as each benchmark does; intervals cover; the report is drawn", evaluation],
  31: ["20,000 judge calls beside a bare client; one criterion more pays for itself alone", judgeCalls],
  32: [
    "SimPO, DPO and GRPO of a tiny model through TRL, losses and rewards as ours, servers killed",
    trainings,
  ],
  33: ["reference losses equal TRL's own on random inputs", losses],
  34: ["every export is loaded by its trainer's own code, where that installs", loaders],
  35: [
    "the export check finds every planted defect, as the trainer would cut and drop; flat memory",
    exportCheck,
  ],
  36: [
    "the reward server under load beside FastAPI, with deadlines, and 10,000 hostile requests",
    rewardServer,
  ],
  37: ["several processes behind one port, and the trainers' clients", rewardClients],
  38: ["exports and imports of a million rows: speed, flat memory, and kills that lose nothing", exports],
};

const line = LINES[number];
if (!line) {
  for (const [name, [text]] of Object.entries(LINES)) console.log(`${name.padStart(2)}  ${text}`);
  console.log("\nnpm run show -- N [--short]");
  process.exit(number === undefined ? 0 : 2);
}
const [title, show] = line;
console.log(`${number}. ${title}\n`);
const verdict = await show();
console.log(
  `\n${{ shown: "SHOWN", failed: "NOT SHOWN", absent: "ABSENT" }[verdict.kind]} ${number}: ${verdict.text}`,
);
process.exit({ shown: 0, failed: 1, absent: 3 }[verdict.kind]);

function judge(isGood, text) {
  return { kind: isGood ? "shown" : "failed", text };
}

function absent(text) {
  return { kind: "absent", text };
}

async function scratchDirectory(work) {
  const scratch = mkdtempSync(join(tmpdir(), "prefkit-show-"));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function freshClone() {
  return scratchDirectory((scratch) => {
    const clone = join(scratch, "prefkit");
    const steps = [
      ["git", ["clone", "--quiet", root, clone], scratch],
      ["npm", ["ci", "--no-audit", "--no-fund"], clone],
      ["npm", ["run", "demo"], clone],
    ];
    const seconds = [];
    for (const [command, args, cwd] of steps) {
      console.log(`$ ${command} ${args.join(" ")}`);
      const result = runCommand(command, args, { cwd, env: { PREFKIT_BUILT: undefined } });
      if (result.code !== 0) return judge(false, `${command} ${args[0]} ended with ${result.code}`);
      seconds.push(result.seconds);
    }
    const [, install = 0, demo = 0] = seconds;
    const manifest = JSON.parse(readFileSync(join(clone, "demo-out/run.json"), "utf8"));
    const smoke = runNode([join(clone, "dist/src/cli/main.js"), "check", "demo-out"], { cwd: clone });
    return judge(
      smoke.code === 0 && manifest.summary.pairs > 0 && demo < 60,
      `npm ci ${install.toFixed(1)} s, npm run demo ${demo.toFixed(1)} s (with the build); ${manifest.summary.pairs} pairs, checked`,
    );
  });
}

async function gsm8kAgreement() {
  if (!existsSync(gsm8k))
    return absent("example_model_solutions.jsonl of openai/grade-school-math is not beside this clone");
  buildQuietly();
  const { nodeFiles, readManifest, tableRows } = await import("../dist/src/index.js");
  return scratchDirectory(async (scratch) => {
    const out = join(scratch, "out");
    const args = ["run", "datasets/recipes/gsm8k.yaml", "--input", gsm8k, "--out", out];
    if (runNode([prefkit, ...args]).code !== 0) return judge(false, "the run failed");
    const manifest = await readManifest(nodeFiles, out);
    const verdicts = { correct: new Map(), flag: new Map() };
    for await (const rows of tableRows(nodeFiles, out, manifest, "scores", [
      "response_id",
      "name",
      "value",
    ])) {
      for (const { response_id, name, value } of rows) verdicts[name].set(response_id, value);
    }
    const flags = [...verdicts.flag];
    const agreed = flags.filter(([id, value]) => value !== null && verdicts.correct.get(id) === value).length;
    const { pairs } = manifest.summary;
    const isGood = flags.length === 5276 && agreed === 5276 && pairs === 731;
    return judge(isGood, `${agreed} of ${flags.length} verdicts agree with the flags; ${pairs} pairs`);
  });
}

function readers() {
  if (!existsSync(python))
    return absent(`no Python with pyarrow, duckdb and datasets at ${python}; set PREFKIT_PYTHON`);
  const { code } = runVitest([...long, "test/long/python-readers.test.ts"], {
    env: { PREFKIT_PYTHON: python },
  });
  return judge(code === 0, "load_dataset(dir), each config, pyarrow, DuckDB and hyparquet, value by value");
}

function kills() {
  buildQuietly();
  const { code } = runNode(["test/long/kill-runs.mjs", ...(short ? ["--settings", "short"] : [])]);
  return judge(code === 0, short ? "a few kills in a few settings" : "all settings, every kill");
}

function storeBench() {
  if (!existsSync(python))
    return absent(`no Python with datasets and pyarrow at ${python}; set PREFKIT_PYTHON`);
  buildQuietly();
  const others = existsSync(nodeLts) ? ["--node", nodeLts] : [];
  const beside = ["bench/store.mjs", "--python", python, ...others];
  if (short) {
    const { code } = runNode([...beside, "--rows", "20000", "--runs", "1"]);
    // 3: a target was missed, which says little at this size; anything else is a fault.
    return judge(code === 0 || code === 3, "it runs; 20,000 rows, once, are too few to judge speed by");
  }
  const compared = runNode(beside);
  const grown = runNode(["bench/store.mjs", ...others, "--rows", "1000000"]);
  return judge(
    compared.code === 0 && grown.code === 0,
    "100,000 rows beside datasets and pyarrow; a million alone",
  );
}

function runBench() {
  buildQuietly();
  const { code } = runNode(["bench/run.mjs", ...(short ? ["--short"] : [])]);
  return judge(code === 0, short ? "fewer groups; numbers above" : "200,000 groups; numbers above");
}

function badInput() {
  buildQuietly();
  const flows = runVitest(["test/flows/bad-input"]);
  const fuzz = runVitest([...long, "test/long/fuzz-"], {
    env: { PREFKIT_FUZZ: process.env.PREFKIT_FUZZ ?? (short ? "500" : "10000") },
  });
  return judge(flows.code === 0 && fuzz.code === 0, "bad input by hand, and mutated input");
}

function scorerFaults() {
  buildQuietly();
  return judge(
    runVitest(["test/flows/scorer-faults"]).code === 0,
    "every way to fail, in process and in workers",
  );
}

function logProbs() {
  if (runCommand(python, ["-c", "import torch, transformers, onnxscript"], { capture: true }).code !== 0)
    return absent(`${python} lacks test/python/requirements-models.txt`);
  const { code } = runVitest([...long, "test/long/logprobs-python.test.ts"], {
    env: { PREFKIT_PYTHON: python },
  });
  return judge(
    code === 0,
    "the toy pair and two random models, alone and in batches, and through five servers' shapes",
  );
}

function spans() {
  const { code } = runVitest(["test/models/span.test.ts", "test/models/tokenizer.test.ts"]);
  return judge(code === 0, "merged tokens, BOS or none, trimming and injecting templates, two tokenizers");
}

function workedNumbers() {
  const { code } = runVitest([
    "test/rewards/log-density-ratio",
    "test/rewards/co-reward",
    "test/core/answers/votes",
  ]);
  return judge(code === 0, "antisymmetry, normalisations, vote and crossing vectors");
}

function modelBench() {
  buildQuietly();
  const { code } = runNode(["bench/models.mjs", ...(short ? ["--short"] : [])], {
    env: { PREFKIT_PYTHON: python },
  });
  // 3: a goal was missed, which says little at this size; anything else is a fault.
  return judge(code === 0 || (short && code === 3), short ? "fewer calls; numbers above" : "numbers above");
}

function modelFaults() {
  buildQuietly();
  const settings = short ? ["--settings", "short"] : [];
  const codes = [
    runVitest(["test/models"]).code,
    runNode(["test/long/kill-calls.mjs", ...settings]).code,
    runNode(["test/long/kill-sampling.mjs", ...settings]).code,
  ];
  return judge(
    codes.every((code) => code === 0),
    short ? "fewer calls and kills" : "20,000 calls, killed again and again",
  );
}

function twoProcesses() {
  buildQuietly();
  return judge(
    runVitest(["test/models/two-processes"]).code === 0,
    "both see each other's replies and limits",
  );
}

function keysAndTurns() {
  buildQuietly();
  const { code } = runVitest([
    "test/annotate/sampling-run",
    "test/cli/models",
    "test/models/openai",
    "test/models/huggingface",
    "test/models/logprob-servers",
    "test/models/reward-server",
    "test/models/local",
    "test/models/template-tokens",
  ]);
  return judge(code === 0, "planted keys are found nowhere; control tokens in texts stay text, by client");
}

function money() {
  buildQuietly();
  const { code } = runVitest([
    "test/models/budget",
    "test/models/call-path-laws",
    "test/cli/models",
    "test/annotate/sampling-run",
  ]);
  return judge(code === 0, "at every instant, over restarts, and by exit code");
}

function toyPair() {
  buildQuietly();
  const { code } = runVitest([...long, "test/long/toy-pair.test.ts"]);
  return judge(code === 0, "720 held-out pairs; the lower 95 % bound is above 0.6");
}

function corpus() {
  buildQuietly();
  return judge(
    runVitest(["test/corpus"]).code === 0,
    "both halves; what is not accepted is named in the test",
  );
}

function rulesBench() {
  buildQuietly();
  const { code, stdout } = runNode(["bench/rules.mjs", ...(short ? ["--short"] : [])], {
    env: { PREFKIT_PYTHON: python },
    capture: true,
  });
  console.log(stdout);
  const ratios = [...stdout.matchAll(/^ +ratio +(\d+)/gm)].map(([, ratio]) => Number(ratio));
  if (code !== 0) return judge(false, "a wrong answer was accepted");
  if (ratios.length === 0) return absent(`${python} lacks test/python/requirements-rules.txt`);
  return judge(
    short || ratios.every((ratio) => ratio >= 20),
    `${ratios.join(" and ")} times Math-Verify's rate`,
  );
}

function hostileAnswers() {
  buildQuietly();
  const { code } = runVitest([...long, "test/long/hostile-answers.test.ts"]);
  return judge(code === 0, "223 answers, each in a process of its own");
}

function ifeval() {
  if (runCommand(python, ["-c", "import nltk, langdetect, lm_eval"], { capture: true }).code !== 0)
    return absent(`${python} lacks test/python/requirements-rules.txt or requirements-rules-alone.txt`);
  const { code } = runVitest([...long, "test/long/ifeval-python.test.ts"], {
    env: { PREFKIT_PYTHON: python, PREFKIT_IFEVAL_CASES: short ? "20" : "100" },
  });
  return judge(code === 0, `${short ? 20 : 100} responses for each of 25 ids, strict and loose`);
}

function programs() {
  buildQuietly();
  const hostile = ["test/core/sandbox", "test/rewards/code-tests"];
  const { code, stdout, stderr } = runVitest(hostile, { capture: true });
  console.log(stdout);
  if (/^refused: /m.test(stdout + stderr))
    return absent("this platform gives no sandbox, and the scorer refused");
  const bench = runNode(["bench/code.mjs", ...(short ? ["--programs", "50"] : [])]);
  return judge(code === 0 && bench.code === 0, "every escape was tried and failed; costs above");
}

function shapingNumbers() {
  const { code } = runVitest([
    "test/shaping",
    "test/core/steps",
    "test/rewards/process-reward",
    "test/rewards/math-compatibility",
    "test/trainers/process-rows",
  ]);
  return judge(code === 0, "PAR, CRF, HARMO, DAPO, Clip and Delta, advantages; the literal scorers' vectors");
}

function judgeNumbers() {
  const { code } = runVitest([
    "test/core/rubric",
    "test/judging",
    "test/rewards/rubric-judge",
    "test/rewards/rubrics",
    "test/rewards/pairwise-judge",
    "test/rewards/listwise-judge",
    "test/rewards/autorule",
  ]);
  return judge(
    code === 0,
    "rubric scores and weights, expected ratings, reconciling, Bradley–Terry, tournaments",
  );
}

function judges() {
  buildQuietly();
  const replies = short ? "1000" : "10000";
  const { code } = runVitest([...long, "test/long/judges-malformed", "test/long/judges-bias"], {
    env: { PREFKIT_FUZZ: process.env.PREFKIT_FUZZ ?? replies, ...(short && { PREFKIT_SEEDS: "20" }) },
  });
  const bench = runNode(["bench/judges.mjs", "--only", "accuracy", ...(short ? ["--short"] : [])]);
  return judge(
    code === 0 && bench.code === 0,
    `${replies} malformed replies in each of fourteen forms; seeds 0 to ${short ? 19 : 99}; tables above`,
  );
}

function attacks() {
  buildQuietly();
  const tests = runVitest(["test/testing/attacks"]);
  const bench = runNode(["bench/attacks.mjs"]);
  return judge(tests.code === 0 && bench.code === 0, "tables above; docs/injection.md says what they mean");
}

function learning() {
  buildQuietly();
  const { code } = runVitest(["test/learn", "test/core/rubric/weights", "test/cli/rules", "test/cli/rubric"]);
  return judge(
    code === 0,
    "every stage's output malformed in turn, stopped and resumed; the laws of the weights",
  );
}

function evaluation() {
  buildQuietly();
  const { code } = runVitest(["test/evaluate", "test/cli/eval"]);
  const pictures = runVitest([...long, "test/long/eval-report-pictures.test.ts"]);
  return judge(
    code === 0 && pictures.code === 0,
    "presets to the last digit, 2,000 simulations of the bootstrap, the report of a small, an empty and a large result",
  );
}

function judgeCalls() {
  buildQuietly();
  const flags = short ? ["--short"] : [];
  const rate = runNode(["bench/judges.mjs", "--only", "rate", ...flags]);
  const added = runNode(["bench/judges.mjs", "--only", "added", ...flags]);
  // 3: a goal was missed, which says little of speed at this size; anything else is a fault.
  const isFast = rate.code === 0 || (short && rate.code === 3);
  return judge(isFast && added.code === 0, short ? "fewer calls; numbers above" : "numbers above");
}

/** Tests that need Python with TRL say so in their names, and are skipped, where it is absent. */
function withTrl(work) {
  if (!existsSync(python)) return absent(`there is no Python at ${python}; set PREFKIT_PYTHON`);
  buildQuietly();
  return work();
}

function trainings() {
  return withTrl(() => {
    const { code } = runVitest([...long, "test/long/train-trl"]);
    return judge(code === 0, "first losses, rewards, advantages; stopped, killed and gone on");
  });
}

function losses() {
  return withTrl(() => {
    const hand = runVitest(["test/trainers/losses"]);
    const { code } = runVitest([...long, "test/long/losses-trl"]);
    return judge(
      hand.code === 0 && code === 0,
      "DPO's types, SimPO, CPO, ORPO, KTO, reward models, GRPO's family",
    );
  });
}

function loaders() {
  return withTrl(() => {
    const { code } = runVitest([...long, "test/long/trainers-trl", "test/long/trainers-loaders"]);
    return judge(
      code === 0,
      "TRL, OpenRLHF, verl, LLaMA-Factory, axolotl, ms-swift; docs/export.md lists the rest",
    );
  });
}

function exportCheck() {
  return withTrl(() => {
    const tests = runVitest(["test/trainers/check", "test/cli/check-export"]);
    const trl = runVitest([...long, "test/long/export-check-trl"]);
    const bench = short ? { code: 0 } : runNode(["bench/export-check.mjs"]);
    return judge(
      tests.code === 0 && trl.code === 0 && bench.code === 0,
      short ? "without the bench of memory" : "above",
    );
  });
}

function rewardServer() {
  buildQuietly();
  const requests = short ? "1000" : "10000";
  const tests = runVitest(["test/serve"], { env: { PREFKIT_FUZZ: process.env.PREFKIT_FUZZ ?? requests } });
  const bench = runNode(["bench/serve.mjs", ...(short ? ["--short"] : [])], {
    env: { PREFKIT_PYTHON: python },
  });
  // 3: a goal was missed, which says little of speed at this size; anything else is a fault.
  const isFast = bench.code === 0 || (short && bench.code === 3);
  return judge(tests.code === 0 && isFast, `${requests} hostile requests; rates above`);
}

function rewardClients() {
  buildQuietly();
  const servers = runVitest(["test/serve/peers", "test/cli/serve"]);
  const clients = runVitest([...long, "test/long/reward-client"]);
  return judge(
    servers.code === 0 && clients.code === 0,
    "samples meet whatever process they reach; restarts are waited for",
  );
}

function exports() {
  buildQuietly();
  const kills = runNode(["test/long/kill-exports.mjs"], {
    env: short ? { PREFKIT_KILLS: "3", PREFKIT_KILL_ROWS: "3000" } : {},
  });
  const bench = runNode(["bench/export.mjs", ...(short ? ["--short"] : [])]);
  return judge(
    kills.code === 0 && (bench.code === 0 || (short && bench.code === 3)),
    short ? "few kills, fewer rows" : "kills and numbers above",
  );
}

function structure() {
  buildQuietly();
  const { code } = runVitest(["test/arrows.test.ts", "test/package.test.ts", "test/readme.test.ts"]);
  return judge(code === 0, "a wrong arrow, a missing page or a stale example is named");
}

function help() {
  buildQuietly();
  const commands = readdirSync(`${root}src/cli/commands`)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(/\.ts$/, ""));
  const silent = [[], ...commands.map((name) => [name])].filter((words) => {
    console.log(`$ prefkit ${[...words, "--help"].join(" ")}`);
    const { code, stdout } = runNode([prefkit, ...words, "--help"], { capture: true });
    console.log(stdout);
    return code !== 0 || !stdout.includes("Usage:") || (words.length > 0 && !stdout.includes("$ prefkit"));
  });
  return scratchDirectory((scratch) => {
    // Long enough a run for a line of progress, whichever phase it falls in: the samples 800 times, each with an id of its own.
    const samples = readFileSync(`${root}datasets/samples/prompts.jsonl`, "utf8").trimEnd().split("\n");
    const copies = Array.from({ length: 800 }, (_, copy) =>
      samples.map((line) => line.replace('{"id":"', `{"id":"${copy}-`)).join("\n"),
    );
    writeFileSync(join(scratch, "input.jsonl"), `${copies.join("\n")}\n`);
    console.log("$ prefkit run datasets/recipes/demo.yaml --input MANY --out OUT 2>&1 | cat\n");
    const args = [
      "run",
      "datasets/recipes/demo.yaml",
      "--input",
      join(scratch, "input.jsonl"),
      "--out",
      join(scratch, "out"),
    ];
    const { code, stdout, stderr } = runNode([prefkit, ...args], { capture: true });
    console.log(`${stderr}${stdout}`);
    const isPlain =
      /^[a-z, ]+: [\d,]+\/[\d,]+ groups, [\d,]+\/s/m.test(stderr) &&
      !stderr.includes(String.fromCharCode(27));
    return judge(
      silent.length === 0 && code === 0 && isPlain,
      silent.length === 0
        ? `${commands.length} commands, each with its options and examples; progress in plain lines: ${isPlain}`
        : `no help or example: ${silent.join(", ")}`,
    );
  });
}
