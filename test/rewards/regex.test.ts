import { describe, expect, it } from "vitest";
import { definition, type RegexOptions, regex } from "../../rewards/regex.ts";
import type { ScoreContext } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

describe("regex", () => {
  scorerContract(regex({ pattern: "^\\s*[a-z]", flags: "im" }));

  it.each<{ text: string; options: RegexOptions; value: number }>([
    { text: "Yes, it is.", options: { pattern: "^yes\\b", flags: "i" }, value: 1 },
    { text: "Oh yes.", options: { pattern: "^yes\\b", flags: "i" }, value: 0 },
    { text: "Oh yes.", options: { pattern: "yes" }, value: 1 },
    { text: "Oh yes.", options: { pattern: "yes", invert: true }, value: 0 },
    { text: "a\nb", options: { pattern: "^b$" }, value: 0 },
    { text: "a\nb", options: { pattern: "^b$", flags: "m" }, value: 1 },
    { text: "a\nb", options: { pattern: "a.b", flags: "s" }, value: 1 },
    { text: "é", options: { pattern: "^\\p{L}$", flags: "u" }, value: 1 },
  ])("scores $value for $text with $options", async ({ text, options, value }) => {
    expect(await regex(options).score(groupOf([text]), context)).toEqual([{ kind: "scored", value }]);
  });

  it("keeps no position between texts", async () => {
    const scores = await regex({ pattern: "a" }).score(groupOf(["ba", "a", "a"]), context);
    expect(scores).toEqual(Array(3).fill({ kind: "scored", value: 1 }));
  });

  it.each([
    { options: { pattern: "(" }, names: "pattern" },
    { options: { pattern: "" }, names: "pattern" },
    { options: { pattern: "\\p{Nope}", flags: "u" }, names: "pattern" },
    { options: { pattern: "a", flags: "g" }, names: "flags" },
    { options: { pattern: "a", flags: "y" }, names: "flags" },
    { options: { pattern: "a", flags: "ii" }, names: "flags" },
    { options: { pattern: "a", flags: "uv" }, names: "flags" },
    { options: {}, names: "pattern" },
    { options: { pattern: "a", group: 1 }, names: "group" },
  ])("refuses $options and names $names", ({ options, names }) => {
    const make = () => definition.create(options as never);
    expect(make).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining(names) }),
    );
  });

  it("asks for a worker that can be killed, since patterns may backtrack for hours", () => {
    expect(definition.cpuBound).toBe(true);
  });
});
