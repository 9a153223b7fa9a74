import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxes, joinedBoxes, lastBoxed, lastBoxedLiteral } from "../../../src/core/answers/boxed.ts";
import {
  EXTRACTION_RULES,
  type Extraction,
  extractAnswer,
  findAnswer,
  findReferenceAnswer,
} from "../../../src/core/answers/extract.ts";
import { environments, isFormula } from "../../../src/core/answers/extract-bare.ts";

const law = { seed: 1, numRuns: 300 };

/** What texts about answers are made of, and what breaks careless readers of them. */
const PIECES = [
  "\\boxed{",
  "\\boxed ",
  "\\fbox{",
  "}",
  "{",
  "####",
  "A:",
  "Answer:",
  "the answer is ",
  "<answer>",
  "</answer>",
  "<think>",
  "</think>",
  "\n",
  "<<",
  ">>",
  "**",
  "$",
  "$$",
  "\\[",
  "\\]",
  "\\(",
  "\\)",
  "9",
  "1/2",
  "x = ",
  ".",
  ", ",
  " and ",
  " ",
];
const anyMess = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary", maxLength: 6 })), { maxLength: 30 })
  .map((parts) => parts.join(""));

describe("boxes", () => {
  it.each([
    {
      text: "\\boxed{1} then \\boxed{\\frac{1}{2}}",
      contents: ["1", "\\frac{1}{2}"],
      note: "braces matched",
    },
    { text: "\\fbox{7}", contents: ["7"] },
    { text: "\\boxed {7}", contents: ["7"] },
    { text: "\\boxed 7$ or so", contents: ["7"], note: "without braces, up to the $" },
    { text: "\\boxed{\\boxed{5}}", contents: ["5"], note: "the inner is all there is" },
    { text: "\\boxed{$\\boxed{\\boxed{5}}$.}", contents: ["5"] },
    { text: "\\boxed{x = \\boxed{5}}", contents: ["5"] },
    { text: "\\boxed{\\boxed{5} + \\boxed{6}}", contents: ["5 + 6"], note: "the whole content" },
    { text: "\\boxed{6 \\text{ not } \\boxed{5}}", contents: ["6 \\text{ not } 5"] },
    { text: "\\boxed{6\\boxed{5}}", contents: ["6 ? 5"], note: "not 65" },
    { text: "\\boxed{\\boxed{5} 6}", contents: ["5 ?  6"], note: "neither 5 nor 6" },
    { text: "\\boxed{1} \\boxed{\\boxed{2} x}", contents: ["1", "2 x"], note: "the box before stays" },
    { text: "\\boxed{5} and \\boxed{6", contents: ["5"], note: "an unclosed box is not one" },
    { text: "\\boxed{\\{1, 2\\}}", contents: ["\\{1, 2\\}"], note: "escaped braces" },
    { text: "}} \\boxed{5}", contents: ["5"], note: "stray braces before" },
    { text: "\\boxed{}", contents: [""] },
    { text: "boxed{5}", contents: [] },
  ])("reads $contents from $text", ({ text, contents }) => {
    expect(boxes(text).map((box) => box.text)).toEqual(contents);
    expect(lastBoxed(text)).toBe(contents.at(-1) ?? null);
    for (const box of boxes(text)) expect(text.slice(box.start)).toMatch(/^\\(?:boxed|fbox)/);
  });

  it("gives back whatever balanced content was boxed", () => {
    const content = fc.stringMatching(/^[a-z0-9 +]{0,9}(\{[a-z0-9]{0,5}\}){0,3}$/);
    const property = fc.property(content, fc.lorem(), (inside, prose) => {
      expect(lastBoxed(`${prose}\\boxed{${inside}}${prose}`)).toBe(inside);
      expect(lastBoxedLiteral(`${prose}\\boxed{${inside}}${prose}`)).toBe(inside);
    });
    fc.assert(property, law);
  });

  it.each([
    { text: "$\\boxed{1}$ and $\\boxed{2}$", answers: ["1, 2"] },
    { text: "\\boxed{1}, \\boxed{2}, and \\boxed{3}", answers: ["1, 2, 3"] },
    { text: "$x = \\boxed{1}$ or $x = \\boxed{-1}$", answers: ["1, -1"] },
    { text: "\\boxed{1} \\quad \\text{or} \\quad \\boxed{2}", answers: ["1, 2"] },
    { text: "\\boxed{4}\\boxed{5}", answers: ["4, 5"], note: "close together" },
    { text: "\\boxed{5}, \\boxed{5}", answers: ["5"], note: "the same twice" },
    { text: "\\boxed{3} is wrong, rather \\boxed{4}", answers: ["3", "4"], note: "words between" },
    { text: "\\boxed{3}\n\n\\boxed{4}", answers: ["3", "4"], note: "another paragraph" },
    { text: "\\boxed{3}. \\boxed{4}", answers: ["3", "4"], note: "another sentence" },
    { text: "\\boxed{5} and \\boxed{}", answers: ["5"], note: "an empty box says nothing" },
  ])("joins neighbours only: $text ($note)", ({ text, answers }) => {
    expect(joinedBoxes(text).map((box) => box.text)).toEqual(answers);
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
  ])("reads $content from $text ($note)", ({ text, content }) => {
    expect(lastBoxedLiteral(text)).toBe(content);
  });
});

describe("findAnswer", () => {
  it.each([
    { text: "\\boxed{1}\n#### 2\nA: 3\nThe answer is 4, or 5", rule: "boxed", answer: "1" },
    { text: "<answer>5</answer> \\boxed{3}", rule: "answer-tag", answer: "5" },
    { text: "<answer>\nSo we get\n\\boxed{7}\n</answer>", rule: "answer-tag", answer: "7" },
    { text: "<answer>It is\n 7 in all</answer>", rule: "answer-tag", answer: "7", note: "several lines" },
    { text: "<answer>12 and no end: #### 5", rule: "hashes", answer: "5", note: "an unclosed tag is none" },
    { text: "#### 2\nA: 3\nThe answer is 4", rule: "hashes", answer: "2" },
    { text: "A: 3\nThe answer is 4", rule: "answer-line", answer: "3" },
    { text: "The answer is 4, since 5", rule: "answer-is", answer: "4" },
    { text: "It is 4. Or 5.", rule: "last-number", answer: "5." },
    { text: "#### Step 3: add\nThe answer is 4", rule: "answer-is", answer: "4", note: "a heading" },
    { text: "#### 2x + 3\nDone.", rule: "hashes", answer: "2x + 3", note: "a formula" },
    { text: "work\n#### yes", rule: "hashes", answer: "yes", note: "text on the last line" },
    { text: "A: red\nB: blue\nThe answer is (B).", rule: "answer-is", answer: "(B)", note: "choices" },
    { text: "**Final Answer**\n\n$$\n42\n$$", rule: "answer-line", answer: "42", note: "display math below" },
    {
      text: "## Answer\n\\[\nx = \\frac{1}{2}\n\\]\nThanks",
      rule: "answer-line",
      answer: "x = \\frac{1}{2}",
    },
    { text: "ANSWER: x\nAnswer: y", rule: "answer-line", answer: "y" },
    { text: "**Final Answer:** The final answer is 5.", rule: "answer-line", answer: "5" },
    { text: "Answer: The total is $18.", rule: "answer-line", answer: "$18." },
    { text: "Answer: 9+John's age", rule: "answer-line", answer: "9+John's age", note: "left whole" },
    { text: "the answer is 3.5 dollars. I hope so.", rule: "answer-is", answer: "3.5 dollars" },
    { text: "The answer is:\n\n18", rule: "answer-is", answer: "18" },
    { text: "The answers are 1, 2, and 3.", rule: "answer-is", answer: "1, 2, and 3" },
    { text: "So the final answer is therefore $x = 1.5$. Good.", rule: "answer-is", answer: "$x = 1.5$" },
    { text: "My final answer: 12", rule: "answer-line", answer: "12" },
    { text: "So, final answer: 12", rule: "answer-is", answer: "12" },
    { text: "The answer is\n$$\n\\pi\n$$\nas shown.", rule: "answer-is", answer: "\\pi" },
    { text: "The answer is found by adding, so 7", rule: "last-number", answer: "7" },
    { text: "So the correct option is **B**.", rule: "answer-is", answer: "B" },
    { text: "The answer is option (C), as shown.", rule: "answer-is", answer: "(C)" },
    { text: "(Answer: 42)", rule: "answer-is", answer: "42" },
    { text: "The answer is (2, infinity), that is", rule: "answer-is", answer: "(2, infinity)" },
    { text: "The answer is x = 2, width = 3.", rule: "answer-is", answer: "x = 2, width = 3" },
    { text: "The answer is 1/2, or equivalently 0.5.", rule: "answer-is", answer: "1/2" },
    { text: "The answer is 5 (five).", rule: "answer-is", answer: "5" },
    { text: "The answer is 5 (mod 7).", rule: "answer-is", answer: "5 (mod 7)" },
    { text: "Answer: 42. This is because 6 * 7 = 42.", rule: "answer-line", answer: "42." },
    { text: "Answer: B. Paris", rule: "answer-line", answer: "B. Paris" },
    { text: "Ans: 5", rule: "answer-line", answer: "5" },
    { text: "\\textbf{Answer:} 5", rule: "answer-line", answer: "5" },
    { text: "#### Answer: 5", rule: "hashes", answer: "5" },
    { text: "A: There are 15. So 21 - 15 = 6. The answer is 6.", rule: "answer-line", answer: "6" },
    { text: "A: There were 15 trees. So 6 were planted.", rule: "last-number", answer: "6" },
    { text: "18</answer>", rule: "answer-tag", answer: "18", note: "the tag's opening was in the prompt" },
    { text: "First **12**.\nIn all **73** eggs, 6 boxes of 12.", rule: "bold", answer: "73" },
    { text: "**Step 3:** 12 * 3 = 36", rule: "last-number", answer: "36", note: "a bold heading" },
    { text: "Of 3 options only one fits: **(D)**.", rule: "bold", answer: "(D)" },
    { text: "That makes 18!", rule: "last-number", answer: "18", note: "prose calls out" },
    { text: "So there are (n-1)!", rule: "formula", answer: "(n-1)!", note: "a factorial" },
    { text: "The answer is 18!", rule: "answer-is", answer: "18" },
    { text: "It is 7. The answer is the one above.", rule: "last-number", answer: "7." },
    { text: "It is **$x = 5$**.", rule: "bold", answer: "$x = 5$" },
    { text: "Hence $y = 2x$, and $z = 3$.", rule: "latex", answer: "y = 2x, z = 3" },
    { text: "So \\(x = 1\\) or \\(x = 2\\).", rule: "latex", answer: "x = 1, x = 2" },
    { text: "Thus\n\\[\n\\sqrt{2}\n\\]", rule: "latex", answer: "\\sqrt{2}" },
    { text: "It costs $5 for Tom and $6 for Ann.", rule: "last-number", answer: "$6", note: "currency" },
    { text: "where $x$ is the price, he pays 12 dollars", rule: "last-number", answer: "12" },
    { text: "so $x = 5$, and 2 x is 10", rule: "last-number", answer: "10", note: "a digit follows" },
    { text: "So the line is y = 2x + 3.", rule: "formula", answer: "y = 2x + 3" },
    { text: "The point is (1, 2).", rule: "formula", answer: "(1, 2)" },
    { text: "so 2x", rule: "formula", answer: "2x" },
    { text: "10^5", rule: "formula", answer: "10^5" },
    { text: "3\\pi", rule: "formula", answer: "3\\pi" },
    { text: "x < 5 or so", rule: "formula", answer: "x < 5" },
    { text: "16 * 4 = 64", rule: "last-number", answer: "64", note: "a calculation" },
    { text: "a total of 5 million", rule: "last-number", answer: "5 million" },
    { text: "a share of 28 %.", rule: "last-number", answer: "28 %" },
    { text: "which gives \\frac{1}{2}", rule: "last-number", answer: "\\frac{1}{2}" },
    { text: "The answer is 5 (or five).", rule: "answer-is", answer: "5" },
    { text: "The answer is 5 (or 6).", rule: "answer-is", answer: "5 (or 6)", note: "a hedge" },
    { text: "Answer: 12 (if lucky 13)", rule: "answer-line", answer: "12 (if lucky 13)" },
    { text: "#### 5 (alternatively six)", rule: "hashes", answer: "5 (alternatively six)" },
    { text: "Answer: 18 dollars (9 eggs * $2)", rule: "answer-line", answer: "18 dollars", note: "working" },
    { text: "The answer is 5 (see step 2).", rule: "answer-is", answer: "5" },
    { text: "The answer is not 5. The answer is 6.", rule: "answer-is", answer: "6" },
    { text: "The answer is 5, or maybe 6.", rule: "answer-is", answer: "5, or maybe 6." },
    { text: "The answer is B. Or C.", rule: "answer-is", answer: "B. Or C" },
    { text: "The answer is B. Or is it?", rule: "answer-is", answer: "B" },
    { text: "The answer is 5. Actually, it's 6.", rule: "answer-is", answer: "5. Actually, it's 6." },
    { text: "The answer is 5? No, it is 6.", rule: "answer-is", answer: "5? No, it is 6." },
    { text: "The answer is 5. No 6 is left.", rule: "answer-is", answer: "5" },
    { text: "$x \\neq \\boxed{5}$", rule: "latex", answer: "x \\neq \\boxed{5}", note: "as a whole" },
    { text: "Not \\boxed{5} but \\boxed{6}", rule: "boxed", answer: "6" },
    { text: "\\boxed{5} is wrong; it is \\boxed{6}.", rule: "boxed", answer: "6" },
    { text: "\\boxed{5} is not the only way.", rule: "boxed", answer: "5" },
    { text: "\\boxed{\\text{Ann makes } 18 \\text{ dollars}}", rule: "boxed", answer: "18" },
    { text: "<answer>Multiples of 18.</answer>", rule: "answer-tag", answer: "Multiples of 18." },
    { text: "The answer is 5, wrong.", rule: "answer-is", answer: "5, wrong" },
    { text: "The answer is 5 dozen, i.e. 60", rule: "answer-is", answer: "60" },
    { text: "The answer is 5, i.e. 60.", rule: "answer-is", answer: "5, i.e. 60" },
    { text: "The answer is negative 5.", rule: "answer-is", answer: "-5" },
    { text: "The result is negative 5.", rule: "last-number", answer: "-5." },
    { text: "We get minus **5**", rule: "last-number", answer: "-5" },
    { text: "10 minus 5 is 5 eggs", rule: "last-number", answer: "5" },
    { text: "The roots are 2 and 3.", rule: "formula", answer: "2, 3" },
    { text: "x = 2 or x = 3", rule: "formula", answer: "x = 2, x = 3" },
    { text: "**1**, **2** and **5**", rule: "bold", answer: "1, 2, 5" },
    { text: "**A** or **B**", rule: "bold", answer: "A, B" },
    { text: "**x = 2** and **x = 3**", rule: "bold", answer: "x = 2, x = 3" },
    { text: "He lost some, but 5 are left.", rule: "last-number", answer: "5" },
    { text: "He needs 5 more apples, 5 times.", rule: "last-number", answer: "5" },
    { text: "(C)", rule: "bold", answer: "(C)" },
    { text: "Option C is correct.", rule: "answer-is", answer: "C" },
    { text: "So I choose (C).", rule: "answer-is", answer: "(C)" },
    { text: "### 18", rule: "last-number", answer: "18" },
    { text: "Final answer: 18 ✅", rule: "answer-line", answer: "18" },
    { text: "So she makes $18/day.", rule: "last-number", answer: "$18/day." },
    { text: "<answer>Janet makes 18 dollars.</answer>", rule: "answer-tag", answer: "18" },
    { text: "<answer>The total is 18.</answer>", rule: "answer-tag", answer: "18." },
    { text: "The answer is clearly 18.", rule: "answer-is", answer: "18" },
    { text: "<answer>It is not 5.</answer>", rule: "answer-tag", answer: "It is not 5.", note: "left whole" },
    { text: "<answer>Ann has 5 or six.</answer>", rule: "answer-tag", answer: "Ann has 5 or six." },
  ])("finds $answer by $rule in $text ($note)", ({ text, rule, answer }) => {
    const found = findAnswer(text);
    expect(found && { ...found, text: found.text.replace(/ +/g, " ") }).toEqual({ rule, text: answer });
  });

  it.each([
    "",
    "no digits",
    "the 18-year-old",
    "\\boxed{}",
    "Answer:",
    "####",
    "**bold** words",
    "The answer is not 5.",
    "The answer cannot be 5.",
    "The answer isn't 5. He has 6.",
    "The answer is definitely not **5**",
    "It isn't $5$.",
    "It is not x = 5.",
    "5 is incorrect",
    "It is **5**? No.",
    "Anything but 5",
    "5 dozen",
    "**5** dozen",
    "So 5 hundred years",
    "It takes 5 and a half hours",
    "The ratio is 4 : 5",
    "The odds are 1 in 5",
    "It is 1 out of 5",
    "It is pi over 5",
    "It is 3 over 5",
    "It is the square root of 5",
    "We get 2x plus 5",
    "10 eggs minus 5",
    "That is 20% of 5",
    "The temperature is - 5",
    "It is four or 5 or six",
    "between 4 and 5",
    "$x$",
    "= =",
  ])("finds nothing in %j", (text) => {
    expect(findAnswer(text)).toBeNull();
  });

  it.each([
    { text: "That makes $<<9*2=19>>18", answer: "$18", note: "the calculator's number is not the writer's" },
    { text: "<think>\\boxed{3}</think>It is 4", answer: "4", note: "thinking is no answer" },
    { text: "\\boxed{3}</think>It is 4", answer: "4", note: "the tag's opening was in the prompt" },
    { text: "The answer is 18<|im_end|>\n", answer: "18" },
    { text: "The answer is 18<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd 19?", answer: "18" },
    { text: "<|im_start|>assistant\nIt is 18", answer: "18" },
    { text: "The answer is 18</s>", answer: "18" },
    { text: "The answer is 18<end_of_turn>", answer: "18" },
    { text: "so x\u2212y is \u22125", answer: "-5", note: "a Unicode minus" },
  ])("takes out what is not the answer's text: $text ($note)", ({ text, answer }) => {
    expect(findAnswer(text)?.text).toBe(answer);
  });

  it("finds nothing when the thinking was never ended", () => {
    expect(findAnswer("<think>so it is \\boxed{3}, but wait, 4")).toBeNull();
  });

  it("does not read on behind a marked answer that is too long to be one", () => {
    expect(findAnswer(`${"\\boxed{".concat("1+".repeat(600))}1}\n#### 18`)).toBeNull();
  });
});

describe("extractAnswer", () => {
  const flags = (text: string, options = {}): Partial<Extraction> | null => extractAnswer(text, options);

  it.each([
    { text: "\\boxed{1}, no: wait.\nThen \\boxed{2}", last: "2", first: "1" },
    { text: "#### 5\n#### 7", last: "7", first: "5" },
    { text: "A: 5\nA: 7", last: "7", first: "5" },
    { text: "The answer is 5. No, the answer is 7.", last: "7", first: "5" },
    { text: "<answer>5</answer><answer>7</answer>", last: "7", first: "5" },
    { text: "**5**. Or **7**", last: "7", first: "7" },
  ])("takes the last or the first of several marked answers in $text", ({ text, last, first }) => {
    expect(flags(text)?.text).toBe(last);
    expect(flags(text, { which: "last" })?.text).toBe(last);
    expect(flags(text, { which: "first" })?.text).toBe(first);
  });

  it.each([
    { text: "\\boxed{5}", candidates: 1 },
    {
      text: "\\boxed{5}. Yes, \\boxed{ 5 }, or \\boxed{$5$}",
      candidates: 1,
      note: "one answer, three spellings",
    },
    { text: "\\boxed{5} or rather \\boxed{6} or maybe \\boxed{7}", candidates: 3 },
    { text: "\\boxed{5}, \\boxed{6}", candidates: 1, note: "two parts of one answer" },
    { text: "The answer is 5. The answer is 6.", candidates: 2 },
    { text: "3 and 4 make 7", candidates: 1, note: "numbers without a marker are not counted" },
  ])("counts $candidates different answers in $text ($note)", ({ text, candidates }) => {
    expect(flags(text)).toMatchObject({ candidates });
  });

  it.each([
    { text: "\\boxed{5}", after: false },
    { text: "so $\\boxed{5}$ eggs.", after: false, note: "the rest of the sentence" },
    { text: "\\[\\boxed{5}\\]\n", after: false, note: "marks" },
    { text: "\\begin{align}\\boxed{5}\n\\end{align}</p>", after: false, note: "closing tags" },
    { text: "#### 5\n\n---\n", after: false },
    {
      text: "The final answer is $5$. I hope it is correct.",
      after: false,
      note: "the closing of MATH prompts",
    },
    { text: "\\boxed{5}\n\nWait, let me check.", after: true },
    { text: "The answer is 5. Or is it?", after: true },
    { text: "A: 5\nQ: What is 3 + 4?", after: true, note: "a next question" },
    { text: "<answer>5</answer>\nand more", after: true },
    { text: "It is 5. Good luck!", after: true },
  ])("tells whether more is said after the answer: $text ($note)", ({ text, after }) => {
    expect(flags(text)).toMatchObject({ hasTextAfter: after });
  });

  it.each([
    "The answer is $\\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}$.",
    "Final Answer: The final answer is $\\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}$. I hope it is correct.",
    "**Answer:** $\\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}$\n\nThat is all.",
  ])("reads a matrix to its end, over several lines: %j", (text) => {
    expect(flags(text)?.text).toBe("$\\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}$");
  });

  it("uses the rules it is given, in their order", () => {
    const text = "\\boxed{1}\n#### 2";
    expect(flags(text, { rules: ["hashes", "boxed"] })).toMatchObject({ rule: "hashes", text: "2" });
    expect(flags(text, { rules: ["answer-is"] })).toBeNull();
  });

  it("never throws, and never gives blank or overlong answers", () => {
    const property = fc.property(anyMess, fc.constantFrom("first", "last"), (text, which) => {
      const found = extractAnswer(text, { which: which as "first" | "last" });
      if (found === null) return;
      expect(found.text).toMatch(/\S/);
      expect(found.text.length).toBeLessThanOrEqual(1_000);
      expect(found.candidates).toBeGreaterThanOrEqual(1);
      expect(EXTRACTION_RULES).toContain(found.rule);
    });
    fc.assert(property, { ...law, numRuns: 1_000 });
  });

  it("does not mind blanks and line breaks at the end", () => {
    const blanks = fc.string({ unit: fc.constantFrom(" ", "\n", "\t", "\r\n"), maxLength: 400 });
    const marked = fc.constantFrom(
      "\\boxed{18}",
      "#### 18",
      "A: 18",
      "The answer is 18",
      "so **18**",
      "It is 18",
    );
    const property = fc.property(fc.oneof(anyMess, marked), blanks, (text, tail) => {
      // A line break ends a sentence and a heading, so only what already ends in one is the same text.
      expect(extractAnswer(`${text}\n${tail}`)).toEqual(extractAnswer(`${text}\n`));
    });
    fc.assert(property, law);
  });

  it("is not led astray by what stands before the last answer", () => {
    const property = fc.property(fc.lorem({ mode: "sentences", maxCount: 4 }), fc.nat(), (prose, number) => {
      expect(findAnswer(`${prose} So 3 + 4 = 7.\n#### ${number}`)).toEqual({
        rule: "hashes",
        text: `${number}`,
      });
      expect(findAnswer(`#### 7\n${prose} \\boxed{${number}}`)).toEqual({ rule: "boxed", text: `${number}` });
    });
    fc.assert(property, law);
  });
});

describe("extractAnswer in linear time", () => {
  const MEGABYTE = 2 ** 20;
  const units = [
    ...PIECES,
    "#",
    "answer is ",
    "answer is: $5",
    "the answer to ",
    "Answer:\n",
    "Answer:\n\\[",
    "A:x\n",
    "\\boxed",
    "\\boxed{1}",
    "\\boxed{1},",
    "\\boxed\n",
    "#### ",
    "#### 1",
    "<answer>1</answer>",
    "$ $",
    "$x$, ",
    "$5 ",
    "\\(x\\) and ",
    "**1** ",
    "** ",
    "x=",
    "= ",
    "(",
    "1 ",
    ",333",
    ".",
    "<|",
    "a",
    "\\text{",
    "\\frac{1}{",
    "😀",
    "\\boxed{1 \\boxed{2}",
    "the answer is not ",
    "not 5 ",
    "or **5** ",
    "I choose B ",
    "Option C is ",
    "\\text{A ",
    "not \\boxed{5} is ",
    "answer is 5. no, ",
    "x or ",
    "i.e. ",
  ];

  it.each(units)(
    "reads a megabyte of %j with less than a second of work",
    (unit) => {
      const text = unit.repeat(Math.ceil(MEGABYTE / unit.length));
      for (const whole of [text, `Answer:\nthe answer is ${text} 18`]) {
        const start = process.cpuUsage();
        extractAnswer(whole);
        const { user, system } = process.cpuUsage(start);
        expect((user + system) / 1_000).toBeLessThan(1_000);
      }
    },
    30_000,
  );
});

describe("boxes in linear time", () => {
  it.each([
    { name: "100,000 boxes in one", text: `\\boxed{${"\\boxed{1},".repeat(100_000)}}` },
    { name: "boxes 100,000 deep with a digit each", text: "\\boxed{1".repeat(100_000) + "}".repeat(100_000) },
    {
      name: "boxes 50,000 deep with a box beside each",
      text: "\\boxed{\\boxed{1},".repeat(50_000) + "}".repeat(50_000),
    },
    {
      name: "2,000 boxes in a row, each 200 deep",
      text: `${"\\boxed{1".repeat(200)}${"}".repeat(200)} x `.repeat(2_000),
      count: 2_000,
    },
  ])("reads $name with less than a second of work", ({ text, count = 1 }) => {
    const start = process.cpuUsage();
    expect(boxes(text)).toHaveLength(count);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });
});

describe("findReferenceAnswer", () => {
  it.each([
    { reference: "She makes $18.\n#### 18", rule: "hashes", text: "18" },
    { reference: "Thus $x = \\boxed{\\frac{1}{2}}$.", rule: "boxed", text: "\\frac{1}{2}" },
    { reference: "Either $\\boxed{1}$ or $\\boxed{2}$.", rule: "boxed", text: "1, 2" },
    { reference: "x + 1", rule: "whole", text: "x + 1" },
    { reference: " 18 \n", rule: "whole", text: "18" },
    { reference: "The cat has 4 legs", rule: "whole", text: "The cat has 4 legs" },
    {
      reference: "\\begin{pmatrix}\n1 & 2\\\\\n3 & 4\n\\end{pmatrix}",
      rule: "whole",
      text: "\\begin{pmatrix}\n1 & 2\\\\\n3 & 4\n\\end{pmatrix}",
    },
  ])("reads $text from $reference", ({ reference, rule, text }) => {
    expect(findReferenceAnswer(reference)).toEqual({ rule, text });
  });

  it.each(["", "  ", "$$", "No marker here,\nand two lines with 18.", "1".repeat(1_001)])(
    "finds no answer in %j",
    (reference) => {
      expect(findReferenceAnswer(reference)).toBeNull();
    },
  );
});

describe("isFormula", () => {
  it.each(["2x + 3", "(1, 2)", "\\sqrt{2}", "x < 5", "sin(x)", "10^5", "5\\text{ cm}", "[0, \\infty)"])(
    "takes %j for a formula",
    (text) => {
      expect(isFormula(text)).toBe(true);
    },
  );

  it.each(["", "2 eggs", "a", "Step 3", "the", "9+John's age", "x is 5"])("takes %j for none", (text) => {
    expect(isFormula(text)).toBe(false);
  });
});

describe("environments", () => {
  it.each([
    { text: "$a+1$ and \\(b\\), \\[c\\], $$d$$", contents: ["a+1", "b", "c", "d"] },
    { text: "$5 and then $6", contents: [], note: "currency" },
    { text: "\\$5 and $x^2$", contents: ["x^2"], note: "an escaped dollar" },
    { text: "$x\n$", contents: [], note: "inline math stays on its line" },
    { text: "\\( a", contents: [], note: "never closed" },
  ])("reads $contents in $text ($note)", ({ text, contents }) => {
    expect(environments(text).map((math) => math.text)).toEqual(contents);
  });
});
