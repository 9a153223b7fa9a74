import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assess } from "../../src/evaluate/assess.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import type { EvalReport, PresetName } from "../../src/evaluate/report.ts";

/** Score files in the shapes in which benchmarks publish them. */

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-results-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function reportOf(
  preset: PresetName,
  gold: readonly object[],
  file: string,
  content: string | Buffer,
): Promise<EvalReport> {
  await writeFile(join(directory, "gold.jsonl"), gold.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(join(directory, file), content);
  const { assessment } = await evaluate(
    null,
    { scorers: {}, module: "", providers: {} },
    {
      path: "gold.jsonl",
      baseDirectory: directory,
      preset,
      seed: 0,
      samples: 100,
      scratch: directory,
      verdicts: [file],
    },
  );
  if (assessment === null) throw new Error("the evaluation ended early");
  return assess(assessment);
}

const metricsOf = ({ scorers }: EvalReport): Record<string, number | null> =>
  Object.fromEntries((scorers[0]?.metrics ?? []).map(({ key, value }) => [key, value]));

describe("a JSON file with one object of columns", () => {
  // RewardBench repeats ids within its file: rows that are the gold file's one by one are matched by place.
  const gold = [30, 31, 30].map((id, place) => ({
    id,
    prompt: `question ${place}`,
    chosen: "right",
    rejected: "wrong",
    subset: "alpacaeval-easy",
  }));
  const columns = {
    chat_template: "tokenizer",
    id: [30, 31, 30],
    model: "org/model",
    results: [1, 0, 0],
    scores_chosen: [1.5, 0.2, 3],
    scores_rejected: [[0.1], [0.4], [3]],
  };
  const text = JSON.stringify(columns, null, 4);

  it.each([
    ["published.json", text],
    ["marked.json", `\uFEFF\n ${text}`],
    ["packed.json.gz", gzipSync(text)],
  ])("is read as rows: %s", async (name, content) => {
    const { scorers } = await reportOf("rewardbench", gold, name, content);
    expect(scorers[0]?.overall).toMatchObject({ correct: 1, wrong: 1, tie: 1 });
  });

  const REFUSED: readonly (readonly [value: object, message: RegExp])[] = [
    [{ ...columns, results: [1, 0] }, /id has 3 entries while results has 2/],
    [{ model: "org/model", chat: 0.9 }, /an object, not a list/],
  ];
  it.each(REFUSED)("is refused as %j", async (value, message) => {
    await expect(reportOf("rewardbench", gold, "bad.json", JSON.stringify(value))).rejects.toThrow(message);
  });

  it("leaves what is no JSON, or not UTF-8, to the usual reader's message", async () => {
    const lines = gold.map(({ id }) => `${JSON.stringify({ id, scores: [1, 0] })}\n`).join("");
    await expect(reportOf("rewardbench", gold, "lines.json", lines)).rejects.toThrow(/format: jsonl/);
    const latin = Buffer.from('{"id": ["\xe9"]}', "latin1");
    await expect(reportOf("rewardbench", gold, "latin.json", latin)).rejects.toThrow(/not valid UTF-8/);
  });
});

describe("what RewardBench 2's judges publish", () => {
  const four = { prompt: "which?", chosen: ["right"], rejected: ["a", "b", "c"], subset: "Math" };
  const gold = [0, 1, 2, 3, 4].map((id) => ({ ...four, id: String(id), prompt: `which ${id}?` }));
  const ties = [
    { id: "ref:0", prompt: "one", chosen: ["r"], rejected: ["w"], subset: "Ties" },
    { id: "tied:0", prompt: "many", chosen: ["r", "s"], rejected: ["w"], subset: "Ties" },
  ];
  const judged = (results: readonly (number | null)[]) =>
    JSON.stringify({
      id: [...gold, ...ties].map(({ id }) => id),
      results: [...results, null, null],
      // Only the Ties items have scores.
      scores: [...results.map(() => null), [9, 3], [8, 8, 2]],
      model: "judge",
    });

  it("earns the same share: 1/t for the right one among t, 0.25 for a reply that was not read", async () => {
    const metrics = metricsOf(
      await reportOf("rewardbench2", [...gold, ...ties], "judge.json", judged([1, 0, 0.25, 0.5, 1 / 3])),
    );
    // (1 + 0 + 1/4 + 1/2 + 1/3) / 5
    expect(metrics.math).toBeCloseTo(25 / 60, 15);
    // Both right, gaps 6, spread 0: 0.3 + 0.3 + 0.2 + 0.2 + 0.01 · tanh ∞.
    expect(metrics.ties).toBeCloseTo(1.01, 15);
  });

  it.each([0.4, 0.2, 1e-9])(
    "is refused with a share that no number of best ones gives: %d",
    async (share) => {
      await expect(
        reportOf("rewardbench2", [...gold, ...ties], "judge.json", judged([share, 0, 0, 0, 0])),
      ).rejects.toMatchObject({ code: "bad_row" });
    },
  );

  it("is refused where several responses are right", async () => {
    const row = JSON.stringify([{ id: "tied:0", results: 1 }]);
    await expect(reportOf("rewardbench2", ties.slice(1), "judge.json", row)).rejects.toThrow(/one right one/);
  });
});

describe("the calibration of results", () => {
  const gold = [0, 1].map((id) => ({ id, prompt: `which ${id}?`, chosen: "right", rejected: "wrong" }));
  const rows = (...own: readonly object[]): string =>
    own.map((row, id) => `${JSON.stringify({ id, ...row })}\n`).join("");

  it("is that of scores", async () => {
    // Margins ln 9 and ln 4: probabilities 0.9 and 0.8, Brier (0.01 + 0.04) / 2, error (0.1 + 0.2) / 2.
    const metrics = metricsOf(
      await reportOf(
        "pairs",
        gold,
        "s.jsonl",
        rows({ scores: [Math.log(9), 0] }, { scores: [1, 1 - Math.log(4)] }),
      ),
    );
    expect(metrics.brier).toBeCloseTo(0.025, 12);
    expect(metrics.ece).toBeCloseTo(0.15, 12);
  });

  it.each([
    ["results", [{ results: 1 }, { results: 0 }]],
    [
      "judgments",
      [{ judgments: [{ decision: "A>B" }, { decision: "B>A" }] }, { judgments: [{ decision: "A>B" }] }],
    ],
    [
      "scores that say so",
      [
        { scores: [1, 0], verdict_only: true },
        { scores: [0, 1], verdict_only: true },
      ],
    ],
  ] as const)("is none where they are verdicts: %s", async (_, own) => {
    const metrics = metricsOf(await reportOf("pairs", gold, "v.jsonl", rows(...own)));
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(["decided", "half-ties"]));
    expect(metrics).not.toHaveProperty("brier");
    expect(metrics).not.toHaveProperty("ece");
  });
});

describe("what PPE publishes", () => {
  const sample = {
    question_id: "q",
    model_name: "m",
    prompt: "which?",
    response_1: "a",
    response_2: "b",
    response_3: "c",
    scores: [true, false, false],
  };
  const scored = [
    {
      question_id: "q",
      model_name: "m",
      scores: [true, false, false],
      score_1: 0.5,
      score_2: [0.1],
      score_3: 2,
    },
  ];

  it("has one column per score; `scores` beside them are the labels", async () => {
    const metrics = metricsOf(await reportOf("ppe-correctness", [sample], "rm.json", JSON.stringify(scored)));
    expect(metrics).toMatchObject({ "pair-accuracy": 0.5, "end-score": 0 });
    expect(metrics).not.toHaveProperty("sampled-pair-accuracy");
  });

  it("has scores of both sides of a battle", async () => {
    const battle = {
      question_id: "q",
      prompt: "p",
      model_a: "x",
      model_b: "y",
      response_1: "a",
      response_2: "b",
    };
    const { scorers } = await reportOf(
      "ppe-human",
      [{ ...battle, winner: "model_b", language: "English" }],
      "rm.json",
      JSON.stringify([{ question_id: "q", score_1: -1.5, score_2: [0.25], winner: "model_b" }]),
    );
    expect(scorers[0]?.overall).toMatchObject({ correct: 1 });
  });

  it("names pairs of its own, each counted as often as it stands there", async () => {
    // 0 beats 1 twice, and loses against 2; both of the last pair are wrong.
    const pairs = [
      [0, 1],
      [1, 0],
      [2, 0],
      [1, 2],
    ];
    const report = await reportOf(
      "ppe-correctness",
      [{ ...sample, sampled_conflict_pairs: pairs }],
      "rm.json",
      JSON.stringify(scored),
    );
    expect(report.scorers[0]?.metrics.find(({ key }) => key === "sampled-pair-accuracy")).toMatchObject({
      value: 2 / 3,
      items: 3,
    });
  });

  it.each([[[[0, 3]]], [[[0]]], [[0, 1]], ["[[0, 1]"]])("is refused with the pairs %j", async (pairs) => {
    await expect(
      reportOf(
        "ppe-correctness",
        [{ ...sample, sampled_conflict_pairs: pairs }],
        "rm.json",
        JSON.stringify(scored),
      ),
    ).rejects.toThrow(/sampled_conflict_pairs must be a list of pairs of numbers from 0 to 2/);
  });

  it.each([
    [{ score_1: 1, score_2: 0 }, /one score for each of the 3/],
    [{ score_1: 1, score_2: 0, score_4: 1 }, /no score_3/],
    [{ score_1: true, score_2: 0, score_3: 1 }, /not a finite number/],
  ])("is refused as %j", async (row, message) => {
    await expect(
      reportOf("ppe-correctness", [sample], "rm.json", JSON.stringify([{ question_id: "q", ...row }])),
    ).rejects.toThrow(message);
  });
});
