import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../src/annotate/load-recipe.ts";
import { override } from "../../src/cli/override.ts";
import {
  decimal,
  fromDirectory,
  integer,
  type RunFlags,
  runOptionsOf,
  sliceOf,
  withRunOptions,
} from "../../src/cli/run-options.ts";
import { isPrefkitError } from "../../src/core/errors.ts";

describe("integer", () => {
  it.each(["1", "16", "007", "9007199254740991"])("takes %s", (text) => {
    expect(integer(1)(text)).toBe(Number(text));
  });

  it.each(["0", "-1", "1.5", "1e3", "0x10", "", " ", "many", "9007199254740993", "Infinity"])(
    "refuses %j",
    (text) => {
      expect(() => integer(1)(text)).toThrow(InvalidArgumentError);
      expect(() => integer(1)(text)).toThrow(`got "${text}"; give a whole number of at least 1.`);
    },
  );

  it("takes zero where zero is allowed", () => {
    expect(integer(0)("0")).toBe(0);
  });
});

describe("decimal", () => {
  it.each([
    { text: "0.1", value: 0.1 },
    { text: "-2", value: -2 },
    { text: "1e-3", value: 0.001 },
  ])("reads $text", ({ text, value }) => {
    expect(decimal(text)).toBe(value);
  });

  it.each(["", " ", "wide", "NaN", "Infinity", "1,5"])("refuses %j", (text) => {
    expect(() => decimal(text)).toThrow(InvalidArgumentError);
  });
});

describe("--shard", () => {
  it("is i of n, and null where it is not given", () => {
    expect(sliceOf("0/4")).toEqual({ index: 0, count: 4 });
    expect(sliceOf("3/4")).toEqual({ index: 3, count: 4 });
    expect(sliceOf(undefined)).toBeNull();
  });

  it.each(["4/4", "0/0", "1", "1/", "/4", "-1/4", "1/4/2", "a/b", "1.0/4", ""])("refuses %j", (text) => {
    try {
      sliceOf(text);
    } catch (error) {
      if (!isPrefkitError(error)) throw error;
      expect(error.code).toBe("bad_option");
      return;
    }
    throw new Error("no error");
  });
});

describe("the flags of a run", () => {
  const parse = (...args: string[]): RunFlags => {
    const command = withRunOptions(new Command("run"))
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    return command.parse(args, { from: "user" }).opts<RunFlags>();
  };

  it("become the options of a run, the directory as seen from where the command was given", () => {
    const flags = parse(
      "--out",
      "made",
      "--limit",
      "5",
      "--concurrency",
      "2",
      "--workers",
      "3",
      "--accept-failed",
      "--force",
    );
    expect(runOptionsOf(flags, "/somewhere")).toEqual({
      out: resolve("/somewhere/made"),
      limit: 5,
      concurrency: 2,
      workers: 3,
      acceptFailed: true,
      force: true,
    });
  });

  it("that are not given are not there", () => {
    expect(runOptionsOf(parse(), "/")).toEqual({});
    expect(runOptionsOf(parse("--quiet", "--json"), "/")).toEqual({});
  });

  it.each([["--limit", "0"], ["--workers", "two"], ["--concurrency"], ["--no-such-flag"]])(
    "that are wrong are refused: %s %s",
    (...args) => {
      expect(() => parse(...args.filter((arg) => arg !== undefined))).toThrow();
    },
  );
});

describe("fromDirectory", () => {
  it.each([
    { path: "in.jsonl", given: "/a", from: "/a", seen: "in.jsonl" },
    { path: "data/*.jsonl", given: "/a", from: "/a/recipes", seen: "../data/*.jsonl" },
    { path: "/data/in.jsonl", given: "/a", from: "/b", seen: "/data/in.jsonl" },
  ])("writes $path, given in $given, as a recipe in $from writes it", ({ path, given, from, seen }) => {
    expect(fromDirectory(path, given, from)).toBe(seen);
  });
});

describe("what the command line says instead of the recipe", () => {
  const loaded = parseRecipe(
    "input: { path: old.jsonl, onBadRow: skip }\nscorers: { a: { use: length } }\nseed: 1\n",
    {
      directory: "/recipes",
      label: "recipe.yaml",
      environment: {},
    },
  );

  it("takes its place in the recipe and in what is written of it", () => {
    const { recipe, raw } = override(loaded, { input: ["new.jsonl"], seed: 9 }, "/here");
    expect([recipe.input, recipe.seed]).toEqual([{ path: ["../here/new.jsonl"], onBadRow: "skip" }, 9]);
    expect(raw).toEqual({
      input: { path: "../here/new.jsonl", onBadRow: "skip" },
      scorers: { a: { use: "length" } },
      seed: 9,
    });
  });

  it("may be several files", () => {
    const { raw } = override(loaded, { input: ["a.jsonl", "/b.jsonl"] }, "/recipes");
    expect(raw).toMatchObject({ input: { path: ["a.jsonl", "/b.jsonl"] }, seed: 1 });
  });

  it("is nothing where nothing is said", () => {
    expect(override(loaded, {}, "/here")).toBe(loaded);
  });

  it("is bad usage when it is out of range", () => {
    const attempt = (): unknown => override(loaded, { seed: 2 ** 32 }, "/here");
    expect(attempt).toThrow(/^the command line: seed: .*got 4294967296\./);
    expect(attempt).toThrow(expect.objectContaining({ code: "bad_recipe" }) as Error);
  });
});
