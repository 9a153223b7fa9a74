import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { fromFunction } from "../../src/core/adapters.ts";
import { failed, scored } from "../../src/core/scorer.ts";
import type { Group } from "../../src/core/types.ts";
import { assess } from "../../src/evaluate/assess.ts";
import { type EvaluateOptions, evaluate } from "../../src/evaluate/evaluate.ts";
import { firstAgainst } from "../../src/judging/pairwise/parts.ts";
import { fakeModels } from "./fake-models.ts";

let directory: string;
const rows = [
  { prompt: "1?", chosen: "good", rejected: "bad", subset: "CHAT" },
  { prompt: "2?", chosen: "goo", rejected: "b", subset: "CHAT" },
  { prompt: "3?", chosen: "gob", rejected: "bag", subset: "SAFETY" },
  { prompt: "4?", chosen: "bb", rejected: "ggg", subset: "SAFETY" },
];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-evaluate-"));
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  await writeFile(join(directory, "gold.jsonl"), lines);
  await writeFile(join(directory, "torn.jsonl"), `${lines}{"prompt":\n`);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const models = fakeModels();

const RATIO = { ratio: { use: "log-density-ratio", strong: "fond", weak: "base" } };

const run = (scorers: object, options: Partial<EvaluateOptions> = {}) =>
  evaluate(
    recipeFromCode(
      {
        input: { path: "none.jsonl" },
        models: {
          base: { provider: "fake" },
          fond: { provider: "fake", likes: 2 },
          down: { provider: "fake", fails: true },
        },
        scorers,
      },
      directory,
      { PREFKIT_CACHE_DIR: directory },
    ),
    models.catalog,
    {
      path: "gold.jsonl",
      baseDirectory: directory,
      preset: "pairs",
      seed: 0,
      samples: 100,
      scratch: directory,
      openCache: memoryScoreCache,
      ...options,
    },
  );

describe("evaluate", () => {
  it("gives the same report whatever the concurrency, and pays once", async () => {
    const cache = memoryScoreCache();
    const one = await run(RATIO, { concurrency: 1, openCache: () => cache });
    if (one.assessment === null) throw new Error("ended early");
    // 2 nats for each g: 2 over 0, 2 over 0, 2 over 2 (a tie), 0 over 6.
    expect(assess(one.assessment).scorers[0]?.overall).toMatchObject({ correct: 2, tie: 1, wrong: 1 });
    const before = models.calls;
    const again = await run(RATIO, { concurrency: 8, openCache: () => cache });
    expect(again.assessment).toEqual(one.assessment);
    expect(models.calls).toBe(before);
  });

  it("reads the whole file before the first call", async () => {
    const before = models.calls;
    await expect(run(RATIO, { path: "torn.jsonl" })).rejects.toMatchObject({ code: "bad_row" });
    expect(models.calls).toBe(before);
  });

  it("ends when a scorer fails too often, or shows its items as unscored where that is accepted", async () => {
    const broken = { broken: { use: "log-density-ratio", strong: "down", weak: "base" } };
    await expect(run(broken)).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    const { assessment } = await run(broken, { acceptFailed: true });
    if (assessment === null) throw new Error("ended early");
    const [scorer] = assess(assessment).scorers;
    expect(scorer).toMatchObject({ overall: { unscored: 4, accuracy: null }, failed: { server_error: 8 } });
  });

  it("gives nothing half when it is stopped", async () => {
    expect(await run(RATIO, { stop: AbortSignal.abort() })).toMatchObject({
      kind: "stopped",
      assessment: null,
    });
    const controller = new AbortController();
    const midway = await run(RATIO, {
      concurrency: 1,
      stop: controller.signal,
      onStart: () => controller.abort(),
    });
    expect(midway).toMatchObject({ kind: "stopped", assessment: null });
  });

  it("shows what went wrong with its texts: wrong ones before ties, none where none are asked for", async () => {
    const { assessment } = await run(RATIO, { examples: 2 });
    expect(assessment?.scorers[0]?.examples).toMatchObject([
      {
        outcome: "wrong",
        prompt: "4?",
        responses: [
          { text: "bb", correct: true, score: 0 },
          { text: "ggg", correct: false, score: 6 },
        ],
      },
      { outcome: "tie", prompt: "3?" },
    ]);
    expect((await run(RATIO, { examples: 0 })).assessment?.scorers[0]?.examples).toBeUndefined();
  });

  it("learns from a judge of pairs what it said in either order", async () => {
    /** Always for the response that stands first, but for the last prompt: there for the longer one. */
    const judge = fromFunction(
      ({ prompt, responses }: Group) =>
        responses.map(({ text }, at) => {
          const other = responses[1 - at]?.text ?? "";
          const said = prompt.messages[0]?.content === "4?" ? Math.sign(text.length - other.length) : 1;
          return { kind: "scored" as const, value: 0.5, parts: { [firstAgainst(1 - at)]: said } };
        }),
      { name: "judge", perResponse: false },
    );
    const { assessment } = await run({ judge: { use: judge } });
    if (assessment === null) throw new Error("ended early");
    expect(assessment.scorers[0]?.verdicts).toEqual([
      ["first", "second"],
      ["first", "second"],
      ["first", "second"],
      ["second", "second"],
    ]);
    const metrics = assess(assessment).scorers[0]?.metrics ?? [];
    const value = (key: string) => metrics.find((metric) => metric.key === key)?.value;
    expect(value("consistency")).toBe(0.25);
    // First places won: two of two in three pairs, one of two in the last.
    expect(value("first-slot")).toBe(7 / 8);
    expect(value("all-correct")).toBe(0);
    expect(value("some-correct")).toBe(0.75);
  });

  /** A judge of pairs by prompt: what it said of the better response when it stood first, and of the other one; null: the pair failed. */
  const judgeSaying = (said: Readonly<Record<string, readonly (number | null)[] | null>>) =>
    fromFunction(
      ({ prompt, responses }: Group) => {
        const own = said[prompt.messages[0]?.content ?? ""] ?? null;
        return responses.map(({ text }, at) => {
          if (own === null) return failed("unread_verdict", "none of 1 comparisons could be read");
          // A group need not stand in the file's order.
          const value = own[BETTER.includes(text) ? 0 : 1] ?? null;
          return scored(0.5, { parts: value === null ? {} : { [firstAgainst(1 - at)]: value } });
        });
      },
      { name: "judge", perResponse: false },
    );
  const BETTER = ["a", ...rows.map(({ chosen }) => chosen)];

  it("counts a pair that failed as unread, and says over how many pairs the orders agree", async () => {
    const use = judgeSaying({ "1?": [1, -1], "2?": [1, -1], "3?": [1, null], "4?": null });
    const { assessment } = await run({ judge: { use } }, { acceptFailed: true });
    expect(assessment?.scorers[0]?.verdicts).toEqual([
      ["first", "first"],
      ["first", "first"],
      ["first", null],
      [null, null],
    ]);
    const metrics = assessment ? (assess(assessment).scorers[0]?.metrics ?? []) : [];
    const find = (key: string) => metrics.find((metric) => metric.key === key);
    expect(find("unread")).toMatchObject({ value: 0.5, items: 4 });
    expect(find("consistency")).toMatchObject({
      value: 0.5,
      items: 4,
      note: expect.stringMatching(/^over 4 pairs, 2 of them with an unread verdict/),
    });
  });

  it("tells pairs that could not be read from those that failed otherwise or were abstained on", async () => {
    const use = fromFunction(
      ({ prompt, responses }: Group) => {
        const kind = prompt.messages[0]?.content;
        const unread = failed("unread_verdict", "no verdict");
        return responses.map((_, at) => {
          if (kind === "1?") return at === 0 ? unread : scored(0.5);
          if (kind === "2?") return at === 0 ? unread : failed("connection", "down");
          if (kind === "3?") return at === 0 ? unread : { kind: "abstained" as const, why: "long" };
          return scored(0.5);
        });
      },
      { name: "judge", perResponse: false },
    );
    const { assessment } = await run({ judge: { use } }, { acceptFailed: true });
    expect(assessment?.scorers[0]?.unread).toEqual([true, false, false, false]);
  });

  it("gives a dead server no coin's credit", async () => {
    const broken = { broken: { use: "log-density-ratio", strong: "down", weak: "base" } };
    const { assessment } = await run(broken, { acceptFailed: true, generative: true, preset: "rewardbench" });
    expect(assessment && assess(assessment).scorers[0]?.overall).toMatchObject({
      unscored: 4,
      accuracy: null,
    });
  });

  it("takes no order for unread that was not asked for", async () => {
    const use = judgeSaying({ "1?": [1, null], "2?": [null, 1], "3?": [1, null], "4?": null });
    const { assessment } = await run({ judge: { use } }, { acceptFailed: true });
    expect(assessment?.scorers[0]?.verdicts).toEqual([["first"], ["second"], ["first"], []]);
    const metrics = assessment ? (assess(assessment).scorers[0]?.metrics ?? []) : [];
    expect(metrics.map(({ key }) => key)).not.toContain("unread");
  });

  it("judges by JudgeBench's counter where verdicts are known, and warns of those that were lost", async () => {
    const lines = ["1?", "2?", "3?", "4?"].map((question) =>
      JSON.stringify({ question, response_A: "a", response_B: "b", label: "A>B", source: "mmlu-pro-law" }),
    );
    await writeFile(join(directory, "judgebench.jsonl"), lines.join("\n"));
    const judgebench = { preset: "judgebench", path: "judgebench.jsonl", acceptFailed: true } as const;
    // Counters 2, 1 (a tie in one order), 1 (unread in one order), 0: three of four, while all scores are 0.5.
    const kept = judgeSaying({ "1?": [1, -1], "2?": [1, 0], "3?": [1, null], "4?": [1, 1] });
    const { assessment } = await run({ judge: { use: kept } }, judgebench);
    if (assessment === null) throw new Error("ended early");
    expect(assess(assessment).scorers[0]?.metrics[0]).toMatchObject({ key: "score", value: 0.75, items: 4 });
    expect(assessment.warnings).toEqual([]);
    const lost = judgeSaying({ "1?": [1, -1], "2?": [1, 0], "3?": null, "4?": [1, 1] });
    const other = (await run({ judge: { use: lost } }, judgebench)).assessment;
    expect(other && assess(other).scorers[0]?.metrics[0]).toMatchObject({ value: 0.5, items: 4 });
    expect(other?.warnings).toEqual([expect.stringMatching(/failed on 1 pairs .*`onUnread: other-order`/)]);
  });
});
