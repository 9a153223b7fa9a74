import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerRungs, compareAnswers, type Rung, readAnswer } from "../../../src/core/answers/compare.ts";
import { readNumber } from "../../../src/core/answers/number.ts";
import { normaliseAnswer } from "../../../src/core/answers/text.ts";

const law = { seed: 1, numRuns: 200 };

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
    ["1.234,5", "1234.5", "expression"],
    ["1.0", "1", "number"],
    ["10\\text{ units}", "10", "number"],
    ["\\$10", "10", "number"],
    ["90^\\circ", "90", "number"],
    ["28%", "28 percent", "number"],
    ["28%", "0.28", "number"],
    ["2e3", "2 \\times 10^3", "number"],
    ["x=5", "5", "structure"],
    ["f(x) = 5", "5", "structure"],
    ["9", "4+5=9", "expression"],
    ["(1, 2)", "(1,2)", "normalised"],
    ["Paris", "paris", "words"],
    ["\\sqrt3", "\\sqrt{3}", "normalised"],
    ["(B)", "b.", "choice"],
    ["x+1", "x+1", "string"],
    ["2", "\\sqrt{4}", "expression"],
    ["x+1", "1+x", "expression"],
    ["1/3", "0.333333", "number"],
  ])("finds %j and %j equal by %s", (gold, given, rung) => {
    expect(compare(gold, given)).toEqual({ verdict: "equal", rung });
  });

  it.each([
    ["18", "17", "number"],
    ["18", "-18", "number"],
    ["28", "28%", "number"],
    ["1/3", "0.333", "number"],
    ["1/3", "0.333334", "number"],
    ["10 cm", "10 m", "number"],
    ["7 am", "7 pm", "number"],
    ["18", "18 or 20", "structure"],
    ["x=5", "x=6", "structure"],
    ["x=1", "y=1", "structure"],
    ["2x+z=1", "1", "structure"],
    ["Paris", "London", "words"],
    ["5", "it cannot be known", "words"],
    ["10", "10+John's age", "expression"],
    ["5", "5x", "expression"],
    ["x+1", "1", "expression"],
  ])("finds %j and %j different by %s", (gold, given, rung) => {
    expect(compare(gold, given)).toEqual({ verdict: "different", rung });
  });

  it.each([
    ["0.5", "one half"],
    ["2 hours", "120 minutes"],
    ["18.5", "18 dollars and 50 cents"],
    ["2", "2 dozen"],
    ["1/3", "0.33..."],
    ["\\log 100", "2"],
    ["\\int_0^1 2x\\,dx", "1"],
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
    const halves: Rung = {
      name: "halves",
      compare: (gold, given) => (gold.text === "0.5" && given.text === "one half" ? "equal" : "unknown"),
    };
    const rungs = [...answerRungs(), halves];
    expect(compareAnswers(readAnswer("0.5"), readAnswer("one half"), rungs)).toEqual({
      verdict: "equal",
      rung: "halves",
    });
  });

  it("compares numbers of a thousand digits", () => {
    const digits = "9".repeat(999);
    expect(compare(digits, `${digits}.0`)).toEqual({ verdict: "unknown", rung: null }); // one of them is over the limit
    expect(compare(digits, `+${digits}`)).toEqual({ verdict: "equal", rung: "number" });
  });
});
