import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceInterval } from "../../src/judging/pairwise/intervals.ts";
import { lengthEffect } from "../../src/judging/pairwise/length-effect.ts";
import { comparisonQuestion } from "../../src/judging/pairwise/question.ts";
import {
  type Choice,
  choiceSchema,
  readChoice,
  readChoiceJson,
} from "../../src/judging/pairwise/read-choice.ts";
import { meanVerdict, reconcile, tallyOf } from "../../src/judging/pairwise/reconcile.ts";
import { malformedReplies } from "../../src/testing/simulated-judge/malformed-replies.ts";

const read = (text: string, allowTie = true) => readChoice({ text }, allowTie);
const answer = (value: Choice) => ({ kind: "read", answer: value });

describe("readChoice", () => {
  it.each([
    { text: "A is right.\n[[A]]", value: 1 },
    { text: "B is right.\n[[B]]", value: -1 },
    { text: "Neither.\n[[C]]", value: 0 },
    { text: "Neither.\n[[tie]]", value: 0 },
    { text: "My verdict: **[[b]]**.", value: -1 },
    { text: "[[ A ]]\n\n  \n", value: 1 },
    { text: "reasons\r\n- `[[B]]`\r\n", value: -1 },
    { text: "<think>Perhaps [[B]].</think>\n[[A]]", value: 1 },
  ] as const)("reads $text", ({ text, value }) => {
    expect(read(text)).toEqual(answer(value));
  });

  it("takes the last verdict, and says that there was another", () => {
    expect(read("At first sight [[A]].\nBut it is wrong.\n[[B]]")).toEqual({
      ...answer(-1),
      ambiguous: true,
    });
  });

  it.each([
    { text: "", why: "nothing" },
    { text: " \n\t ", why: "blanks" },
    { text: "A is better", why: "a verdict in prose" },
    { text: "[[A]]\nThank you for asking.", why: "a verdict that is not at the end" },
    { text: "[[A]] or [[B]]", why: "two verdicts on the last line" },
    { text: "[[A]] and once more [[A]]", why: "a mark twice on the last line" },
    { text: "A is worse, so not [[A]]", why: "a mark that is denied" },
    { text: "> [[B]]", why: "a quoted mark" },
    { text: "<think>So far\n[[A]]", why: "a thought" },
    { text: "[[A]], not [[C]]", why: "two verdicts on the last line, the other one a tie" },
    { text: "[[D]]", why: "a verdict that was not asked for" },
    { text: "[[AB]]", why: "both in one" },
    { text: "[A]", why: "single brackets" },
    { text: "[[A|3f]]", why: "an envelope's mark" },
    { text: "[[constructor]]", why: "a name that every object has" },
    { text: "[[response A]]", why: "a label" },
    { text: "[[А]]", why: "a Cyrillic letter" },
    { text: '{"verdict": "A"}', why: "JSON where text was asked for" },
  ])("does not read $why", ({ text }) => {
    expect(read(text).kind).toBe("unread");
  });

  it("does not read a tie where none was offered", () => {
    expect(read("[[C]]", false).kind).toBe("unread");
    expect(read("[[A]]", false)).toEqual(answer(1));
  });

  it("reads none of forty malformed replies, with either verdict and in either form", () => {
    for (const [rightMark, wrongMark] of [
      ["A", "B"],
      ["B", "A"],
      ["C", "A"],
    ] as const) {
      const right = `[[${rightMark}]]`;
      const parts = { reasons: "Response A is right.", right, rightMark, wrongMark, unknownMark: "D" };
      for (const { name, text } of malformedReplies(parts)) {
        expect([name, read(text).kind]).toEqual([name, "unread"]);
        expect([name, readChoiceJson({ text }, true).kind]).toEqual([name, "unread"]);
      }
    }
  });

  it("never says anything that does not stand at the end, whatever the reply", () => {
    const piece = fc.oneof(
      fc.constantFrom("[[A]]", "[[B]]", "[[C]]", "[[", "]]", "[[D]]", "\n", "A", "B", " ", "**", "not "),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        const reading = read(text);
        if (reading.kind === "unread") return;
        const last = text
          .split(/[\r\n\u2028\u2029]+/)
          .filter((line) => /[^\s*]/.test(line))
          .at(-1);
        const marks = last?.match(/\[\[\s*([abc]|tie)\s*\]\]/gi) ?? [];
        const said = new Set(marks.map((mark) => (/a/i.test(mark) ? 1 : /b/i.test(mark) ? -1 : 0)));
        expect([...said]).toEqual([reading.answer]);
      }),
      { seed: 1, numRuns: 5_000 },
    );
  });
});

describe("readChoiceJson", () => {
  const json = (value: unknown) => readChoiceJson({ text: JSON.stringify(value) }, true);

  it("reads the verdict beside its reasons", () => {
    expect(json({ reasons: "B errs", verdict: "A" })).toEqual(answer(1));
    expect(json({ reasons: "", verdict: "C" })).toEqual(answer(0));
  });

  it.each([
    { value: { verdict: "A" }, note: "no reasons" },
    { value: { reasons: "x" }, note: "no verdict" },
    { value: { reasons: "x", verdict: "better" }, note: "another word" },
    { value: { reasons: "x", verdict: 1 }, note: "a number" },
    { value: { reasons: "x", verdict: "A", more: 1 }, note: "another key" },
    { value: ["A"], note: "a list" },
    { value: null, note: "null" },
  ])("does not read $note", ({ value }) => {
    expect(json(value).kind).toBe("unread");
  });

  it.each([
    '{"reasons": "x", "verdict": "A", "verdict": "B"}',
    '{"reasons": "x", "verdict": "A", "verdict": "A"}',
    '{"reasons": {"a": 1, "a": 2}, "verdict": "A"}',
  ])("does not read an object that says a thing twice: %s", (text) => {
    expect(readChoiceJson({ text }, true).kind).toBe("unread");
  });

  it("does not read what is no JSON", () => {
    expect(readChoiceJson({ text: '{"reasons": "x", "verdict": "A"' }, true).kind).toBe("unread");
  });

  it("offers a tie only where there may be one", () => {
    expect(choiceSchema(true).schema.properties.verdict.enum).toEqual(["A", "B", "C"]);
    expect(choiceSchema(false).schema.properties.verdict.enum).toEqual(["A", "B"]);
  });
});

describe("reconcile", () => {
  /** A verdict of JudgeBench's table, told of the response that stood first: "A>B" 1, "B>A" −1. */
  const one = (verdict: Choice | null) => tallyOf([verdict]);
  const won = (rule: "average" | "counter" | "strict", a: Choice | null, b: Choice | null) =>
    reconcile(one(a), one(b), rule, "other-order");

  // JudgeBench's vectors, label A>B. The second verdict is given as the judge saw it, with B first.
  it.each([
    { first: 1, second: -1, counter: 1, note: "(A>B, A>B after flipping)" },
    { first: 1, second: 1, counter: 0.5, note: "(A>B, B>A after flipping)" },
    { first: 1, second: 0, counter: 1, note: "(A>B, tie)" },
    { first: 0, second: 0, counter: 0.5, note: "(tie, tie)" },
    { first: null, second: -1, counter: 1, note: "(null, A>B after flipping)" },
    { first: -1, second: 1, counter: 0, note: "(B>A, B>A after flipping)" },
    { first: null, second: null, counter: null, note: "(null, null)" },
  ] as const)("counts $note as JudgeBench does", ({ first, second, counter }) => {
    expect(won("counter", first, second)).toBe(counter);
  });

  it("gives JudgeBench's score of its seven vectors, 3 of 7", () => {
    const vectors = [
      [1, -1],
      [1, 1],
      [1, 0],
      [0, 0],
      [null, -1],
      [-1, 1],
      [null, null],
    ] as const;
    const correct = vectors.filter(([a, b]) => (won("counter", a, b) ?? 0) > 0.5).length;
    expect((100 * correct) / vectors.length).toBeCloseTo(42.857, 3);
  });

  it.each([
    { first: 1, second: -1, value: 1, note: "both orders say i" },
    { first: -1, second: 1, value: 0, note: "both orders say j" },
    { first: 1, second: 1, value: 0.5, note: "the first slot won twice" },
    { first: 1, second: 0, value: 0.5, note: "one order ties" },
    { first: 0, second: 0, value: 0.5, note: "both tie" },
  ] as const)("is strict: $note -> $value", ({ first, second, value }) => {
    expect(won("strict", first, second)).toBe(value);
  });

  it("averages the orders' means", () => {
    // i first: 2 wins, 1 tie, 1 loss: mean 1/4. j first: 1 win, 3 losses of j: mean −1/2, so 1/2 for i. Mean 3/8 -> 11/16.
    const ahead = tallyOf([1, 1, 0, -1]);
    const behind = tallyOf([1, -1, -1, -1]);
    expect(reconcile(ahead, behind, "average", "fail")).toBe(11 / 16);
    // Both means favour i.
    expect(reconcile(ahead, behind, "strict", "fail")).toBe(1);
    // Verdicts: 1 for i, and 2 for i.
    expect(reconcile(ahead, behind, "counter", "fail")).toBe(1);
  });

  it("gives no result when an order cannot be read, unless the other one may speak for both", () => {
    expect(reconcile(one(1), one(null), "strict", "fail")).toBeNull();
    expect(reconcile(one(1), one(null), "strict", "other-order")).toBe(1);
    expect(reconcile(one(null), one(null), "average", "other-order")).toBeNull();
    expect(reconcile(one(1), null, "strict", "fail")).toBe(1);
    expect(reconcile(null, one(1), "strict", "fail")).toBe(0);
  });

  it("reads an order when at least half of its samples were read", () => {
    expect(meanVerdict(tallyOf([1, null]))).toBe(1);
    expect(meanVerdict(tallyOf([1, null, null]))).toBeNull();
    expect(meanVerdict(tallyOf([]))).toBeNull();
  });

  it("gives i what it takes from j when the two change places", () => {
    const verdict = fc.constantFrom<Choice | null>(-1, 0, 1, null);
    const tally = fc.array(verdict, { minLength: 1, maxLength: 4 }).map(tallyOf);
    fc.assert(
      fc.property(
        tally,
        tally,
        fc.constantFrom("strict" as const, "counter" as const, "average" as const),
        fc.constantFrom("fail" as const, "other-order" as const),
        (a, b, rule, onUnread) => {
          const [ij, ji] = [reconcile(a, b, rule, onUnread), reconcile(b, a, rule, onUnread)];
          if (ij === null || ji === null) expect(ij).toBe(ji);
          else {
            expect(ij + ji).toBeCloseTo(1, 12);
            expect(ij).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe("intervals of differences", () => {
  it("gives Newcombe's interval of a difference", () => {
    expect(differenceInterval(1, 0, 1)?.map((end) => end.toFixed(6))).toEqual(["-0.122109", "1.000000"]);
    expect(differenceInterval(0, 0, 0)).toBeNull();
  });

  it("always holds the difference itself, and turns with it", () => {
    const trials = fc.integer({ min: 1, max: 500 });
    fc.assert(
      fc.property(
        trials,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, x, y) => {
          const more = n * x * 0.5;
          const less = n * y * 0.5;
          const [low, high] = differenceInterval(more, less, n) ?? [Number.NaN, Number.NaN];
          expect(low).toBeLessThanOrEqual((more - less) / n + 1e-12);
          expect(high).toBeGreaterThanOrEqual((more - less) / n - 1e-12);
          const [lowTurned, highTurned] = differenceInterval(less, more, n) ?? [0, 0];
          expect(lowTurned).toBeCloseTo(-high, 9);
          expect(highTurned).toBeCloseTo(-low, 9);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("lengthEffect", () => {
  const fitOf = (points: readonly (readonly [number, number])[]) => {
    const effect = lengthEffect();
    for (const [difference, won] of points) effect.add(difference, won);
    return effect.fit();
  };
  const times = (count: number, difference: number, won: number) =>
    Array.from({ length: count }, () => [difference, won] as const);

  it("gives the log odds of a table with two lengths", () => {
    // +10: 15 of 20 won; −10: 5 of 20. sd over 40 values of ±10 (n − 1): 10 · √(40/39) = 10.12739. Saturated fit: a = 0,
    // b · 10 / 10.12739 = ln 3, so b = 1.112608. Variance of ln 3: per side 1 / (20 · 0.75 · 0.25) = 0.266667, of their half difference
    // 0.133333; standard error 0.365148 · 1.012739 = 0.369800. The sandwich of a saturated fit is the same.
    const fit = fitOf([...times(15, 10, 1), ...times(5, 10, 0), ...times(5, -10, 1), ...times(15, -10, 0)]);
    expect(fit?.coefficient).toBeCloseTo(1.112608, 5);
    expect(fit?.intercept).toBeCloseTo(0, 8);
    expect(fit?.deviation).toBeCloseTo(10.12739, 5);
    expect((fit?.interval[1] ?? 0) - (fit?.coefficient ?? 0)).toBeCloseTo(1.959964 * 0.3698, 4);
  });

  it("gives the log odds at equal length", () => {
    // +10: 16 of 20 won, ln 4; −10: 8 of 20, ln 2/3. a = (ln 4 + ln 2/3) / 2 = ln(8/3) / 2 = 0.490415. Its variance is
    // (1 / (20 · 0.8 · 0.2) + 1 / (20 · 0.4 · 0.6)) / 4 = (0.3125 + 0.208333) / 4, standard error 0.360844.
    const fit = fitOf([...times(16, 10, 1), ...times(4, 10, 0), ...times(8, -10, 1), ...times(12, -10, 0)]);
    expect(fit?.intercept).toBeCloseTo(0.490415, 6);
    expect(fit?.interceptInterval[0]).toBeCloseTo(0.490415 - 1.959964 * 0.360844, 5);
    expect(fit?.interceptInterval[1]).toBeCloseTo(0.490415 + 1.959964 * 0.360844, 5);
  });

  it("counts a tie as half a win", () => {
    const halves = fitOf([...times(20, 10, 0.75), ...times(20, -10, 0.25)]);
    expect(halves?.coefficient).toBeCloseTo(1.112608, 5);
    // Outcomes that do not scatter leave no doubt.
    expect((halves?.interval[1] ?? 0) - (halves?.interval[0] ?? 0)).toBeLessThan(1e-6);
  });

  it("says nothing of few comparisons, of equal lengths, and where length decides everything", () => {
    expect(fitOf(times(9, 5, 1))).toBeNull();
    expect(fitOf(times(50, 0, 1))).toBeNull();
    expect(fitOf(times(50, 7, 1))).toBeNull();
    expect(fitOf([...times(20, 5, 1), ...times(20, -5, 0)])).toBeNull();
  });

  it("finds no effect where outcomes do not follow length", () => {
    const points = Array.from(
      { length: 400 },
      (_, index) => [index - 200, ((index * 7919) % 10) / 9] as const,
    );
    const fit = fitOf(points);
    expect(Math.abs(fit?.coefficient ?? 1)).toBeLessThan(0.2);
  });

  it("takes no more memory for a million lengths than for their bins", () => {
    const effect = lengthEffect();
    for (let index = 0; index < 200_000; index++) effect.add((index * 104_729) % 1_000_003, index % 2);
    expect(effect.fit()).not.toBeNull();
  });
});

describe("comparisonQuestion", () => {
  const settings = {
    criteria: null,
    ties: true,
    output: "text",
    temperature: 0,
    maxTokens: 10,
    hidden: "strip",
  } as const;
  const shown = {
    prompt: { messages: [{ role: "user", content: "What is 2 + 2?" }] },
    reference: null,
    first: "four",
    second: "five",
  } as const;
  const contentOf = (more: object, withSettings: object = {}) =>
    comparisonQuestion({ ...shown, ...more }, { ...settings, ...withSettings }).request.messages[0]
      ?.content ?? "";

  it("shows both responses between marks, and asks for reasons before the verdict", () => {
    const content = contentOf({});
    expect(content).toMatch(/\[\[response A\|[0-9a-f]{24}\]\]\nfour\n\[\[end of response A\|/);
    expect(content).toMatch(/\[\[response B\|[0-9a-f]{24}\]\]\nfive\n\[\[end of response B\|/);
    expect(content.indexOf("First say")).toBeLessThan(content.indexOf("[[A]] when"));
  });

  it("shows a reference only where there is one, and a tie only where it may be", () => {
    expect(contentOf({})).not.toContain("reference answer");
    expect(contentOf({ reference: "4" })).toMatch(/\[\[reference answer\|[0-9a-f]{24}\]\]\n4\n/);
    expect(contentOf({}, { ties: false })).not.toContain("[[C]]");
  });

  it("judges by the criteria it is given", () => {
    expect(contentOf({}, { criteria: "Only rhyme counts." })).toContain("Judge by this: Only rhyme counts.");
  });

  it("has other marks for other texts", () => {
    const nonce = (content: string) => /\[\[response A\|([0-9a-f]{24})/.exec(content)?.[1];
    expect(nonce(contentOf({}))).not.toBe(nonce(contentOf({ second: "six" })));
    expect(nonce(contentOf({}))).toBe(nonce(contentOf({})));
  });

  it("is asked again with the same form when the answer cannot be read", () => {
    expect(comparisonQuestion(shown, settings).form).toContain("[[A]], [[B]] or [[C]]");
    expect(comparisonQuestion(shown, { ...settings, output: "json" }).request.schema?.name).toBe(
      "comparison",
    );
  });
});
