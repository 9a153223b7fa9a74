import { describe, expect, it } from "vitest";
import type { CriterionVerdict, Rubric } from "../../../src/core/rubric/rubric.ts";
import { failed } from "../../../src/core/scorer.ts";
import { readNumbers } from "../../../src/learn/json-list.ts";
import { criterionId } from "../../../src/learn/rubric/candidate.ts";
import { decideByRubric } from "../../../src/learn/rubric/decide.ts";

const rubricOf = (weights: readonly number[]): Rubric => ({
  name: "r",
  version: 1,
  criteria: weights.map((weight, index) => ({
    ...{ id: `k${index}`, text: `k${index}`, polarity: "positive", tags: [], weight },
  })),
  ...{ weighting: "weights", denominator: "weights", categories: {}, notApplicable: "skip", unread: "fail" },
});
const never = () => Promise.reject(new Error("this should not be asked"));

describe("decideByRubric", () => {
  it.each<{ a: CriterionVerdict[]; b: CriterionVerdict[]; winner: string; margin: number; note: string }>([
    { a: [1, 0], b: [0, 1], winner: "b", margin: -0.4, note: "0.3 - 0.7" },
    { a: [1, 1], b: [0, 1], winner: "a", margin: 0.3, note: "1 - 0.7" },
    { a: [1, 0], b: [1, 0], winner: "tie", margin: 0, note: "equal, so never the first one" },
    { a: [0, 0], b: [0, 0], winner: "tie", margin: 0, note: "none met" },
  ])(
    "prefers the higher weighted sum: $a against $b -> $winner ($note)",
    async ({ a, b, winner, margin }) => {
      const decision = await decideByRubric(rubricOf([0.3, 0.7]), { a, b }, never);
      expect(decision).toMatchObject({
        winner,
        margin: expect.closeTo(margin, 12),
        decisionSource: "rubric",
      });
    },
  );

  it("takes sums that differ by rounding alone for equal", async () => {
    // 0.1 + 0.2 is 0.30000000000000004.
    const decision = await decideByRubric(
      rubricOf([0.1, 0.2, 0.3, 0.4]),
      { a: [1, 1, 0, 0], b: [0, 0, 1, 0] },
      never,
    );
    expect(decision).toMatchObject({ winner: "tie", margin: 0 });
  });

  it("compares directly without a rubric, and says so", async () => {
    const decision = await decideByRubric(null, { a: [], b: [] }, async () => "b");
    expect(decision).toEqual({ kind: "decided", winner: "b", margin: null, decisionSource: "direct" });
  });

  it("compares directly where no criterion applies", async () => {
    const none: CriterionVerdict[] = ["not_applicable", "not_applicable"];
    const decision = await decideByRubric(rubricOf([0.3, 0.7]), { a: none, b: [1, 1] }, async () => "tie");
    expect(decision).toMatchObject({ winner: "tie", decisionSource: "direct" });
  });

  it("fails on a verdict that was not read, and with the direct comparison", async () => {
    const unread = await decideByRubric(rubricOf([0.3, 0.7]), { a: [1, 1], b: [null, 0] }, never);
    expect(unread).toMatchObject({ kind: "failed", code: "unread_verdict" });
    const direct = failed("overloaded", "busy");
    expect(await decideByRubric(null, { a: [], b: [] }, async () => direct)).toBe(direct);
  });
});

describe("criterionId", () => {
  it.each([
    ["Names the year.", "names  the year", true],
    ["Names the year", "\tNames the year!;. ", true],
    ["Names the year", "Names the years", false],
    ["Names the year", "Names the yéar", false],
  ])("%j and %j: the same is %j", (one, other, same) => {
    expect(criterionId(one) === criterionId(other)).toBe(same);
  });
});

describe("readNumbers", () => {
  it.each([
    ["The first.\n[9, 2.5, -1]", [9, 2.5, 0]],
    ["```json\n[0, 1e2, 3]\n```", [0, 100, 3]],
    ["[9, 9, 9]\nRather:\n[1, 2, 3]", [1, 2, 3]],
  ])("reads %j", (text, answer) => {
    expect(readNumbers(text, 3)).toEqual({ kind: "read", answer });
  });

  it.each([
    "",
    "[1, 2]",
    "[1, 2, 3, 4]",
    "[1, null, 3]",
    '["1", 2, 3]',
    "[1, 2, 3] or so",
    "[1, 2, 1e999]",
    "[1, 2, x]",
    "<think>\nperhaps [1, 2, 3]",
    "[[5, 3, 1], [1, 2, 3]",
    "[[1, 2, 3]",
    '{"weights":\n[1, 2, 3]',
  ])("leaves %j unread", (text) => {
    expect(readNumbers(text, 3).kind).toBe("unread");
  });
});
