import { lstat, mkdir, readdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { nodeFiles } from "../../src/core/files.ts";
import { sha256 } from "../../src/core/ids.ts";
import { openExportDirectory } from "../../src/trainers/export-directory.ts";
import { type ExportManifest, exportManifestText } from "../../src/trainers/export-manifest.ts";
import { temporaryDirectories } from "../cli/small-dataset.ts";

const temporary = temporaryDirectories();
let home: string;
beforeEach(async () => {
  home = await temporary.make();
});
afterAll(temporary.removeAll);

const manifest: ExportManifest = {
  prefkit: "0",
  exportVersion: 1,
  trainer: "trl",
  kind: "preference",
  options: {},
  format: "parquet",
  source: {
    planId: "p",
    table: "pairs",
    rows: 1,
    extras: { tools: false, images: false, toolMessages: false },
    scores: [],
    license: null,
    inputs: [],
  },
  rows: { train: 1 },
  leftOut: {},
  files: [
    { path: "data/train.parquet", split: "train", rows: 1, bytes: 4, sha256: sha256("data") },
    { path: "dpo.yaml", split: null, rows: null, bytes: 6, sha256: sha256("config") },
  ],
};

/** Makes an export under `out`; `config` is what its one config says. */
async function make(out: string, { force = false, config = "config" } = {}): Promise<void> {
  const place = await openExportDirectory(nodeFiles, out, { force });
  try {
    await mkdir(join(place.aside, "data"));
    await writeFile(join(place.aside, "data/train.parquet"), "data");
    await writeFile(join(place.aside, "dpo.yaml"), config);
    const files = manifest.files.map((file) =>
      file.path === "dpo.yaml" ? { ...file, sha256: sha256(config) } : file,
    );
    await writeFile(join(place.aside, "export.json"), exportManifestText({ ...manifest, files }));
    await place.publish();
  } finally {
    await place.release();
  }
}

const EXPORTED = ["data", "dpo.yaml", "export.json"];

describe("the directory of an export", () => {
  it("is the one that a link points to, and the link stays, also when the export is replaced", async () => {
    await mkdir(join(home, "disk/real"), { recursive: true });
    await symlink(join(home, "disk/real"), join(home, "link"));
    await make(join(home, "link"));
    await make(join(home, "link"), { force: true, config: "another" });
    expect((await lstat(join(home, "link"))).isSymbolicLink()).toBe(true);
    expect(await realpath(join(home, "link"))).toBe(await realpath(join(home, "disk/real")));
    expect(await readdir(join(home, "disk/real"))).toEqual(EXPORTED);
    expect(await readFile(join(home, "link/dpo.yaml"), "utf8")).toBe("another");
    expect([await readdir(home), await readdir(join(home, "disk"))]).toEqual([["disk", "link"], ["real"]]);
  });

  it("is not made in place of a link to nothing, or of a file", async () => {
    await symlink(join(home, "gone"), join(home, "link"));
    await expect(make(join(home, "link"), { force: true })).rejects.toThrow(
      /link to a directory.*not_this_run/s,
    );
    expect((await lstat(join(home, "link"))).isSymbolicLink()).toBe(true);
    await writeFile(join(home, "file"), "mine");
    await expect(make(join(home, "file"), { force: true })).rejects.toMatchObject({ code: "not_this_run" });
    expect(await readFile(join(home, "file"), "utf8")).toBe("mine");
    expect(await readdir(home)).toEqual(["file", "link"]);
  });

  it("keeps a config that was edited, before the work and at its end, and takes a missing one for moved away", async () => {
    const out = join(home, "export");
    await make(out);
    await writeFile(join(out, "dpo.yaml"), "mine");
    await expect(make(out, { force: true })).rejects.toThrow(/edited since.*\(dpo\.yaml\).*not_this_run/s);
    await writeFile(join(out, "dpo.yaml"), "config");
    const place = await openExportDirectory(nodeFiles, out, { force: true });
    await writeFile(join(out, "dpo.yaml"), "mine");
    await expect(place.publish()).rejects.toMatchObject({ code: "not_this_run" });
    await place.release();
    expect(await readFile(join(out, "dpo.yaml"), "utf8")).toBe("mine");
    await nodeFiles.remove(join(out, "dpo.yaml"));
    await make(out, { force: true });
    expect(await readdir(out)).toEqual(EXPORTED);
    expect(await readdir(home)).toEqual(["export"]);
  });

  it("replaces data that was damaged: it is not edited by hand", async () => {
    const out = join(home, "export");
    await make(out);
    await writeFile(join(out, "data/train.parquet"), "dama");
    await make(out, { force: true });
    expect(await readFile(join(out, "data/train.parquet"), "utf8")).toBe("data");
  });
});
