import { describe, expect, it } from "vitest";
import { definition, entropy } from "../../rewards/entropy.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { fakeLogprobModel } from "../../src/testing/fake-model.ts";
import { context, describeTokenMean, modelOf } from "./describe-token-mean.ts";

describeTokenMean(entropy, definition);

describe("entropy", () => {
  /** Of a response of one token, at which the model has these logits. */
  const scoreOf = (logits: readonly number[]) =>
    entropy({ countEnd: false }, { model: modelOf({ a: logits }) }).score(groupOf(["a"]), context);

  // Worked from the definition −Σ p ln p; the first is −ln 4.
  it.each([
    { logits: [0, 0, 0, 0], value: -1.386294 },
    { logits: [2, 0, 0, 0], value: -0.918284 },
    { logits: [5, 1, 0, -1], value: -0.145721 },
    { logits: [1, 2, 3], value: -0.832396 },
  ])("of logits $logits is $value", async ({ logits, value }) => {
    const [given] = await scoreOf(logits);
    expect(given).toEqual({
      kind: "scored",
      value: expect.closeTo(value, 6),
      parts: { tokens: 1, joined: 0 },
    });
  });

  it("is 0, not minus 0, where the model is certain", async () => {
    const model = fakeLogprobModel({
      logprob: () => -1,
      distribution: () => ({ entropy: 0, selfCertainty: 9 }),
    });
    const scores = await entropy({}, { model }).score(groupOf(["ab"]), context);
    expect(scores).toMatchObject([{ value: 0 }]);
  });
});
