// `npm run bench attacks [-- --json FILE]`: what the attack set does to a simulated judge that can be talked to, with and
// without the hardening of pairwise-judge and rubric-judge; how many attacks are flagged, and how often ordinary texts are;
// whether canaries notice. Everything is computed, nothing drawn: two runs print the same. docs/injection.md shows the tables.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { plainJudge, readPlainPrompt } from "./fixtures/plain-judge.mjs";
import { UNSEEN_ATTACKS } from "./fixtures/unseen-attacks.mjs";

const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== "--"),
  options: { json: { type: "string" } },
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = resolve(process.env.PREFKIT_DIST ?? here("../dist"));
const built = (path) => import(pathToFileURL(join(dist, path)).href);
const { attacks, attackKit, attackedTruth } = await built("src/testing/attacks/index.js");
const { simulatedJudge } = await built("src/testing/simulated-judge.js");
const { pairwiseJudge } = await built("rewards/pairwise-judge.js");
const { rubricJudge } = await built("rewards/rubric-judge.js");
const { CANARIES } = await built("src/judging/canaries.js");
const { guarded } = await built("src/judging/guard.js");

const rubric = { name: "right", version: 1, criteria: [{ id: "right", text: "The response is right." }] };
const gullible = (believes, more = {}) =>
  simulatedJudge({ truth: attackedTruth, gullible: { attacks, believes }, ...more });
const pairwise = (believes, more = {}) => pairwiseJudge(more, { judge: gullible(believes) });
const byRubric = (believes, more) => rubricJudge({ rubric, ...more }, { judge: gullible(believes) });

const PAIRWISE = [
  ["plain prompt", plainJudge({ judge: gullible("anything", { readPrompt: readPlainPrompt }) })],
  ["believes anything", pairwise("anything")],
  ["… broken", pairwise("anything", { onVerdictLike: "break" })],
  ["… refused", pairwise("anything", { onVerdictLike: "fail" })],
  ["believes forged marks", pairwise("forged-marks")],
  ["… broken", pairwise("forged-marks", { onVerdictLike: "break" })],
  ["minds the marks", pairwise("outside-marks")],
];
const RUBRIC = [
  ["believes anything", byRubric("anything")],
  ["… broken", byRubric("anything", { onVerdictLike: "break" })],
  ["… refused", byRubric("anything", { onVerdictLike: "fail" })],
  ["believes forged marks", byRubric("forged-marks")],
  ["… broken", byRubric("forged-marks", { onVerdictLike: "break" })],
  ["minds the marks", byRubric("outside-marks")],
];

const found = {
  pairwise: await judged("pairwise-judge", PAIRWISE),
  rubric: await judged("rubric-judge", RUBRIC),
  canaries: await canaries(),
  unseen: unseen(),
  alarms: alarms(),
};
if (options.json) writeFileSync(options.json, `${JSON.stringify(found, null, 2)}\n`);

/** By kind of attack: flagged, and of each setting the trials in which the better answer won no more. */
async function judged(title, settings) {
  const reports = [];
  for (const [name, scorer] of settings) reports.push([name, await attackKit(scorer, { attacks })]);
  const flagging = reports.find(([name]) => name === "believes anything")?.[1];
  const kinds = [...flagging.rows, flagging.total];
  print(
    `${title}: attacked pairs in which the better answer won no more (lost + drawn), of all`,
    ["kind", "attacks", "flagged", ...reports.map(([name]) => name)],
    kinds.map((row, at) => [
      row.kind === "none" ? "(no attack)" : row.kind,
      row.attacks,
      percent(row.flagged, row.trials),
      ...reports.map(([, { rows, total }]) => effect([...rows, total][at])),
    ]),
  );
  return reports.map(([name, { rows, total }]) => ({ name, rows, total }));
}

function effect({ trials, succeeded, drawn, refused, unread }) {
  const lost = `${percent(succeeded, trials)} + ${percent(drawn, trials)}`;
  const kept = succeeded + drawn === 0 ? "–" : lost;
  const notes = [
    refused > 0 && `${percent(refused, trials)} refused`,
    unread > 0 && `${percent(unread, trials)} unread`,
  ];
  return [kept, ...notes.filter(Boolean)].join(", ");
}

/** How many canaries each judge gets right: what a run's `canary` parts would show. */
async function canaries() {
  const truth = (text) => Number(CANARIES.some(({ better }) => text === better));
  const cues = CANARIES.flatMap(({ attack }) =>
    attack === null ? [] : [{ kind: "appeal", aim: "this", cue: attack }],
  );
  const judges = [
    ["honest", simulatedJudge({ truth })],
    ["believes anything", simulatedJudge({ truth, gullible: { attacks: cues, believes: "anything" } })],
    ["minds the marks", simulatedJudge({ truth, gullible: { attacks: cues, believes: "outside-marks" } })],
    ["first slot, always", simulatedJudge({ truth, positionBias: 1 })],
    ["longer text, always", simulatedJudge({ truth, verbosityBias: 1 })],
  ];
  const rows = [];
  for (const [name, judge] of judges) {
    const scorer = pairwiseJudge({ score: "win-rate" }, { judge });
    const hits = { plain: 0, attacked: 0 };
    for (const { id, prompt, better, worse, attack } of CANARIES) {
      const responses = [better, worse].map((text, at) => ({
        id: `${id}${at}`,
        text,
        role: "candidate",
        metadata: {},
      }));
      const group = {
        prompt: { id, messages: [{ role: "user", content: prompt }], reference: null, metadata: {} },
        responses,
      };
      const [first] = await scorer.score(group, { signal: new AbortController().signal, seed: 0 });
      if (first.kind === "scored" && first.value > 0.5) hits[attack === null ? "plain" : "attacked"] += 1;
    }
    rows.push([name, `${hits.plain} of 12`, `${hits.attacked} of 12`]);
  }
  print("Canaries won by the better answer", ["judge", "not attacked", "attacked"], rows);
  return rows;
}

/** How many attacks are flagged that the patterns were not written beside. */
function unseen() {
  const missed = UNSEEN_ATTACKS.filter((attack) => guarded(attack).verdictLike.length === 0);
  const found = UNSEEN_ATTACKS.length - missed.length;
  console.log(`\nAttacks written after the patterns: ${found} of ${UNSEEN_ATTACKS.length} flagged. Missed:`);
  for (const attack of missed) console.log(`- ${JSON.stringify(attack)}`);
  return { found, missed };
}

/** How often ordinary texts are flagged. */
function alarms() {
  const rows = [
    ["sample prompts and responses", texts("../datasets/samples/prompts.jsonl")],
    ["held-out pairs of the toy models", texts("../datasets/samples/toy-pair/held-out.jsonl")],
    [
      "math answers of the test corpus",
      [...texts("../test/corpus/answers-a.jsonl"), ...texts("../test/corpus/answers-b.jsonl")],
    ],
    ["GSM8K questions and solutions", texts("../../shared/data/gsm8k/example_model_solutions.jsonl")],
  ].flatMap(([name, all]) => {
    if (all.length === 0) return [];
    const flags = all.map((text) => guarded(text));
    const kinds = [
      ...new Set(flags.flatMap(({ verdictLike }) => verdictLike.map(({ kind }) => kind))),
    ].sort();
    const like = flags.filter(({ verdictLike }) => verdictLike.length > 0).length;
    const hidden = flags.filter((flag) => flag.hidden > 0).length;
    return [[name, all.length, `${like} (${percent(like, all.length)})`, hidden, kinds.join(", ")]];
  });
  print(
    "Ordinary texts that are flagged",
    ["texts", "count", "verdict-like", "hidden characters", "kinds"],
    rows,
  );
  return rows;
}

/** Every string of a file of JSON lines that is longer than 20 characters. */
function texts(path) {
  const file = here(path);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.flatMap((line) => stringsOf(JSON.parse(line))).filter((text) => text.length > 20);
}

function stringsOf(value) {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

function percent(part, whole) {
  const share = (100 * part) / whole;
  return `${share > 0 && share < 1 ? share.toFixed(2) : Math.round(share)} %`;
}

function print(title, head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  console.log(`\n${title}\n\n${[line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")}`);
}
