import { describe, expect, it } from "vitest";
import {
  ERROR_CODES,
  exitCodeOf,
  ioError,
  isPrefkitError,
  PrefkitError,
  reasonOf,
} from "../../src/core/errors.ts";

describe("PrefkitError", () => {
  it("says what was got, what to do, and its code", () => {
    const error = new PrefkitError("bad_option", "it got rampTokens 0.", "choose 0 < rampTokens.");
    expect(error.message).toBe("it got rampTokens 0.\nFix: choose 0 < rampTokens. [bad_option]");
    expect([error.name, error.code, error.fix, error.place]).toEqual([
      "PrefkitError",
      "bad_option",
      "choose 0 < rampTokens.",
      {},
    ]);
    expect(error.cause).toBeUndefined();
    expect("cause" in error).toBe(false);
  });

  it.each([
    { place: { file: "a.jsonl", line: 7 }, text: "a.jsonl:7: broken" },
    { place: { file: "a.parquet", row: 0, column: "text" }, text: 'a.parquet, row 0, column "text": broken' },
    { place: { line: 7 }, text: "broken" },
    { place: { promptId: "p1", scorer: "correct" }, text: "prompt p1, scorer correct: broken" },
    { place: {}, text: "broken" },
  ])("names the place $place", ({ place, text }) => {
    const error = new PrefkitError("bad_row", "broken", "mend it.", { place });
    expect(error.message).toBe(`${text}\nFix: mend it. [bad_row]`);
    expect(error.place).toEqual(place);
  });

  it("carries the original error as its cause", () => {
    const cause = new Error("no such file");
    expect(new PrefkitError("io", "could not read.", "look.", { cause }).cause).toBe(cause);
  });
});

describe("isPrefkitError", () => {
  it("knows an error of another copy of the package by its name and code", () => {
    const foreign = Object.assign(new Error("x"), { name: "PrefkitError", code: "bad_row" });
    expect(isPrefkitError(foreign)).toBe(true);
    expect(isPrefkitError(new PrefkitError("io", "x", "y"))).toBe(true);
  });

  it.each([new Error("x"), { name: "PrefkitError", code: "io" }, null, "PrefkitError", undefined])(
    "does not take %s for one",
    (thing) => {
      expect(isPrefkitError(thing)).toBe(false);
    },
  );
});

describe("exit codes", () => {
  it.each([
    { code: "io", exit: 1 },
    { code: "damaged_file", exit: 1 },
    { code: "internal", exit: 1 },
    { code: "bad_recipe", exit: 2 },
    { code: "bad_row", exit: 2 },
    { code: "need_unmet", exit: 2 },
    { code: "directory_locked", exit: 2 },
    { code: "failed_budget_exceeded", exit: 3 },
  ] as const)("$code ends with $exit", ({ code, exit }) => {
    expect(exitCodeOf(new PrefkitError(code, "x", "y"))).toBe(exit);
  });

  it("are 1 for anything unforeseen, an unknown code too", () => {
    expect(exitCodeOf(new TypeError("x"))).toBe(1);
    expect(exitCodeOf("thrown text")).toBe(1);
    const newer = Object.assign(new Error("x"), { name: "PrefkitError", code: "code_of_next_year" });
    expect(exitCodeOf(newer)).toBe(1);
  });

  it("each belong to a code in snake_case with a sentence that explains it", () => {
    for (const [code, [, meaning]] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe("reasonOf", () => {
  it.each([
    { thrown: new Error("two\n  lines\t here "), reason: "two lines here" },
    { thrown: new TypeError(""), reason: "TypeError" },
    { thrown: "plain text", reason: "plain text" },
    { thrown: undefined, reason: "undefined" },
    { thrown: { toString: (): string => "an object" }, reason: "an object" },
  ])("of $thrown is $reason", ({ thrown, reason }) => {
    expect(reasonOf(thrown)).toBe(reason);
  });

  it("cuts long messages and says so", () => {
    expect(reasonOf(new Error("x".repeat(301)))).toBe(`${"x".repeat(299)}…`);
    expect(reasonOf("abcdef", 4)).toBe("abc…");
    expect(reasonOf("abcd", 4)).toBe("abcd");
  });
});

describe("ioError", () => {
  const systemError = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code });

  it("names the action, the path and what to do about a full disk", () => {
    const cause = systemError("ENOSPC");
    const error = ioError("write", "out/a.parquet", cause);
    expect(error.message).toBe(
      "could not write out/a.parquet: ENOSPC: refused.\n" +
        "Fix: free some space on that disk, then run the same command again: finished work is kept. [io]",
    );
    expect(error.cause).toBe(cause);
  });

  it.each([
    { code: "EROFS", fix: /^make the directory writable/ },
    { code: "EACCES", fix: /^check the permissions/ },
    { code: "ENOENT", fix: /^check that the path still exists/ },
    { code: "EMFILE", fix: /ulimit -n/ },
    { code: "ESTRANGE", fix: /^look at the cause/ },
  ])("has a fix for $code", ({ code, fix }) => {
    expect(ioError("read", "x", systemError(code)).fix).toMatch(fix);
  });

  it("takes causes that are no system errors", () => {
    expect(ioError("read", "x", "odd").message).toMatch(/^could not read x: odd\./);
    expect(ioError("read", "x", undefined).fix).toMatch(/^look at the cause/);
  });
});
