import { describe, expect, it } from "vitest";
import { nearest, suggestion } from "../../src/core/nearest.ts";

const NAMES = ["math-answer", "exact-match", "format-tags", "regex"];

describe("nearest", () => {
  it.each([
    { name: "math-anser", found: "math-answer", note: "a letter is missing" },
    { name: "exact_match", found: "exact-match", note: "another separator" },
    { name: "REGEX", found: "regex", note: "case does not count" },
    { name: "formt-tgas", found: "format-tags", note: "three edits of ten letters" },
    { name: "reg", found: "regex", note: "two edits are allowed for a short name" },
    { name: "sentiment", found: null, note: "nothing is near" },
    { name: "", found: null, note: "an empty name means nothing" },
  ])("$name -> $found ($note)", ({ name, found }) => {
    expect(nearest(name, NAMES)).toBe(found);
  });

  it("takes the first of equally near names, and none where there are none", () => {
    expect(nearest("b", ["a", "c"])).toBe("a");
    expect(nearest("a", [])).toBeNull();
  });

  it("answers at once for very long names", () => {
    expect(nearest("x".repeat(1_000_000), NAMES)).toBeNull();
  });
});

describe("suggestion", () => {
  it("guesses where a name is near, and lists all names either way", () => {
    expect(suggestion("regx", ["regex", "contains"])).toBe('did you mean "regex"? Known: regex, contains.');
    expect(suggestion("sentiment", ["regex", "contains"])).toBe("write one of: regex, contains.");
  });
});
