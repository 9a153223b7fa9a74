import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concisenessReward, crf } from "../../src/shaping/crf.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithin, applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(crf({ conciseness: "quality" }), anyCaseWithin([0, 1], true));

const base = { outcome: 1, conciseness: 0.8, anneal: 1, correctInGroup: 4, groupSize: 8, alpha: 0.2 };

describe("the conciseness reward", () => {
  it.each([
    { ...base, expected: 1.4237954033, note: "d = exp(4/8) = 1.6487212707" },
    { ...base, conciseness: 0.3, expected: 1.1589232762, note: "less concise" },
    { ...base, outcome: 0, conciseness: 1, expected: 0, note: "wrong, however concise" },
    { ...base, anneal: 0, correctInGroup: 8, expected: 1.4349250926, note: "d = e, s annealed away" },
    // 1 + 0.16 * (1 + exp(1/8) = 1.1331484531)
    { ...base, correctInGroup: 1, expected: 1.3413037525, note: "d = exp(1/8) = 1.1331484531" },
    { ...base, correctInGroup: 0, expected: 1.32, note: "d = exp(0) = 1: 1 + 0.16 * 2" },
    { ...base, conciseness: null, expected: 1, note: "not judged: the outcome alone" },
    { ...base, outcome: 0.5, expected: 0.71189770165, note: "half of 1.4237954033" },
  ])("is $expected ($note)", ({ expected, note: _, ...input }) => {
    expect(concisenessReward(input)).toBeCloseTo(expected, 9);
  });

  it.each([
    { outcome: -1 },
    { outcome: Number.NaN },
    { groupSize: 0, correctInGroup: 0 },
    { correctInGroup: 9 },
    { correctInGroup: -1 },
  ])("refuses %j", (wrong) => {
    expect(() => concisenessReward({ ...base, ...wrong })).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});

describe("crf", () => {
  const transform = crf({ conciseness: "concise" });

  it("takes outcomes from the term, conciseness from its column, and difficulty from the group", () => {
    const columns = { concise: [0.8, 0.3, 1, null] };
    // 2 of 4 correct: d = exp(0.5), as in the first two vectors; the third is wrong, the fourth wrong and not judged.
    const got = applyIn(transform, [1, 1, 0, 0], { columns });
    expectValues(got, [1.4237954033, 1.1589232762, 0, 0]);
  });

  it("leaves unscored responses and baselines out of the difficulty", () => {
    const columns = { concise: [0.8, 0.8, 0.8, 0.8, 0.8] };
    const roles = ["candidate", "candidate", "candidate", "baseline", "baseline"] as const;
    // 1 of 2 candidates is correct; the baselines get the formula all the same.
    const got = applyIn(transform, [1, 0, null, 1, 0], { columns, roles });
    expectValues(got, [1.4237954033, 0, null, 1.4237954033, 0]);
    // Baselines alone: no rollout was correct, d = 1, 1 + 0.16 * 2.
    expectValues(applyIn(transform, [1], { columns, roles: ["baseline"] }), [1.32]);
  });

  it("counts outcomes from 0.5 on as correct, or from where it is told", () => {
    const columns = { concise: [0.8, 0.8] };
    // Two of two: d = e, factor 1 + 0.16 * (1 + e) = 1.5949250926; one of two: 1.4237954033.
    expectValues(applyIn(transform, [1, 0.5], { columns }), [1.5949250926, 0.7974625463]);
    const strict = crf({ conciseness: "concise", correctFrom: 1 });
    expectValues(applyIn(strict, [1, 0.5], { columns }), [1.4237954033, 0.7118977017]);
  });

  it("keeps the outcome where conciseness failed or was not judged", () => {
    const concise = [
      { kind: "failed", code: "timeout", why: "too slow" },
      { kind: "abstained", why: "nothing to say" },
    ] as const;
    expect(applyIn(transform, [1, 1], { columns: { concise } })).toEqual([1, 1]);
  });

  it("refuses a negative outcome, for which brevity would be punished", () => {
    expect(() => applyIn(transform, [1, -1], { columns: { concise: [1, 1] } })).toThrow(
      expect.objectContaining({ code: "bad_option", fix: expect.stringContaining("use: clip") }),
    );
  });

  it("refuses a conciseness that is not on the scale from 0 to 1", () => {
    expect(() => applyIn(transform, [1], { columns: { concise: [10] } })).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining('"concise" is 10') }),
    );
  });

  it('reads a score "conciseness" unless it is told another', () => {
    expect(crf().reads).toEqual([{ score: "conciseness", option: ["conciseness"] }]);
  });

  it("names the column that it reads, and says so when there is none", () => {
    expect(transform.reads).toEqual([{ score: "concise", option: ["conciseness"] }]);
    expect(() => applyIn(transform, [1], { columns: { consise: [1] } })).toThrow(
      expect.objectContaining({ code: "unknown_name", fix: expect.stringContaining("consise") }),
    );
    expect(() => applyIn(transform, [1])).toThrow(expect.objectContaining({ code: "unknown_name" }));
  });

  it("is 0 for every wrong answer, and at least the outcome for every right one", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const row = fc.tuple(fc.constantFrom(0, 1), share);
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), share, share, (rows, alpha, anneal) => {
        const outcomes = rows.map(([outcome]) => outcome);
        const columns = { concise: rows.map(([, concise]) => concise) };
        const got = applyIn(crf({ conciseness: "concise", alpha, anneal }), outcomes, { columns });
        for (const [index, value] of got.entries()) {
          if (outcomes[index] === 0) expect(value).toBe(0);
          else expect(value).toBeGreaterThanOrEqual(1);
        }
      }),
      { seed: 1 },
    );
  });

  it.each([
    { conciseness: "" },
    { conciseness: "a", alpha: -1 },
    { conciseness: "a", anneal: -1 },
    { conciseness: "a", beta: 1 },
  ])("refuses the options %j", (options) => {
    expect(() => crf(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
