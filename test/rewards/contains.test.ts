import { describe, expect, it } from "vitest";
import { type ContainsOptions, contains, definition } from "../../rewards/contains.ts";
import type { ScoreContext } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

describe("contains", () => {
  scorerContract(contains());
  scorerContract(contains({ text: ["a", "18"], mode: "any", caseInsensitive: true }));

  const text = "Paris lies on the Seine.";

  it.each<{ options: ContainsOptions; value: number; found: number; wanted: number }>([
    { options: {}, value: 1, found: 1, wanted: 1 },
    { options: { text: "paris" }, value: 0, found: 0, wanted: 1 },
    { options: { text: "paris", caseInsensitive: true }, value: 1, found: 1, wanted: 1 },
    { options: { text: ["Paris", "Rhine"] }, value: 0, found: 1, wanted: 2 },
    { options: { text: ["Paris", "Rhine"], mode: "any" }, value: 1, found: 1, wanted: 2 },
    { options: { text: ["Rome", "Rhine"], mode: "any" }, value: 0, found: 0, wanted: 2 },
    { options: { text: "ari" }, value: 1, found: 1, wanted: 1 },
    { options: { text: "S.ine" }, value: 0, found: 0, wanted: 1 }, // a text, not a pattern
  ])("scores $value with $options", async ({ options, value, found, wanted }) => {
    const [score] = await contains(options).score(groupOf([text], { reference: "Seine" }), context);
    expect(score).toMatchObject({ kind: "scored", value, parts: { found, wanted } });
  });

  it("names the first text that is missing", async () => {
    const [score] = await contains({ text: ["Paris", "Rhine", "Rome"] }).score(groupOf([text]), context);
    expect(score).toMatchObject({ why: 'missing: "Rhine"' });
  });

  it("fails on an empty reference, which every text contains", async () => {
    const [score] = await contains().score(groupOf([text], { reference: "" }), context);
    expect(score).toEqual({ kind: "failed", code: "unreadable_reference", why: "the reference is empty" });
  });

  it.each([{ text: "" }, { text: [] }, { text: ["a", ""] }, { mode: "some" }, { texts: ["a"] }])(
    "refuses the options %j",
    (options) => {
      expect(() => definition.create(options as never)).toThrow(
        expect.objectContaining({ code: "bad_option" }),
      );
    },
  );
});
