import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mathAnswer } from "../../rewards/math-answer.ts";
import { normaliseFinalAnswer } from "../../rewards/math-compatibility/dapo-strings.ts";
import { COMPATIBILITY_MODES, type CompatibilityName } from "../../rewards/math-compatibility/index.ts";
import { isEquivalent, stripString } from "../../rewards/math-compatibility/math-strings.ts";
import { lastCharacters } from "../../rewards/math-compatibility/python-text.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };
const names = Object.keys(COMPATIBILITY_MODES) as CompatibilityName[];

async function judge(
  compatibility: CompatibilityName,
  text: string,
  reference: string,
): Promise<Score | undefined> {
  const [score] = await mathAnswer({ compatibility }).score(groupOf([text], { reference }), context);
  return score;
}

interface Vector {
  readonly text: string;
  readonly gold: string;
  readonly value: number;
  readonly note?: string;
}

/** Every value below is what the Python function of verl gives for these two texts. */
function parity(name: CompatibilityName, vectors: readonly Vector[]): void {
  it.each(vectors)("gives $value for $text against $gold ($note)", async ({ text, gold, value }) => {
    expect(await judge(name, text, gold)).toMatchObject({ kind: "scored", value });
  });
}

for (const compatibility of names) {
  scorerContract(mathAnswer({ compatibility }), anyGroup(), { numRuns: 20 });
}

describe("compatibility gsm8k, as verl's gsm8k.py (strict)", () => {
  parity("gsm8k", [
    { text: "#### 1,234", gold: "1234", value: 1, note: "commas go" },
    { text: "#### $18", gold: "18", value: 0, note: "no answer: a dollar sign stands between" },
    { text: "#### 18.", gold: "18", value: 0, note: "the period is part of it" },
    { text: "#### 18.00", gold: "18", value: 0, note: "text, not numbers" },
    { text: "#### 5 then #### 7", gold: "7", value: 1, note: "the last one" },
    { text: "#### 72 clips", gold: "72", value: 1 },
    { text: `#### 5${" ".repeat(400)}`, gold: "5", value: 0, note: "beyond the last 300 characters" },
    { text: "####5", gold: "5", value: 0, note: "the blank is part of the pattern" },
    { text: "#### -5", gold: "-5", value: 1 },
    { text: `#### 5${"𝟏".repeat(294)}`, gold: "5", value: 1, note: "300 characters, 594 UTF-16 units" },
    { text: `#### 5${"𝟏".repeat(295)}`, gold: "5", value: 0, note: "301 characters" },
  ]);

  it("takes the gold answer from a worked solution as verl's data preparation does", async () => {
    expect(await judge("gsm8k", "#### 1234", "9 * 2\n#### 1,234")).toMatchObject({ value: 1 });
  });

  it("says which answer it took", async () => {
    expect(await judge("gsm8k", "#### 18.", "18")).toEqual({
      kind: "scored",
      value: 0,
      why: 'different: "18.", by gsm8k',
      parts: { truncated: 0 },
    });
    expect(await judge("gsm8k", "18", "18")).toMatchObject({ value: 0, why: "no_answer: by gsm8k" });
  });
});

describe("compatibility gsm8k-flexible, as verl's gsm8k.py (flexible)", () => {
  parity("gsm8k-flexible", [
    { text: "The answer is 42", gold: "42", value: 1 },
    { text: "The answer is 42.", gold: "42", value: 0, note: "the period is part of it" },
    { text: "#### 1,234", gold: "1234", value: 0, note: "commas stay" },
    { text: "It is 42 . ", gold: "42", value: 1, note: "a lone period is passed over" },
    { text: "Nothing .", gold: ".", value: 1, note: "unless there is nothing else" },
    { text: "42, and so on", gold: "42", value: 0 },
  ]);
});

describe("compatibility math, as verl's math_reward.py", () => {
  // "1": verl's is_equiv says so.
  it.each([
    { one: "0.5", other: "\\frac{1}{2}", equal: true },
    { one: ".5", other: "0.5", equal: true },
    { one: "1/2", other: "\\frac12", equal: true },
    { one: "x=5", other: "5", equal: true },
    { one: "abc=5", other: "5", equal: false },
    { one: "10\\text{ units}", other: "10", equal: true },
    { one: "50\\%", other: "50", equal: true },
    { one: "\\$10", other: "10", equal: true },
    { one: "90^\\circ", other: "90", equal: true },
    { one: "2,500", other: "2500", equal: false },
    { one: "1.0", other: "1", equal: false },
    { one: "0.50", other: "\\frac12", equal: false },
    { one: "\\frac{2}{4}", other: "\\frac{1}{2}", equal: false },
    { one: "10, 4, -2", other: "4, 10, -2", equal: false },
    { one: "(1, 2)", other: "(1,2)", equal: true },
    { one: "\\sqrt3", other: "\\sqrt{3}", equal: true },
    { one: "\\dfrac1{72}", other: "\\tfrac{1}{72}", equal: true },
    { one: "\\frac{72}1", other: "\\frac{72}{1}", equal: false, note: "only the numerator's brace is added" },
    { one: "007/8", other: "\\frac{7}{8}", equal: false, note: "integers as Python prints them" },
    { one: "-1/2", other: "\\frac{-1}{2}", equal: true },
    { one: "\\frac𝟏𝟐", other: "\\frac{𝟏}{𝟐}", equal: true, note: "characters, not UTF-16 units" },
  ])("is_equiv of $one and $other is $equal ($note)", ({ one, other, equal }) => {
    expect(isEquivalent(one, other)).toEqual({ equal, isRaw: false });
  });

  // Hendrycks et al. 2021, MATH, modeling/math_equivalence_test.py holds pairs of these kinds.
  it.each([
    { given: "\\frac1b", stripped: "\\frac{1}{b}" },
    { given: "\\frac1", stripped: "\\frac1" },
    { given: "\\left(3,\\frac{\\pi}{2}\\right)", stripped: "(3,\\frac{\\pi}{2})" },
    { given: "\n5\\!00 \\\\%", stripped: "500" },
    { given: "{.5}", stripped: "{0.5}" },
    { given: "", stripped: "" },
    { given: "5\\text{ a}\\text{ b}", stripped: null },
    { given: "\\sqrt", stripped: null },
    { given: "\\frac", stripped: null },
  ])("strip_string of $given is $stripped (null: it raises)", ({ given, stripped }) => {
    expect(stripString(given)).toBe(stripped);
  });

  parity("math", [
    { text: "\\boxed{5} so \\boxed{\\frac{1}{2}}", gold: "0.5", value: 1 },
    { text: "\\boxed 5$ and more", gold: "5", value: 1, note: "without braces, up to the next $" },
    { text: "\\boxed{5} and \\boxed{6", gold: "5", value: 0, note: "the last box is not closed" },
    { text: "\\fbox{5}", gold: "5", value: 0, note: "remove_boxed raises there" },
    { text: "\\boxed5, {x}", gold: "5", value: 0, note: "remove_boxed raises there" },
    {
      text: "\\boxed{\\sqrt}",
      gold: "\\sqrt",
      value: 1,
      note: "strip_string raises there: compared as they are",
    },
    { text: "5", gold: "5", value: 0 },
  ]);

  it("says what the reference code does without saying so", async () => {
    expect(await judge("math", "\\fbox{5}", "5")).toMatchObject({
      value: 0,
      why: expect.stringContaining("raises on this box"),
    });
    expect(await judge("math", "\\boxed{\\frac}", "5")).toMatchObject({
      value: 0,
      why: expect.stringContaining("compared as they are"),
    });
  });

  it("takes the gold answer from the solution's box, and fails where the data preparation raises", async () => {
    expect(await judge("math", "\\boxed{5}", "Hence $x = \\boxed{5}$.")).toMatchObject({ value: 1 });
    for (const reference of ["Hence \\fbox{5}", "Hence \\boxed{5"]) {
      const score = await judge("math", "\\boxed{5}", reference);
      expect(score).toMatchObject({ kind: "failed", code: "unreadable_reference" });
    }
  });
});

describe("compatibility dapo, as verl's math_dapo.py", () => {
  parity("dapo", [
    { text: "Answer: 34 dollars", gold: "34", value: 1 },
    { text: "answer: \\frac12", gold: "\\frac{1}{2}", value: 1 },
    { text: "Answer: x=5", gold: "5", value: 1 },
    { text: "Answer: 1,234", gold: "1234", value: 1 },
    { text: "Answer: \\boxed{34}", gold: "34", value: 1 },
    { text: "Answer: 34.", gold: "34", value: -1 },
    { text: "Answer: 0.5", gold: "\\frac{1}{2}", value: -1 },
    { text: "The answer is 34", gold: "34", value: -1, note: "no such line" },
    { text: "The answer is 34", gold: "[INVALID]", value: 1, note: "what it calls no answer" },
    { text: "Answer: 1\nAnswer: 2", gold: "2", value: 1 },
    { text: "Answer:\n\n34", gold: "34", value: 1, note: "line breaks are blanks" },
    { text: `Answer: 34${" ".repeat(300)}`, gold: "34", value: -1, note: "beyond the last 300 characters" },
    { text: "Answer: 1²,3", gold: "1²3", value: 1, note: "Python counts ² among the digits" },
  ]);

  it.each([
    { given: "the $x$ and $y$", normalised: "x", note: "what stands between the first two dollar signs" },
    { given: "\\text{A}", normalised: "A" },
    { given: "fracab and sqrtx", normalised: "frac{a}{b}andsqrt{x}" },
    { given: "10 \\mbox{ cm}", normalised: "10" },
    { given: "a = b = 3", normalised: "3" },
  ])("normalises $given to $normalised ($note)", ({ given, normalised }) => {
    expect(normaliseFinalAnswer(given)).toBe(normalised);
  });
});

describe("compatibility dapo-strict-box, as verl's math_dapo.py", () => {
  parity("dapo-strict-box", [
    { text: "\\boxed{34}", gold: "34", value: 1 },
    { text: "\\boxed{ 34}", gold: "34", value: -1, note: "character by character" },
    { text: "\\boxed{\\frac{1}{2}}", gold: "\\frac{1}{2}", value: 1 },
    { text: `\\boxed{34}${" ".repeat(90)}`, gold: "34", value: 1, note: "100 characters" },
    { text: `\\boxed{34}${" ".repeat(91)}`, gold: "34", value: -1, note: "101 characters" },
    { text: "\\boxed{34", gold: "34", value: -1 },
    { text: "34", gold: "34", value: -1 },
  ]);
});

describe("compatibility search-r1, as verl's search_r1_like_qa_em.py", () => {
  parity("search-r1", [
    { text: "<answer>The Eiffel Tower!</answer>", gold: "eiffel tower", value: 1 },
    { text: "<answer>a</answer><answer> b </answer>", gold: "b", value: 1, note: "the last one" },
    { text: "<answer>Eiffel</answer>", gold: "eiffel tower", value: 0 },
    { text: "Eiffel Tower", gold: "eiffel tower", value: 0, note: "no tags" },
    {
      text: `<answer>b</answer>${"</answer>".repeat(10)}`,
      gold: "b",
      value: 0.25,
      note: "eleven closing tags",
    },
    { text: "<answer>anthem</answer>", gold: "them", value: 0, note: "articles are whole words" },
    { text: "<answer>Rome</answer>", gold: '["Roma", "Rome"]', value: 1, note: "a list of answers" },
    {
      text: "<answer>[0, 1)</answer>",
      gold: "[0, 1)",
      value: 1,
      note: "no list, although it begins like one",
    },
  ]);
});

describe("compatibility modes", () => {
  it("abstain without a reference, and mark responses that were stopped for their length", async () => {
    for (const compatibility of names) {
      const scorer = mathAnswer({ compatibility });
      expect(await scorer.score(groupOf(["5"]), context)).toMatchObject([{ kind: "abstained" }]);
      const cut = groupOf([{ text: "#### 5", finishReason: "length" }], { reference: "5" });
      expect(await scorer.score(cut, context)).toMatchObject([{ parts: { truncated: 1 } }]);
    }
  });

  it("refuse options that they would ignore, and unknown names", () => {
    const refused = (options: object, names: string) =>
      expect(() => mathAnswer(options)).toThrow(
        expect.objectContaining({ code: "bad_option", message: expect.stringContaining(names) }),
      );
    refused({ compatibility: "math", tolerance: 0.1 }, "tolerance");
    refused({ compatibility: "math", rules: ["boxed"] }, "rules");
    refused({ compatibility: "prime" }, "compatibility");
    expect(mathAnswer({ compatibility: "dapo", tolerance: 0 }).range).toEqual([-1, 1]);
  });

  const hostile = [
    "{",
    "\\boxed{",
    "\\boxed ",
    "<answer>",
    "</answer>",
    "Answer:",
    "#### 1",
    "\\frac",
    "=",
    "$",
    "}",
  ];

  it.each(hostile)(
    "read a megabyte of %j with less than a second of work each",
    async (unit) => {
      const text = unit.repeat(Math.ceil(2 ** 20 / unit.length));
      for (const name of names) {
        const start = performance.now();
        await judge(name, `${text} \\boxed{${text}}`, "5");
        await judge(name, "\\boxed{5}", text.slice(0, 5_000));
        expect(performance.now() - start).toBeLessThan(2_000);
      }
    },
    20_000,
  );

  it("fail on a gold answer that is far too long to be one", async () => {
    const score = await judge("dapo", "Answer: 5", "5".repeat(5_001));
    expect(score).toMatchObject({ kind: "failed", code: "unreadable_reference" });
  });

  it("give the numbers of a wrong and of a right answer and nothing else", () => {
    const text = fc.array(
      fc.oneof(
        fc.constantFrom("\\boxed{", "}", "#### ", "Answer: ", "5", "<answer>", "</answer>", "\\frac"),
        fc.string(),
      ),
    );
    const property = fc.property(text, fc.string(), fc.constantFrom(...names), (parts, gold, name) => {
      const { range, wrong, grade } = COMPATIBILITY_MODES[name];
      const { value, extracted } = grade(parts.join(""), gold);
      expect([wrong, range[1], ...(name === "search-r1" ? [0.25] : [])]).toContain(value);
      if (extracted === null && gold !== "[INVALID]") expect(value).toBe(wrong);
    });
    fc.assert(property, { seed: 1, numRuns: 500 });
  });
});

describe("lastCharacters", () => {
  it("cuts by code points", () => {
    const property = fc.property(
      fc.string({ unit: "grapheme" }),
      fc.integer({ min: 1, max: 20 }),
      (text, count) => {
        expect(lastCharacters(text, count)).toBe([...text].slice(-count).join(""));
      },
    );
    fc.assert(property, { seed: 1 });
  });
});
