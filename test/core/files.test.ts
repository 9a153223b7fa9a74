import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Files, nodeFiles, writeWhole } from "../../src/core/files.ts";
import { countingFiles, failingFiles, memoryFiles } from "../../src/testing/failing-files.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-files-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

// The disk in memory stands in for the real one in other tests, so both are held to the same behaviour.
describe.each([
  { name: "the real disk", open: () => nodeFiles },
  { name: "the disk in memory", open: () => memoryFiles() },
])("$name", ({ open }) => {
  let files: Files;
  let path: string;
  beforeEach(async () => {
    files = open();
    await files.makeDirectory(directory);
    path = join(directory, "file.txt");
  });

  it("writes a file piece by piece and reads it back, whole or in part", async () => {
    const writer = await files.create(path);
    await writer.write("grün ");
    await writer.write(new Uint8Array([49, 50, 51]));
    await writer.close();
    expect(text(await files.readAll(path))).toBe("grün 123");
    const reader = await files.open(path);
    expect(reader.bytes).toBe(9);
    expect(text(await reader.read(6, 2))).toBe("12");
    expect(text(await reader.read(8, 100))).toBe("3");
    expect((await reader.read(100, 5)).length).toBe(0);
    await reader.close();
  });

  it("replaces what a file held when it is created anew", async () => {
    for (const content of ["a longer content", "short"]) {
      const writer = await files.create(path);
      await writer.write(content);
      await writer.close();
    }
    expect(text(await files.readAll(path))).toBe("short");
  });

  it("appends lines, and makes the file with the first", async () => {
    await files.appendLine(path, "one");
    await files.appendLine(path, "two");
    expect(text(await files.readAll(path))).toBe("one\ntwo\n");
  });

  it("creates a file once: of many at a time one wins, and its text stays", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => files.createExclusive(path, `text ${index}`)),
    );
    const winner = answers.indexOf(true);
    expect(answers.filter((answer) => answer)).toHaveLength(1);
    expect(text(await files.readAll(path))).toBe(`text ${winner}`);
    expect(await files.createExclusive(path, "later")).toBe(false);
    expect(await files.list(directory)).toEqual(["file.txt"]);
  });

  it("replaces the target of a rename", async () => {
    await files.appendLine(path, "new");
    const target = join(directory, "target.txt");
    await files.appendLine(target, "old");
    await files.rename(path, target);
    expect(text(await files.readAll(target))).toBe("new\n");
    expect(await files.exists(path)).toBe(false);
  });

  it("lists names in order, and null for a directory that is not there", async () => {
    await files.makeDirectory(join(directory, "b", "deep"));
    await files.appendLine(join(directory, "a"), "");
    expect(await files.list(directory)).toEqual(["a", "b"]);
    expect(await files.list(join(directory, "absent"))).toBeNull();
  });

  it("knows what exists, and removes files and whole directories, absent ones too", async () => {
    const inner = join(directory, "inner");
    await files.makeDirectory(inner);
    await files.appendLine(join(inner, "x"), "");
    expect([await files.exists(inner), await files.exists(join(inner, "x"))]).toEqual([true, true]);
    await files.remove(inner);
    await files.remove(inner);
    expect([await files.exists(inner), await files.exists(join(inner, "x"))]).toEqual([false, false]);
  });

  it.each([
    { action: "read", call: (port: Files, absent: string) => port.readAll(absent) },
    { action: "open", call: (port: Files, absent: string) => port.open(absent) },
    { action: "create", call: (port: Files, absent: string) => port.create(absent) },
    { action: "append to", call: (port: Files, absent: string) => port.appendLine(absent, "x") },
    { action: "create", call: (port: Files, absent: string) => port.createExclusive(absent, "x") },
    { action: "rename to", call: (port: Files, absent: string) => port.rename(absent, `${absent}2`) },
  ])("says which path it could not $action", async ({ action, call }) => {
    const absent = join(directory, "absent", "file");
    await expect(call(files, absent)).rejects.toThrow(new RegExp(`^could not ${action} ${absent}2?: ENOENT`));
    await expect(call(files, absent)).rejects.toMatchObject({ code: "io", cause: { code: "ENOENT" } });
  });
});

describe("the real disk alone", () => {
  it("closes an aborted writer without a word, even a second time", async () => {
    const writer = await nodeFiles.create(join(directory, "x"));
    await writer.abort();
    await expect(writer.abort()).resolves.toBeUndefined();
    await expect(writer.write("late")).rejects.toMatchObject({ code: "io" });
  });

  it("cannot list a file", async () => {
    writeFileSync(join(directory, "x"), "");
    await expect(nodeFiles.list(join(directory, "x"))).rejects.toMatchObject({ code: "io" });
  });
});

describe("writeWhole", () => {
  it("leaves one file, and nothing beside it", async () => {
    await writeWhole(nodeFiles, join(directory, "a.json"), "{}\n");
    expect(readdirSync(directory)).toEqual(["a.json"]);
    expect(readFileSync(join(directory, "a.json"), "utf8")).toBe("{}\n");
  });

  it("keeps the old content whole whichever call fails", async () => {
    const path = join(directory, "a.json");
    const counted = countingFiles(nodeFiles);
    await writeWhole(counted, path, "old");
    expect(counted.calls).toBeGreaterThanOrEqual(4);
    for (let failAt = 1; failAt <= counted.calls; failAt++) {
      await expect(writeWhole(failingFiles(nodeFiles, { failAt }), path, "new")).rejects.toMatchObject({
        code: "io",
      });
      expect(readFileSync(path, "utf8")).toBe("old");
    }
    await writeWhole(nodeFiles, path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(existsSync(path)).toBe(true);
  });
});
