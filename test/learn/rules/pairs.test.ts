import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DrawnPairs,
  type DrawOptions,
  drawPairs,
  type RulePair,
} from "../../../src/learn/rules/pairs.ts";
import { pairOf, pairsOf } from "./world.ts";

function drawn(pairs: readonly RulePair[], options: DrawOptions): DrawnPairs {
  const draw = drawPairs(options);
  for (const pair of pairs) draw.add(pair);
  return draw.result();
}

const ids = (pairs: readonly RulePair[]): string[] => pairs.map(({ id }) => id);
const OPTIONS: DrawOptions = { pairs: 20, heldOut: 10, seed: 0 };

describe("drawPairs", () => {
  it("draws as many as asked for, the same whatever the order of the file", () => {
    const pairs = pairsOf(400);
    const result = drawn(pairs, OPTIONS);
    expect(result).toMatchObject({ given: 400, identical: 0 });
    expect([result.learn.length, result.heldOut.length]).toEqual([20, 10]);
    expect(drawn([...pairs].reverse(), OPTIONS)).toEqual(result);
    expect(ids(drawn(pairs, { ...OPTIONS, seed: 1 }).learn)).not.toEqual(ids(result.learn));
  });

  it("never has a prompt on both sides, nor a pair twice", () => {
    const pair = fc
      .record({ prompt: fc.nat({ max: 8 }), pair: fc.nat({ max: 30 }) })
      .map(({ prompt, pair }) => ({
        ...pairOf(pair),
        // Half of a surrogate pair is no text that can be hashed as it stands.
        prompt: { messages: [{ role: "user" as const, content: `About ${prompt}? \ud83d` }] },
        id: `pair-${prompt}-${pair}`,
      }));
    fc.assert(
      fc.property(fc.array(pair), fc.nat(), (pairs, seed) => {
        const { learn, heldOut } = drawn(pairs, { pairs: 10, heldOut: 5, seed });
        const messagesOf = ({ prompt }: RulePair): string => JSON.stringify(prompt.messages);
        const prompts = new Set(learn.map(messagesOf));
        expect(heldOut.filter((pair) => prompts.has(messagesOf(pair)))).toEqual([]);
        const all = [...ids(learn), ...ids(heldOut)];
        expect(new Set(all).size).toBe(all.length);
      }),
      { seed: 1 },
    );
  });

  it("draws what a whole sort would, however many pairs pass by", () => {
    const pairs = pairsOf(3_000);
    const few = drawn(pairs, OPTIONS);
    // With room for all, the first of each side are those that were drawn where there was room for few.
    const all = drawn(pairs, { pairs: 2_000, heldOut: 1_000, seed: 0 });
    expect(ids(all.learn).slice(0, 20)).toEqual(ids(few.learn));
    expect(ids(all.heldOut).slice(0, 10)).toEqual(ids(few.heldOut));
    // A third is held out; 1,000 of 3,000 with a deviation of 26.
    expect(Math.abs(all.heldOut.length - 1_000)).toBeLessThan(110);
  });

  it("leaves out pairs that prefer nothing, and holds out nothing when told to", () => {
    const same = { ...pairOf(1), rejected: pairOf(1).chosen };
    expect(drawn([pairOf(0), same], { ...OPTIONS, heldOut: 0 })).toMatchObject({
      given: 2,
      identical: 1,
      learn: [{ id: "pair-000" }],
      heldOut: [],
    });
  });
});
