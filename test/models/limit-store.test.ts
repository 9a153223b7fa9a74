import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/core/disk-cache.ts";
import { contentHash } from "../../src/core/ids.ts";
import { openLimitStore, type SharedLimits } from "../../src/models/limit-store.ts";
import { freshPace, recalled } from "../../src/models/pace.ts";
import { callOf, endpointOf, never, pathOf, replyAfter } from "./call-fixtures.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-limits-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const limits: SharedLimits = { pace: { ...freshPace(5), learnedRate: 0.01, sent: 7 }, concurrency: 12.5 };

describe("the limit file", () => {
  it("keeps what was learned, for the next process", async () => {
    const first = openLimitStore(directory);
    expect(first.read("key")).toBeNull();
    first.update("key", () => limits);
    first.update("key", () => null);
    expect(first.read("key")).toEqual(limits);
    await first.close();
    const second = openLimitStore(directory);
    expect(second.read("key")).toEqual(limits);
    expect(second.read("other")).toBeNull();
    await second.close();
  });

  it.each([
    "{",
    "[]",
    "null",
    '{"pace":{},"concurrency":1}',
    '{"pace":null}',
    JSON.stringify({ ...limits, concurrency: "x" }),
  ])("takes %s as knowing nothing", async (text) => {
    const database = openDatabase(directory, "limits.lmdb", "limit file");
    await database.put(contentHash("key"), text);
    await database.close();
    const store = openLimitStore(directory);
    expect(store.read("key")).toBeNull();
    await store.close();
  });

  it("that cannot be used is warned of once, and calls go on without it", async () => {
    writeFileSync(join(directory, "file"), "in the way");
    const warnings: string[] = [];
    const store = openLimitStore(join(directory, "file"), (message) => warnings.push(message));
    const { clock, path } = pathOf({ limits: store });
    const calls = Array.from({ length: 20 }, (_, n) =>
      path.call(
        endpointOf({ requestsPerMinute: 6000 }),
        callOf(n, () => replyAfter(clock, 5, n)),
        never,
      ),
    );
    expect(await clock.run(Promise.all(calls))).toHaveLength(20);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("minds rate limits alone");
    await path.close();
  });

  it("that is no database is warned of and left alone", async () => {
    writeFileSync(join(directory, "limits.lmdb"), "not a database ".repeat(2000));
    const warnings: string[] = [];
    const store = openLimitStore(directory, (message) => warnings.push(message));
    store.update("key", () => limits);
    expect(store.read("key")).toEqual(limits);
    expect(warnings).toHaveLength(1);
    await store.close();
  });
});

describe("limits from before", () => {
  it("are forgotten after an hour, and a clock that was wrong holds nothing up for long", () => {
    const state = { ...freshPace(0), learnedRate: 0.01, lastAt: 1_000_000, holdUntil: 9e15 };
    expect(recalled(state, 1_000_000, 600_000)).toMatchObject({ learnedRate: 0.01, holdUntil: 1_600_000 });
    expect(recalled(state, 5_000_000, 600_000)).toMatchObject({ learnedRate: null, holdUntil: 5_600_000 });
    expect(recalled(null, 5, 600_000)).toEqual(freshPace(5));
  });
});
