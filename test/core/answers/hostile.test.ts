import { describe, expect, it } from "vitest";
import { readAnswer } from "../../../src/core/answers/compare.ts";
import { type AnswerVerdict, judgeAnswers } from "../../../src/core/answers/judge.ts";

const repeat = (text: string, times: number): string => text.repeat(times);

/** Reference, hostile answer, and the verdicts that are no fault. */
const HOSTILE: readonly (readonly [gold: string, given: string, ...allowed: AnswerVerdict[]])[] = [
  ["9^{9^{9}}", "9^{9^{9}}", "equal"],
  ["3", "9^{9^{9^{9}}}", "different"],
  ["0", "9^{-9^{9^9}}", "different"],
  ["5", "e^{e^{e^{e^{10}}}}", "different"],
  ["x", "x^{9^{9^{9}}}", "timeout"],
  ["5", "((((((((9!)!)!)!)!)!)!)!)!", "different", "timeout"],
  ["5", repeat("3000!+2999!+", 80), "different", "unparsable"],
  ["5", repeat("\\frac{1}{", 100), "unparsable"],
  ["5", repeat("{", 999), "unparsable"],
  ["5", repeat("{", 1_000_000), "unparsable"],
  ["5", `${repeat("(", 500)}1${repeat(")", 499)}`, "unparsable"],
  ["5", `${repeat("-", 900)}5`, "unparsable"],
  ["5", `${repeat("\\sqrt{", 55)}5${repeat("}", 55)}`, "unparsable"],
  ["5", `1${repeat("+\\sin(\\ln 2)", 70)}`, "different"],
  ["5", "\\sum_{k=1}^{2000}\\sum_{k=1}^{2000}\\sum_{k=1}^{2000} k", "undecided"],
  ["\\pi", "\\sum_{k=1}^{2000} \\frac{1}{k^2+1}", "timeout", "different"],
  ["5", "\\sum_{k=1}^{10^8} \\sin k", "timeout"],
  ["5", "\\prod_{k=1}^{10^8} k", "timeout"],
  ["5", "2^{100000000}", "different"],
  ["\\sqrt 2", "\\sqrt{2^{8000}+1}", "different"],
  ["x", `${repeat("x+", 400)}1`, "different", "unparsable"],
  ["x", `${repeat("x^{", 58)}2${repeat("}", 58)}`, "unparsable"],
  ["(1,2)", `${repeat("1,", 400)}1`, "different", "unparsable"],
  [`\\{${repeat("1,", 300)}2\\}`, `\\{${repeat("2,", 300)}1\\}`, "equal", "unreadable-reference"],
  [`\\{${repeat("\\sqrt2+\\pi,", 40)}1\\}`, `\\{${repeat("\\pi+\\sqrt2-0,", 40)}1\\}`, "equal"],
  ["\\pi", `${repeat("\\binom{5000}{2500}+", 40)}\\pi`, "different"],
  ["5", repeat("\\pm1", 200), "different"],
  ["1", `1${repeat("%", 900)}`, "unparsable", "timeout", "different"],
  ["1", `1${repeat("!", 900)}`, "unparsable", "timeout", "different"],
  ["1", `1${repeat(" ", 990)}1`, "unparsable"],
  ["1", `\\text{${repeat("a", 900)}}`, "different"],
  ["e^{e^{e^{e}}}", "e^{e^{e^{e}}}+1", "undecided"],
  ["x", `${repeat("e^{", 50)}x${repeat("}", 50)}`, "unparsable"],
  ["\\pi", `${repeat("\\tan(", 30)}1${repeat(")", 30)}`, "different", "undecided"],
  ["|x|", `${repeat("|", 900)}x`, "unparsable"],
  ["5", "1e999999999", "unparsable"],
  ["\\pi", "10^{-8000}\\pi", "different"],
  ["n!", "((n!)!)!", "timeout"],
  ["\\binom{n}{k}", "\\binom{n^9}{k^9}", "timeout", "undecided", "different"],
  ["\\sqrt 2 n!", "2^{2^{n}}\\sqrt{2}", "timeout", "different"],
  // Names that every object has.
  ["5", "constructor", "different"],
  ["5", "\\constructor{5}", "unparsable"],
  ["5", "__proto__", "unparsable", "different"],
  ["5", "5_{toString}", "unparsable"],
];

describe("hostile answers", () => {
  // Most take well under a millisecond, the worst tens of them; the limit leaves room for a busy machine.
  it.each(HOSTILE)("are judged within a second (%#)", (gold, given, ...allowed) => {
    const start = performance.now();
    const judgement = judgeAnswers(readAnswer(gold), readAnswer(given), { symbolic: false });
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(allowed).toContain(judgement instanceof Promise ? "a promise" : judgement.verdict);
  });
});
