import { describe, expect, it } from "vitest";
import { definition, type ExactMatchOptions, exactMatch } from "../../rewards/exact-match.ts";
import type { ScoreContext } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

describe("exact-match", () => {
  scorerContract(exactMatch());
  scorerContract(exactMatch({ text: "18", caseInsensitive: true }));

  it.each<{ text: string; reference: string; options: ExactMatchOptions; value: number }>([
    { text: "Paris", reference: "Paris", options: {}, value: 1 },
    { text: " Paris\n", reference: "Paris", options: {}, value: 1 },
    { text: " Paris\n", reference: "Paris", options: { trim: false }, value: 0 },
    { text: "paris", reference: "Paris", options: {}, value: 0 },
    { text: "pARIS", reference: "Paris", options: { caseInsensitive: true }, value: 1 },
    { text: "Paris.", reference: "Paris", options: {}, value: 0 },
    { text: "Rome", reference: "Paris", options: { text: "Rome" }, value: 1 },
    { text: "", reference: "", options: {}, value: 1 },
    { text: "e\u0301", reference: "\u00e9", options: {}, value: 0 }, // no Unicode normalisation
  ])(
    "scores $value for $text against $reference with $options",
    async ({ text, reference, options, value }) => {
      expect(await exactMatch(options).score(groupOf([text], { reference }), context)).toEqual([
        { kind: "scored", value },
      ]);
    },
  );

  it("needs no reference when the text is given", async () => {
    expect(await exactMatch({ text: "yes" }).score(groupOf(["yes"]), context)).toEqual([
      { kind: "scored", value: 1 },
    ]);
  });

  it.each([{ text: 1 }, { trim: "yes" }, { reference: "x" }])("refuses the options %j", (options) => {
    expect(() => definition.create(options as never)).toThrow(
      expect.objectContaining({ code: "bad_option" }),
    );
  });
});
