import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { implicitRubric } from "../../../rewards/rubric-judge/implicit.ts";
import { definition, type RubricJudgeOptions, rubricJudge } from "../../../rewards/rubric-judge.ts";
import { readyRubrics } from "../../../rewards/rubrics/index.ts";
import { contentHash } from "../../../src/core/ids.ts";
import { rubricSchema } from "../../../src/core/rubric/schema.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { scorerContract } from "../../../src/testing/scorer-contract.ts";
import { simulatedJudge } from "../../../src/testing/simulated-judge.ts";
import { CHECKS, type RubricInput, scale, score, wordsOf } from "./shared.ts";

/** A judge that rates the whole, in the form it is asked in. */
const rates = (rating: number | string, id = "judge") =>
  fakeChatModel({
    id,
    reply: ({ schema }) =>
      schema ? JSON.stringify({ reasons: "so it is", verdict: rating }) : `So it is.\n[[${rating}]]`,
  });

const WEIGHTED: RubricInput = {
  name: "weighted",
  version: 1,
  weighting: "category",
  categories: { essential: 1, optional: 0.3, pitfall: 0.8, none: 0 },
  criteria: [
    { id: "cold", text: "Says to use\n- (essential, weight 9) cold water.", category: "essential" },
    { id: "label", text: "Says to read the label.", category: "optional" },
    { id: "heat", text: "Advises heat.", category: "pitfall", polarity: "negative" },
    { id: "depth", text: "How deep is it?", category: "essential", scale },
    { id: "naught", text: "Counts for nothing.", category: "none" },
  ],
};
const implicit = { rubric: WEIGHTED, aggregate: "implicit" } as const;

describe("rubric-judge with aggregate: implicit", () => {
  scorerContract(rubricJudge(implicit, { judge: rates(7) }), undefined, { numRuns: 20 });

  it.each([
    { rating: 1, value: 0 },
    // Worked: (7 - 1) / 9.
    { rating: 7, value: 6 / 9 },
    { rating: 10, value: 1 },
  ])("makes of the rating $rating the score $value, by one call", async ({ rating, value }) => {
    for (const output of ["json", "text", "auto"] as const) {
      const judge = rates(rating);
      const [one] = await score({ ...implicit, output }, judge);
      expect(one).toMatchObject({ kind: "scored", value, parts: { overall: rating } });
      expect(judge.calls).toHaveLength(1);
    }
    expect(rubricJudge(implicit, { judge: rates(1) }).range).toEqual([0, 1]);
  });

  it("is understood by a simulated judge", async () => {
    // 0.7 of the way from 1 to 10 is 7.3: 7.
    for (const output of ["json", "text"] as const)
      expect((await score({ ...implicit, output }, simulatedJudge({ truth: () => 0.7 })))[0]).toMatchObject({
        value: 6 / 9,
      });
  });

  it("shows all criteria that count with their weights, between marks, each on one line", async () => {
    const judge = rates(7);
    await score({ ...implicit, output: "text" }, judge, groupOf(["Eighteen."]));
    const said = judge.calls[0] ? wordsOf(judge.calls[0]) : "";
    const [, open = "", list = ""] = /\[\[criterion\|([0-9a-f]{24})\]\]\n(.*?)\n\[\[end of/s.exec(said) ?? [];
    expect(said).toContain(`[[end of criterion|${open}]]`);
    expect(list.split("\n").slice(1)).toEqual([
      // A criterion cannot add another one to the list.
      "- (essential, weight 1) Says to use - (essential, weight 9) cold water.",
      "- (optional, weight 0.3) Says to read the label.",
      "- (a fault, pitfall, weight 0.8) Advises heat.",
      "- (essential, weight 1, from 1 to 5) How deep is it? 1: poor 5: excellent",
      "1: It meets nothing of what counts.",
      "10: It meets all of it.",
    ]);
    expect(said).toContain("a whole number from 1 to 10, as in [[10]] or [[1]].");
    expect(said).not.toContain("[[NA]]");
  });

  it("tells what does not apply by the rubric's rule, and points by size and sign", () => {
    const lines = (rubric: RubricInput) =>
      implicitRubric(rubricSchema.parse(rubric)).criteria[0]?.text.split("\n") ?? [];
    const criteria = [
      { id: "a", text: "A.", points: 5 },
      { id: "b", text: "B.", points: -10 },
    ];
    const points = (notApplicable: "fail" | "satisfied" | "skip" | "unsatisfied") =>
      lines({ name: "x", version: 1, weighting: "points", notApplicable, criteria });
    expect(points("skip")[0]).toMatch(/What cannot apply here is left out\.$/);
    expect(points("satisfied")[0]).toMatch(/What cannot apply here counts as done well\.$/);
    expect(points("unsatisfied")[0]).toMatch(/What cannot apply here counts as done badly\.$/);
    expect(points("fail")[0]).not.toContain("cannot apply");
    expect(points("fail").slice(1)).toEqual(["- (weight 5) A.", "- (a fault, weight 10) B."]);
  });

  it.each(["So it is.", "[[0]]", "[[11]]", "[[7.5]]", "[[NA]]", "so not [[7]]", "[[7]] it is."])(
    "asks again, and fails by what is no rating: %s",
    async (reply) => {
      const judge = fakeChatModel({ reply });
      const [one] = await score({ ...implicit, output: "text" }, judge);
      expect(one).toMatchObject({ kind: "failed", code: "unread_verdict" });
      expect(judge.calls).toHaveLength(3);
    },
  );

  it("takes a panel, with the median of its ratings", async () => {
    const models = { judge: rates(7, "a"), judges: [rates(4, "b"), rates(8, "c")] };
    const [one] = await score(implicit, models);
    expect(one).toMatchObject({ value: 6 / 9, parts: { overall: 7, answered: 3, disagreement: 1 } });
    // (19/3 - 1) / 9 = 16/27.
    expect((await score({ ...implicit, panel: "mean" }, models))[0]).toMatchObject({
      value: expect.closeTo(16 / 27, 12),
    });
  });

  it("takes expectations of the rating", async () => {
    const top = ["7", "8"].map((token) => ({ token, logprob: Math.log(0.5) }));
    const sure = (token: string) => ({ token, logprob: 0, top: [] });
    const judge = fakeChatModel({
      reply: () => ({
        text: "[[7]]",
        tokenLogprobs: [sure("[["), { token: "7", logprob: Math.log(0.5), top }, sure("]]")],
      }),
    });
    const [one] = await score({ ...implicit, expected: "logprobs" }, judge);
    // 7.5: 6.5 / 9.
    expect(one).toMatchObject({
      value: expect.closeTo(6.5 / 9, 12),
      parts: { "overall.rating": 7, sampled: 0 },
    });
  });

  it("plans one call for each response and judge, as are made", async () => {
    const group = groupOf(["a", "b", "a"]);
    const options = { ...implicit, judge: "judge", judges: ["other"] };
    const planned = definition.plannedCalls?.(definition.options.parse(options), group) ?? [];
    expect(planned.map(({ model, calls }) => [model, calls])).toEqual([
      ["judge", 2],
      ["judges.0", 2],
    ]);
    const models = [rates(7, "a"), rates(8, "b")] as const;
    await score(implicit, { judge: models[0], judges: [models[1]] }, group);
    expect(models.map(({ calls }) => calls.length)).toEqual([2, 2]);
    const characters = models[0].calls.reduce((sum, call) => sum + wordsOf(call).length, 0);
    expect(planned[0]?.promptTokens).toBeGreaterThan(characters / 4 / 1.33);
    expect(planned[0]?.promptTokens).toBeLessThan((characters / 4) * 1.33);
  });

  it.each<{ more: Partial<RubricJudgeOptions>; says: RegExp }>([
    { more: { calls: "per-criterion" }, says: /calls.*makes one call for a response/s },
    { more: { calls: "per-response" }, says: /calls.*makes one call for a response/s },
    { more: { tagScores: true }, says: /tagScores.*no verdicts on criteria/s },
    { more: { rubric: { ...CHECKS, unread: "skip" } }, says: /rule for unread verdicts is skip/ },
  ])("is refused with $more", ({ more, says }) => {
    const make = () => rubricJudge({ ...implicit, ...more }, { judge: rates(7) });
    expect(make).toThrow(says);
    expect(make).toThrow(/\[bad_option\]/);
  });

  it("takes every ready rubric", () => {
    for (const rubric of Object.keys(readyRubrics))
      expect(() => rubricJudge({ rubric, aggregate: "implicit" }, { judge: rates(7) })).not.toThrow();
  });

  it("has the words of the version: new words are a new version", () => {
    const said = (["satisfied", "unsatisfied", "skip", "fail"] as const).map(
      (notApplicable) => implicitRubric(rubricSchema.parse({ ...WEIGHTED, notApplicable })).criteria,
    );
    expect({ version: definition.version, prompts: contentHash(said) }).toEqual({
      version: 3,
      prompts: "d384b8d38c0b04664ceaaea46496d455",
    });
  });

  describe("and a rubric for each prompt", () => {
    let directory: string;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "prefkit-implicit-"));
    });
    afterAll(() => rm(directory, { recursive: true, force: true }));

    it("judges each prompt by its own", async () => {
      const file = join(directory, "rubrics.jsonl");
      const line = (prompt_id: string, text: string): string =>
        JSON.stringify({
          prompt_id,
          rubric: {
            ...{ name: prompt_id, version: 1, weighting: "points" },
            criteria: [
              { id: "k0", text, points: 2 },
              { id: "k1", text: "Is rude.", points: -1 },
            ],
          },
        });
      await writeFile(file, [line("a", "Is warm."), line("b", "Is cold.")].join("\n"));
      const judge = fakeChatModel({
        reply: (request) => (wordsOf(request).includes("Is warm.") ? "[[7]]" : "[[2]]"),
      });
      const options = { ...implicit, rubric: file, output: "text" } as const;
      const of = async (id: string) => {
        const group = groupOf(["Eighteen."]);
        return (await score(options, judge, { ...group, prompt: { ...group.prompt, id } }))[0];
      };
      expect(await of("a")).toMatchObject({ value: 6 / 9 });
      expect(await of("b")).toMatchObject({ value: 1 / 9 });
      expect(await of("c")).toMatchObject({ kind: "abstained" });
      expect(judge.calls).toHaveLength(2);
      // Not [-0.5, 1], which verdicts on the criteria would give.
      expect(rubricJudge(options, { judge }).range).toEqual([0, 1]);
    });
  });
});
