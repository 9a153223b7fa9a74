import { describe, expect, it } from "vitest";
import { assess } from "../../../src/evaluate/assess.ts";
import type { GoldItem, Verdict } from "../../../src/evaluate/gold.ts";
import { counterOf, decisionOf } from "../../../src/evaluate/presets/judgebench.ts";

/** Verdicts of both orders as the judge gave them; label A>B. The second order shows the responses swapped. */
const CASES = [
  { given: ["A>B", "B>A"], counter: 2 },
  { given: ["A>B", "A>B"], counter: 0 },
  { given: ["A>B", "A=B"], counter: 1 },
  { given: ["A=B", "A=B"], counter: 0 },
  { given: [null, "B>A"], counter: 1 },
  { given: ["B>A", "A>B"], counter: -2 },
  { given: [null, null], counter: 0 },
] as const;

const turnedBack = ([first, second]: readonly (string | null)[]): (Verdict | null)[] => {
  const [one, other] = [decisionOf(first) ?? null, decisionOf(second) ?? null];
  return [one, other === "first" ? "second" : other === "second" ? "first" : other];
};

describe("JudgeBench's counter", () => {
  it.each(CASES)("of $given is $counter", ({ given, counter }) => {
    expect(counterOf("first", turnedBack(given))).toBe(counter);
    expect(counterOf("second", turnedBack(given))).toBe(0 - counter);
  });

  it.each([
    ["A>B", "first"],
    ["A>>B", "first"],
    ["B>A", "second"],
    ["B>>A", "second"],
    ["A=B", "tie"],
    [null, null],
    [undefined, null],
    ["A", undefined],
    ["constructor", undefined],
    [1, undefined],
  ])("reads %s as %s", (given, verdict) => {
    expect(decisionOf(given)).toBe(verdict);
  });
});

describe("the judgebench preset", () => {
  const items = CASES.map(
    (_, index): GoldItem => ({
      id: String(index),
      subset: index < 3 ? "mmlu-pro-law" : "livebench-math",
      correct: [true, false],
      lengths: [1, 2],
    }),
  );
  const verdicts = CASES.map(({ given }) => turnedBack(given));
  const scores = verdicts.map((own) =>
    own.every((verdict) => verdict === null)
      ? [null, null]
      : [
          own.filter((verdict) => verdict === "first").length,
          own.filter((verdict) => verdict === "second").length,
        ],
  );
  const [scorer] = assess({
    preset: "judgebench",
    items,
    scorers: [{ name: "judge", scores, verdicts }],
    samples: 200,
  }).scorers;
  const metric = (key: string) => scorer?.metrics.find((one) => one.key === key);

  it("gets 3 of 7, with ties and unread verdicts in the denominator", () => {
    expect(metric("score")).toMatchObject({ value: 3 / 7, items: 7 });
    expect((100 * (metric("score")?.value ?? 0)).toFixed(3)).toBe("42.857");
    expect(scorer?.overall).toMatchObject({ items: 7, correct: 3, wrong: 1, tie: 2, unscored: 1 });
  });

  it("splits by source", () => {
    expect(metric("knowledge")).toMatchObject({ value: 2 / 3, items: 3 });
    expect(metric("math")).toMatchObject({ value: 1 / 4, items: 4 });
    expect(metric("coding")).toMatchObject({ value: null, items: 0 });
  });

  it("tells how the judge behaves over the two orders", () => {
    // Turned back: (1,1) (1,2) (1,tie) (tie,tie) (null,1) (2,2) (null,null): alike in the first, the fourth and the sixth.
    expect(metric("consistency")?.value).toBeCloseTo(3 / 7, 12);
    // (null,1) and (null,null).
    expect(metric("unread")).toMatchObject({ value: 2 / 7, items: 7 });
    expect(metric("consistency")?.note).toContain("over 7 pairs, 2 of them with an unread verdict");
    // Its kappa is over the five that were read in both orders.
    expect(metric("order-kappa")?.items).toBe(5);
    expect(metric("all-correct")?.value).toBeCloseTo(1 / 7, 12);
    expect(metric("some-correct")?.value).toBeCloseTo(4 / 7, 12);
    // Winners by slot: A,B | A,A | A | – | B | B,A: five of eight in the first place.
    expect(metric("first-slot")).toMatchObject({ value: 5 / 8, items: 8 });
  });

  it("says nothing about orders where verdicts are not known", () => {
    const [plain] = assess({
      preset: "judgebench",
      items,
      scorers: [{ name: "model", scores }],
      samples: 100,
    }).scorers;
    expect(plain?.metrics.map(({ key }) => key)).not.toContain("consistency");
    expect(plain?.metrics[0]?.value).toBeCloseTo(3 / 7, 12);
  });
});
