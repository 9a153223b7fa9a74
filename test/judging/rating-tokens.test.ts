import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectedRating as expectedOrNone } from "../../src/judging/rating-tokens.ts";
import type { TokenLogprob } from "../../src/models/ports.ts";

/** The expectation, or null. */
const expectedRating = (...given: Parameters<typeof expectedOrNone>) => {
  const found = expectedOrNone(...given);
  return found.kind === "expected" ? found : null;
};

const toFive = { min: 1, max: 5 };
const toTen = { min: 1, max: 10 };

/** A token that could be nothing else. */
const sure = (token: string): TokenLogprob => ({ token, logprob: 0, top: [{ token, logprob: 0 }] });

/** A token and its alternatives, by log-prob; the first is the one that was taken. */
function choice(alternatives: Readonly<Record<string, number>>): TokenLogprob {
  const top = Object.entries(alternatives).map(([token, logprob]) => ({ token, logprob }));
  const [taken = { token: "", logprob: 0 }] = top;
  return { ...taken, top };
}

/** The same by probability. A space keeps whole numbers from being put first by JavaScript. */
function odds(...alternatives: readonly (readonly [token: string, probability: number])[]): TokenLogprob {
  const top = alternatives.map(([token, probability]) => ({ token, logprob: Math.log(probability) }));
  const [taken = { token: "", logprob: 0 }] = top;
  return { ...taken, top };
}

const marked = (...rating: readonly TokenLogprob[]): TokenLogprob[] => [
  sure("Well"),
  sure(".\n"),
  sure("[["),
  ...rating,
  sure("]]"),
];

describe("expectedRating", () => {
  it("weighs the ratings by their probabilities and reports the mass found", () => {
    // Reference vector: p(1..5) = .05, .1, .2, .4, .15; raw sum 3.2; 3.2 / 0.9 = 3.555556.
    const found = expectedRating(
      marked(odds(["4", 0.4], ["3", 0.2], ["5", 0.15], ["2", 0.1], ["1", 0.05], ["The", 0.1])),
      toFive,
    );
    expect(found?.mass).toBeCloseTo(0.9, 12);
    expect(found?.value).toBeCloseTo(3.2 / 0.9, 12);
    expect(found?.probabilities.get(4)).toBeCloseTo(0.4 / 0.9, 12);
  });

  it("merges tokens that say the same rating", () => {
    // Reference vector: "4" -0.3, " 4" -3.0, "5" -1.6, "The" -4.0 -> p4 .790605, p5 .201897, score 4.203422.
    const place: TokenLogprob = {
      token: "4",
      logprob: -0.3,
      top: [
        { token: "4", logprob: -0.3 },
        { token: " 4", logprob: -3 },
        { token: "5", logprob: -1.6 },
        { token: "The", logprob: -4 },
      ],
    };
    const found = expectedRating(marked(place), toFive);
    const [p4, p5] = [Math.exp(-0.3) + Math.exp(-3), Math.exp(-1.6)];
    expect(p4).toBeCloseTo(0.790605, 6);
    expect(p5).toBeCloseTo(0.201897, 6);
    expect(found?.mass).toBeCloseTo(p4 + p5, 12);
    expect(found?.value).toBeCloseTo(4.203422, 6);
  });

  it.each([
    {
      note: "brackets and rating in one token",
      tokens: [sure("Fine [["), odds(["4]]", 0.75], ["2]]", 0.25])],
    },
    { note: "all in one token", tokens: [odds(["[[4]]", 0.75], ["[[2]]", 0.25])] },
    {
      note: "the opening with the rating",
      tokens: [odds([" [[4", 0.75], [" [[2", 0.25]), sure("]]"), sure("\n")],
    },
    {
      note: "a maximum beside it",
      tokens: [sure("[["), odds(["4", 0.75], ["2", 0.25]), sure("/5"), sure("]]")],
    },
  ])("finds the rating with $note", ({ tokens }) => {
    // 0.75 * 4 + 0.25 * 2 = 3.5
    expect(expectedRating(tokens, toFive)?.value).toBeCloseTo(3.5, 12);
  });

  it("reads the last mark, not one in the reasons", () => {
    const tokens = [sure("[["), odds(["1", 1]), sure("]]"), ...marked(odds(["4", 0.5], ["5", 0.5]))];
    expect(expectedRating(tokens, toFive)?.value).toBeCloseTo(4.5, 12);
  });

  it("counts a taken token that the server does not list among the alternatives", () => {
    const place = { ...odds(["5", 0.25]), token: "3", logprob: Math.log(0.75) };
    const found = expectedRating(marked(place), toFive);
    // (0.75 * 3 + 0.25 * 5) / 1 = 3.5
    expect(found?.value).toBeCloseTo(3.5, 12);
    expect(found?.mass).toBeCloseTo(1, 12);
  });

  it("takes whole numbers for what they are where 10 is a token of its own", () => {
    // 0.6 * 10 + 0.3 * 9 + 0.1 * 1 = 8.8
    const found = expectedRating(marked(odds(["10", 0.6], ["9", 0.3], ["1", 0.1])), toTen);
    expect(found?.value).toBeCloseTo(8.8, 12);
  });

  it("joins the probabilities of a rating of two tokens", () => {
    // "1" 0.8, then "0" 0.75 or "]]" 0.25: p(10) 0.6, p(1) 0.2, p(9) 0.2; 6 + 0.2 + 1.8 = 8.
    const tokens = [sure("[["), odds(["1", 0.8], ["9", 0.2]), odds(["0", 0.75], ["]]", 0.25]), sure("]]")];
    const found = expectedRating(tokens, toTen);
    expect(found?.mass).toBeCloseTo(1, 12);
    expect(found?.probabilities.get(10)).toBeCloseTo(0.6, 12);
    expect(found?.probabilities.get(1)).toBeCloseTo(0.2, 12);
    expect(found?.value).toBeCloseTo(8, 12);
  });

  it("joins them also when the rating ends where another could go on", () => {
    const tokens = [sure("[["), odds(["1", 0.8], ["9", 0.2]), odds(["]]", 0.75], ["0", 0.25])];
    // p(1) 0.6, p(10) 0.2, p(9) 0.2; 0.6 + 2 + 1.8 = 4.4.
    expect(expectedRating(tokens, toTen)?.value).toBeCloseTo(4.4, 12);
  });

  it("gives nothing when a digit that was not taken might begin two ratings", () => {
    expect(expectedRating(marked(odds(["7", 0.7], ["1", 0.3])), toTen)).toBeNull();
  });

  it("leaves such a digit out of the mass when it hardly matters", () => {
    const found = expectedRating(marked(odds(["7", 0.9], ["8", 0.095], ["1", 0.005])), toTen);
    expect(found?.mass).toBeCloseTo(0.995, 12);
    expect(found?.value).toBeCloseTo((7 * 0.9 + 8 * 0.095) / 0.995, 12);
  });

  it("reports little mass as little", () => {
    const found = expectedRating(marked(odds(["4", 0.1], ["Hm", 0.9])), toFive);
    expect(found).toMatchObject({ value: 4 });
    expect(found?.mass).toBeCloseTo(0.1, 12);
  });

  it.each([
    { note: "there are no log-probs", tokens: undefined },
    { note: "the list is empty", tokens: [] },
    { note: "there is no mark", tokens: [sure("4")] },
    { note: "the rating is off the scale", tokens: marked(odds(["7", 1])) },
    { note: "the mark is not closed", tokens: [sure("[["), odds(["4", 1])] },
    { note: "the rating is not whole", tokens: marked(sure("4"), sure(".5")) },
    {
      note: "the numbers are no probabilities",
      tokens: marked({ token: "4", logprob: Number.NaN, top: [] }),
    },
  ])("gives null when $note", ({ tokens }) => {
    expect(expectedRating(tokens, toFive)).toBeNull();
  });

  it("sums tokens of one text, whichever of them was taken", () => {
    // Two tokens that read "5": 4 * 0.5 + 5 * (0.3 + 0.15), over 0.95.
    const apart = marked({ ...odds(["4", 0.5], ["5", 0.3], ["5", 0.15]) });
    expect(expectedRating(apart, toFive)?.value).toBeCloseTo((4 * 0.5 + 5 * 0.45) / 0.95, 12);
    // Two that read "4", one of which was taken: 4 * 0.7 + 5 * 0.3 = 4.3. The nearest log-prob is the token itself.
    for (const top of [odds(["4", 0.5], ["4", 0.2], ["5", 0.3]), odds(["4", 0.2], ["4", 0.5], ["5", 0.3])]) {
      const place = { ...top, token: "4", logprob: Math.log(0.5) };
      expect(expectedRating(marked(place), toFive)?.value).toBeCloseTo(4.3, 12);
      expect(expectedRating(marked(place), toFive)?.mass).toBeCloseTo(1, 12);
    }
  });

  it("counts what might have stood in the place of a blank before the rating", () => {
    const tokens = marked(odds([" ", 0.6], ["4", 0.4]), odds(["5", 0.7], ["4", 0.3]));
    // 5 * 0.6 * 0.7 + 4 * (0.6 * 0.3 + 0.4) = 4.42
    expect(expectedRating(tokens, toFive)?.value).toBeCloseTo(4.42, 12);
    // A blank that stands in one token with the brackets was written before the rating's place.
    const together = [
      sure("Well\n"),
      odds(["[[ ", 0.7], ["[[", 0.3]),
      odds(["5", 0.7], ["4", 0.3]),
      sure("]]"),
    ];
    expect(expectedRating(together, toFive)?.value).toBeCloseTo(4.7, 12);
  });

  it("names the rating that the tokens write", () => {
    expect(expectedRating(marked(odds(["2", 0.75], ["1", 0.25])), toFive)?.rating).toBe(2);
    // Tokens after the mark that hold another one: they are of another text than the one that is read.
    expect(
      expectedRating([...marked(odds(["4", 0.9], ["5", 0.1])), ...marked(sure("1"))], toFive)?.rating,
    ).toBe(1);
  });

  it.each([
    {
      note: "there are no log-probs",
      tokens: undefined,
      none: { code: "no_logprobs", why: "there are no log-probs with the rating" },
    },
    {
      note: "no alternatives are given",
      tokens: marked({ token: "4", logprob: Math.log(0.6), top: [] }),
      none: { code: "no_logprobs", why: "there are no alternatives to the rating's token" },
    },
    {
      note: "no alternatives are given to a token that seems certain",
      tokens: marked({ token: "4", logprob: 0, top: [] }),
      none: { code: "no_logprobs", why: "there are no alternatives to the rating's token" },
    },
    {
      note: "the only alternative is the token itself",
      tokens: marked(odds(["4", 0.6])),
      none: { code: "no_logprobs", why: "there are no alternatives to the rating's token" },
    },
    {
      note: "a log-prob is above 0",
      tokens: marked({ token: "4", logprob: 0.6, top: [{ token: "5", logprob: -1 }] }),
      none: { code: "no_logprobs", why: "0.6 is no log-prob" },
    },
    {
      note: "that of an alternative is",
      tokens: marked({ token: "4", logprob: -1, top: [{ token: "5", logprob: 1 }] }),
      none: { code: "no_logprobs", why: "1 is no log-prob" },
    },
    {
      note: "the tokens hold no mark",
      tokens: [sure("4")],
      none: { code: "no_logprobs", why: "the tokens that have log-probs hold no rating" },
    },
    {
      note: "much of the probability is open",
      tokens: marked(odds(["7", 0.7], ["1", 0.3])),
      none: {
        code: "low_mass",
        why: "30 % of the probability is on tokens that may begin several ratings, and 70 % on ratings",
      },
    },
  ])("says why there is none when $note", ({ tokens, none }) => {
    expect(expectedOrNone(tokens, toTen)).toEqual({ kind: "none", ...none });
  });

  it("takes a log-prob that rounding put above 0 for 0", () => {
    const place = { token: "4", logprob: 0.0005, top: [{ token: "5", logprob: -20 }] };
    expect(expectedRating(marked(place), toFive)?.mass).toBe(1);
  });

  it("takes a token of 99 % for what it is where alternatives would be lost in rounding", () => {
    expect(expectedRating(marked(odds(["4", 0.995])), toFive)?.value).toBe(4);
  });

  it("stays on the scale, with shares that sum to one, whatever the alternatives", () => {
    const token = fc.oneof(
      fc.constantFrom("1", "2", "3", "4", "5", " 4", "10", "[[", "]]", "-", "", " ", "4]]", "[[5", "0"),
      fc.string({ maxLength: 4 }),
    );
    const place = fc
      .array(fc.tuple(token, fc.double({ min: -20, max: 0, noNaN: true })), { minLength: 1, maxLength: 8 })
      .map((pairs) => choice(Object.fromEntries(pairs)));
    fc.assert(
      fc.property(fc.array(place, { maxLength: 4 }), fc.constantFrom(toFive, toTen), (places, scale) => {
        const found = expectedRating(marked(...places), scale);
        if (found === null) return true;
        const sum = [...found.probabilities.values()].reduce((total, share) => total + share, 0);
        return (
          found.value >= scale.min &&
          found.value <= scale.max &&
          found.mass > 0 &&
          found.mass <= 1 &&
          Math.abs(sum - 1) < 1e-9
        );
      }),
      { seed: 1, numRuns: 5_000 },
    );
  });
});
