import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastBoxed, lastBoxedLiteral } from "../../../src/core/answers/boxed.ts";
import { answerRungs, compareAnswers, type Rung, readAnswer } from "../../../src/core/answers/compare.ts";
import { findAnswer, findReferenceAnswer } from "../../../src/core/answers/extract.ts";
import { readNumber } from "../../../src/core/answers/number.ts";
import { normaliseAnswer } from "../../../src/core/answers/text.ts";

const law = { seed: 1, numRuns: 200 };

describe("lastBoxed", () => {
  it.each([
    { text: "\\boxed{1} then \\boxed{\\frac{1}{2}}", content: "\\frac{1}{2}", note: "last, braces matched" },
    { text: "\\fbox{7}", content: "7" },
    { text: "\\boxed {7}", content: "7" },
    { text: "\\boxed 7$ or so", content: "7", note: "without braces, up to the $" },
    { text: "\\boxed{\\boxed{5}}", content: "5", note: "innermost" },
    { text: "\\boxed{5} and \\boxed{6", content: "5", note: "an unclosed box is not one" },
    { text: "\\boxed{\\{1, 2\\}}", content: "\\{1, 2\\}", note: "escaped braces" },
    {
      text: "\\boxed{\\left\\{1\\right.}",
      content: "\\left\\{1\\right.",
      note: "escaped braces may be single",
    },
    { text: "}} \\boxed{5}", content: "5", note: "stray braces before" },
    { text: "\\boxed{}", content: "" },
    { text: "boxed{5}", content: null },
  ])("reads $content from $text", ({ text, content }) => {
    expect(lastBoxed(text)).toBe(content);
  });

  it("gives back whatever balanced content was boxed", () => {
    const content = fc.stringMatching(/^[a-z0-9 +]{0,9}(\{[a-z0-9]{0,5}\}){0,3}$/);
    fc.assert(
      fc.property(content, fc.lorem(), (inside, prose) => {
        expect(lastBoxed(`${prose}\\boxed{${inside}}${prose}`)).toBe(inside);
        expect(lastBoxedLiteral(`${prose}\\boxed{${inside}}${prose}`)).toBe(inside);
      }),
      law,
    );
  });
});

describe("lastBoxedLiteral", () => {
  // As `last_boxed_only_string` and `remove_boxed` of the MATH code behave.
  it.each([
    { text: "\\boxed{ 34}", content: " 34", note: "nothing is trimmed" },
    { text: "\\boxed{5} and \\boxed{6", content: null, note: "the last one is unclosed" },
    { text: "\\boxed 5$ and \\boxed{6}", content: "5", note: "a spaced box anywhere wins" },
    { text: "\\fbox{5}", content: "5" },
    { text: "\\fbox", content: null },
    { text: "", content: null },
  ])("reads $content from $text", ({ text, content }) => {
    expect(lastBoxedLiteral(text)).toBe(content);
  });
});

describe("findAnswer", () => {
  it.each([
    { text: "\\boxed{1}\n#### 2\nA: 3\nThe answer is 4, or 5", rule: "boxed", answer: "1" },
    {
      text: "<think>\\boxed{3}</think><answer>82</answer>",
      rule: "answer-tag",
      answer: "82",
      note: "the tag wins over its thinking",
    },
    { text: "<answer>\nSo we get\n\\boxed{7}\n</answer>", rule: "answer-tag", answer: "7" },
    {
      text: "<answer>It is\n 7 in all</answer>",
      rule: "answer-tag",
      answer: "7",
      note: "several lines: the last number",
    },
    { text: "<answer>12 and no end: #### 5", rule: "hashes", answer: "5", note: "an unclosed tag is none" },
    { text: "#### 2\nA: 3\nThe answer is 4", rule: "hashes", answer: "2" },
    { text: "A: 3\nThe answer is 4", rule: "answer-line", answer: "3" },
    { text: "The answer is 4, since 5", rule: "answer-is", answer: "4" },
    { text: "It is 4. Or 5.", rule: "last-number", answer: "5." },
    {
      text: "#### Step 3: add\nSo \\(x\\) is\nThe answer is 4",
      rule: "answer-is",
      answer: "4",
      note: "a heading",
    },
    { text: "work\n#### yes", rule: "hashes", answer: "yes", note: "text on the last line" },
    {
      text: "A: red\nB: blue\nThe answer is (B).",
      rule: "answer-is",
      answer: "(B)",
      note: "multiple choice",
    },
    { text: "**Final Answer**\n\n$$\n42\n$$", rule: "answer-line", answer: "42", note: "heading" },
    { text: "ANSWER: x\nAnswer: y", rule: "answer-line", answer: "y" },
    { text: "the answer is 3.5 dollars. I hope so.", rule: "answer-is", answer: "3.5 dollars" },
    { text: "The answer is:\n\n18", rule: "answer-is", answer: "18" },
    { text: "a total of 5 million", rule: "last-number", answer: "5 million" },
    { text: "a share of 28 %.", rule: "last-number", answer: "28 %" },
    { text: "which gives \\frac{1}{2}", rule: "last-number", answer: "\\frac{1}{2}" },
  ])("finds $answer by $rule in $text", ({ text, rule, answer }) => {
    expect(findAnswer(text)).toEqual({ rule, text: answer });
  });

  it.each(["", "no digits", "so 2x", "10^5", "3\\pi", "the 18-year-old"])(
    "lifts no number out of %j",
    (text) => {
      expect(findAnswer(text)).toBeNull();
    },
  );

  it("does not take the calculator's number for the writer's", () => {
    expect(findAnswer("That makes $<<9*2=19>>18")).toEqual({ rule: "last-number", text: "$18" });
  });

  it("never throws and never gives blank or overlong answers", () => {
    const pieces = fc.constantFrom(
      "\\boxed{",
      "}",
      "####",
      "A:",
      "answer is",
      "\n",
      "<<",
      ">>",
      "**",
      "$",
      "9",
      ".",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ unit: "binary" })), { maxLength: 30 }), (parts) => {
        const found = findAnswer(parts.join(""));
        if (found === null) return;
        expect(found.text.trim()).not.toBe("");
        expect(found.text.length).toBeLessThanOrEqual(1_000);
      }),
      law,
    );
  });
});

describe("findReferenceAnswer", () => {
  it.each([
    { reference: "She makes $18.\n#### 18", rule: "hashes", text: "18" },
    { reference: "Thus $x = \\boxed{\\frac{1}{2}}$.", rule: "boxed", text: "\\frac{1}{2}" },
    { reference: "x + 1", rule: "whole", text: "x + 1" },
    { reference: " 18 \n", rule: "whole", text: "18" },
  ])("reads $text from $reference", ({ reference, rule, text }) => {
    expect(findReferenceAnswer(reference)).toEqual({ rule, text });
  });

  it("does not guess which number of a worked solution is the answer", () => {
    expect(findReferenceAnswer("First 16 - 3 = 13.\nThen 13 - 4 = 9.")).toBeNull();
  });
});

describe("readNumber", () => {
  it.each([
    ["18", 18, 1],
    ["-18", -18, 1],
    ["+5", 5, 1],
    ["004", 4, 1],
    ["18.", 18, 1],
    [".5", 5, 10],
    ["1,234", 1234, 1],
    ["1 234 567", 1234567, 1],
    ["1,234.50", 123450, 100],
    ["2/4", 2, 4],
    ["1 1/2", 3, 2],
    ["-1 1/2", -3, 2],
    ["\\frac12", 1, 2],
    ["\\frac{-1}{2}", -1, 2],
    ["\\frac{1}{-2}", -1, 2],
    ["2\\frac{1}{2}", 5, 2],
    ["1/0.5", 10, 5],
    ["2.5e3", 25000, 10],
    ["2e-3", 2, 1000],
    ["2.5 \\times 10^{3}", 25000, 10],
    ["3x10^2", 300, 1],
    ["5 million", 5_000_000, 1],
    ["twenty-five", 25, 1],
    ["Seven apples", 7, 1],
    ["18 eggs per day", 18, 1],
    ["60 km/h", 60, 1],
    ["5 cm^{2}", 5, 1],
    ["5kg", 5, 1],
  ])("reads %j as %d/%d", (text, numerator, denominator) => {
    expect(readNumber(text)).toMatchObject({
      numerator: BigInt(numerator),
      denominator: BigInt(denominator),
    });
  });

  it.each([
    "",
    "-",
    "x",
    "5x",
    "5 x",
    "5 pi",
    "9+1",
    "9 + x",
    "1,23",
    "12,34,567",
    "1/0",
    "1/2/2020",
    "5:30",
    "18 or 20",
    "18 and a half",
    "5 squared",
    "2 dozen",
    "one half",
    "0.333...",
    "1e999999",
    "10^5",
    "3\\sqrt{2}",
    "(1, 2)",
    "5 = 5",
    "18-year",
    "٣",
  ])("does not read %j as a number", (text) => {
    expect(readNumber(text)).toBeNull();
  });

  it("keeps the percent sign and the unit apart from the number", () => {
    expect(readNumber("28 percent of Students")).toEqual({
      numerator: 28n,
      denominator: 1n,
      percent: true,
      unit: "of students",
    });
  });

  it("reads back every decimal, however it is grouped", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
        fc.nat({ max: 999 }),
        (whole, places) => {
          const grouped = whole.toLocaleString("en-US");
          const value = readNumber(`${grouped}.${String(places).padStart(3, "0")}`);
          const sign = whole < 0n ? -1n : 1n;
          expect(value).toMatchObject({
            numerator: whole * 1000n + sign * BigInt(places),
            denominator: 1000n,
          });
        },
      ),
      law,
    );
  });
});

describe("normaliseAnswer", () => {
  it.each([
    ["**\\(\\dfrac{1}{2}\\text{ cups}\\)**.", "\\frac{1}{2} cups"],
    ["$18.", "18"],
    ["\\$1{,}234", "1,234"],
    ["\\left( 1,\\, 2 \\right)", "( 1, 2 )"],
    ["(B).", "B"],
    ["90^\\circ", "90 degrees"],
    ["50\\%", "50%"],
    ["\\boxed{\\text{Paris}}", "Paris"],
    ["\u22125", "-5"],
    ["0.333...", "0.333..."],
  ])("writes %j as %j", (answer, text) => {
    expect(normaliseAnswer(answer)).toBe(text);
  });
});

describe("compareAnswers", () => {
  const compare = (gold: string, given: string) => compareAnswers(readAnswer(gold), readAnswer(given));

  // Pairs on which the MATH string comparison and Math-Verify say the same, and what exact arithmetic adds to them.
  it.each([
    ["0.5", "\\frac{1}{2}", "number"],
    ["\\frac{2}{4}", "\\frac{1}{2}", "number"],
    ["1/2", "\\frac12", "number"],
    ["2,500", "2500", "number"],
    ["1.0", "1", "number"],
    ["10\\text{ units}", "10", "number"],
    ["\\$10", "10", "normalised"],
    ["90^\\circ", "90", "number"],
    ["x=5", "5", "number"],
    ["f(x) = 5", "5", "number"],
    ["9", "4+5=9", "number"],
    ["28%", "28 percent", "number"],
    ["28%", "0.28", "number"],
    ["(1, 2)", "(1,2)", "normalised"],
    ["Paris", "paris", "normalised"],
    ["(B)", "b.", "normalised"],
    ["\\sqrt3", "\\sqrt{3}", "normalised"],
    ["x+1", "x+1", "string"],
    ["2e3", "2 \\times 10^3", "number"],
  ])("finds %j and %j equal by %s", (gold, given, rung) => {
    expect(compare(gold, given)).toEqual({ verdict: "equal", rung });
  });

  it.each([
    ["18", "17", "number"],
    ["18", "-18", "number"],
    ["28", "28%", "number"],
    ["1/3", "0.333333", "number"],
    ["x=5", "x=6", "number"],
    ["x=1", "y=1", "number"],
    ["Paris", "London", "words"],
    ["5", "no solution", "words"],
    ["10", "10+John's age", "open-formula"],
    ["5", "5x", "open-formula"],
    ["x+1", "1", "open-formula"],
    ["2x+z=1", "1", "open-formula"],
  ])("finds %j and %j different by %s", (gold, given, rung) => {
    expect(compare(gold, given)).toEqual({ verdict: "different", rung });
  });

  it.each([
    ["2", "\\sqrt{4}"],
    ["x+1", "1+x"],
    ["0.5", "one half"],
    ["2 hours", "120 minutes"],
    ["18.5", "18 dollars and 50 cents"],
    ["18", "18 or 20"],
    ["5", "5m/s"],
    ["1/3", "0.333..."],
  ])("leaves %j and %j undecided", (gold, given) => {
    expect(compare(gold, given)).toEqual({ verdict: "unknown", rung: null });
  });

  it("finds every number equal to itself in any spelling, and to no neighbour", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 1, max: 999 }), (above, below) => {
        const sign = above < 0 ? "-" : "";
        const spellings = [
          `${above}/${below}`,
          `${sign}\\frac{${Math.abs(above)}}{${below}}`,
          `$${above * 3}/${below * 3}$`,
        ];
        for (const gold of spellings) {
          for (const given of spellings) expect(compare(gold, given).verdict).toBe("equal");
          expect(compare(gold, `${above + 1}/${below}`).verdict).toBe("different");
        }
      }),
      law,
    );
  });

  it("is symmetric for answers without an equation", () => {
    const piece = fc.constantFrom(
      "1",
      "2",
      "/",
      ".",
      "%",
      " ",
      "x",
      "+",
      "eggs",
      "\\frac12",
      "one",
      "(",
      ")",
      ",",
    );
    const answer = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(answer, answer, (one, other) => {
        expect(compare(one, other)).toEqual(compare(other, one));
      }),
      { ...law, numRuns: 1_000 },
    );
  });

  it("takes a further rung as one more entry", () => {
    const squareRoot: Rung = {
      name: "square-root",
      compare: (gold, given) => (gold.text === "2" && given.text === "\\sqrt{4}" ? "equal" : "unknown"),
    };
    const rungs = [...answerRungs(), squareRoot];
    expect(compareAnswers(readAnswer("2"), readAnswer("\\sqrt4"), rungs)).toEqual({
      verdict: "equal",
      rung: "square-root",
    });
  });

  it("compares numbers of a thousand digits", () => {
    const digits = "9".repeat(999);
    expect(compare(digits, `${digits}.0`)).toEqual({ verdict: "unknown", rung: null }); // one of them is over the limit
    expect(compare(digits, `+${digits}`)).toEqual({ verdict: "equal", rung: "number" });
  });
});
