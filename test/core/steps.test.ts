import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rangeTexts, type StepOptions, splitSteps } from "../../src/core/steps.ts";
import { anyText, HOSTILE_TEXTS } from "../../src/testing/arbitraries.ts";

const stepsOf = (text: string, options: StepOptions = {}): string[] =>
  rangeTexts(text, splitSteps(text, options));

/** Texts of the pieces that splitting looks at, so that blocks open, close, nest and stay open. */
const anySolution = (): fc.Arbitrary<string> =>
  fc.oneof(
    anyText(),
    fc
      .array(
        fc.constantFrom(
          ..."a|👍 b|\n|\n\n|\r\n|\r\n\r\n|\n \t\n|```|\n```js\n|\n~~~\n|$$|\\[|\\]|\\\\[2pt]|\\$|\\begin{align}|\\end{align}".split(
            "|",
          ),
          ..."\\begin{cases}|\\end{cases}|Step 1: |\nStep 2.|\n**Step 3:** |\ud800|\u2028|.".split("|"),
        ),
        { maxLength: 30 },
      )
      .map((parts) => parts.join("")),
  );

const anyOptions = (): fc.Arbitrary<StepOptions> =>
  fc.constantFrom(
    {},
    { heads: true },
    { separator: "\n" },
    { separator: ". " },
    { separator: "👍" },
    { pattern: "\\n\\s*" },
    { pattern: "(?=Step \\d)" },
  );

describe("step splitting", () => {
  it.each([
    { note: "blank lines", text: "a\n\nb c\n\n\n\nd", steps: ["a", "b c", "d"] },
    { note: "lines of white space are blank", text: "a\n \t\nb\nc", steps: ["a", "b\nc"] },
    { note: "CRLF", text: "a\r\n\r\nb\r\nc", steps: ["a", "b\r\nc"] },
    { note: "no blank line: line ends", text: "a\nb\r\nc", steps: ["a", "b", "c"] },
    { note: "a blank line behind the last step separates nothing", text: "a\nb\n\n", steps: ["a", "b"] },
    { note: "one line", text: "  a  ", steps: ["a"] },
    { note: "nothing", text: "", steps: [] },
    { note: "white space alone", text: " \n\n \r\n", steps: [] },
    { note: "fenced code", text: "a\n\n```py\nx\n\ny\n```\n\nb", steps: ["a", "```py\nx\n\ny\n```", "b"] },
    {
      note: "a fence closes at one as long",
      text: "````\n```\n\n````\n\nb",
      steps: ["````\n```\n\n````", "b"],
    },
    { note: "tildes do not close backticks", text: "```\n~~~\n\n```\n\nb", steps: ["```\n~~~\n\n```", "b"] },
    { note: "a fence left open", text: "a\n\n```\nx\n\ny", steps: ["a", "```\nx\n\ny"] },
    { note: "code within a line is no fence", text: "```x``` a\n\nb", steps: ["```x``` a", "b"] },
    { note: "a display formula", text: "a\n\n$$x\n\ny$$\n\nb", steps: ["a", "$$x\n\ny$$", "b"] },
    { note: "dollars left open", text: "it costs $$\n\nb", steps: ["it costs $$", "b"] },
    { note: "an escaped dollar opens nothing", text: "\\$$5\n\nb\\$$", steps: ["\\$$5", "b\\$$"] },
    { note: "brackets", text: "\\[x\n\ny\\]\n\nb", steps: ["\\[x\n\ny\\]", "b"] },
    { note: "a row's spacing is no bracket", text: "x \\\\[2pt]\n\ny \\]", steps: ["x \\\\[2pt]", "y \\]"] },
    {
      note: "environments, nested",
      text: "\\begin{align}\n\\begin{cases}a\n\n\\end{cases}\n\n\\end{align}\n\nb",
      steps: ["\\begin{align}\n\\begin{cases}a\n\n\\end{cases}\n\n\\end{align}", "b"],
    },
    {
      note: "an environment left open inside another",
      text: "\\begin{align}\\begin{cases}\n\n\\end{align}\n\nb",
      steps: ["\\begin{align}\\begin{cases}\n\n\\end{align}", "b"],
    },
    {
      note: "an environment left open",
      text: "\\begin{align}a\n\nb\\end{cases}",
      steps: ["\\begin{align}a", "b\\end{cases}"],
    },
    {
      note: "LaTeX in code is code",
      text: "```\n$$\n```\n\nb\n\n$$c$$",
      steps: ["```\n$$\n```", "b", "$$c$$"],
    },
    { note: "line ends, blocks whole", text: "a\n$$x\ny$$\nb", steps: ["a", "$$x\ny$$", "b"] },
  ])("by default, $note", ({ text, steps }) => {
    expect(stepsOf(text)).toEqual(steps);
  });

  it.each([
    { options: { separator: "\n" }, text: "a\r\nb\n\nc", steps: ["a", "b", "c"] },
    { options: { separator: "||" }, text: "a||b|c|| ||", steps: ["a", "b|c"] },
    { options: { separator: "$." }, text: "a$.b", steps: ["a", "b"] },
    { options: { pattern: "\\s*;\\s*" }, text: "a ; b;c", steps: ["a", "b", "c"] },
    { options: { pattern: "^(?=\\d+\\.)" }, text: "so\n1. a\n12. b", steps: ["so", "1. a", "12. b"] },
    { options: { pattern: "<step>" }, text: "```\n<step>\n```<step>b", steps: ["```\n<step>\n```<step>b"] },
    {
      options: { heads: true },
      text: "so\nStep 1: a\n\nb\nstep 2. c",
      steps: ["so", "Step 1: a\n\nb", "step 2. c"],
    },
    {
      options: { heads: true },
      text: "## Step 1\na\n**Step 2:** b",
      steps: ["## Step 1\na", "**Step 2:** b"],
    },
    { options: { heads: true }, text: "Step 1: a\n\nb", steps: ["Step 1: a\n\nb"] },
    { options: { heads: true }, text: "a\n\nStep 3 of the plan", steps: ["a", "Step 3 of the plan"] },
  ])("$options splits $text", ({ options, text, steps }) => {
    expect(stepsOf(text, options)).toEqual(steps);
  });

  it("counts in Unicode code points", () => {
    expect(splitSteps("a\n\n👍 b\n\n\nc")).toEqual([
      { start: 0, end: 1 },
      { start: 3, end: 6 },
      { start: 9, end: 10 },
    ]);
  });

  it("gives steps in order that do not overlap, and that make up the text with the gaps between them", () => {
    fc.assert(
      fc.property(anySolution(), anyOptions(), (text, options) => {
        const steps = splitSteps(text, options);
        const points = Array.from(text);
        let rebuilt = "";
        let before = 0;
        for (const { start, end } of steps) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          const step = points.slice(start, end).join("");
          expect(step).toBe(step.trim());
          rebuilt += points.slice(before, start).join("") + step;
          before = end;
        }
        expect(rebuilt + points.slice(before).join("")).toBe(text);
        expect(rangeTexts(text, steps)).toEqual(
          steps.map(({ start, end }) => points.slice(start, end).join("")),
        );
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("loses nothing but white space between steps by default", () => {
    fc.assert(
      fc.property(anySolution(), (text) => {
        expect(stepsOf(text).join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it.each([
    "```\n".repeat(50_000),
    "$$\n\n".repeat(50_000),
    "\\[\n\n".repeat(50_000),
    "\\begin{a}\n\n".repeat(50_000),
    Array.from({ length: 20_000 }, (_, index) => `\\begin{${"ab"[index % 2]}}\n\n\\end{c}`).join(""),
    "\n".repeat(300_000),
    `\n${" ".repeat(300_000)}`,
    "\r".repeat(300_000),
    "step 1".repeat(50_000),
    "```x``".repeat(50_000),
    ...HOSTILE_TEXTS,
  ])("splits hostile text %# in time that is linear in its length", (text) => {
    const started = performance.now();
    for (const options of [{}, { heads: true }, { separator: "\n\n" }, { pattern: "\\n\\s*\\n\\s*" }]) {
      splitSteps(text, options);
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it.each([
    { separator: "" },
    { separator: "\n", heads: true },
    { separator: "\n", pattern: "\\n" },
    { pattern: "" },
    { pattern: "(" },
    { pattern: "(a+)+" },
    { pattern: "(?:a|b)*" },
    { pattern: "(a)\\1" },
    { pattern: "(?<x>a)\\k<x>" },
    { pattern: "a*b*c*d*" },
    { pattern: "a{1,400}" },
    { pattern: "a{400}" },
    { pattern: "a".repeat(201) },
  ])("refuses %j", (options) => {
    expect(() => splitSteps("a", options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });

  it.each([
    { pattern: "[*+?(]{2,}", text: "a*+b", steps: ["a", "b"] },
    { pattern: "\\(\\*", text: "a(*b", steps: ["a", "b"] },
    { pattern: "(?:,|;) ?", text: "a, b;c", steps: ["a", "b", "c"] },
    { pattern: "-+?", text: "a--b", steps: ["a", "b"] },
    { pattern: "(?<=\\.)\\s+", text: "a. b.c. d", steps: ["a.", "b.c.", "d"] },
    { pattern: "-+", text: `a${"-".repeat(1000)}b`, steps: ["a", "b"] },
  ])("takes the pattern $pattern", ({ pattern, text, steps }) => {
    expect(stepsOf(text, { pattern })).toEqual(steps);
  });
});

describe("a fence in a list", () => {
  it.each(["- ", "1. ", "> ", "* 2) "])("is a fence behind %j", (mark) => {
    const block = `${mark}\`\`\`py\n  x\n\n  y\n  \`\`\``;
    expect(stepsOf(`Do this:\n\n${block}\n\nThen that.\n\nIt is 4.`)).toEqual([
      "Do this:",
      block,
      "Then that.",
      "It is 4.",
    ]);
  });
});
