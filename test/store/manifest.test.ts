import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { isPrefkitError, type PrefkitError } from "../../src/core/errors.ts";
import { writeWhole } from "../../src/core/files.ts";
import { MANIFEST_FILE, type Manifest, readManifest, tableFiles } from "../../src/store/manifest.ts";
import { type MemoryFiles, memoryFiles } from "../../src/testing/failing-files.ts";

const OUT = "out";
let files: MemoryFiles;
beforeEach(async () => {
  files = memoryFiles();
  await files.makeDirectory(OUT);
});

const write = (text: string): Promise<void> => writeWhole(files, join(OUT, MANIFEST_FILE), text);

async function faultOf(): Promise<PrefkitError> {
  const error: unknown = await readManifest(files, OUT).then(
    () => null,
    (fault: unknown) => fault,
  );
  if (!isPrefkitError(error)) throw new Error(`not a PrefkitError: ${String(error)}`);
  return error;
}

describe("readManifest", () => {
  it("gives back what was written", async () => {
    const manifest = { manifestVersion: 1, planId: "a1", files: [] };
    await write(JSON.stringify(manifest));
    expect(await readManifest(files, OUT)).toEqual(manifest);
  });

  it("calls a directory without one no finished dataset", async () => {
    const error = await faultOf();
    expect([error.code, error.message.split("\n")[0]]).toEqual([
      "dataset_incomplete",
      "out holds no run.json, so it is no finished dataset of prefkit.",
    ]);
  });

  it.each([
    { text: "", says: "out/run.json is not JSON." },
    { text: '{"manifestVersion":1,', says: "out/run.json is not JSON." },
    { text: "null", says: "is not a manifest this version of prefkit reads (manifestVersion undefined)" },
    { text: "[]", says: "manifestVersion undefined" },
    { text: '{"manifestVersion":2,"files":[]}', says: "manifestVersion 2" },
    { text: '{"manifestVersion":1,"files":{}}', says: "is not a manifest" },
  ])("refuses $text", async ({ text, says }) => {
    await write(text);
    const error = await faultOf();
    expect(error.code).toBe("damaged_file");
    expect(error.message).toContain(says);
  });
});

describe("tableFiles", () => {
  it("are those of one table, in the manifest's order", () => {
    const entry = (path: string, table: string | null) => ({
      path,
      table,
      split: null,
      rows: 0,
      bytes: 0,
      sha256: "",
    });
    const manifest = {
      files: [
        entry("pairs/train", "pairs"),
        entry("pairs/test", "pairs"),
        entry("groups/train", "groups"),
        entry("README.md", null),
      ],
    } as unknown as Manifest;
    expect(tableFiles(manifest, "pairs").map(({ path }) => path)).toEqual(["pairs/train", "pairs/test"]);
    expect(tableFiles(manifest, "scores")).toEqual([]);
  });
});
