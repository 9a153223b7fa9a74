import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CoRewardModels, type CoRewardOptions, coReward, definition } from "../../rewards/co-reward.ts";
import { CallFailure } from "../../src/core/errors.ts";
import type { PartSummary, ScorerFacts } from "../../src/core/scorer.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { fakeChatModel } from "../../src/testing/fake-model.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

const boxed = (answers: readonly string[]): string[] =>
  answers.map((answer) => (answer === "" ? "I give up." : `So \\boxed{${answer}}.`));

const twinOf = (responses: readonly ResponseSketch[]) =>
  groupOf(responses, { prompt: "In other words, what is 9 * 2?" });

/** The scores of a group whose twin has these responses. */
async function scores(
  own: readonly ResponseSketch[],
  twin: readonly ResponseSketch[],
  options: CoRewardOptions = {},
): Promise<readonly Score[]> {
  return coReward(options).score(groupOf(own, { sibling: twinOf(twin) }), context);
}

function values(given: readonly Score[]): (number | string)[] {
  return given.map((score) => (score.kind === "scored" ? score.value : score.kind));
}

describe("co-reward", () => {
  // Few distinct answers, so that there are votes, ties and labels.
  const text = fc.constantFrom("\\boxed{7}", "\\boxed{7.0}", "\\boxed{x = 7}", "\\boxed{y = 7}", "A: 5", "?");
  // The label depends on the order of the twin's responses; that of the group's own changes nothing.
  scorerContract(coReward(), anyGroup({ text, sibling: true }));
  scorerContract(coReward({ tie: "none", minRatio: 0.4 }), anyGroup({ text, sibling: true }));
  scorerContract(coReward({ mode: "literal", tie: "shortest" }), anyGroup({ text, sibling: true }));
  scorerContract(
    coReward({ teacherSamples: 3 }, { teacher: fakeChatModel({ reply: "\\boxed{7}" }) }),
    anyGroup({ text }),
  );

  const ABSTAINED = Array(4).fill("abstained");
  // V1–V4: computed by the rules of Co-Reward's code, in which all comparisons are of strings.
  it.each([
    {
      name: "V1, labels 7 and 5",
      original: ["7", "7", "7", "5"],
      twin: ["5", "5", "7", ""],
      literal: [
        [0, 0, 0, 1],
        [0, 0, 1, 0],
      ],
      equivalence: [
        [0, 0, 0, 1],
        [0, 0, 1, 0],
      ],
    },
    {
      name: "V2, a tie won by 3, which was seen first",
      original: ["3", "4", "4", "3"],
      twin: ["4", "4", "4", "4"],
      literal: [
        [0, 1, 1, 0],
        [0, 0, 0, 0],
      ],
      equivalence: [
        [0, 1, 1, 0],
        [0, 0, 0, 0],
      ],
    },
    {
      name: "V3, one side all blank: it gives no label",
      original: ["", "", "", ""],
      twin: ["2", "2", "1", "2"],
      literal: [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
      equivalence: [[0, 0, 0, 0], ABSTAINED],
    },
    {
      name: "V4, one answer in two spellings",
      original: ["1/2", "1/2", "\\frac12", "\\frac12"],
      twin: ["\\frac12", "\\frac12", "\\frac12", "\\frac12"],
      literal: [
        [0, 0, 1, 1],
        [0, 0, 0, 0],
      ],
      equivalence: [
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ],
    },
  ])("crosses the labels: $name", async ({ original, twin, literal, equivalence }) => {
    for (const [mode, expected] of [
      ["literal", literal],
      ["equivalence", equivalence],
    ] as const) {
      const sides = [boxed(original), boxed(twin)] as const;
      expect(values(await scores(sides[0], sides[1], { mode })), `${mode}, original`).toEqual(expected[0]);
      expect(values(await scores(sides[1], sides[0], { mode })), `${mode}, twin`).toEqual(expected[1]);
    }
  });

  it("names the label and its votes, and tells how the group's own answers agree", async () => {
    // Own: 3 of 7 and one 5: H = 0.75 ln(4/3) + 0.25 ln 4 = 0.562335. The twin: two of four for 5, one of them blank.
    const [first, , , last] = await scores(boxed(["7", "7", "7", "5"]), boxed(["5", "5", "7", ""]));
    const parts = {
      label_ratio: 0.5,
      label_votes: 2,
      vote_entropy: expect.closeTo(0.562335, 6),
      blank_share: 0,
      unanimous: 0,
    };
    expect(first).toEqual({ kind: "scored", value: 0, why: "label 5, from 2 of 4", parts });
    expect(last).toEqual({ kind: "scored", value: 1, why: "label 5, from 2 of 4", parts });
  });

  it("scores a response without an answer 0 and says so", async () => {
    expect((await scores(boxed(["7", ""]), boxed(["7"])))[1]).toEqual({
      kind: "scored",
      value: 0,
      why: "no_answer: no final answer found",
      parts: { label_ratio: 1, label_votes: 1, vote_entropy: 0, blank_share: 0.5, unanimous: 0 },
    });
  });

  it("does not blame responses for a twin without answers, save in mode literal", async () => {
    const [own, twin] = [boxed(["2", ""]), boxed(["", ""])];
    expect((await scores(own, twin))[0]).toEqual({
      kind: "abstained",
      why: "no label from the twin: no answer in 2 responses",
    });
    expect(await scores(own, twin, { mode: "literal" })).toMatchObject([
      {
        value: 0,
        why: "no_label: the twin has no answer in 2 responses",
        parts: { label_votes: 0, label_ratio: 0 },
      },
      { value: 0, why: "no_answer: no final answer found" },
    ]);
  });

  it("takes twins of any size", async () => {
    expect(values(await scores(boxed(["7", "5"]), boxed(["7"])))).toEqual([1, 0]);
    expect(values(await scores(boxed(["7"]), boxed(["5", "7", "7"])))).toEqual([1]);
  });

  it("lets only the twin's candidates vote and scores baselines against their label", async () => {
    const [seven = "", five = ""] = boxed(["7", "5"]);
    const baseline = (text: string): ResponseSketch => ({ text, role: "baseline" });
    const own = [seven, baseline(seven), baseline(five)];
    const given = await scores(own, [seven, baseline(five), baseline(five)]);
    expect(values(given)).toEqual([1, 1, 0]);
    // One candidate alone is neither unanimous nor not.
    expect(given[0]).not.toHaveProperty("parts.unanimous");
    for (const mode of ["literal", "equivalence"] as const) {
      expect((await scores(own, [baseline(five)], { mode }))[0]).toEqual({
        kind: "abstained",
        why: "the twin has no candidate, so nobody votes",
      });
    }
    expect((await scores([baseline(seven)], [seven]))[0]).toMatchObject({
      value: 1,
      parts: { label_ratio: 1, label_votes: 1 },
    });
  });

  it.each([
    { tie: "first", expected: [1, 0] },
    { tie: "shortest", expected: [0, 1] },
    { tie: "none", expected: ["abstained", "abstained"] },
  ] as const)("settles a tie of the twin between 30 and 4 by $tie", async ({ tie, expected }) => {
    expect(values(await scores(boxed(["30", "4"]), boxed(["30", "4"]), { tie }))).toEqual(expected);
  });

  it("abstains where the twin's label has too small a share of its votes", async () => {
    const twin = boxed(["7", "7", "5", ""]);
    expect(values(await scores(boxed(["7"]), twin, { minRatio: 0.5 }))).toEqual([1]);
    expect(await scores(boxed(["7"]), twin, { minRatio: 0.51 })).toEqual([
      { kind: "abstained", why: "no label from the twin: vote ratio 0.5 is below minRatio 0.51" },
    ]);
  });

  it("shows a long label in part, on one line, without half a character", async () => {
    const label = `${"9".repeat(50)}\n${"9".repeat(27)}😀9999`;
    const [score] = await scores(["\\boxed{1}"], [`\\boxed{${label}}`], { mode: "literal" });
    expect(score).toMatchObject({ value: 0 });
    const why = score?.kind === "scored" ? (score.why ?? "") : "";
    expect(why).not.toContain("\n");
    expect(why.isWellFormed()).toBe(true);
    expect(why.length).toBeLessThan(110);
  });

  it.each([
    { tie: "last" },
    { minRatio: -0.1 },
    { rules: [] },
    { mode: "string" },
    { teacherSamples: 0 },
    { teacherSamples: 1.5 },
    { temperature: -1 },
    { maxTokens: 0 },
    { teacher: "" },
    { nope: 1 },
  ])("refuses the options %j", (options) => {
    expect(() => definition.create(options as never, {})).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});

describe("co-reward with a teacher", () => {
  const own = boxed(["7", "7.0", "5", ""]);
  const byTeacher = (answers: readonly string[], options: CoRewardOptions = {}) => {
    const teacher = fakeChatModel({ reply: boxed(answers) });
    const scorer = coReward({ teacherSamples: answers.length, ...options }, { teacher });
    return { teacher, scorer, scores: async () => scorer.score(groupOf(own), context) };
  };

  it("takes the label from the vote over the teacher's own answers, and needs no twin", async () => {
    const { scorer, scores } = byTeacher(["5", "7", "7"]);
    expect(scorer.needs).toBeUndefined();
    expect(coReward().needs).toEqual({ sibling: true });
    expect(values(await scores())).toEqual([1, 1, 0, 0]);
    expect((await scores())[0]).toMatchObject({ why: "label 7, from 3 of 3" }); // the fake goes on with its last text
  });

  it("asks for each sample of the very prompt by itself, with a seed of its own", async () => {
    const { teacher, scores } = byTeacher(["7", "7", "7"], { temperature: 0.5, maxTokens: 64 });
    await scores();
    expect(teacher.calls.map(({ sample }) => sample)).toEqual([0, 1, 2]);
    for (const { messages, sampling } of teacher.calls) {
      expect(messages).toEqual([{ role: "user", content: "What is 9 * 2?" }]);
      expect(sampling).toMatchObject({ temperature: 0.5, maxTokens: 64 });
    }
    const seeds = teacher.calls.map(({ sampling }) => sampling.seed);
    expect(new Set(seeds).size).toBe(3);
    await scores();
    expect(teacher.calls.slice(3).map(({ sampling }) => sampling.seed)).toEqual(seeds);
  });

  it("asks eight times at temperature 1 unless told otherwise", async () => {
    const teacher = fakeChatModel({ reply: "\\boxed{7}" });
    await coReward({}, { teacher }).score(groupOf(own), context);
    expect(teacher.calls.map(({ sampling }) => sampling.temperature)).toEqual(Array(8).fill(1));
  });

  it("draws seeds by the run's seed and by what the prompt says, not by its id", async () => {
    const seedsOf = async (prompt: string, seed: number, id?: string) => {
      const { teacher, scorer } = byTeacher(["7", "5"]);
      const group = groupOf(own, { prompt });
      await scorer.score(id ? { ...group, prompt: { ...group.prompt, id } } : group, { ...context, seed });
      return teacher.calls.map(({ sampling }) => sampling.seed);
    };
    expect(await seedsOf("a", 0, "other")).toEqual(await seedsOf("a", 0));
    expect(await seedsOf("a", 1)).not.toEqual(await seedsOf("a", 0));
    expect(await seedsOf("b", 0)).not.toEqual(await seedsOf("a", 0));
  });

  it("puts the system text before prompts that have none", async () => {
    const { teacher, scorer } = byTeacher(["7"], { system: "Box it." });
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "9 * 2?" },
    ] as const;
    await scorer.score(groupOf(own), context);
    await scorer.score(groupOf(own, { prompt: messages }), context);
    expect(teacher.calls.map((call) => call.messages[0]?.content)).toEqual(["Box it.", "Be brief."]);
  });

  it("abstains when the teacher has no answer or cannot decide", async () => {
    expect((await byTeacher(["", ""]).scores())[0]).toEqual({
      kind: "abstained",
      why: "no label from the teacher: no answer in 2 responses",
    });
    expect((await byTeacher(["5", "7"], { tie: "none" }).scores())[0]).toEqual({
      kind: "abstained",
      why: "no label from the teacher: the vote is tied at 1 of 2",
    });
  });

  it("gives no score from the samples that happened to come, and waits for all of them", async () => {
    let ended = 0;
    const teacher = fakeChatModel({
      reply: async (_, index) => {
        if (index === 0) throw new CallFailure("overloaded", "try later");
        await Promise.resolve();
        ended += 1;
        return "\\boxed{7}";
      },
    });
    const scoring = coReward({ teacherSamples: 4 }, { teacher }).score(groupOf(own), context);
    await expect(scoring).rejects.toMatchObject({ name: "CallFailure", code: "overloaded" });
    expect(ended).toBe(3);
  });

  it("refuses a teacher that is only a name", () => {
    expect(() => coReward({ teacher: "big" }, {} as CoRewardModels)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });

  it("plans its calls: none without a teacher, each sample with it", () => {
    const group = groupOf(own, { prompt: "12345678" });
    expect(definition.plannedCalls?.({}, group)).toEqual([]);
    expect(definition.plannedCalls?.({ teacher: "big" }, groupOf([]))).toEqual([]);
    // 8 units are about 2 tokens, and 4 stand around a message; replies are taken to be half of the most.
    expect(definition.plannedCalls?.({ teacher: "big", teacherSamples: 3, maxTokens: 100 }, group)).toEqual([
      { model: "teacher", calls: 3, promptTokens: 18, outputTokens: 150 },
    ]);
  });
});

describe("co-reward's alarms", () => {
  const part = (mean: number, byTenth: readonly (number | null)[] = Array(10).fill(mean)): PartSummary => ({
    count: 400,
    mean,
    byTenth,
  });
  const HEALTHY = { vote_entropy: part(0.9), blank_share: part(0.1), unanimous: part(0.3) };
  const alarms = (parts: Readonly<Record<string, PartSummary>>, facts: Partial<ScorerFacts> = {}) =>
    definition.alarms?.({
      scored: 400,
      abstained: 0,
      failed: 0,
      parts: { ...HEALTHY, ...parts },
      ...facts,
    }) ?? [];
  const falling = (from: number, to: number) =>
    part((from + to) / 2, [from, from, from, 0.5, 0.5, 0.5, 0.5, to, to, to]);

  it("are silent on a healthy dataset, and on a small one", () => {
    expect(alarms({})).toEqual([]);
    expect(alarms({ blank_share: part(0.9) }, { scored: 199 })).toEqual([]);
    expect(alarms({ blank_share: part(0.9) }, { scored: 150, failed: 50 })).toHaveLength(1);
  });

  it.each([
    { from: 1, to: 0.49, count: 1, note: "below half" },
    { from: 1, to: 0.5, count: 0, note: "half" },
    { from: 0.17, to: 0.08, count: 0, note: "below half, by no more than 0.1 nats" },
    { from: 0.21, to: 0.1, count: 1, note: "by 0.11 nats" },
    { from: 0.2, to: 0.9, count: 0, note: "rising" },
  ])("look at vote entropy falling from $from to $to: $count ($note)", ({ from, to, count }) => {
    expect(alarms({ vote_entropy: falling(from, to) })).toHaveLength(count);
  });

  it("average the tenths that have a number, and say nothing where a side has none", () => {
    const none = null;
    const middle = [0.5, 0.5, 0.5, 0.5];
    expect(alarms({ vote_entropy: part(0.5, [none, 1, 1, ...middle, none, 0.2, none]) })).toEqual([
      expect.stringMatching(/^vote entropy falls from 1 nats .* to 0\.2 in the last three/),
    ]);
    expect(alarms({ vote_entropy: part(0.5, [1, 1, 1, ...middle, none, none, none]) })).toEqual([]);
  });

  it("look at blank responses, unanimous groups and cells without a label", () => {
    expect(alarms({ blank_share: part(0.3), unanimous: part(0.8) }, { scored: 280, abstained: 120 })).toEqual(
      [],
    );
    expect(
      alarms({ blank_share: part(0.31), unanimous: part(0.81) }, { scored: 279, abstained: 121 }),
    ).toEqual([
      expect.stringContaining("a share of 0.31 of the responses has no final answer"),
      expect.stringContaining("a share of 0.81 of the responses stands in unanimous groups"),
      expect.stringContaining("a share of 0.302 of the cells has no label"),
    ]);
  });

  it("need no parts", () => {
    expect(definition.alarms?.({ scored: 0, abstained: 0, failed: 0 })).toEqual([]);
    expect(definition.alarms?.({ scored: 0, abstained: 300, failed: 0 })).toHaveLength(1);
  });
});
