import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cacheDirectory,
  clearCache,
  memoryScoreCache,
  openScoreCache,
  readCache,
  type ScoreCache,
  scoreKey,
  summarizeCache,
} from "../../src/annotate/score-cache.ts";
import { abstained, scored } from "../../src/core/scorer.ts";
import type { Group } from "../../src/core/types.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { directoryOf, errorOf } from "./small-run.ts";

const entry = (scorer: string, promptId = "p1") => ({
  scorer,
  promptId,
  scores: [scored(0.5, { why: "half – ½ 🙂", raw: "yes", parts: { a: 1 } }), abstained("no")],
});

describe.each([
  { name: "the cache on disk", open: async () => openScoreCache(await directoryOf()) },
  { name: "the cache in memory", open: async (): Promise<ScoreCache> => memoryScoreCache() },
])("$name", ({ open }) => {
  it("gives back what was put, at once and after a flush", async () => {
    const cache = await open();
    expect(cache.get("k1")).toBeNull();
    cache.put("k1", entry("judge"));
    await cache.flush();
    expect(cache.get("k1")).toEqual(entry("judge"));
    cache.put("k1", entry("judge", "p2"));
    await cache.flush();
    expect(cache.get("k1")?.promptId).toBe("p2");
    await cache.close();
  });
});

describe("the cache on disk", () => {
  it("outlives the process that filled it", async () => {
    const directory = join(await directoryOf(), "not/yet/there");
    const first = openScoreCache(directory);
    for (let index = 0; index < 100; index++) first.put(`k${index}`, entry("judge", `p${index}`));
    await first.close();
    const second = openScoreCache(directory);
    expect(second.get("k99")).toEqual(entry("judge", "p99"));
    await second.close();
  });

  it("is shared by two processes at a time", async () => {
    const directory = await directoryOf();
    const cache = openScoreCache(directory);
    cache.put("ours", entry("judge"));
    await cache.flush();
    const module = new URL("../../dist/src/annotate/score-cache.js", import.meta.url);
    const script = `
      import { openScoreCache } from ${JSON.stringify(module.href)};
      const cache = openScoreCache(process.argv[1]);
      if (cache.get("ours")?.scorer !== "judge") process.exit(3);
      cache.put("theirs", { scorer: "other", promptId: "p9", scores: [] });
      await cache.flush();
      await cache.close();
    `;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script, directory], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      encoding: "utf8",
    });
    expect([child.status, child.stderr]).toEqual([0, ""]);
    // A read transaction lasts until the event turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    expect(cache.get("theirs")).toEqual({ scorer: "other", promptId: "p9", scores: [] });
    await cache.close();
  });

  it("can be counted, read through and cleared by scorer", async () => {
    const directory = await directoryOf();
    const cache = openScoreCache(directory);
    cache.put("a", entry("judge"));
    cache.put("b", entry("judge"));
    cache.put("c", entry("other"));
    await cache.close();
    expect(await summarizeCache(directory)).toMatchObject({
      directory,
      entries: 3,
      scorers: { judge: 2, other: 1 },
    });
    const seen: string[] = [];
    for await (const { key, scorer } of readCache(directory)) seen.push(`${key} ${scorer}`);
    expect(seen).toEqual(["a judge", "b judge", "c other"]);

    expect(await clearCache(directory, "nobody")).toBe(0);
    expect(await clearCache(directory, "judge")).toBe(2);
    expect((await summarizeCache(directory)).scorers).toEqual({ other: 1 });
    expect(await clearCache(directory)).toBe(1);
    expect(await summarizeCache(directory)).toMatchObject({ entries: 0, bytes: 0, scorers: {} });
  });

  it("says which directory it could not use, and what to set", async () => {
    const directory = await directoryOf({ file: "in the way" });
    const error = await errorOf(() => openScoreCache(join(directory, "file")));
    expect(error.code).toBe("cache_unavailable");
    expect(error.message).toContain(join(directory, "file"));
    expect(error.fix).toContain("PREFKIT_CACHE_DIR");
  });

  it.skipIf(process.getuid?.() === 0)("says so for a directory without permission", async () => {
    const directory = await directoryOf();
    chmodSync(directory, 0o500);
    expect((await errorOf(() => openScoreCache(join(directory, "inside")))).code).toBe("cache_unavailable");
  });
});

describe("the cache's directory", () => {
  it.each([
    { environment: { PREFKIT_CACHE_DIR: "/a", XDG_CACHE_HOME: "/b" }, directory: "/a" },
    { environment: { XDG_CACHE_HOME: "/b" }, directory: "/b/prefkit" },
    {
      environment: { PREFKIT_CACHE_DIR: "", XDG_CACHE_HOME: "" },
      directory: join(homedir(), ".cache/prefkit"),
    },
    { environment: {}, directory: join(homedir(), ".cache/prefkit") },
  ])("for $environment is $directory", ({ environment, directory }) => {
    expect(cacheDirectory(environment)).toBe(directory);
  });
});

describe("scoreKey", () => {
  const identity = { use: "judge", version: 1, options: { model: "m" } };
  const group: Group = groupOf(["18", { text: "26", tokenCount: 3 }], {
    reference: "18",
    metadata: { level: 1 },
  });
  const key = scoreKey(identity, group);
  const prompt = (change: object): Group => ({ ...group, prompt: { ...group.prompt, ...change } });
  const second = (change: object): Group => ({
    ...group,
    responses: group.responses.map((response, index) =>
      index === 1 ? { ...response, ...change } : response,
    ),
  });

  it("is the same for the same question under other ids", () => {
    expect(scoreKey(identity, prompt({ id: "other" }))).toBe(key);
    expect(scoreKey(identity, second({ id: "other" }))).toBe(key);
    expect(scoreKey({ options: { model: "m" }, version: 1, use: "judge" }, group)).toBe(key);
    expect(scoreKey(identity, { ...group, siblingId: "q" })).toBe(key);
  });

  it("is another one under other ids for a scorer that uses them", () => {
    const sibling = groupOf(["x"]);
    const other = { ...sibling, prompt: { ...sibling.prompt, id: "other" } };
    const keys = [
      group,
      prompt({ id: "other" }),
      second({ id: "other" }),
      { ...group, sibling },
      { ...group, sibling: other },
    ].map((one) => scoreKey(identity, one, true));
    expect(new Set([key, ...keys]).size).toBe(6);
    expect(scoreKey(identity, group, true)).toBe(keys[0]);
  });

  it.each([
    { what: "the scorer's version", changed: scoreKey({ ...identity, version: 2 }, group) },
    { what: "an option", changed: scoreKey({ ...identity, options: { model: "n" } }, group) },
    { what: "the seed", changed: scoreKey({ ...identity, seed: 0 }, group) },
    {
      what: "the messages",
      changed: scoreKey(identity, prompt({ messages: [{ role: "user", content: "?" }] })),
    },
    { what: "the reference", changed: scoreKey(identity, prompt({ reference: "26" })) },
    { what: "a missing reference", changed: scoreKey(identity, prompt({ reference: null })) },
    { what: "the tools", changed: scoreKey(identity, prompt({ tools: "[]" })) },
    {
      what: "the images",
      changed: scoreKey(identity, prompt({ images: [{ bytes: new Uint8Array([1]), path: null }] })),
    },
    { what: "the prompt's metadata", changed: scoreKey(identity, prompt({ metadata: { level: 2 } })) },
    { what: "a response's text", changed: scoreKey(identity, second({ text: "27" })) },
    { what: "a response's reasoning", changed: scoreKey(identity, second({ reasoning: "hm" })) },
    { what: "a response's role", changed: scoreKey(identity, second({ role: "baseline" })) },
    { what: "a token count", changed: scoreKey(identity, second({ tokenCount: 4 })) },
    { what: "a log-probability", changed: scoreKey(identity, second({ sumLogprob: -1 })) },
    { what: "a response's metadata", changed: scoreKey(identity, second({ metadata: { a: 1 } })) },
    {
      what: "the order of the responses",
      changed: scoreKey(identity, { ...group, responses: group.responses.toReversed() }),
    },
    {
      what: "one response less",
      changed: scoreKey(identity, { ...group, responses: group.responses.slice(0, 1) }),
    },
    { what: "a sibling", changed: scoreKey(identity, { ...group, sibling: groupOf(["x"]) }) },
  ])("changes with $what", ({ changed }) => {
    expect(changed).not.toBe(key);
  });

  it("is 32 hex digits for any group", () => {
    fc.assert(
      fc.property(anyGroup({ text: fc.string({ unit: "grapheme" }) }), (any) => {
        expect(scoreKey(identity, any)).toMatch(/^[0-9a-f]{32}$/);
      }),
    );
  });
});
