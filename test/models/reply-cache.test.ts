import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/core/disk-cache.ts";
import { exportReplies, recordedReplies } from "../../src/models/recorded-replies.ts";
import {
  clearReplies,
  memoryReplyCache,
  openReplyCache,
  type ReplyCache,
  readReplies,
} from "../../src/models/reply-cache.ts";
import { callOf, endpointOf, never, pathOf, replyAfter } from "./call-fixtures.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-replies-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const entry = (text: string) => ({
  reply: { text, parts: [1, null] },
  usage: { promptTokens: 3, outputTokens: null, cachedTokens: 1 },
});

async function recording(...lines: string[]): Promise<ReplyCache> {
  const path = join(directory, "replies.jsonl");
  writeFileSync(path, lines.join("\n"));
  return recordedReplies(path);
}

describe.each([
  { name: "the cache on disk", open: async (): Promise<ReplyCache> => openReplyCache(directory) },
  { name: "the cache in memory", open: async (): Promise<ReplyCache> => memoryReplyCache() },
  { name: "a recording", open: () => recording() },
])("$name", ({ open }) => {
  it("gives back what was put, at once and after it is committed", async () => {
    const cache = await open();
    expect(cache.get("k")).toBeNull();
    const committed = cache.put("k", entry("half – ½ 🙂"));
    expect(cache.get("k")).toEqual(entry("half – ½ 🙂"));
    await committed;
    expect(cache.get("k")).toEqual(entry("half – ½ 🙂"));
    await cache.flush();
    await cache.close();
  });
});

describe("the cache on disk", () => {
  it("takes an entry that is damaged as not there", async () => {
    const database = openDatabase(directory, "replies.lmdb", "reply cache");
    await database.put("cut", '{"reply":{"text":"a');
    await database.put("other", '{"scores":[]}');
    await database.put("odd", '{"reply":1,"usage":{"promptTokens":"many","outputTokens":1}}');
    await database.put("good", JSON.stringify(entry("a")));
    await database.close();
    const cache = openReplyCache(directory);
    expect(["cut", "other", "odd"].map((key) => cache.get(key))).toEqual([null, null, null]);
    expect(cache.get("good")).toEqual(entry("a"));
    await cache.close();
  });

  it.each([
    { what: "something else", content: "not a database ".repeat(2000) },
    { what: "cut short", content: "\0".repeat(24) },
  ])("whose file is $what says so, and to remove it", ({ content }) => {
    writeFileSync(join(directory, "replies.lmdb"), content);
    expect(() => openReplyCache(directory)).toThrow(
      /replies\.lmdb is damaged.*remove it.*\[cache_unavailable\]/s,
    );
  });

  it("can be cleared", async () => {
    const cache = openReplyCache(directory);
    for (const key of ["a", "b", "c"]) void cache.put(key, entry(key));
    await cache.close();
    expect(await clearReplies(directory)).toBe(3);
    expect(await clearReplies(directory)).toBe(0);
  });

  it("says which directory it could not use, and what to set", () => {
    writeFileSync(join(directory, "file"), "in the way");
    expect(() => openReplyCache(join(directory, "file"))).toThrow(
      /reply cache in .*file.*PREFKIT_CACHE_DIR.*\[cache_unavailable\]/s,
    );
  });
});

describe("a run that was recorded", () => {
  it("is replayed from the file alone", async () => {
    const cache = openReplyCache(directory);
    const { clock, path } = pathOf({ cache });
    const calls = () =>
      Array.from({ length: 40 }, (_, n) => callOf({ n }, () => replyAfter(clock, 5, { n })));
    const first = await clock.run(Promise.all(calls().map((call) => path.call(endpointOf(), call, never))));
    await path.close();

    const file = join(directory, "recorded.jsonl");
    const lines: string[] = [];
    for await (const line of exportReplies(readReplies(directory))) lines.push(line);
    writeFileSync(file, lines.join(""));
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(40);

    const recorded = await recordedReplies(file);
    const replay = pathOf({ cache: recorded, offline: true }).path;
    expect(await Promise.all(calls().map((call) => replay.call(endpointOf(), call, never)))).toEqual(first);
    expect(replay.usage()).toMatchObject([{ cached: 40, sent: 0 }]);
  });

  it.each([
    { line: "{", what: "no JSON" },
    { line: '{"reply":1,"usage":{"promptTokens":1,"outputTokens":1}}', what: "no key" },
    { line: '{"key":"k","reply":1}', what: "no usage" },
  ])("with a line that is $what is refused with its number", async ({ line }) => {
    const good = JSON.stringify({ key: "k", ...entry("a") });
    await expect(recording(good, "", line)).rejects.toThrow(
      /replies\.jsonl:3: this line is not a recorded reply/,
    );
  });

  it("that is not there is refused by its path", async () => {
    await expect(recordedReplies(join(directory, "none.jsonl"))).rejects.toThrow(/none\.jsonl.*\[io\]/s);
  });
});
