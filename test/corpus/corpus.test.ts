import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";

/** Features in which the prediction is a bare answer, then those in which it is (also) a whole response. */
const ANSWER_FEATURES =
  "integers decimals fractions mixed-numbers percent currency units thousands scientific-notation radicals constants polynomials rational-functions equations inequalities intervals unions sets tuples matrices plus-minus text-answers choice-answers unicode-ascii functions complex large-small trigonometric-constants rounding times sequences degrees base-notation variables".split(
    " ",
  );
const RESPONSE_FEATURES =
  "boxed hashes final-answer bare-latex markdown-bold plain-number first-last no-answer unparsable plain-equations number-inside-formula repeat-question".split(
    " ",
  );
const FEATURES = [...ANSWER_FEATURES, ...RESPONSE_FEATURES];

/** Complaints of Math-Verify users that each half has to try at least three times. */
const COMPLAINTS = [2, 10, 14, 25, 26, 37, 41, 44, 50, 55, 57, 60, 64, 71, 76, 82];

const VERDICTS = ["equal", "different", "no-answer", "unparsable"] as const;

const README = readFileSync(new URL("./README.md", import.meta.url), "utf8");

const Row = z.strictObject({
  id: z.string().regex(/^[ab]-\d{3,4}$/),
  feature: z.enum(FEATURES),
  form: z.enum(["answer", "response"]),
  gold: z.string().regex(/\S/),
  prediction: z.string(),
  expected: z.enum(VERDICTS),
  source: z.string().regex(/\S.{4}/s),
});
type Row = z.infer<typeof Row>;

/** The rows of one half, or null where that half is not there. */
function readHalf(half: "a" | "b"): readonly Row[] | null {
  const file = new URL(`./answers-${half}.jsonl`, import.meta.url);
  if (!existsSync(file)) return null;
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line, index) => {
      const parsed = Row.safeParse(JSON.parse(line));
      if (!parsed.success)
        throw new Error(`answers-${half}.jsonl line ${index + 1}: ${parsed.error.message}`);
      return parsed.data;
    });
}

/** The values that occur more than once. */
const repeated = (values: readonly string[]): readonly string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);

const halves = (["a", "b"] as const).flatMap((half) => {
  const rows = readHalf(half);
  return rows === null ? [] : [{ half, rows }];
});

describe.each(halves)("answer corpus, half $half", ({ half, rows }) => {
  it("holds at least 450 rows whose ids are unique and name the half", () => {
    expect(rows.length).toBeGreaterThanOrEqual(450);
    expect(repeated(rows.map((row) => row.id))).toEqual([]);
    expect(rows.filter((row) => !row.id.startsWith(`${half}-`))).toEqual([]);
  });

  it("rejects between 45 and 55 percent of its rows", () => {
    const rejected = rows.filter((row) => row.expected !== "equal").length;
    expect(rejected / rows.length).toBeGreaterThanOrEqual(0.45);
    expect(rejected / rows.length).toBeLessThanOrEqual(0.55);
  });

  it.each(FEATURES)("tries %s at least four times, with both outcomes", (feature) => {
    const expected = rows.filter((row) => row.feature === feature).map((row) => row.expected);
    expect(expected.length).toBeGreaterThanOrEqual(4);
    expect(expected).toContain("equal");
    expect(expected.some((verdict) => verdict !== "equal")).toBe(true);
  });

  it("uses whole responses only for the extraction features", () => {
    const inAnswerFeature = (row: Row) => ANSWER_FEATURES.includes(row.feature);
    expect(rows.filter((row) => row.form === "response" && inAnswerFeature(row))).toEqual([]);
  });

  it.each(COMPLAINTS)("tries Math-Verify complaint #%i at least three times", (issue) => {
    const mention = new RegExp(`#${issue}\\b`);
    expect(rows.filter((row) => mention.test(row.source)).length).toBeGreaterThanOrEqual(3);
  });

  it("is counted right in the README", () => {
    const counted = README.split(`## Half ${half.toUpperCase()} by feature`)[1]?.split("\n## ")[0] ?? "";
    const row = (name: string, of: readonly Row[]) =>
      `| ${[name, of.length, ...VERDICTS.map((verdict) => of.filter((one) => one.expected === verdict).length)].join(" | ")} |`;
    expect(counted.split("\n").filter((line) => /^\| .*\d/.test(line))).toEqual([
      ...FEATURES.map((feature) =>
        row(
          feature,
          rows.filter((one) => one.feature === feature),
        ),
      ),
      row("**all**", rows),
    ]);
  });

  it("gives a blank prediction no other verdict than no-answer", () => {
    const blank = rows.filter((row) => row.prediction.trim() === "");
    expect(blank.filter((row) => row.expected !== "no-answer")).toEqual([]);
  });
});

describe("answer corpus", () => {
  it("has both halves, at least 800 rows together", () => {
    expect(halves.map(({ half }) => half)).toEqual(["a", "b"]);
    expect(halves.flatMap(({ rows }) => rows).length).toBeGreaterThanOrEqual(800);
  });

  it("repeats no pair of gold and prediction, within a half or across both", () => {
    const pairs = halves.flatMap(({ rows }) => rows.map((row) => JSON.stringify([row.gold, row.prediction])));
    expect(repeated(pairs)).toEqual([]);
  });
});
