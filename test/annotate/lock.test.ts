import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { beforeEach, describe, expect, it } from "vitest";
import { takeLock } from "../../src/annotate/lock.ts";
import { type MemoryFiles, memoryFiles } from "../../src/testing/failing-files.ts";
import { errorOf } from "./small-run.ts";

const PATH = "lock";
let files: MemoryFiles;
beforeEach(() => {
  files = memoryFiles();
});

async function holdAs(holder: unknown): Promise<void> {
  await files.createExclusive(PATH, typeof holder === "string" ? holder : JSON.stringify(holder));
}

const here = hostname();
/** The pid of a process that has just ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

describe("takeLock", () => {
  it("says who holds the lock, and lets go of it", async () => {
    const release = await takeLock(files, PATH);
    const text = Buffer.from(await files.readAll(PATH)).toString("utf8");
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid, host: here });
    await release();
    expect(await files.exists(PATH)).toBe(false);
    const again = await takeLock(files, PATH);
    await again();
  });

  it("keeps a second one out while the first lives, in the same process too", async () => {
    const release = await takeLock(files, PATH);
    const error = await errorOf(() => takeLock(files, PATH));
    expect(error.code).toBe("directory_locked");
    expect(error.message).toContain(`process ${process.pid} on ${here}`);
    await release();
  });

  it("lets one of several in that come at once", async () => {
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => takeLock(files, PATH)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("takes over from a process that is gone", async () => {
    await holdAs({ pid: deadPid(), host: here, started: null });
    await expect(takeLock(files, PATH)).resolves.toBeTypeOf("function");
  });

  it.runIf(process.platform === "linux")(
    "takes over when the pid now belongs to another process",
    async () => {
      await holdAs({ pid: process.pid, host: here, started: "1" });
      await expect(takeLock(files, PATH)).resolves.toBeTypeOf("function");
    },
  );

  it.runIf(process.platform === "linux")("knows its own start as the kernel tells it", async () => {
    // proc(5): field 22 of /proc/PID/stat is the start time in clock ticks.
    const started = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19];
    await takeLock(files, PATH);
    expect(JSON.parse(Buffer.from(await files.readAll(PATH)).toString("utf8")).started).toBe(started);
  });

  it("does not take over from another host, where nobody can tell", async () => {
    await holdAs({ pid: deadPid(), host: "another-host", started: "1" });
    const error = await errorOf(() => takeLock(files, PATH));
    expect(error.code).toBe("directory_locked");
    expect(error.message).toContain("on another-host");
    expect(error.fix).toContain("delete that lock file");
    expect(await files.exists(PATH)).toBe(true);
  });

  it.each(["", "{", "null", "not JSON"])("takes over a damaged lock (%j): nobody holds it", async (text) => {
    await holdAs(text);
    await expect(takeLock(files, PATH)).resolves.toBeTypeOf("function");
  });

  it("gives up on a lock that comes back whenever it is removed", async () => {
    const stubborn = { ...files, createExclusive: async () => false };
    await holdAs("damaged");
    expect((await errorOf(() => takeLock(stubborn, PATH))).message).toContain("keeps coming back");
  });
});
