import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definition, pairwiseJudge } from "../../../rewards/pairwise-judge.ts";
import { readyRubric, readyRubrics } from "../../../rewards/rubrics/index.ts";
import type { Group, Score } from "../../../src/core/types.ts";
import { COMPARISON_PROMPT_HASH } from "../../../src/judging/pairwise/question.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { scorerContract } from "../../../src/testing/scorer-contract.ts";
import { errorCodeOf } from "../../judging/error-code.ts";
import { sectionOf, toyJudge } from "../../judging/toy-judge.ts";
import { close, context, partsOf, scoresOf, values } from "./shared.ts";

describe("pairwise-judge", () => {
  const judge = toyJudge({ quality: (text) => text.length % 5, unread: 0.1 });
  scorerContract(pairwiseJudge({}, { judge }), anyGroup({ maxResponses: 4 }), {
    orderSensitive: true,
    numRuns: 25,
  });
  scorerContract(
    pairwiseJudge({ score: "win-rate", plan: { use: "swiss" }, orders: "random", samples: 2 }, { judge }),
    anyGroup({ maxResponses: 5 }),
    { orderSensitive: true, numRuns: 25 },
  );

  it("gives half the log odds of a clear win, and their interval", async () => {
    // 1.5 to 0.5 wins with the prior: ±ln(3)/2. Information of the difference 2 · 3/4 · 1/4 = 3/8, so half of it has variance 2/3:
    // standard error 0.816497, times 1.959964 is 1.600303.
    const [good, bad] = await scoresOf(["quality 2", "quality 1"]);
    close(values([good as Score, bad as Score]), [0.549306, -0.549306]);
    expect(partsOf(good)).toMatchObject({ wins: 1, ties: 0, losses: 0, comparisons: 1, unread: 0 });
    expect(partsOf(good).low).toBeCloseTo(0.549306 - 1.600303, 5);
    expect(partsOf(good).high).toBeCloseTo(0.549306 + 1.600303, 5);
    expect(partsOf(good)).toMatchObject({ first_wins: 1, first_losses: 0, as_first_vs_1: 1 });
    expect(partsOf(bad)).toMatchObject({ first_wins: 0, first_losses: 1, as_first_vs_0: -1 });
    expect(good).toMatchObject({ why: "1 win, 0 ties, 0 losses" });
  });

  it("gives a tie to a judge that always names the first slot", async () => {
    const always = fakeChatModel({ reply: "[[A]]" });
    close(values(await scoresOf(["2", "1"], {}, always)), [0, 0]);
    close(values(await scoresOf(["2", "1"], { score: "win-rate" }, always)), [0.5, 0.5]);
    const [first] = await scoresOf(["2", "1"], {}, always);
    expect(partsOf(first)).toMatchObject({ ties: 1, as_first_vs_1: 1 });
  });

  it("counts a tie as half a win in the win rate", async () => {
    // 3 beats 2, 2 and 1: 3/3. Each 2 beats 1, ties with the other 2, loses to 3: 1.5/3. 1 loses all.
    const scores = await scoresOf(["3", "2 a", "2 b", "1"], { score: "win-rate" });
    close(values(scores), [1, 0.5, 0.5, 0]);
  });

  it("calls the judge twice for each pair, in both orders, and names no response's place or model", async () => {
    const judge = toyJudge();
    await scoresOf([{ text: "7", model: "secret-model" }, "5", "6"], {}, judge);
    const seen = judge.calls.map(
      (call) => `${sectionOf(call, "response A")}${sectionOf(call, "response B")}`,
    );
    expect([...seen].sort()).toEqual(["56", "57", "65", "67", "75", "76"]);
    expect(JSON.stringify(judge.calls)).not.toContain("secret-model");
  });

  it("scores one winner and three mutual ties as one and three, to the last bit", async () => {
    for (const score of ["bradley-terry", "win-rate"] as const) {
      const [best, ...rest] = values(await scoresOf(["9", "5", "5 a", "5 b"], { score })).map(Number);
      expect(new Set(rest).size).toBe(1);
      expect(best).toBeGreaterThan(rest[0] ?? Number.NaN);
    }
  });

  it("judges equal texts once, and scores them alike", async () => {
    const judge = toyJudge();
    const scores = await scoresOf(["4", "3", "4"], { score: "win-rate" }, judge);
    close(values(scores), [1, 0, 1]);
    expect(judge.calls).toHaveLength(2);
    expect(scores[0]).toEqual(scores[2]);
  });

  it("makes no call where all texts are one: they tie", async () => {
    const judge = toyJudge();
    close(values(await scoresOf(["4", "4"], {}, judge)), [0, 0]);
    close(values(await scoresOf(["4", "4"], { score: "win-rate" }, judge)), [0.5, 0.5]);
    expect(judge.calls).toHaveLength(0);
  });

  it("has another version when the text of its prompt changes", () => {
    expect([definition.version, COMPARISON_PROMPT_HASH]).toEqual([2, "a2b8c9ec1ee54023"]);
  });

  it("abstains where there is nothing to compare", async () => {
    expect(values(await scoresOf(["4"]))).toEqual(["abstained"]);
    const group: Group = groupOf(["4", "5"]);
    const withImage = { ...group, prompt: { ...group.prompt, images: [{ bytes: null, path: "a.png" }] } };
    expect(values(await pairwiseJudge({}, { judge: toyJudge() }).score(withImage, context))).toEqual([
      "abstained",
      "abstained",
    ]);
  });

  it("compares with baselines only, where the plan says so", async () => {
    const judge = toyJudge();
    const responses: ResponseSketch[] = ["5", { text: "4", role: "baseline" }, "3"];
    const scores = await scoresOf(responses, { plan: { use: "baseline" }, score: "win-rate" }, judge);
    close(values(scores), [1, 0.5, 0]);
    expect(judge.calls).toHaveLength(4);
  });

  it("abstains on baselines that meet nobody", async () => {
    const responses: ResponseSketch[] = [
      { text: "4", role: "baseline" },
      { text: "3", role: "baseline" },
    ];
    expect(values(await scoresOf(responses, { plan: { use: "baseline" } }))).toEqual([
      "abstained",
      "abstained",
    ]);
  });

  it("finds the order of eight responses by strength, by each plan that links all", async () => {
    const texts = ["5", "8", "1", "4", "7", "2", "6", "3"];
    const plans = [
      { use: "all-pairs" },
      { use: "round-robin", opponents: 5 },
      { use: "swiss", rounds: 6 },
    ] as const;
    for (const plan of plans) {
      const found = values(await scoresOf(texts, { plan })).map(Number);
      const best = texts[found.indexOf(Math.max(...found))];
      const worst = texts[found.indexOf(Math.min(...found))];
      expect([plan.use, best, worst]).toEqual([plan.use, "8", "1"]);
    }
  });

  it("abstains on responses that a too short Swiss plan leaves unlinked", async () => {
    const scores = await scoresOf(["4", "3", "2", "1"], { plan: { use: "swiss", rounds: 1 } });
    expect(values(scores).filter((value) => value === "abstained")).toHaveLength(2);
    const rates = await scoresOf(["4", "3", "2", "1"], {
      plan: { use: "swiss", rounds: 1 },
      score: "win-rate",
    });
    expect(values(rates).filter((value) => value === "abstained")).toHaveLength(0);
  });

  it("does not care where responses stand, as far as values go", async () => {
    const judge = toyJudge({ positionBias: 0.3 });
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(["1", "2", "3", "4", "5"], { minLength: 2 }), async (texts) => {
        for (const options of [
          {},
          { orders: "random" },
          { score: "win-rate", reconcile: "average" },
        ] as const) {
          const scores = values(await scoresOf(texts, options, judge));
          const sorted = [...texts].sort();
          const other = values(await scoresOf(sorted, options, judge));
          close(
            scores,
            texts.map((text) => Number(other[sorted.indexOf(text)])),
          );
        }
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("shows the reference where there is one, unless told not to", async () => {
    const group = groupOf(["4", "5"], { reference: "the answer is four" });
    for (const [useReference, shown] of [
      ["auto", true],
      ["never", false],
    ] as const) {
      const judge = toyJudge();
      await pairwiseJudge({ useReference }, { judge }).score(group, context);
      expect(judge.calls.every((call) => JSON.stringify(call).includes("the answer is four"))).toBe(shown);
    }
  });

  it("judges by the criteria of a rubric, from a name or a file, faults marked as such", async () => {
    for (const rubric of ["helpfulness", fileURLToPath(readyRubrics.helpfulness)]) {
      const judge = toyJudge();
      await scoresOf(["4", "5"], { rubric }, judge);
      const { criteria } = await readyRubric("helpfulness");
      for (const { text } of criteria) {
        expect(judge.calls[0]?.messages[0]?.content).toContain(text.replace(/\s+/g, " ").trim());
      }
    }
    const code = (rubric: string) => errorCodeOf(() => pairwiseJudge({ rubric }, { judge: toyJudge() }));
    expect([code("helpfulnes"), code("./no-such-rubric.yaml")]).toEqual(["bad_option", "bad_option"]);
  });

  it("asks for structured output where told to", async () => {
    const judge = fakeChatModel({ reply: '{"reasons": "B errs", "verdict": "A"}' });
    close(values(await scoresOf(["2", "1"], { output: "json" }, judge)), [0, 0]);
    expect(judge.calls.every(({ schema }) => schema?.name === "comparison")).toBe(true);
  });

  it("takes several samples, each with a seed and a number of its own", async () => {
    const judge = toyJudge();
    const [good] = await scoresOf(["2", "1"], { samples: 3, reconcile: "counter" }, judge);
    expect(judge.calls).toHaveLength(6);
    expect(new Set(judge.calls.map(({ sampling }) => sampling.seed)).size).toBe(6);
    expect(judge.calls.map(({ sample }) => sample).sort()).toEqual([0, 0, 1, 1, 2, 2]);
    expect(judge.calls.every(({ sampling }) => sampling.temperature === 1)).toBe(true);
    expect(partsOf(good)).toMatchObject({ first_wins: 3, comparisons: 1, as_first_vs_1: 1 });
  });

  it("keeps the seed out of greedy calls, so that another run's replies serve", async () => {
    const [one, two] = [toyJudge(), toyJudge()];
    const group = groupOf(["1", "2", "3"]);
    await pairwiseJudge({}, { judge: one }).score(group, { ...context, seed: 1 });
    await pairwiseJudge({}, { judge: two }).score(group, { ...context, seed: 2 });
    expect(one.calls).toEqual(two.calls);
  });
});
