import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RepetitionPenaltyOptions, repetitionPenalty } from "../../rewards/repetition-penalty.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

async function penaltyOf(text: string, options?: RepetitionPenaltyOptions): Promise<number> {
  const [score] = await repetitionPenalty(options).score(groupOf([text]), context);
  if (score?.kind !== "scored") throw new Error(`not scored: ${JSON.stringify(score)}`);
  return score.value;
}

describe("repetition-penalty", () => {
  const repetitive = fc
    .array(fc.constantFrom("a", "b", "C", "\n"), { maxLength: 30 })
    .map((words) => words.join(" "));
  scorerContract(repetitionPenalty(), anyGroup({ text: repetitive }));
  scorerContract(repetitionPenalty({ words: "segmenter", ngramSize: 2, maxPenalty: -0.3 }));

  it.each([
    { text: "a b c d", ngramSize: 2, value: 0, note: "ab bc cd: 3 unique of 3" },
    {
      text: "5 5 5 5 5",
      ngramSize: 2,
      value: -0.75,
      note: "4 bigrams, 1 unique: -(1 - 1/4); TRL's docstring example",
    },
    { text: "a b a b a", ngramSize: 2, value: -0.5, note: "ab ba ab ba: -(1 - 2/4)" },
    { text: "a b a b a", ngramSize: 3, value: 1 / 3 - 2 / 3, note: "aba bab aba: -(1 - 2/3)" },
    { text: "A a", ngramSize: 1, value: -0.5, note: "lower-cased: 1 unique of 2" },
    { text: "a b", ngramSize: 3, value: 0, note: "fewer words than one n-gram" },
    { text: "a b c", ngramSize: 3, value: 0, note: "exactly one n-gram" },
    { text: " \n\t ", ngramSize: 1, value: 0, note: "no words at all" },
    { text: "ab c a bc", ngramSize: 2, value: 0, note: "ab+c, c+a, a+bc stay apart although letters agree" },
  ])("scores $text with n-grams of $ngramSize as $value ($note)", async ({ text, ngramSize, value }) => {
    expect(await penaltyOf(text, { ngramSize })).toBeCloseTo(value, 15);
  });

  it("scales with the largest penalty", async () => {
    // -(1 - 1/4) scaled by 0.2
    expect(await penaltyOf("5 5 5 5 5", { ngramSize: 2, maxPenalty: -0.2 })).toBeCloseTo(-0.15, 15);
  });

  it("agrees with counting joined words, for any text and size", () =>
    fc.assert(
      fc.asyncProperty(repetitive, fc.integer({ min: 1, max: 6 }), async (text, ngramSize) => {
        const words = text.toLowerCase().split(/\s+/).filter(Boolean);
        const ngrams = words
          .slice(ngramSize - 1)
          .map((_, start) => words.slice(start, start + ngramSize).join(" "));
        const expected = ngrams.length === 0 ? 0 : -(1 - new Set(ngrams).size / ngrams.length);
        expect(await penaltyOf(text, { ngramSize })).toBe(expected + 0);
      }),
      { seed: 1 },
    ));

  it("sees repetition in text without spaces only with the segmenter", async () => {
    const text = "我喜欢猫我喜欢猫我喜欢猫";
    expect(await penaltyOf(text, { ngramSize: 2 })).toBe(0);
    expect(await penaltyOf(text, { ngramSize: 2, words: "segmenter" })).toBeLessThan(-0.4);
  });

  it("needs time in proportion to the text, however it repeats", async () => {
    const text = "word ".repeat(200_000);
    // 199,961 n-grams of 40 words, all equal
    expect(await penaltyOf(text, { ngramSize: 40 })).toBeCloseTo(-(1 - 1 / 199_961), 12);
  });

  it("segments a hundred thousand brackets without choking", async () => {
    expect(await penaltyOf("{".repeat(100_000), { words: "segmenter" })).toBe(0);
  });

  it.each([[{ maxPenalty: 0.1 }], [{ ngramSize: 0 }], [{ ngramSize: 1001 }], [{ maxPenalty: -Infinity }]])(
    "refuses the options %o",
    (options) => {
      expect(() => repetitionPenalty(options)).toThrowError(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
