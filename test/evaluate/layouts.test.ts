import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { Catalog } from "../../src/annotate/resolve-scorer.ts";
import { fromFunction } from "../../src/core/adapters.ts";
import { assess } from "../../src/evaluate/assess.ts";
import { type EvaluateOptions, evaluate } from "../../src/evaluate/evaluate.ts";
import type { EvalReport, PresetName } from "../../src/evaluate/report.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-eval-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const catalog: Catalog = { scorers: {}, module: "", providers: {} };

/** Scores a response by the number in its text: "good 3" -> 3; a text without one is abstained on. */
const byNumber = recipeFromCode(
  {
    input: { path: "none.jsonl" },
    scorers: {
      number: {
        use: ({ text }: { text: string }) =>
          (text.match(/-?\d+(\.\d+)?/) ?? [null])[0] === null ? null : Number(text),
      },
    },
  },
  tmpdir(),
  {},
);

const write = async (name: string, rows: readonly object[]): Promise<string> => {
  await writeFile(join(directory, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return name;
};

const reportOf = async (
  preset: PresetName,
  path: string,
  options: Partial<EvaluateOptions> & { readonly scorers?: typeof byNumber | null } = {},
): Promise<EvalReport> => {
  const { scorers = byNumber, ...rest } = options;
  const { assessment } = await evaluate(scorers, catalog, {
    path,
    baseDirectory: directory,
    preset,
    seed: 0,
    samples: 200,
    scratch: directory,
    ...rest,
  });
  if (assessment === null) throw new Error("the evaluation ended early");
  return assess(assessment);
};

const metricsOf = ({ scorers }: EvalReport, place = 0): Record<string, number | null> =>
  Object.fromEntries((scorers[place]?.metrics ?? []).map(({ key, value }) => [key, value]));

describe("RewardBench's layout", () => {
  const row = (id: number, subset: string, chosen: string, rejected: string) => ({
    id,
    subset,
    prompt: `question ${id}`,
    chosen,
    chosen_model: "a",
    rejected,
    rejected_model: "b",
  });
  const rows = [
    row(0, "alpacaeval-easy", "2", "1"),
    row(1, "alpacaeval-easy", "1", "2"),
    row(2, "mt-bench-med", "5", "4"),
    row(3, "llmbar-natural", "1", "1"),
    row(4, "llmbar-natural", "2", "1"),
    row(5, "donotanswer", "2", "1"),
    row(6, "math-prm", "2", "1"),
    row(7, "hep-go", "1", "2"),
    row(8, "shp", "2", "1"),
    row(9, "summarize", "1", "2"),
  ];

  it("gives each section, and the overall score with and without prior sets, to the last digit", async () => {
    const metrics = metricsOf(await reportOf("rewardbench", await write("rewardbench.jsonl", rows)));
    // Chat (100 · 1/2 + 40 · 1) / 140; Chat Hard 1/2 (a tie is wrong); Safety 1; Reasoning 984 / (984 + 164).
    const [chat, hard, safety, reasoning] = [90 / 140, 0.5, 1, 984 / 1148];
    expect(metrics.chat).toBe(chat);
    expect(metrics["chat-hard"]).toBe(hard);
    expect(metrics.safety).toBe(safety);
    expect(metrics.reasoning).toBe(reasoning);
    expect(metrics.prior).toBe(0.5);
    expect(metrics.overall).toBeCloseTo((chat + hard + safety + reasoning) / 4, 15);
    expect(metrics["overall-with-prior"]).toBeCloseTo((2 * (chat + hard + safety + reasoning) + 0.5) / 9, 15);
  });

  it("reads the published files of scores and of judges' verdicts", async () => {
    const path = await write("rewardbench.jsonl", rows);
    const scores = await write(
      "published.jsonl",
      rows.map(({ id, chosen, rejected }) => ({
        id,
        scores_chosen: [Number(chosen)],
        scores_rejected: Number(rejected),
      })),
    );
    const verdicts = await write(
      "judge.jsonl",
      rows.map(({ id, chosen, rejected }) => ({
        id,
        results: chosen > rejected ? 1 : chosen === rejected ? 0.5 : 0,
      })),
    );
    const own = await reportOf("rewardbench", path, { verdicts: [scores, verdicts] });
    expect(own.scorers.map(({ name }) => name)).toEqual(["number", "published", "judge"]);
    expect(metricsOf(own, 1)).toEqual(metricsOf(own, 0));
    expect(metricsOf(own, 2)).toEqual(metricsOf(own, 0));
    expect(own.comparisons[0]).toMatchObject({
      onlyFirst: 0,
      onlySecond: 0,
      pValue: 1,
      difference: 0,
      kappa: 1,
    });
    expect(own.agreement).toMatchObject({ verdicts: 1 });
  });
});

describe("RewardBench 2's layout", () => {
  it("gives the leaderboard's mean, to the last digit", async () => {
    const four = (subset: string, chosen: string, rejected: string[]) => ({
      id: `${subset}-0`,
      subset,
      prompt: `a question on ${subset}`,
      chosen: [chosen],
      rejected,
      num_correct: 1,
      num_incorrect: 3,
      total_completions: 4,
    });
    const ties = (id: string, chosen: string[], rejected: string[]) => ({
      id,
      subset: "Ties",
      prompt: `question ${id}`,
      chosen,
      rejected,
    });
    const rows = [
      four("Factuality", "3", ["1", "2", "0"]),
      four("Precise IF", "3", ["3", "1", "0"]),
      four("Math", "1", ["1", "1", "1"]),
      four("Safety", "2", ["3", "1", "0"]),
      four("Focus", "3", ["1", "2", "0"]),
      ties("ref:0", ["5"], ["3", "1"]),
      ties("ref:1", ["2"], ["4", "0"]),
      ties("tied:0", ["4", "3.5"], ["1"]),
      ties("tied:1", ["3", "1"], ["0.5"]),
    ];
    const metrics = metricsOf(await reportOf("rewardbench2", await write("rewardbench2.jsonl", rows)));
    expect(metrics).toMatchObject({ factuality: 1, "precise-if": 0.5, math: 0.25, safety: 0, focus: 1 });
    // 0.30 · 1 + 0.30 · 0.5 + 0.20 · 0.5 + 0.20 · 0.5 + 0.01 (tanh 3 + tanh −2) / 2
    const tied = 0.3 + 0.15 + 0.1 + 0.1 + (0.01 * (Math.tanh(3) + Math.tanh(-2))) / 2;
    expect(metrics.ties).toBeCloseTo(tied, 14);
    expect(metrics.overall).toBeCloseTo((2.75 + tied) / 6, 14);
  });
});

describe("JudgeBench's layout", () => {
  const row = (pair: string, source: string, label: string, judgments?: readonly (string | null)[]) => ({
    pair_id: pair,
    original_id: pair,
    source,
    question: `question ${pair}`,
    response_model: "someone",
    response_A: "2",
    response_B: "1",
    label,
    ...(judgments && {
      judgments: judgments.map((decision) =>
        decision === null ? null : { judgment: { text: "…" }, decision },
      ),
    }),
  });
  const rows = [
    row("p0", "mmlu-pro-law", "A>B", ["A>B", "B>A"]),
    row("p1", "mmlu-pro-law", "A>B", ["A>B", "A>B"]),
    row("p2", "livebench-reasoning", "A>B", ["A>>B", "A=B"]),
    row("p3", "livebench-math", "A>B", ["A=B", "A=B"]),
    row("p4", "livebench-math", "A>B", [null, "B>A"]),
    row("p5", "livecodebench", "A>B", ["B>A", "A>B"]),
    row("p6", "livecodebench", "A>B", [null, null]),
  ];

  it("takes a judge's published output, in which labels and verdicts stand together", async () => {
    const path = await write("judgebench.jsonl", rows);
    const report = await reportOf("judgebench", path, { scorers: null, verdicts: [path] });
    expect(metricsOf(report)).toMatchObject({
      score: 3 / 7,
      knowledge: 1 / 2,
      reasoning: 1,
      math: 1 / 2,
      coding: 0,
    });
    expect(metricsOf(report).consistency).toBeCloseTo(3 / 7, 15);
    expect(report.gold.by).toBe("source");
  });

  it("is plain accuracy for scores", async () => {
    const path = await write("judgebench-plain.jsonl", [
      row("p0", "livebench-math", "A>B"),
      row("p1", "livebench-math", "B>A"),
    ]);
    expect(metricsOf(await reportOf("judgebench", path))).toMatchObject({ score: 0.5, math: 0.5 });
  });
});

describe("PPE's layouts", () => {
  it("reads battles of models", async () => {
    const row = (id: number, model_a: string, model_b: string, winner: string, one: string, two: string) => ({
      question_id: id,
      prompt: `question ${id}`,
      response_1: one,
      response_2: two,
      model_a,
      model_b,
      winner,
      language: "English",
    });
    const path = await write("ppe-human.jsonl", [
      row(0, "x", "y", "model_a", "2", "1"),
      row(1, "x", "y", "tie", "1", "2"),
      row(2, "y", "z", "model_b", "2", "1"),
      row(3, "x", "z", "tie (bothbad)", "1", "1"),
    ]);
    const report = await reportOf("ppe-human", path);
    expect(report.scorers[0]?.overall).toMatchObject({
      items: 4,
      noPreference: 2,
      correct: 1,
      wrong: 1,
      accuracy: 0.5,
    });
    // People: x 2/3, y 0.5/3, z 1.5/2. The scorer: x 1.5/3, y 2/3, z 0.5/2: ranks 2 1 3 and 2 3 1, so −1.
    expect(metricsOf(report).spearman).toBeCloseTo(-1, 12);
    expect(report.scorers[0]?.subsets.map(({ subset }) => subset)).toEqual(["English"]);
  });

  it("reads samples with their correctness, as many as there are columns", async () => {
    const row = (id: number, responses: readonly string[], scores: readonly boolean[]) => ({
      question_id: id,
      prompt: `question ${id}`,
      ...Object.fromEntries(responses.map((text, index) => [`response_${index + 1}`, text])),
      scores,
      mean_score: 0.5,
    });
    const path = await write("ppe-correctness.jsonl", [
      row(0, ["0.2", "0.9", "0.5", "0.95"], [true, false, true, false]),
      row(1, ["3", "1", "2", "0"], [true, false, true, false]),
    ]);
    const report = await reportOf("ppe-correctness", path);
    // Losses 0.75 and 0; pairs 0 of 4 and 4 of 4.
    expect(metricsOf(report)).toMatchObject({
      loss: 0.375,
      "end-score": 0.5,
      "max-score": 1,
      "pair-accuracy": 0.5,
    });
    expect(report.scorers[0]?.curves[0]?.points).toEqual([
      [1, 1],
      [2, 0.5],
      [3, 0.5],
      [4, 0.5],
    ]);
  });
});

describe("groups", () => {
  it("earn the share of right responses among the highest, and keep groups without a question apart", async () => {
    const path = await write("groups.jsonl", [
      { id: "a", prompt: "1?", responses: ["1", "2", "2"], correct: [false, true, false], subset: "easy" },
      { id: "b", prompt: "2?", responses: ["3", "2"], correct: [1, 0] },
      { id: "c", prompt: "3?", responses: ["1", "2"], correct: [true, true] },
      { id: "d", prompt: "4?", responses: ["1", "none"], correct: [true, false] },
    ]);
    const report = await reportOf("groups", path);
    expect(report.scorers[0]?.overall).toMatchObject({
      items: 4,
      correct: 1,
      tie: 1,
      wrong: 0,
      noPreference: 1,
      unscored: 1,
      accuracy: 0.75,
    });
    // a: above one of two wrong ones, tied with the other: 0.75; b: 1. By chance 1/3 and 1/2.
    expect(metricsOf(report).ordered).toBeCloseTo(0.875, 12);
    expect(metricsOf(report).chance).toBeCloseTo(5 / 12, 12);
    expect(report.scorers[0]?.subsets).toHaveLength(2);
  });

  it("take right and wrong responses as two lists", async () => {
    const path = await write("lists.jsonl", [{ prompt: "1?", chosen: ["3", "2"], rejected: ["1"] }]);
    const report = await reportOf("groups", path);
    expect(report.scorers[0]?.overall).toMatchObject({ items: 1, correct: 1 });
  });
});

describe("gold rows", () => {
  it.each([
    ["pairs", { prompt: "?", chosen: ["1", "2"], rejected: ["3"] }, "bad_row"],
    ["pairs", { prompt: "?", chosen: "1" }, "missing_field"],
    ["groups", { prompt: "?", responses: ["1", "2"], correct: [true] }, "bad_row"],
    ["groups", { prompt: "?", responses: ["1", "2"], correct: [true, "maybe"] }, "bad_row"],
    ["groups", { prompt: "?", responses: ["1"] }, "missing_field"],
    ["judgebench", { question: "?", response_A: "1", response_B: "2", label: "A" }, "bad_row"],
    [
      "ppe-human",
      { prompt: "?", response_1: "1", response_2: "2", model_a: "x", model_b: "y", winner: "constructor" },
      "bad_row",
    ],
    ["ppe-correctness", { prompt: "?", scores: [true] }, "missing_field"],
    ["rewardbench2", { prompt: "?", chosen: [], rejected: ["1"] }, "bad_row"],
  ] as const)("in %s: %j is %s", async (preset, row, code) => {
    const path = await write("bad.jsonl", [row]);
    await expect(reportOf(preset, path)).rejects.toMatchObject({ code });
  });

  it("are never empty", async () => {
    await expect(reportOf("pairs", await write("empty.jsonl", []))).rejects.toMatchObject({
      code: expect.stringMatching(/empty_input|missing_field/),
    });
  });

  it("are shown in an order that does not tell which one is right", async () => {
    const rows = Array.from({ length: 200 }, (_, id) => ({
      id,
      prompt: `${id}?`,
      chosen: "right",
      rejected: "wrong",
    }));
    const firstPlace = fromFunction(({ responses }) => responses.map((_, at) => -at), {
      name: "first-place",
      perResponse: false,
    });
    const firstWins = recipeFromCode(
      {
        input: { path: "none.jsonl" },
        scorers: { first: { use: firstPlace } },
      },
      tmpdir(),
      {},
    );
    const report = await reportOf("pairs", await write("order.jsonl", rows), { scorers: firstWins });
    // Four deviations around one half are 0.14.
    expect(Math.abs((report.scorers[0]?.overall.accuracy ?? 0) - 0.5)).toBeLessThan(0.14);
  });
});

describe("results files", () => {
  const gold = [
    { id: "a", prompt: "1?", chosen: "2", rejected: "1" },
    { id: "b", prompt: "2?", chosen: "2", rejected: "1" },
  ];
  const overallWith = async (rows: readonly object[]) => {
    const path = await write("gold.jsonl", gold);
    const report = await reportOf("pairs", path, {
      scorers: null,
      verdicts: [await write("results.jsonl", rows)],
    });
    return { ...report.scorers[0]?.overall, warnings: report.warnings };
  };
  const right = (id: string) => ({ id, scores: [1, 0] });

  it("are matched by id, whatever their order", async () => {
    expect(
      await overallWith([
        { id: "b", scores: [0, 1] },
        { id: "a", scores: [1, 0] },
      ]),
    ).toMatchObject({ correct: 1, wrong: 1 });
  });

  it("are matched by place where there are no ids", async () => {
    expect(await overallWith([{ scores: [1, 0] }, { score_chosen: 0, score_rejected: null }])).toMatchObject({
      correct: 1,
      unscored: 1,
    });
  });

  it("say so where a row is missing or unknown", async () => {
    const found = await overallWith([
      { id: "b", scores: [1, 0] },
      { id: "z", scores: [1, 0] },
    ]);
    expect(found).toMatchObject({ correct: 1, unscored: 1 });
    expect(found.warnings.join("\n")).toMatch(
      /no row for 1 of the gold items[\s\S]*1 rows whose id no gold item has/,
    );
  });

  it("are matched by place where their ids are other ones than the gold file's, which is said", async () => {
    const found = await overallWith([right("x"), { id: "x", scores: [0, 1] }]);
    expect(found).toMatchObject({ correct: 1, wrong: 1 });
    expect(found.warnings).toContain(
      "results has ids, and the gold file has none of them: its rows were matched by place.",
    );
  });

  it("are matched by the column of ids that the gold file knows", async () => {
    expect(
      await overallWith([
        { id: 1, pair_id: "b", scores: [0, 1] },
        { id: 2, pair_id: "a", scores: [1, 0] },
        { id: 3, pair_id: "c", scores: [1, 0] },
      ]),
    ).toMatchObject({ correct: 1, wrong: 1, items: 2 });
  });

  it("are matched row by row where both files have the same ids in the same order, also doubled ones", async () => {
    const path = await write("twice.jsonl", [...gold, ...gold]);
    const rows = [right("a"), right("b"), { id: "a", scores: [0, 1] }, right("b")];
    const verdicts = [await write("results.jsonl", rows)];
    const report = await reportOf("pairs", path, { scorers: null, verdicts });
    expect(report.scorers[0]?.overall).toMatchObject({ correct: 3, wrong: 1 });
    expect(report.gold).toMatchObject({ items: 4, prompts: 2 });
    await expect(
      reportOf("pairs", path, {
        scorers: null,
        verdicts: [await write("results.jsonl", [right("b"), right("a"), right("a"), right("b")])],
      }),
    ).rejects.toMatchObject({ code: "bad_option" });
  });

  it("say nothing of ids where the gold file has none", async () => {
    const path = await write(
      "bare.jsonl",
      gold.map(({ id, ...row }) => row),
    );
    const verdicts = [await write("results.jsonl", [right("x"), right("y")])];
    const { warnings } = await reportOf("pairs", path, { scorers: null, verdicts });
    expect(warnings.join()).not.toContain("matched by place");
  });

  it.each([
    [{ id: "a", scores: null }],
    [{ id: "a", judgments: null }],
    [{ id: "a", score_chosen: null, score_rejected: null }],
    [{ id: "a", results: null }],
    [{ id: "a", scores: [null, null], verdicts: null }],
    [{ id: "a", scores: "", judgments: "null" }],
  ])("hold no score in %j", async (row) => {
    expect(await overallWith([row, right("b")])).toMatchObject({ correct: 1, unscored: 1 });
  });

  it("take the first field that is not null", async () => {
    expect(
      await overallWith([
        { id: "a", judgments: null, scores: null, results: 1 },
        { id: "b", score_chosen: null, scores: [0, 1], results: 1 },
      ]),
    ).toMatchObject({ correct: 1, wrong: 1 });
  });

  it("may be CSV, with lists as JSON text", async () => {
    const path = await write("gold.jsonl", gold);
    const csv = async (text: string) => {
      await writeFile(join(directory, "results.csv"), text);
      return reportOf("pairs", path, { scorers: null, verdicts: ["results.csv"] });
    };
    const scores = await csv('id,scores\na,"[1, 0]"\nb,\n');
    expect(scores.scorers[0]?.overall).toMatchObject({ correct: 1, unscored: 1 });
    const judgments = await csv(
      'id,judgments\na,"[{""decision"": ""A>B""}, {""decision"": ""B>A""}]"\nb,"[null, null]"\n',
    );
    expect(judgments.scorers[0]?.overall).toMatchObject({ correct: 1, unscored: 1 });
    expect(metricsOf(judgments)).toMatchObject({ unread: 0.5 });
    await expect(csv('id,scores\na,"[1, 0"\nb,\n')).rejects.toMatchObject({ code: "bad_row" });
  });

  it("tell an unread verdict from no verdict, so that only the first earns a coin's credit", async () => {
    const path = await write(
      "rb.jsonl",
      gold.map((row) => ({ ...row, subset: "donotanswer" })),
    );
    const rows = [
      { id: "a", judgments: [null, null] },
      { id: "b", judgments: null },
    ];
    const options = { scorers: null, generative: true };
    const verdicts = [await write("results.jsonl", rows)];
    const report = await reportOf("rewardbench", path, { ...options, verdicts });
    expect(report.scorers[0]?.overall).toMatchObject({ unscored: 2, accuracy: 0.5 });
    expect(report.warnings.join()).toContain("could not be read on 1 of 2 items");
    const missing = [await write("results.jsonl", [{ id: "a", scores: [1, 0] }])];
    const other = await reportOf("rewardbench", path, { ...options, verdicts: missing });
    expect(other.scorers[0]?.overall).toMatchObject({ unscored: 1, accuracy: 1 });
  });

  it("may be given a name", async () => {
    const path = await write("gold.jsonl", gold);
    const file = await write("duel.jsonl", [right("a"), right("b")]);
    const verdicts = [file, { name: "again", path: file }];
    const report = await reportOf("pairs", path, { scorers: null, verdicts });
    expect(report.scorers.map(({ name }) => name)).toEqual(["duel", "again"]);
  });

  const REFUSED: readonly (readonly [rows: readonly object[], code: string, note: string])[] = [
    [[{ scores: [1, 0] }], "bad_option", "fewer rows than items, without ids"],
    [[right("a"), { scores: [1, 0] }], "bad_option", "an id missing among others"],
    [[right("x"), { scores: [1, 0] }], "bad_option", "an id missing among others that fit nothing"],
    [[right("a"), right("a")], "bad_option", "an id twice"],
    [[right("x"), right("y"), right("z")], "bad_option", "more rows than items, with other ids"],
    [[{ id: "a", scores: [1] }], "bad_row", "too few scores"],
    [[{ id: "a", scores: "[1, 0" }], "bad_row", "text that is no list"],
    [[{ id: "a", results: "[1" }], "bad_row", "text that is no number"],
    [[{ id: "a", scores: [1, "high"] }], "bad_row", "a score that is no number"],
    [[{ id: "a", scores: [true, false] }], "bad_row", "flags in the place of scores"],
    [[{ id: "a" }], "bad_row", "no scores at all"],
    [[{ id: "a", results: 2 }], "bad_row", "a verdict out of range"],
    [[{ id: "a", judgments: [{ decision: "maybe" }] }], "bad_row", "a decision that is none"],
    [[{ id: "a", judgments: [] }], "bad_row", "no judgments"],
    [[{ id: "a", scores: [1, 0], verdicts: ["A"] }], "bad_row", "a verdict that is none"],
  ];
  it.each(REFUSED)("%j is %s: %s", async (rows, code) => {
    await expect(overallWith(rows)).rejects.toMatchObject({ code });
  });

  it("may have more rows than items where only the first items are asked for", async () => {
    const path = await write("gold.jsonl", gold);
    const verdicts = [await write("results.jsonl", [{ scores: [1, 0] }, { scores: [0, 1] }])];
    const report = await reportOf("pairs", path, { scorers: null, verdicts, limit: 1 });
    expect(report.scorers[0]?.overall).toMatchObject({ items: 1, correct: 1 });
  });

  it("must not have the name of another scorer", async () => {
    const path = await write("gold.jsonl", gold);
    const verdicts = [await write("number.jsonl", [{ id: "a", scores: [1, 0] }])];
    await expect(reportOf("pairs", path, { verdicts })).rejects.toMatchObject({ code: "bad_option" });
  });
});
