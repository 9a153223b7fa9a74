import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scoreFileName, scorerOfFile } from "../../src/evaluate/score-file-name.ts";

describe("the name of a scorer's file", () => {
  it.each([
    ["grade", "grade"],
    ["s p/2", "s%20p%2F2"],
    ["b[1]*", "b%5B1%5D%2A"],
    ["..", ".."],
  ])("of %j is %j", (scorer, name) => {
    expect(scoreFileName(scorer)).toBe(name);
  });

  it("fits every file system, holds no path, and gives the name back unless it had to be cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 150 }), (scorer) => {
        const name = scoreFileName(scorer);
        expect(name).toMatch(/^[\w.~%-]{1,200}$/);
        if (encodeURIComponent(scorer).length < 100)
          expect(scorerOfFile(`scores/${name}.jsonl`)).toBe(scorer);
      }),
    );
  });

  it("tells long names apart that begin alike, and is never half an escape", () => {
    // 判 is three bytes, and nine characters as an escape.
    const [one, other] = [scoreFileName(`${"判".repeat(60)}1`), scoreFileName(`${"判".repeat(60)}2`)];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^(%[0-9A-F]{2})+~[0-9a-f]{12}$/);
    expect(one.length).toBeLessThanOrEqual(200);
  });

  it("takes half a surrogate pair, which no file name can hold", () => {
    expect(scoreFileName("a\ud800")).toBe("a%EF%BF%BD");
  });

  it.each([
    ["runs/judge.v2.jsonl.gz", "judge.v2"],
    ["100%.jsonl", "100%"],
    ["50%20.csv", "50 "],
    ["%7e.csv", "%7e"],
  ])("%j is the file of %j", (path, scorer) => {
    expect(scorerOfFile(path)).toBe(scorer);
  });
});
