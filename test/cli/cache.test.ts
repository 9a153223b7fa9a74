import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openScoreCache } from "../../src/annotate/score-cache.ts";
import { cacheCommand } from "../../src/cli/commands/cache.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { invoke, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
let kept: string;

beforeEach(async () => {
  directory = await temporary.make();
  kept = join(directory, "cache");
});
afterAll(temporary.removeAll);

const cache = (...args: string[]) =>
  invoke(cacheCommand, args, { directory, environment: { PREFKIT_CACHE_DIR: kept } });

/** Two entries of "judge", one of "other". */
async function fill(): Promise<void> {
  const open = openScoreCache(kept);
  for (const [key, scorer, promptId] of [
    ["k1", "judge", "a"],
    ["k2", "judge", "b"],
    ["k3", "other", "a"],
  ] as const) {
    open.put(key, { scorer, promptId, scores: [{ kind: "scored", value: 1 }] });
  }
  await open.flush();
  await open.close();
}

describe("prefkit cache", () => {
  it("counts entries by scorer", async () => {
    await fill();
    const { out, exitCode } = await cache();
    expect(out).toMatch(/ {2}3 entries, \d+ B\n {2}judge {2}2\n {2}other {2}1$/);
    expect(exitCode).toBe(0);
    expect(JSON.parse((await cache("stats", "--json")).out)).toMatchObject({
      ok: true,
      directory: kept,
      entries: 3,
      scorers: { judge: 2, other: 1 },
    });
    expect(JSON.parse((await cache("--scorer", "judge", "--json")).out)).toMatchObject({ entries: 2 });
  });

  it("lists entries, all or those of one scorer", async () => {
    await fill();
    expect((await cache("list")).out.split("\n")).toEqual([
      "k1  judge  a  1 scores",
      "k2  judge  b  1 scores",
      "k3  other  a  1 scores",
    ]);
    expect(JSON.parse((await cache("list", "--scorer", "other", "--json")).out)).toEqual({
      ok: true,
      directory: kept,
      entries: [{ key: "k3", scorer: "other", promptId: "a", scores: 1 }],
    });
    expect(JSON.parse((await cache("list", "--scorer", "nobody", "--json")).out)).toMatchObject({
      entries: [],
    });
  });

  it("tells where it is", async () => {
    expect((await cache("path")).out).toBe(kept);
  });

  it("exports entries whole, as JSON Lines, and overwrites nothing", async () => {
    await fill();
    await cache("export", "scores.jsonl", "--scorer", "judge");
    const path = join(directory, "scores.jsonl");
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { key: "k1", scorer: "judge", promptId: "a", scores: [{ kind: "scored", value: 1 }] },
      { key: "k2", scorer: "judge", promptId: "b", scores: [{ kind: "scored", value: 1 }] },
    ]);
    await writeFile(path, "mine");
    await expect(cache("export", "scores.jsonl")).rejects.toMatchObject({ code: "bad_option" });
    expect(await readFile(path, "utf8")).toBe("mine");
    expect(await nodeFiles.list(directory)).toEqual(["cache", "scores.jsonl"]);
  });

  it("clears only with --yes, and only the scorer that is named", async () => {
    await fill();
    await expect(cache("clear", "--scorer", "judge")).rejects.toMatchObject({
      code: "bad_option",
      message: expect.stringContaining("would remove 2 paid entries of judge"),
      fix: "give --yes to remove them; `prefkit cache export FILE --scorer judge` keeps a copy.",
    });
    expect(JSON.parse((await cache("clear", "--scorer", "judge", "--yes", "--json")).out)).toMatchObject({
      removed: 2,
    });
    expect((await cache("list")).out).toBe("k3  other  a  1 scores");
    expect((await cache("clear", "--yes")).out).toBe("removed 1 entries");
    expect((await cache("clear")).out).toBe("removed 0 entries");
  });

  it("makes no cache by looking at one that is not there", async () => {
    expect((await cache()).out).toBe(`${kept}  0 entries, 0 B`);
    expect((await cache("list")).err).toBe("The cache has no such entries.");
    expect(await nodeFiles.exists(kept)).toBe(false);
  });

  it("shows no control character of what it holds", async () => {
    const open = openScoreCache(kept);
    open.put("k", { scorer: "\u001b[31m", promptId: "\u009b2J", scores: [] });
    await open.flush();
    await open.close();
    for (const args of [["list"], ["stats"], ["list", "--json"]]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
      expect((await cache(...args)).out).not.toMatch(/[\u001b\u009b]/);
    }
  });

  it("refuses an unknown action, a file without export, and export without a file", async () => {
    await expect(cache("empty")).rejects.toMatchObject({ code: "commander.invalidArgument" });
    await expect(cache("list", "x")).rejects.toMatchObject({ code: "bad_option" });
    await expect(cache("export")).rejects.toMatchObject({ code: "bad_option" });
  });
});
