import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Files, nodeFiles, writeWhole } from "../../src/core/files.ts";
import { countingFiles, failingFiles, memoryFiles } from "../../src/testing/failing-files.ts";

async function onDisk(use: (files: Files, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "prefkit-files-"));
  try {
    await use(nodeFiles, root);
  } finally {
    await rm(root, { recursive: true });
  }
}

const disks = [
  { name: "the real disk", run: onDisk },
  {
    name: "the disk in memory",
    run: async (use: (files: Files, root: string) => Promise<void>) => {
      const files = memoryFiles();
      await files.makeDirectory("/root");
      await use(files, "/root");
    },
  },
];

describe.each(disks)("$name", ({ run }) => {
  it("gives back what was written, whole and in part", () =>
    run(async (files, root) => {
      const path = join(root, "a");
      const writer = await files.create(path);
      await writer.write("ab");
      await writer.write(Uint8Array.of(0, 255));
      await writer.close();
      expect([...(await files.readAll(path))]).toEqual([97, 98, 0, 255]);
      const reader = await files.open(path);
      expect(reader.bytes).toBe(4);
      expect([...(await reader.read(1, 2))]).toEqual([98, 0]);
      expect([...(await reader.read(3, 9))]).toEqual([255]);
      await reader.close();
    }));

  it("appends lines, creates once, lists, renames and removes", () =>
    run(async (files, root) => {
      await files.appendLine(join(root, "log"), "one");
      await files.appendLine(join(root, "log"), "two");
      expect(Buffer.from(await files.readAll(join(root, "log"))).toString()).toBe("one\ntwo\n");
      expect(await files.createExclusive(join(root, "lock"), "x")).toBe(true);
      expect(await files.createExclusive(join(root, "lock"), "y")).toBe(false);
      expect(Buffer.from(await files.readAll(join(root, "lock"))).toString()).toBe("x");
      await files.makeDirectory(join(root, "d", "e"));
      await writeWhole(files, join(root, "d", "e", "f"), "deep");
      expect(await files.list(root)).toEqual(["d", "lock", "log"]);
      expect(await files.list(join(root, "d", "e"))).toEqual(["f"]);
      expect(await files.list(join(root, "none"))).toBeNull();
      await files.rename(join(root, "d"), join(root, "moved"));
      expect(await files.exists(join(root, "d"))).toBe(false);
      expect(Buffer.from(await files.readAll(join(root, "moved", "e", "f"))).toString()).toBe("deep");
      await files.rename(join(root, "lock"), join(root, "log"));
      expect(Buffer.from(await files.readAll(join(root, "log"))).toString()).toBe("x");
      await files.remove(join(root, "moved"));
      await files.remove(join(root, "moved"));
      expect(await files.list(root)).toEqual(["log"]);
    }));

  it("says io for a file or directory that is not there", () =>
    run(async (files, root) => {
      const gone = join(root, "gone");
      const io = { code: "io", cause: { code: "ENOENT" } };
      await expect(files.open(gone)).rejects.toMatchObject(io);
      await expect(files.readAll(gone)).rejects.toMatchObject(io);
      await expect(files.rename(gone, join(root, "b"))).rejects.toMatchObject(io);
      await expect(files.create(join(gone, "a"))).rejects.toMatchObject(io);
      await expect(files.appendLine(join(gone, "a"), "x")).rejects.toMatchObject(io);
    }));
});

describe("a disk in memory made of another's files", () => {
  it("has them and their directories, and neither changes the other", async () => {
    const first = memoryFiles();
    await first.makeDirectory("/root/d");
    await writeWhole(first, "/root/d/a", "one");
    const second = memoryFiles(first.contents);
    expect(await second.list("/root/d")).toEqual(["a"]);
    await second.appendLine("/root/d/a", "more");
    second.contents.get("/root/d/a")?.fill(0);
    await writeWhole(second, "/root/d/b", "two");
    expect(Buffer.from(await first.readAll("/root/d/a")).toString()).toBe("one");
    expect(await first.list("/root/d")).toEqual(["a"]);
    const third = memoryFiles(first.contents);
    third.contents.get("/root/d/a")?.fill(0);
    expect(Buffer.from(await first.readAll("/root/d/a")).toString()).toBe("one");
  });
});

describe("failing files", () => {
  const work = async (files: Files): Promise<void> => {
    const writer = await files.create("/a");
    await writer.write("x");
    await writer.close();
    await files.exists("/a");
  };

  it("fail at the call asked for, once, as a full disk does", async () => {
    for (const failAt of [1, 2, 3, 4]) {
      const files = failingFiles(memoryFiles(), { failAt });
      await expect(work(files)).rejects.toMatchObject({ code: "io", cause: { code: "ENOSPC" } });
      expect(files.calls).toBe(failAt);
      await expect(files.exists("/a")).resolves.toBe(failAt > 1);
    }
  });

  it("fail with the error asked for", async () => {
    const error = new Error("unplugged");
    await expect(work(failingFiles(memoryFiles(), { failAt: 2, error }))).rejects.toBe(error);
  });

  it("count every call, those of writers and readers too", async () => {
    const files = countingFiles(memoryFiles());
    await work(files);
    expect(files.calls).toBe(4);
    const reader = await files.open("/a");
    await reader.read(0, 1);
    await reader.close();
    expect(files.calls).toBe(7);
  });
});
