import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlongPenalty } from "../../rewards/overlong-penalty.ts";
import { overlongPunishment } from "../../src/core/overlong.ts";
import { softOverlong } from "../../src/shaping/soft-overlong.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithTokens, applyIn } from "./cases.ts";

const limits = { maxTokens: 100, rampTokens: 20 };

transformContract(softOverlong(limits));
transformContract(softOverlong(limits), anyCaseWithTokens());

describe("soft-overlong", () => {
  it.each([
    { tokens: 80, expected: 1, note: "the last free token" },
    { tokens: 90, expected: 0.5, note: "1 - (90 - 80) / 20" },
    { tokens: 100, expected: 0, note: "the limit" },
    { tokens: 5000, expected: 0, note: "past the limit: no more than at it" },
    { tokens: null, expected: null, note: "not known" },
  ])("makes 1 into $expected at $tokens tokens ($note)", ({ tokens, expected }) => {
    expect(applyIn(softOverlong(limits), [1], { tokens: [tokens] })).toEqual([expected]);
  });

  it("takes off the factor at most", () => {
    const transform = softOverlong({ ...limits, factor: 0.5 });
    expect(applyIn(transform, [1, -1, null], { tokens: [90, 100, 90] })).toEqual([0.75, -1.5, null]);
  });

  it("has the same formula as the scorer overlong-penalty", async () => {
    const scorer = overlongPenalty(limits);
    const context = { signal: new AbortController().signal, seed: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 200 }), async (tokenCount) => {
        const [score] = await scorer.score(groupOf([{ text: "", tokenCount }]), context);
        expect(score).toEqual({ kind: "scored", value: overlongPunishment(tokenCount, limits) });
      }),
      { seed: 1 },
    );
  });

  it.each([
    { maxTokens: 10, rampTokens: 11 },
    { maxTokens: 10, rampTokens: 0 },
    { maxTokens: 10 },
    { ...limits, factor: 0 },
    { ...limits, penalty: 1 },
  ])("refuses the options %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => softOverlong(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
