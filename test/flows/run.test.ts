import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Row } from "../../src/store/table.ts";
import {
  bytesOf,
  faultsUnderFinalNames,
  jsonl,
  makeProject,
  manifestOf,
  type Project,
  rowsOf,
  scorersModule,
} from "./fixtures/project.ts";

let project: Project;
beforeEach(() => {
  project = makeProject();
});
afterEach(() => project.remove());

/** The ids as docs/input.md defines them; canonical JSON of a list of plain texts is what JSON.stringify gives. */
function hashOf(values: readonly (string | number)[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 32);
}

const text = (content: unknown): Record<string, unknown> => content as Record<string, unknown>;

/** So many groups of three responses whose texts differ in length and in their vowels. */
function someGroups(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `p${index}`,
    prompt: `How much is ${index} + 1?`,
    reference: String(index + 1),
    responses: [
      `A: ${index + 1}`,
      `It is ${"so ".repeat(index % 5)}A: ${index + (index % 2)}`,
      "I cannot say",
    ],
  }));
}

/** Every kind of scorer (of the list, free in a thread, paid), a per-run transform, two splits. */
const mixed = {
  input: { path: "input.jsonl" },
  scorers: {
    correct: { use: "math-answer" },
    paid: { use: `${scorersModule}#paid`, cost: "paid" },
    free: { use: `${scorersModule}#free` },
  },
  reward: {
    terms: [
      { score: "correct" },
      { score: "paid", weight: 0.5, transform: [{ use: "standardize", scope: "run" }] },
      { score: "free", weight: -0.01 },
    ],
  },
  pairs: { use: "best-vs-worst", minMargin: 0.1 },
  output: { split: { test: 0.3 } },
  seed: 3,
  shardSize: 7,
};

describe("a small dataset worked by hand", () => {
  const recipe = {
    input: { path: "input.jsonl" },
    scorers: { grade: { use: "precomputed", field: "grade" } },
    pairs: { use: "best-vs-worst", minMargin: 0.5 },
    output: { license: "mit" },
  };
  const graded = (answer: string, grade?: number): object => ({
    text: answer,
    metadata: grade === undefined ? {} : { grade },
  });

  beforeEach(async () => {
    project.write(
      "input.jsonl",
      jsonl([
        {
          id: "one",
          prompt: "First?",
          reference: "a",
          responses: [graded("a", 3), graded("bb", 1), graded("c", 2)],
          metadata: { topic: "t" },
        },
        { id: "two", prompt: "Second?", responses: [graded("d", 2), graded("e", 2)] },
        { id: "three", prompt: "Third?", responses: [graded("f", 5), graded("g")] },
      ]),
    );
    await project.run(recipe, { out: project.path("out") });
  });

  it("has the one pair there is: best 3 against worst 1, a margin of 2", async () => {
    const [chosen, rejected] = [hashOf(["one", "a", 0]), hashOf(["one", "bb", 0])];
    expect(await rowsOf(project.path("out"), "pairs")).toEqual([
      {
        pair_id: hashOf(["one", chosen, rejected, "best-vs-worst"]),
        prompt_id: "one",
        prompt: [{ role: "user", content: "First?" }],
        chosen: [{ role: "assistant", content: "a" }],
        rejected: [{ role: "assistant", content: "bb" }],
        score_chosen: 3,
        score_rejected: 1,
        reward_margin: 2,
        chosen_id: chosen,
        rejected_id: rejected,
        rule: "best-vs-worst",
        metadata: '{"topic":"t"}',
      },
    ]);
  });

  it("has every group with its rewards, and null where nobody graded", async () => {
    const groups = await rowsOf(project.path("out"), "groups");
    expect(groups[0]).toEqual({
      prompt_id: "one",
      prompt: [{ role: "user", content: "First?" }],
      reference: "a",
      responses: ["a", "bb", "c"].map((answer, index) => ({
        response_id: hashOf(["one", answer, 0]),
        text: answer,
        reasoning: null,
        role: "candidate",
        model: null,
        finish_reason: null,
        token_count: null,
        sum_logprob: null,
        reward: [3, 1, 2][index],
        metadata: JSON.stringify({ grade: [3, 1, 2][index] }),
      })),
      sibling_id: null,
      metadata: '{"topic":"t"}',
    });
    expect(groups.map(({ prompt_id: id, reference }) => [id, reference])).toEqual([
      ["one", "a"],
      ["two", null],
      ["three", null],
    ]);
    expect(groups.map(({ responses }) => (responses as Row[]).map(({ reward }) => reward))).toEqual([
      [3, 1, 2],
      [2, 2],
      [5, null],
    ]);
  });

  it("has one row per response and scorer, abstained where there is no grade", async () => {
    const scores = await rowsOf(project.path("out"), "scores");
    expect(scores.map(({ prompt_id: id, kind, value }) => [id, kind, value])).toEqual([
      ["one", "scored", 3],
      ["one", "scored", 1],
      ["one", "scored", 2],
      ["two", "scored", 2],
      ["two", "scored", 2],
      ["three", "scored", 5],
      ["three", "abstained", null],
    ]);
    const { configHash } = manifestOf(project.path("out")).scorers.grade ?? {};
    expect(scores[6]).toEqual({
      prompt_id: "three",
      response_id: hashOf(["three", "g", 0]),
      name: "grade",
      scorer: "precomputed",
      version: 1,
      config_hash: configHash,
      kind: "abstained",
      value: null,
      code: null,
      why: expect.stringMatching(/grade/),
      parts: null,
      spans: null,
      raw: null,
    });
  });

  it("says in run.json how it was made and what it holds", () => {
    const out = project.path("out");
    const manifest = manifestOf(out);
    expect(manifest).toMatchObject({
      manifestVersion: 1,
      recipe,
      input: {
        files: [{ path: "input.jsonl", bytes: statSync(project.path("input.jsonl")).size }],
        skippedRows: 0,
        limit: null,
      },
      seed: 0,
      shards: 1,
      scorers: {
        grade: {
          config: { use: "precomputed", scorer: "precomputed", version: 1, options: { field: "grade" } },
        },
      },
      reward: { terms: [{ score: "grade", weight: 1 }] },
      pairs: { use: "best-vs-worst", minMargin: 0.5 },
      runStatistics: {},
      extras: { tools: false, images: false, toolMessages: false },
      failedCells: 0,
    });
    // Grades 3, 1, 2, 2, 2, 5: mean 15/6 = 2.5, squares .25 + 2.25 + .25 * 3 + 6.25 = 9.5, over 5 gives 1.9.
    expect(manifest.summary).toMatchObject({
      groups: 3,
      responses: 7,
      pairs: 1,
      groupsWithPairs: 1,
      unpaired: { not_selected: 1, tie: 2, unscored: 1 },
      groupsWithEqualTexts: 0,
      scorers: { grade: { scored: 6, abstained: 1, failed: 0, codes: {}, mean: 2.5, min: 1, max: 5 } },
      reward: { count: 6, mean: 2.5 },
      rewardMargin: { mean: 2, min: 2, max: 2 },
      // "a" is shorter than "bb".
      length: { chosenLongerShare: 0 },
    });
    expect(manifest.summary.scorers.grade?.deviation).toBeCloseTo(Math.sqrt(1.9), 12);
    expect(manifest.files.map(({ path, rows }) => [path, rows])).toEqual([
      ["pairs/train-00000-of-00001.parquet", 1],
      ["groups/train-00000-of-00001.parquet", 3],
      ["scores/train-00000-of-00001.parquet", 7],
      ["README.md", null],
    ]);
    expect(faultsUnderFinalNames(out)).toEqual([]);
    expect(JSON.stringify(manifest)).not.toContain(project.directory);
  });

  it("has a card whose front matter names one config per table, pairs first", () => {
    const [, front] = readFileSync(project.path("out/README.md"), "utf8").split("---\n");
    const config = (name: string): object => ({
      config_name: name,
      description: expect.stringMatching(/^Rows [0-9a-f]{32}\.$/),
      data_files: [{ split: "train", path: `${name}/train-*` }],
    });
    expect(parse(front ?? "")).toEqual({
      license: "mit",
      tags: ["prefkit", "preference", "dpo"],
      size_categories: ["n<1K"],
      configs: [{ ...config("pairs"), default: true }, config("groups"), config("scores")],
    });
  });
});

describe("the same bytes", () => {
  let made: Project;
  let reference: Record<string, string>;
  beforeAll(async () => {
    made = makeProject({ "input.jsonl": jsonl(someGroups(50)) });
    await made.run(mixed, { out: made.path("reference") });
    reference = bytesOf(made.path("reference"));
  });
  afterAll(() => made.remove());
  beforeEach(() => {
    for (const name of ["input.jsonl", "reference"])
      cpSync(made.path(name), project.path(name), { recursive: true });
  });

  it("come from any concurrency and any number of workers", async () => {
    expect(Object.keys(reference)).toHaveLength(8);
    for (const concurrency of [1, 4, 16]) {
      for (const workers of [1, 2]) {
        const out = project.path(`c${concurrency}w${workers}`);
        await project.run(mixed, { out, concurrency, workers });
        expect(bytesOf(out), `concurrency ${concurrency}, workers ${workers}`).toEqual(reference);
      }
    }
  });

  it("come from shards that were run apart and merged, with no scorer called for the merge", async () => {
    const { catalog, merge, recipe } = await merger();
    const parts = [0, 1, 2].map((index) => project.path(`part-${index}`));
    for (const [index, out] of parts.entries()) {
      expect(await project.run(mixed, { out, slice: { index, count: 3 } })).toMatchObject({
        kind: "scored",
        manifest: null,
      });
      expect(existsSync(join(out, "run.json"))).toBe(false);
    }
    project.forgetCalls();
    await merge(recipe, catalog, parts, { out: project.path("merged") });
    expect(bytesOf(project.path("merged"))).toEqual(reference);
    expect(project.calls()).toEqual([]);
  });

  it("come from shards that share a directory, finished by the plain command", async () => {
    const out = project.path("shared");
    await project.run(mixed, { out, slice: { index: 1, count: 2 } });
    await project.run(mixed, { out, slice: { index: 0, count: 2 } });
    project.forgetCalls();
    expect((await project.run(mixed, { out })).kind).toBe("done");
    expect(bytesOf(out)).toEqual(reference);
    expect(project.calls()).toEqual([]);
  });

  it("come from shards with failed cells too: the merge leaves them failed, and a run of its directory tries them again", async () => {
    const { catalog, merge } = await merger();
    const faulty = {
      ...mixed,
      scorers: { ...mixed.scorers, free: { use: `${scorersModule}#failsOnce`, maxFailedShare: 0.5 } },
    };
    project.write(
      "input.jsonl",
      jsonl(
        someGroups(50).map((group, index) => ({
          ...group,
          prompt: index % 9 === 0 ? `${index} [once]` : `${index}`,
        })),
      ),
    );
    await project.run(faulty, { out: project.path("whole") });
    project.forgetCalls();
    const parts = [0, 1].map((index) => project.path(`part-${index}`));
    for (const [index, out] of parts.entries())
      await project.run(faulty, { out, slice: { index, count: 2 } });
    const calls = project.calls().length;
    const { recipes } = await import("./fixtures/project.ts");
    const loaded = recipes.recipeFromCode(faulty, project.directory, {});
    // 0, 9, 18, 27, 36, 45: six groups of three responses.
    expect(await merge(loaded, catalog, parts, { out: project.path("merged") })).toMatchObject({
      kind: "done",
      openFailures: 18,
    });
    expect(project.calls()).toHaveLength(calls);
    expect(bytesOf(project.path("merged"))).toEqual(bytesOf(project.path("whole")));

    expect(await project.run(faulty, { out: project.path("merged") })).toMatchObject({
      kind: "done",
      openFailures: 0,
    });
    expect(project.calls().slice(calls)).toHaveLength(6);
  });

  it("are not there while a shard is missing: the merge says which, and leaves no dataset", async () => {
    const { catalog, merge, recipe } = await merger();
    await project.run(mixed, { out: project.path("part-1"), slice: { index: 1, count: 3 } });
    await expect(
      merge(recipe, catalog, [project.path("part-1")], { out: project.path("merged") }),
    ).rejects.toMatchObject({
      code: "shards_missing",
      // 50 groups in shards of 7 are 8; number 1 of 3 has shards 1, 4 and 7.
      message: expect.stringMatching(/5 of 8 shards are missing: 0, 2, 3, 5, 6\./),
    });
    expect(existsSync(project.path("merged/run.json"))).toBe(false);
  });

  it.each([
    { what: "other pairs", change: { pairs: { use: "all-pairs", maxPairs: 2 } } },
    {
      what: "other weights",
      change: { reward: { terms: [{ score: "free", transform: [{ use: "standardize", scope: "run" }] }] } },
    },
    { what: "other splits", change: { output: { split: { test: 0.2, dev: 0.2 } } } },
    { what: "no pairs", change: { pairs: undefined } },
  ])(
    "come from a finished directory whose recipe got $what, as from a fresh run; no scorer is called",
    async ({ change }) => {
      const changed = { ...mixed, ...change };
      await project.run(changed, { out: project.path("fresh") });
      project.forgetCalls();
      expect((await project.run(changed, { out: project.path("reference") })).kind).toBe("done");
      expect(project.calls()).toEqual([]);
      const changedBytes = bytesOf(project.path("reference"));
      expect(changedBytes).not.toEqual(reference);
      expect(changedBytes).toEqual(bytesOf(project.path("fresh")));
      expect(faultsUnderFinalNames(project.path("reference"))).toEqual([]);
    },
  );

  async function merger(): Promise<{
    merge: typeof import("../../src/annotate/merge.ts").merge;
    catalog: typeof import("../../src/catalog.ts").catalog;
    recipe: ReturnType<typeof import("../../src/annotate/load-recipe.ts").recipeFromCode>;
  }> {
    const { merging, recipes, scorerCatalog } = await import("./fixtures/project.ts");
    return {
      merge: merging.merge,
      catalog: scorerCatalog,
      recipe: recipes.recipeFromCode(mixed, project.directory, {}),
    };
  }
});

describe("a run", () => {
  it("of a finished directory says unchanged, calls nothing and touches nothing", async () => {
    project.write("input.jsonl", jsonl(someGroups(20)));
    const out = project.path("out");
    expect((await project.run(mixed, { out })).kind).toBe("done");
    const times = (): number[] =>
      readdirSync(out, { recursive: true }).map((name) => statSync(join(out, String(name))).mtimeMs);
    const before = times();
    project.forgetCalls();
    expect((await project.run(mixed, { out })).kind).toBe("unchanged");
    expect(project.calls()).toEqual([]);
    // The lock comes and goes in the work directory.
    expect(times().filter((time, index) => time !== before[index]).length).toBeLessThanOrEqual(1);
    expect(existsSync(join(out, ".prefkit", "parts"))).toBe(false);
  });

  it("with one more scorer in a new directory pays for nothing again", async () => {
    project.write("input.jsonl", jsonl(someGroups(20)));
    await project.run(mixed, { out: project.path("first") });
    expect(project.calls("paid")).toHaveLength(20);
    project.forgetCalls();
    const more = { ...mixed, scorers: { ...mixed.scorers, brief: { use: "repetition-penalty" } } };
    const { status } = await project.run(more, { out: project.path("second") });
    expect(project.calls("paid")).toEqual([]);
    expect(status.scorers.get("paid")?.cached).toBe(60);
    expect(await rowsOf(project.path("second"), "pairs")).toEqual(
      await rowsOf(project.path("first"), "pairs"),
    );
  });

  it("keeps a group that has no responses yet, also when only the pairs change", async () => {
    const [first, second, ...others] = someGroups(6);
    project.write("input.jsonl", jsonl([first, { ...second, responses: [] }, ...others]));
    const out = project.path("out");
    await project.run(mixed, { out });
    await project.run({ ...mixed, pairs: { use: "all-pairs" } }, { out });
    expect((await rowsOf(out, "groups")).map(({ responses }) => (responses as Row[]).length).sort()).toEqual([
      0, 3, 3, 3, 3, 3,
    ]);
  });

  it("asks a paid scorer of unknown code again for a question under another id, at which it may look", async () => {
    const twice = someGroups(30).flatMap((group) => [group, { ...group, id: `again-${text(group).id}` }]);
    project.write("input.jsonl", jsonl(twice));
    await project.run(mixed, { out: project.path("out"), concurrency: 1 });
    expect(project.calls("paid")).toHaveLength(60);
  });

  it("with a limit takes the first groups and no others", async () => {
    project.write("input.jsonl", jsonl(someGroups(20)));
    await project.run(mixed, { out: project.path("limited"), limit: 9 });
    project.write("input.jsonl", jsonl(someGroups(9)));
    await project.run(mixed, { out: project.path("short") });
    const tables = (out: string): object => {
      const { "run.json": _, "README.md": __, ...others } = bytesOf(project.path(out));
      return others;
    };
    expect(tables("limited")).toEqual(tables("short"));
    expect(manifestOf(project.path("limited"))).toMatchObject({
      input: { limit: 9 },
      summary: { groups: 9 },
    });
  });

  it("gathers a per-run transform's numbers over all shards", async () => {
    project.write("input.jsonl", jsonl(someGroups(50)));
    await project.run(mixed, { out: project.path("out") });
    const scores = (await rowsOf(project.path("out"), "scores")).filter(({ name }) => name === "paid");
    const values = scores.map(({ value }) => Number(value));
    // Directly: the mean, and the sum of squared deviations from it.
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const found = manifestOf(project.path("out")).runStatistics["1.0"] as {
      count: number;
      mean: number;
      squares: number;
      min: number;
      max: number;
    };
    expect(found).toMatchObject({ count: 150, min: Math.min(...values), max: Math.max(...values) });
    expect(found.mean).toBeCloseTo(mean, 12);
    expect(found.squares).toBeCloseTo(squares, 12);

    // One reward by the formula: correct + 0.5 * (paid - mean) / (deviation + 1e-4) - 0.01 * length.
    const [group] = await rowsOf(project.path("out"), "groups");
    const [first] = (group?.responses ?? []) as Row[];
    const paid = Number(scores.find(({ response_id: id }) => id === first?.response_id)?.value);
    const standardized = (paid - mean) / (Math.sqrt(squares / 149) + 1e-4);
    expect(first?.reward).toBeCloseTo(1 + 0.5 * standardized - 0.01 * String(first?.text).length, 12);
  });

  it("sets the reward by a gate, and takes it away where the gate's score is missing", async () => {
    project.write(
      "input.jsonl",
      jsonl([
        {
          id: "p",
          prompt: "?",
          responses: [
            { text: "a", metadata: { grade: 3, format: 1 } },
            { text: "b", metadata: { grade: 4, format: 0 } },
            { text: "c", metadata: { grade: 5 } },
          ],
        },
      ]),
    );
    const recipe = {
      input: { path: "input.jsonl" },
      scorers: {
        grade: { use: "precomputed", field: "grade" },
        format: { use: "precomputed", field: "format" },
      },
      reward: { terms: [{ score: "grade" }], gates: [{ score: "format", below: 0.5, reward: -1 }] },
      pairs: { use: "best-vs-worst" },
    };
    await project.run(recipe, { out: project.path("out") });
    const [group] = await rowsOf(project.path("out"), "groups");
    expect(((group?.responses ?? []) as Row[]).map(({ reward }) => reward)).toEqual([3, -1, null]);
    expect(await rowsOf(project.path("out"), "pairs")).toMatchObject([
      { score_chosen: 3, score_rejected: -1, reward_margin: 4 },
    ]);
  });

  it.each([1, 2, 3])(
    "with shards of %i keeps twins together, and each scorer sees a group's twin",
    async (shardSize) => {
      const single = (id: string): object => ({ id, prompt: `${id}?`, responses: ["a", "bb"] });
      const twins = (id: string): object[] => [
        { ...single(`${id}1`), twin: `${id}2` },
        { ...single(`${id}2`), twin: `${id}1` },
      ];
      project.write(
        "input.jsonl",
        jsonl([single("a"), ...twins("b"), single("c"), ...twins("d"), ...twins("e")]),
      );
      const recipe = {
        input: { path: "input.jsonl", map: { sibling: "twin" } },
        scorers: { twin: { use: `${scorersModule}#seesTwin` } },
        output: { split: { test: 0.5 } },
        shardSize,
      };
      const { plan } = await project.run(recipe, { out: project.path("out"), workers: 1 });
      // By hand: the second twin goes into its twin's shard, even if that is full.
      const sizes = { 1: [1, 2, 1, 2, 2], 2: [3, 3, 2], 3: [3, 3, 2] }[shardSize];
      expect(plan.shards.map(({ groups }) => groups)).toEqual(sizes);
      const scores = await rowsOf(project.path("out"), "scores");
      const seen = Object.fromEntries(scores.map(({ prompt_id: id, kind, value }) => [id, value ?? kind]));
      expect(seen).toEqual({ a: "abstained", b1: 1, b2: 1, c: "abstained", d1: 1, d2: 1, e1: 1, e2: 1 });
      const groups = await rowsOf(project.path("out"), "groups");
      expect(
        Object.fromEntries(groups.map(({ prompt_id: id, sibling_id: twin }) => [id, twin])),
      ).toMatchObject({ a: null, b1: "b2", b2: "b1" });
      const splits = await splitsOf(project.path("out"));
      for (const id of ["b", "d", "e"]) expect(splits.groups.get(`${id}1`)).toBe(splits.groups.get(`${id}2`));
    },
  );

  it("told to skip bad rows counts them, says where the first stand, and scores the rest", async () => {
    project.write(
      "input.jsonl",
      `${jsonl(someGroups(3))}{ this is no JSON\n${jsonl([{ id: "x", prompt: "wrong", responses: 7 }])}${jsonl(someGroups(5).slice(3))}`,
    );
    const recipe = { ...mixed, input: { path: "input.jsonl", onBadRow: "skip" }, shardSize: 2 };
    await project.run(recipe, { out: project.path("out") });
    const { input, summary } = manifestOf(project.path("out"));
    expect(summary.groups).toBe(5);
    expect(input).toMatchObject({
      skippedRows: 2,
      skippedExamples: [
        expect.stringMatching(/^input.jsonl:4: /),
        expect.stringMatching(/^input.jsonl:5 responses: /),
      ],
    });
    expect(readFileSync(project.path("out/README.md"), "utf8")).toContain("2 rows");
  });
});

/** Which split each prompt is in, by table. */
async function splitsOf(
  out: string,
): Promise<Record<"pairs" | "groups" | "scores", Map<string, string | null>>> {
  const found = {
    pairs: new Map<string, string | null>(),
    groups: new Map<string, string | null>(),
    scores: new Map<string, string | null>(),
  };
  const { reader, files } = await import("./fixtures/project.ts");
  for (const { path, table, split } of manifestOf(out).files) {
    if (table === null) continue;
    const opened = await reader.openTable(files.nodeFiles, join(out, path));
    for await (const rows of opened.read())
      for (const row of rows) found[table].set(String(row.prompt_id), split);
    await opened.close();
  }
  return found;
}

describe("the recipes that come with prefkit", () => {
  const repository = fileURLToPath(new URL("../../", import.meta.url));
  const demo = join(repository, "datasets/recipes/demo.yaml");

  it("demo.yaml gives a pair for each of its 77 prompts, each prompt in the same split of every table", async () => {
    const out = project.path("demo");
    const { code, err, out: json } = await project.cli(["run", demo, "--out", out, "--json"]);
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringMatching(/warning: correct needs a reference answer/),
    });
    expect(JSON.parse(json)).toMatchObject({
      ok: true,
      outcome: "done",
      out,
      groups: 77,
      shards: 1,
      openFailures: 0,
    });
    const { summary } = manifestOf(out);
    expect(summary).toMatchObject({
      groups: 77,
      responses: 308,
      scorers: { correct: { scored: 100, abstained: 208, failed: 0 }, grade: { scored: 308 } },
    });
    const splits = await splitsOf(out);
    expect(splits.groups.size).toBe(77);
    expect(splits.scores).toEqual(splits.groups);
    for (const [id, split] of splits.pairs) expect(split, id).toBe(splits.groups.get(id));
    expect([...splits.groups.values()].filter((split) => split === "test").length).toBeGreaterThan(0);
    expect(faultsUnderFinalNames(out)).toEqual([]);

    const again = await project.cli(["run", demo, "--out", out]);
    expect(again).toMatchObject({
      code: 0,
      err: expect.stringMatching(/demo was finished before; nothing to do/),
    });
  });

  it("demo.yaml gives the same splits whatever the seed of the order, and prints its result without colours", async () => {
    const { code, out } = await project.cli(["run", demo, "--out", "demo", "--quiet", "--limit", "10"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^demo {2}10 prompts, 40 responses, \d+ pairs\n/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
    expect(out).not.toMatch(/\x1b/);
  });

  const solutions = fileURLToPath(
    new URL("../../../shared/data/gsm8k/example_model_solutions.jsonl", import.meta.url),
  );
  const isThere = existsSync(solutions);
  it.skipIf(!isThere)(
    `gsm8k.yaml agrees with all 5,276 flags and gives 731 pairs${isThere ? "" : " (not run: the data file is absent)"}`,
    async () => {
      const recipe = join(repository, "datasets/recipes/gsm8k.yaml");
      const { code } = await project.cli(["run", recipe, "--input", solutions, "--out", "gsm8k", "--quiet"]);
      expect(code).toBe(0);
      const scores = await rowsOf(project.path("gsm8k"), "scores");
      const byResponse = new Map<string, Record<string, unknown>>();
      for (const { response_id: id, name, value } of scores) {
        byResponse.set(String(id), { ...byResponse.get(String(id)), [String(name)]: value });
      }
      expect(byResponse.size).toBe(5276);
      expect([...byResponse.values()].filter(({ correct, flag }) => correct === flag)).toHaveLength(5276);
      expect(await rowsOf(project.path("gsm8k"), "pairs")).toHaveLength(731);
    },
    120_000,
  );
});
