import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/core/disk-cache.ts";
import { CallFailure } from "../../src/core/errors.ts";
import { createCallPath } from "../../src/models/call-path.ts";
import { openClaims } from "../../src/models/claims.ts";
import { memoryReplyCache } from "../../src/models/reply-cache.ts";
import { callOf, endpointOf, failAfter, never, replyAfter, settled } from "./call-fixtures.ts";
import { virtualClock } from "./virtual-clock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-claims-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Writes what another process might have left. */
async function leave(entries: Readonly<Record<string, string>>): Promise<void> {
  const database = openDatabase(directory, "claims.lmdb", "claims");
  for (const [key, text] of Object.entries(entries)) await database.put(key, text);
  await database.close();
}

async function kept(): Promise<string[]> {
  const database = openDatabase(directory, "claims.lmdb", "claims");
  const keys = [...database.getKeys()].map(String);
  await database.close();
  return keys;
}

/** The number of a process that has ended. */
function endedProcess(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

const owner = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ host: hostname(), pid: process.ppid, beat: Date.now(), ...changes });

describe("claims of processes that share a cache", () => {
  it("belong to one at a time, until it lets go", async () => {
    const [one, other] = [openClaims(directory), openClaims(directory)];
    expect(one.take("q")).toBe(true);
    expect(one.take("q")).toBe(true);
    expect(other.take("q")).toBe(false);
    expect(other.take("another")).toBe(true);
    other.release("q");
    expect(other.take("q")).toBe(false);
    one.release("q");
    expect(other.take("q")).toBe(true);
    expect(one.take("q")).toBe(false);
    await one.close();
    await other.close();
  });

  it("end with their process, and leave nothing behind", async () => {
    const [one, other] = [openClaims(directory), openClaims(directory)];
    one.take("q");
    await one.close();
    expect(other.take("q")).toBe(true);
    other.release("q");
    await other.close();
    expect(await kept()).toEqual([]);
  });

  it.each([
    ["runs on this host", owner(), false],
    ["runs elsewhere", owner({ host: "elsewhere", pid: 1 }), false],
    ["has ended", owner({ pid: endedProcess() }), true],
    ["has not been heard of for over a minute", owner({ beat: Date.now() - 61_000 }), true],
    ["is from a clock far ahead", owner({ beat: Date.now() + 3_600_000 }), true],
    ["is not known", null, true],
    ["is no JSON", "{", true],
    ["is another thing", '["host"]', true],
    ["is null", "null", true],
    ["lacks its number", owner({ pid: null }), true],
  ])("of a process that %s", async (_, text, isFree) => {
    await leave({ "claim q": "them", ...(text !== null && { "owner them": text }) });
    const claims = openClaims(directory);
    expect(claims.take("q")).toBe(isFree);
    await claims.close();
  });

  it("of processes that were killed are cleared away when the next one begins", async () => {
    await leave({
      "claim a": "them",
      "claim b": "others",
      "owner them": owner({ pid: endedProcess() }),
      "owner others": owner(),
    });
    await openClaims(directory).close();
    expect(await kept()).toEqual(["claim b", "owner others"]);
  });

  it.each([
    ["a file in the way", () => writeFileSync(join(directory, "claims"), "no folder"), "claims"],
    [
      "a file that is no database",
      () => writeFileSync(join(directory, "claims.lmdb"), "x".repeat(9000)),
      ".",
    ],
  ])("that cannot be kept for %s are warned of once, and each asks for itself", async (_, damage, below) => {
    damage();
    const warnings: string[] = [];
    const claims = openClaims(join(directory, below), (message) => warnings.push(message));
    expect([claims.take("q"), claims.take("q")]).toEqual([true, true]);
    claims.release("q");
    await claims.close();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("cannot be used");
  });
});

describe("two call paths with one cache and one file of claims", () => {
  const both = () => {
    const clock = virtualClock();
    const cache = memoryReplyCache();
    const begin = () =>
      createCallPath({
        cache,
        claims: openClaims(directory),
        clock,
        limits: null,
        budget: null,
        offline: false,
      });
    return { clock, one: begin(), other: begin() };
  };

  it("send a call once: the second takes the reply of the first", async () => {
    const { clock, one, other } = both();
    let sent = 0;
    const call = callOf("q", () => {
      sent += 1;
      return replyAfter(clock, 500, "a");
    });
    const ends = await clock.run(
      Promise.all([one.call(endpointOf(), call, never), other.call(endpointOf(), call, never)]),
    );
    expect(ends).toEqual(["a", "a"]);
    expect(sent).toBe(1);
    expect(one.usage()).toMatchObject([{ sent: 1, joined: 0 }]);
    expect(other.usage()).toMatchObject([{ sent: 0, joined: 1 }]);
    await Promise.all([one.close(), other.close()]);
  });

  it("do not share a failure: the second asks for itself", async () => {
    const { clock, one, other } = both();
    const endpoint = endpointOf({ retries: 0 });
    const fails = callOf("q", () => failAfter(clock, 500, new CallFailure("bad_reply", "no")));
    const answers = callOf("q", () => replyAfter(clock, 5, "a"));
    const ends = await clock.run(
      settled([one.call(endpoint, fails, never), other.call(endpoint, answers, never)]),
    );
    expect(ends).toEqual([{ code: "bad_reply" }, "a"]);
    await Promise.all([one.close(), other.close()]);
  });

  it("that wait can be cancelled", async () => {
    const { clock, one, other } = both();
    const call = callOf("q", () => replyAfter(clock, 500, "a"));
    const controller = new AbortController();
    const ends = settled([
      one.call(endpointOf(), call, never),
      other.call(endpointOf(), call, { signal: controller.signal }),
    ]);
    clock.after(100, () => controller.abort());
    expect(await clock.run(ends)).toEqual(["a", { code: "cancelled" }]);
    await Promise.all([one.close(), other.close()]);
  });
});
