import { describe, expect, it } from "vitest";
import { readAnswer } from "../../../src/core/answers/compare.ts";
import { judgeAnswers } from "../../../src/core/answers/judge.ts";
import { changesValue, readNumber } from "../../../src/core/answers/number.ts";

const judge = (gold: string, given: string) =>
  judgeAnswers(readAnswer(gold), readAnswer(given), { symbolic: false });

describe("words behind a number", () => {
  it.each([
    "18 \\text{ eggs}",
    "18 \\text{ eggs per day}",
    "18 \\text{ dollars}",
    "18 pairs of shoes",
    "18 \\text{ cm}^2",
    "18 \\text{ m2}",
    "18 \\text{ fair coins}",
    "$18/day",
    "18 days in the week",
  ])("are a unit in %j", (given) => {
    expect(judge("18", given)).toMatchObject({ verdict: "equal" });
  });

  it.each([
    "18 \\text{ versus 19}",
    "18 \\text{ dollars, 19 dollars}",
    "18 \\text{ eggs 19 eggs}",
    "18 \\text{ isn't the answer}",
    "18 hmm",
    "18\\text{ hmm}",
    "18\\text{ (or 13)}",
    "18 \\text{ (13 also possible)}",
    "18 \\text{ alternatively thirteen}",
    "18\\text{ remainder one}",
    "18\\text{ no wait}",
    "18 \\text{ base three}",
    "18 \\text{ (base 3)}",
    "18 was my guess",
    "$18/x",
  ])("are no unit when they name another number or deny this one: %j", (given) => {
    expect(judge("18", given)).not.toMatchObject({ verdict: "equal" });
  });

  it.each(
    `thousands millions quadrillion tens lakh lakhs crore grand gross score doubled couples fold permille ppm
     billionths eighths hundredths dozens tripled halves`.split(/\s+/),
  )("are no unit when they scale the number: %s", (scale) => {
    for (const given of [`12\\text{ ${scale}}`, `12 ${scale}`, `12 per ${scale}`]) {
      expect(judge("12", given)).not.toMatchObject({ verdict: "equal" });
    }
    expect(readNumber(`12 ${scale}`)).toBeNull();
  });

  it("keep the scales that are read", () => {
    expect(judge("12000", "12 thousand")).toMatchObject({ verdict: "equal" });
    expect(judge("5 million", "5000000 people")).toMatchObject({ verdict: "equal" });
  });
});

describe("changesValue", () => {
  it.each([
    "19 dollars",
    "or thirteen",
    "doesn't fit",
    "doesn’t fit",
    "base",
    "two-thirds",
    "not",
    "millionth",
  ])("is true of %j", (words) => expect(changesValue(words)).toBe(true));

  it.each(["eggs", "m2", "CO2", "norms", "bases of a triangle", "orders", "knots", "scores"])(
    "is false of %j",
    (words) => expect(changesValue(words)).toBe(false),
  );
});

describe("a choice with its text", () => {
  it.each(["B) 12", "(B) A tree", "B. Paris", "\\text{(B)}"])("is chosen in %j", (given) => {
    expect(judge("B", given)).toMatchObject({ verdict: "equal" });
  });

  it.each(["B) A, C, D are also right", "B. Or C", "B) or (c)", "B) and D", "B) C is right too"])(
    "is not one choice when another is named: %j",
    (given) => {
      expect(judge("B", given)).not.toMatchObject({ verdict: "equal" });
    },
  );
});
