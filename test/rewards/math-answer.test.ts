import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verdictScore } from "../../rewards/math-answer/verdict.ts";
import { definition, mathAnswer } from "../../rewards/math-answer.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import { anyGroup, anyText, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

async function judge(text: string, reference: string, scorer = mathAnswer()): Promise<Score | undefined> {
  const [score] = await scorer.score(groupOf([text], { reference }), context);
  return score;
}

scorerContract(mathAnswer(), anyGroup());

describe("math-answer", () => {
  it.each([
    { text: "She earns $18.\nA: 18", note: "the dialect of the GSM8K example solutions" },
    { text: "9 * 2 = $<<9*2=18>>18\n#### 18", note: "GSM8K, with calculator annotations" },
    { text: "#### $18", note: "a real false negative of verl's strict pattern" },
    { text: "#### 18.", note: "trailing period" },
    { text: "#### 18.00", note: "decimals" },
    { text: "#### 5\n#### 18", note: "the last one counts" },
    { text: "#### 18 clips", note: "unit" },
    { text: `#### 18${" ".repeat(400)}`, note: "blanks at the end" },
    { text: "so \\boxed{18} eggs", note: "box" },
    { text: "so $\\boxed{18\\text{ eggs}}$", note: "box with a unit" },
    { text: "**Answer:** **18**", note: "Markdown bold" },
    { text: "### Final Answer\n\n18 dollars per day", note: "heading, answer below" },
    { text: "The final answer is $18.", note: "phrase" },
    { text: "The answer to the question is 18, because 9 * 2 = 18.", note: "phrase with a reason" },
    { text: "9 * 2 = 18", note: "last number" },
    { text: "x = 36/2", note: "last number, a fraction" },
    { text: "The answer is x = 18.", note: "assignment" },
    { text: "The answer is eighteen.", note: "number word" },
  ])("finds 18 in $text ($note)", async ({ text }) => {
    expect(await judge(text, "She makes 9 * 2 = 18.\n#### 18")).toMatchObject({ kind: "scored", value: 1 });
  });

  it.each([
    { text: "A: 26", reference: "18" },
    { text: "A: -18", reference: "18" },
    { text: "A: 9+John's age", reference: "9", note: "a formula is not a number" },
    { text: "\\boxed{5x}", reference: "5" },
    { text: "\\boxed{cannot be determined}", reference: "5" },
    { text: "A: 1.5 billion", reference: "1.5" },
    { text: "\\boxed{28}", reference: "28%", note: "percent is kept apart" },
    { text: "\\boxed{0.333}", reference: "1/3", note: "exact by default" },
    { text: "\\boxed{y=5}", reference: "x=5", note: "names of both sides count" },
  ])("scores 0 for $text when the reference is $reference", async ({ text, reference }) => {
    expect(await judge(text, reference)).toMatchObject({ kind: "scored", value: 0, why: /^different: / });
  });

  it("says which rule found the answer and which comparison decided", async () => {
    expect(await judge("so \\boxed{0.5}", "1/2")).toEqual({
      kind: "scored",
      value: 1,
      why: 'equal: "0.5" (boxed), by number',
      parts: { textAfter: 0, truncated: 0, candidates: 1 },
    });
    expect(await judge("A: 17", "#### 18")).toEqual({
      kind: "scored",
      value: 0,
      why: 'different: "17" (answer-line), not "18", by number',
      parts: { textAfter: 0, truncated: 0, candidates: 1 },
    });
  });

  it.each(["", "I do not know.", "\\boxed{}", "9 * 2 = 18, so \\boxed{18", "The answer is"])(
    "scores 0 with no_answer for %j, or abstains when told to",
    async (text) => {
      expect(await judge(text, "18")).toMatchObject({
        value: 0,
        why: /^no_answer: /,
        parts: { candidates: 0 },
      });
      const abstaining = mathAnswer({ onUnreadable: "abstain" });
      expect(await judge(text, "18", abstaining)).toMatchObject({ kind: "abstained", why: /^no_answer: / });
    },
  );

  it("marks text after the answer, several answers, and responses that were stopped for their length", async () => {
    const responses = [
      "\\boxed{18}\nThat was easy.",
      "\\boxed{17}. No, it is \\boxed{18}",
      { text: "A: 18", finishReason: "length" },
      { text: "A: 18", finishReason: "stop" },
      { text: "So it is", finishReason: "length" },
    ];
    expect(await mathAnswer().score(groupOf(responses, { reference: "18" }), context)).toMatchObject([
      { value: 1, parts: { textAfter: 1, truncated: 0, candidates: 1 } },
      { value: 1, parts: { textAfter: 0, truncated: 0, candidates: 2 } },
      { value: 1, parts: { textAfter: 0, truncated: 1, candidates: 1 } },
      { value: 1, parts: { textAfter: 0, truncated: 0, candidates: 1 } },
      { value: 0, parts: { textAfter: 0, truncated: 1, candidates: 0 } },
    ]);
  });

  it("takes the first marked answer when told to", async () => {
    const text = "\\boxed{18}. Or \\boxed{19}?";
    expect(await judge(text, "18")).toMatchObject({ value: 0 });
    expect(await judge(text, "18", mathAnswer({ which: "first" }))).toMatchObject({ value: 1 });
  });

  it("does not mind blanks behind the response", async () => {
    const text = fc.oneof(
      anyText(),
      fc.constantFrom("A: 18", "\\boxed{18}", "#### 18", "It is 18", "So **18**", "$x = 18$"),
    );
    const property = fc.asyncProperty(text, fc.stringMatching(/^[ \n\t]{0,40}$/), async (response, tail) => {
      const reference = "18";
      expect(await judge(`${response}\n${tail}`, reference)).toEqual(await judge(`${response}\n`, reference));
    });
    await fc.assert(property, { seed: 1, numRuns: 200 });
  });

  it("gives its scores at once when nothing has to be waited for", () => {
    const group = groupOf(["A: 18", "A: 26", "no"], { reference: "18" });
    expect(mathAnswer().score(group, context)).toBeInstanceOf(Array);
  });

  it.each(["", "  ", "$$", "No marker here,\nand two lines.", "1".repeat(1_001)])(
    "fails on an unreadable reference (%#), never with a number",
    async (reference) => {
      expect(await judge("A: 18", reference)).toMatchObject({ kind: "failed", code: "unreadable_reference" });
    },
  );

  it("abstains without a reference", async () => {
    expect(await mathAnswer().score(groupOf(["A: 18"]), context)).toEqual([
      { kind: "abstained", why: "prompt has no reference" },
    ]);
  });

  it("uses only the rules it is given for responses, and any marker for the reference", async () => {
    const boxedOnly = mathAnswer({ rules: ["boxed"] });
    expect(await judge("A: 18", "#### 18", boxedOnly)).toMatchObject({
      value: 0,
      why: "no_answer: nothing found by boxed",
    });
    expect(await judge("\\boxed{18}", "#### 18", boxedOnly)).toMatchObject({ value: 1 });
  });

  it("accepts a relative difference up to the tolerance", async () => {
    const rough = mathAnswer({ tolerance: 0.01 });
    expect(await judge("A: 101", "100", rough)).toMatchObject({ value: 1 }); // |101 - 100| / 100 = 0.01
    expect(await judge("A: 101.1", "100", rough)).toMatchObject({ value: 0 }); // 0.011
    expect(await judge("A: 0.001", "0", rough)).toMatchObject({ value: 0 }); // relative to 0 nothing is near
  });

  it("lets 28% stand for 28 when percent signs are ignored", async () => {
    const lenient = mathAnswer({ percent: "ignore" });
    expect(await judge("A: 28%", "28", lenient)).toMatchObject({ value: 1 });
    expect(await judge("A: 28%", "28")).toMatchObject({ value: 0 });
    expect(await judge("A: 28%", "0.28")).toMatchObject({ value: 1 });
  });

  it.each([
    { options: { rules: [] }, names: "rules" },
    { options: { rules: ["guess"] }, names: "rules.0" },
    { options: { tolerance: -1 }, names: "tolerance" },
    { options: { tolerance: Number.NaN }, names: "tolerance" },
    { options: { tollerance: 0 }, names: "tollerance" },
    { options: { onUndecided: "zero" }, names: "never a number" },
    { options: { symbolicTimeoutMs: 0 }, names: "symbolicTimeoutMs" },
    { options: { which: "best" }, names: "which" },
  ])("refuses the options $options", ({ options, names }) => {
    const make = () => definition.create(options as never);
    expect(make).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining(names) }),
    );
  });

  it.each([
    { name: "1 MB of opening braces", text: "{".repeat(2 ** 20) },
    { name: "1 MB of boxes that are never closed", text: "\\boxed{".repeat(150_000) },
    { name: "boxes nested 100,000 deep", text: "\\boxed{".repeat(100_000) + "}".repeat(100_000) },
    { name: "100,000 digits", text: `A: ${"9".repeat(100_000)}` },
    {
      name: "fractions nested 50,000 deep",
      text: `\\boxed{${"\\frac{1}{".repeat(50_000)}2${"}".repeat(50_000)}}`,
    },
    { name: "1 MB of blanks after a phrase", text: `the answer is${" ".repeat(2 ** 20)}` },
    { name: "the phrase 70,000 times", text: "the answer to ".repeat(70_000) },
    { name: "1 MB of newlines", text: "\n".repeat(2 ** 20) },
    { name: "unclosed calculators", text: "<<9*2".repeat(200_000) },
    { name: "1 MB of hashes", text: "#".repeat(2 ** 20) },
    { name: "1 MB of commas and threes", text: ",333".repeat(2 ** 18) },
    { name: "1 MB of stars", text: "*".repeat(2 ** 20) },
    { name: "a thousand lines of commas", text: `A:${",".repeat(990)}x\n`.repeat(1_000) },
    { name: "a thousand lines of blanks behind a power", text: `A:^${" ".repeat(990)}x\n`.repeat(1_000) },
    { name: "answer lines without an answer", text: "Answer:\n".repeat(130_000) },
  ])(
    "finds no answer in $name, and quickly",
    async ({ text }) => {
      expect(await judge(text, "18")).toMatchObject({ kind: "scored", value: 0, why: /^no_answer: / });
    },
    2_000,
  );

  it.each([
    { name: "a huge exponent", text: "A: 1e999999999" },
    { name: "a nested fraction", text: `\\boxed{${"\\frac{1}{".repeat(90)}2${"}".repeat(90)}}` },
    { name: "a division by zero", text: "A: 1/0" },
    { name: "braces that do not match", text: "\\boxed{\\frac{1}{2}\\}}" },
  ])("does not take $name for 18", async ({ text }) => {
    const score = await judge(text, "18", mathAnswer({ symbolic: false }));
    expect(score).not.toMatchObject({ value: 1 });
  });
});

describe("math-answer's scores for verdicts", () => {
  const judged = {
    found: { text: "\\sqrt{4}", rule: "boxed" },
    gold: "2",
    parts: { textAfter: 0, truncated: 0, candidates: 1 },
  } as const;
  const verdict = (name: Parameters<typeof verdictScore>[0]["verdict"], options = {}) =>
    verdictScore({ verdict: name, rung: "number" }, judged, {
      onUnreadable: "zero",
      onUndecided: "fail",
      ...options,
    });

  it("are numbers for what the response is to blame for", () => {
    const { parts } = judged;
    expect(verdict("equal")).toEqual({
      kind: "scored",
      value: 1,
      why: 'equal: "\\sqrt{4}" (boxed), by number',
      parts,
    });
    expect(verdict("different")).toEqual({
      kind: "scored",
      value: 0,
      why: 'different: "\\sqrt{4}" (boxed), not "2", by number',
      parts,
    });
    expect(verdict("unparsable")).toMatchObject({ value: 0, why: /^unparsable: /, parts });
    expect(verdict("unparsable", { onUnreadable: "abstain" })).toMatchObject({
      kind: "abstained",
      why: /^unparsable: /,
    });
  });

  it("are never numbers for what we are to blame for", () => {
    expect(verdict("unreadable-reference")).toMatchObject({ kind: "failed", code: "unreadable_reference" });
    expect(verdict("timeout")).toMatchObject({ kind: "failed", code: "timeout" });
    expect(verdict("undecided")).toMatchObject({ kind: "failed", code: "undecided" });
    expect(verdict("undecided", { onUndecided: "abstain" })).toMatchObject({
      kind: "abstained",
      why: /^undecided: /,
    });
  });
});

interface ExampleSolution {
  readonly solution: string;
  readonly is_correct: boolean;
}

const file = new URL("../../../shared/data/gsm8k/example_model_solutions.jsonl", import.meta.url);
const models = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"] as const;
const isThere = existsSync(file);

describe("math-answer on the GSM8K example solutions", () => {
  it.skipIf(!isThere)(
    `agrees with all 5,276 is_correct flags${isThere ? "" : " (not run: the data file is absent)"}`,
    async () => {
      const scorer = mathAnswer();
      const disagreements: string[] = [];
      let flags = 0;
      for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
        const row = JSON.parse(line) as { ground_truth: string } & Record<
          (typeof models)[number],
          ExampleSolution
        >;
        const solutions = models.map((model) => row[model]);
        const group = groupOf(
          solutions.map(({ solution }) => solution),
          { reference: row.ground_truth },
        );
        const scores = await scorer.score(group, context);
        solutions.forEach(({ is_correct }, index) => {
          flags += 1;
          const score = scores[index];
          const isAgreed = score?.kind === "scored" && score.value === Number(is_correct);
          if (!isAgreed) disagreements.push(`${is_correct}: ${JSON.stringify(score)}`);
        });
      }
      expect(disagreements).toEqual([]);
      expect(flags).toBe(5_276);
    },
  );
});
