import { describe, expect, it } from "vitest";
import { type RubricJudgeModels, rubricJudge } from "../../../rewards/rubric-judge.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { CHECKS, judgeOf, RATINGS, score } from "./shared.ts";

describe("a panel of rubric-judge", () => {
  const yes = judgeOf(
    { "Is it clear?": "Yes", "Is it kind?": "Yes", "Does it name a source?": "Yes" },
    "yes",
  );
  const mixed = judgeOf(
    { "Is it clear?": "Yes", "Is it kind?": "No", "Does it name a source?": "No" },
    "mixed",
  );
  const no = judgeOf({}, "no");

  it("goes by majority, and tells on how many criteria judges differ", async () => {
    // clear: Yes Yes No -> Yes; kind and source: Yes No No -> No. All three criteria are disputed.
    const [one] = await score({ rubric: CHECKS }, { judge: yes, judges: [mixed, no] });
    expect(one).toMatchObject({
      value: 1 / 3,
      parts: { clear: 1, kind: 0, sourced: 0, disagreement: 1 },
      why: "not met: kind, sourced",
    });
    const [agreed] = await score({ rubric: CHECKS }, { judge: mixed, judges: [no] }).then(() =>
      score({ rubric: CHECKS, panel: "mean" }, { judge: mixed, judges: [no] }),
    );
    // clear: 1/2; the others 0: 0.5 / 3, and one of three criteria is disputed.
    expect(agreed).toMatchObject({ value: 0.5 / 3, parts: { clear: 0.5, disagreement: 1 / 3 } });
  });

  it("counts a tie as unread", async () => {
    const [one] = await score({ rubric: CHECKS }, { judge: yes, judges: [no] });
    expect(one).toMatchObject({
      kind: "failed",
      code: "unread_verdict",
      why: "clear: the 2 judges that answered are undecided",
    });
  });

  it("takes median or mean of ratings, with their deviation", async () => {
    const rate = (depth: number, style: number) => judgeOf({ "How deep": depth, "How well": style });
    const models = { judge: rate(2, 4), judges: [rate(5, 4), rate(4, 4)] };
    const [median] = await score({ rubric: RATINGS, panel: "median" }, models);
    expect(median).toMatchObject({
      value: 4,
      parts: { depth: 4, style: 4, disagreement: 0.5, "style.sd": 0 },
    });
    const [mean] = await score({ rubric: RATINGS, panel: "mean" }, models);
    // depth 11 / 3, style 4; squares about 11/3: 25/9 + 16/9 + 1/9 = 42/9, over 2 -> √(7/3).
    expect(mean).toMatchObject({ value: 23 / 6 });
    expect(mean?.kind === "scored" ? mean.parts?.["depth.sd"] : 0).toBeCloseTo(Math.sqrt(7 / 3), 12);
  });

  it("is refused when it names a judge twice, which would agree with itself", () => {
    const by = (names: { judge?: string; judges?: string[] }, models: RubricJudgeModels) => () =>
      rubricJudge({ rubric: CHECKS, ...names }, models);
    const three = { judge: yes, judges: [mixed, no] };
    expect(by({ judge: "plain", judges: ["plain", "other"] }, three)).toThrow(
      /"plain" is named twice.*\[bad_option\]/s,
    );
    expect(by({ judge: "plain", judges: ["other", "other"] }, three)).toThrow(/"other" is named twice/);
    expect(by({}, { judge: yes, judges: [yes] })).toThrow(/"yes" is named twice/);
    expect(by({ judge: "plain", judges: ["other", "third"] }, three)).not.toThrow();
  });

  it("needs all its judges, or the quorum", async () => {
    const mute = fakeChatModel({ reply: "Hm.", id: "mute" });
    const models = { judge: yes, judges: [mute, mixed] };
    const text = { rubric: CHECKS, output: "text", panel: "mean", tries: 1 } as const;
    expect((await score(text, models))[0]).toMatchObject({ kind: "failed", code: "unread_verdict" });
    expect((await score({ ...text, quorum: 2 }, models))[0]).toMatchObject({
      value: (1 + 0.5 + 0.5) / 3,
      parts: { answered: 2 },
    });
    const broken = {
      ...models,
      judges: [failingChatModel(no, { failAt: () => true, code: "timeout" }), mixed],
    };
    expect((await score(text, broken))[0]).toMatchObject({ kind: "failed", code: "timeout" });
    // A call that failed may go well the next time: what the others say is no score.
    expect((await score({ ...text, quorum: 2 }, broken))[0]).toMatchObject({
      kind: "failed",
      code: "timeout",
    });
  });
});
