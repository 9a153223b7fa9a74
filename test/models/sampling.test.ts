import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, randomFor } from "../../src/core/random.ts";
import { drawToken, likeliest, logSoftmax } from "../../src/models/sampling.ts";

const ln = Math.log;
// Probabilities 1/4, 1/2, 1/4.
const LOGITS = Float32Array.from([ln(1), ln(2), ln(1)]);
const drawing = (uniform: number): Random => ({ ...randomFor(0), uniform: () => uniform });

describe("drawToken", () => {
  it.each([
    { options: { temperature: 0 }, uniform: 0.99, token: 1, note: "greedy" },
    { options: {}, uniform: 0.49, token: 1, note: "ranked: 1 has [0, 1/2)" },
    { options: {}, uniform: 0.51, token: 0, note: "then 0, of equals the lower id, [1/2, 3/4)" },
    { options: {}, uniform: 0.76, token: 2, note: "then 2" },
    { options: { topP: 0.6 }, uniform: 0.66, token: 1, note: "1 and 0 make 3/4 >= 0.6: 2/3 and 1/3" },
    { options: { topP: 0.6 }, uniform: 0.67, token: 0, note: "the other third" },
    { options: { topP: 0 }, uniform: 0.99, token: 1, note: "one is always kept" },
    { options: { topK: 1 }, uniform: 0.99, token: 1, note: "the likeliest alone" },
    { options: { temperature: 0.5 }, uniform: 0.66, token: 1, note: "weights 1, 4, 1: 2/3 for 1" },
    { options: { temperature: 0.5 }, uniform: 0.67, token: 0, note: "then 1/6 for 0" },
  ])("$options at $uniform gives $token ($note)", ({ options, uniform, token }) => {
    expect(drawToken(LOGITS, options, drawing(uniform))).toBe(token);
  });

  it("takes the lower id of equals when greedy", () => {
    expect(drawToken(Float32Array.from([0, 3, 3]), { temperature: 0 }, drawing(0))).toBe(1);
  });

  it("always gives a token that the cuts leave", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer(),
        (logits, temperature, topP, topK, seed) => {
          const given = Float32Array.from(logits);
          const token = drawToken(given, { temperature, topP, topK }, randomFor(seed));
          expect(likeliest(given, topK)).toContain(token);
        },
      ),
    );
  });
});

it("logSoftmax gives logs of probabilities, from logits of any size", () => {
  const near = [1 / 4, 1 / 2, 1 / 4].map((p) => expect.closeTo(ln(p), 4));
  expect([...logSoftmax(LOGITS)]).toEqual(near);
  expect([...logSoftmax(LOGITS.map((logit) => logit + 500))]).toEqual(near);
});
