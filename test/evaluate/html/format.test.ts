import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytes,
  count,
  cutMiddle,
  difference,
  intervalIn,
  inUnit,
  level,
  percent,
  plain,
  pValue,
} from "../../../src/evaluate/html/format.ts";

const plainSpaces = (text: string): string => text.replaceAll("\u00a0", " ");

describe("numbers on the page", () => {
  it.each([
    [percent(0.84216), "84.2 %"],
    [percent(null), "–"],
    [percent(Number.NaN), "–"],
    [level(0.95), "95 %"],
    [level(0.999), "99.9 %"],
    [inUnit(0.5, "share"), "50.0 %"],
    [inUnit(71.006, "points"), "71.01"],
    [inUnit(-0.25, "number"), "−0.250"],
    [inUnit(-0.0001, "number"), "0.000"],
    [inUnit(null, "points"), "–"],
    [intervalIn([0.81, 0.8704], "share"), "81.0–87.0"],
    [intervalIn([-0.1, 0.2], "number"), "−0.100 to 0.200"],
    [intervalIn([0, Number.NaN], "number"), ""],
    [intervalIn(null, "share"), ""],
    [difference(0.0651), "+6.5"],
    [difference(-0.0651), "−6.5"],
    [difference(-0.0001), "0.0"],
    [difference(null), "–"],
    [pValue(0.0004), "< 0.001"],
    [pValue(0.001), "0.001"],
    [pValue(1), "1.000"],
    [pValue(Number.NaN), "–"],
    [count(1234567), "1,234,567"],
    [count(Number.POSITIVE_INFINITY), "–"],
    [plain(0.5), "0.5"],
    [plain(100), "100"],
    [plain(-1.23456), "−1.2346"],
    [bytes(999), "999 B"],
    [bytes(2_500_000), "2.5 MB"],
    [bytes(Number.NaN), "– B"],
  ])("are written as %s", (text, expected) => {
    expect(plainSpaces(text)).toBe(expected);
  });
});

describe("cutMiddle", () => {
  it.each([
    ["abcdef", 6, "abcdef"],
    ["abcdefg", 6, "abc…fg"],
    ["👍👍👍", 3, "👍👍👍"],
    ["👍👍👍👍", 3, "👍…👍"],
    ["abc", 1, "…"],
    ["", 5, ""],
  ])("%s at most %d long -> %s", (text, limit, expected) => {
    expect(cutMiddle(text, limit)).toBe(expected);
  });

  it("gives at most as many code points as it may, and breaks no pair of surrogates", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (text, limit) => {
          const cut = cutMiddle(text, limit);
          expect(Array.from(cut).length).toBeLessThanOrEqual(limit);
          if (text.isWellFormed()) expect(cut.isWellFormed()).toBe(true);
          if (Array.from(text).length <= limit) expect(cut).toBe(text);
        },
      ),
    );
  });
});
