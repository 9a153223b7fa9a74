import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definition, overlongPenalty } from "../../rewards/overlong-penalty.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

describe("overlong-penalty", () => {
  const scorer = overlongPenalty({ maxTokens: 100, rampTokens: 20 });

  scorerContract(scorer, anyGroup());

  it.each([
    { tokens: 0, value: 0, note: "nothing is not too long" },
    { tokens: 80, value: 0, note: "last free token" },
    { tokens: 81, value: -0.05, note: "first token of the ramp: -(81 - 80) / 20" },
    {
      tokens: 90,
      value: -0.5,
      note: "middle of the ramp: -(90 - 80) / 20; also the example in TRL's docstring",
    },
    { tokens: 100, value: -1, note: "limit reached" },
    { tokens: 101, value: -1, note: "past the limit, clamped" },
  ])("scores $tokens tokens as $value ($note)", async ({ tokens, value }) => {
    const scores = await scorer.score(groupOf([{ text: "x", tokenCount: tokens }]), context);
    expect(scores).toEqual([{ kind: "scored", value }]);
  });

  it("abstains rather than guess when the token count is unknown", async () => {
    const scores = await scorer.score(groupOf(["x", { text: "y", tokenCount: 90 }]), context);
    expect(scores).toEqual([
      { kind: "abstained", why: "response has no tokenCount" },
      { kind: "scored", value: -0.5 },
    ]);
  });

  it("gives bit for bit the three cases of DAPO's equation 13, as TRL computes them", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.nat({ max: 12_000 }),
        async (rampTokens, freeTokens, tokenCount) => {
          const maxTokens = freeTokens + rampTokens;
          const inside = tokenCount <= maxTokens ? (maxTokens - rampTokens - tokenCount) / rampTokens : -1;
          const expected = tokenCount <= maxTokens - rampTokens ? 0 : inside;
          const group = groupOf([{ text: "x", tokenCount }]);
          expect(await overlongPenalty({ maxTokens, rampTokens }).score(group, context)).toEqual([
            { kind: "scored", value: expected },
          ]);
        },
      ),
      { seed: 1 },
    ));

  it.each([
    [{ maxTokens: 10, rampTokens: 0 }],
    [{ maxTokens: 10, rampTokens: 11 }],
    [{ maxTokens: Number.NaN, rampTokens: 1 }],
    [{ maxTokens: 10.5, rampTokens: 1 }],
  ])("refuses the options %o", (options) => {
    expect(() => overlongPenalty(options)).toThrowError(expect.objectContaining({ code: "bad_option" }));
  });

  it("names a misspelt option", () => {
    const { error } = definition.options.safeParse({ maxTokens: 10, rampTokens: 5, ramp: 5 });
    expect(error?.issues[0]?.message).toContain('"ramp"');
  });
});
