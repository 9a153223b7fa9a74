import { describe, expect, it } from "vitest";
import { definition, selfCertainty } from "../../rewards/self-certainty.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { context, describeTokenMean, modelOf } from "./describe-token-mean.ts";

describeTokenMean(selfCertainty, definition);

describe("self-certainty", () => {
  /** Of a response of one token, at which the model has these logits. */
  const scoreOf = (logits: readonly number[]) =>
    selfCertainty({ countEnd: false }, { model: modelOf({ a: logits }) }).score(groupOf(["a"]), context);

  // Worked from the definition −ln V − mean ln p; 0 for the uniform distribution.
  it.each([
    { logits: [0, 0, 0, 0], value: 0 },
    { logits: [2, 0, 0, 0], value: 0.454459 },
    { logits: [5, 1, 0, -1], value: 2.390866 },
    { logits: [1, 2, 3], value: 0.308994 },
  ])("of logits $logits is $value", async ({ logits, value }) => {
    const [given] = await scoreOf(logits);
    expect(given).toEqual({
      kind: "scored",
      value: expect.closeTo(value, 6),
      parts: { tokens: 1, joined: 0 },
    });
  });

  it.each([
    { logits: [0, 0, 0, 0], code: 1.386294 },
    { logits: [2, 0, 0, 0], code: 1.840753 },
    { logits: [5, 1, 0, -1], code: 3.77716 },
    { logits: [1, 2, 3], code: 1.407606 },
  ])("of logits $logits is ln V below the $code of training code", async ({ logits, code }) => {
    const [given] = await scoreOf(logits);
    expect(given).toMatchObject({ value: expect.closeTo(code - Math.log(logits.length), 6) });
  });
});
