import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { exitCodeOf, isPrefkitError } from "../../src/core/errors.ts";
import type { Files } from "../../src/core/files.ts";
import {
  countingFiles,
  failingFiles,
  type MemoryFiles,
  memoryFiles,
} from "../../src/testing/failing-files.ts";
import {
  bytesOf,
  cache,
  faultsUnderFinalNames,
  files,
  jsonl,
  makeProject,
  type Project,
  scorersModule,
} from "./fixtures/project.ts";
import { free, paid } from "./fixtures/scorers.mjs";

// Processes and threads are started here, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

let project: Project;
beforeEach(() => {
  project = makeProject({ "input.jsonl": inputOf(7) });
});
afterEach(() => project.remove());

function inputOf(count: number, text = "yes"): string {
  return jsonl(
    Array.from({ length: count }, (_, index) => ({
      id: `p${index}`,
      prompt: `Question ${index}`,
      responses: [text, `${text}, ${index}`, "no"],
    })),
  );
}

/** Three shards, a per-run transform and two splits: every step of a run has something to do. */
const recipe = {
  input: { path: "input.jsonl" },
  scorers: { paid: { use: paid, cost: "paid" }, free: { use: free } },
  reward: {
    terms: [{ score: "paid" }, { score: "free", transform: [{ use: "standardize", scope: "run" }] }],
  },
  pairs: { use: "best-vs-worst" },
  output: { split: { test: 0.3 } },
  shardSize: 3,
};

/** Two processes in one: the first one's lock does not hold the second off, as it is dead. */
async function lockOfTheDead(disk: Files, out: string): Promise<void> {
  await disk.remove(join(out, ".prefkit", "lock"));
}

/** What a memory disk holds under final names, by path. */
function finalBytes({ contents }: MemoryFiles, out: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [path, bytes] of contents) {
    const name = path.slice(out.length + 1);
    if (name.startsWith(".prefkit/") || name === "stats.json") continue;
    found[name] = Buffer.from(bytes).toString("base64");
  }
  return found;
}

/** With a run.json, all that it names is there, whole. */
async function expectWhole(disk: MemoryFiles, out: string): Promise<void> {
  const text = disk.contents.get(join(out, "run.json"));
  if (!text) return;
  const { files: entries } = JSON.parse(Buffer.from(text).toString("utf8")) as {
    files: { path: string; bytes: number; sha256: string }[];
  };
  const names = ["run.json", ...entries.map(({ path }) => path)];
  expect(Object.keys(finalBytes(disk, out)).sort()).toEqual(names.sort());
  for (const { path, sha256 } of entries) {
    const content = disk.contents.get(join(out, path));
    expect(content, path).toBeDefined();
    expect(await hashOf(content ?? new Uint8Array()), path).toBe(sha256);
  }
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(bytes))).toString("hex");
}

describe("a disk that fails once", () => {
  const out = "/out";
  const openCache = (): ReturnType<typeof cache.memoryScoreCache> => cache.memoryScoreCache();

  it("costs a run no more than an io error at whatever call it fails; the same command then gives the same bytes", async () => {
    const sound = countingFiles(memoryFiles());
    const reference = memoryFiles();
    await project.run(recipe, { out, files: sound, openCache });
    await project.run(recipe, { out, files: reference, openCache });
    const expected = finalBytes(reference, out);
    expect(Object.keys(expected)).toEqual(expect.arrayContaining(["README.md", "run.json"]));
    expect(sound.calls).toBeGreaterThan(60);

    let harmless = 0;
    for (let failAt = 1; failAt <= sound.calls; failAt++) {
      const disk = memoryFiles();
      const paidCache = cache.memoryScoreCache();
      project.forgetCalls();
      try {
        await project.run(recipe, { out, files: failingFiles(disk, { failAt }), openCache: () => paidCache });
        harmless += 1;
      } catch (error) {
        expect(isPrefkitError(error), `call ${failAt}: ${String(error)}`).toBe(true);
        expect(error, `call ${failAt}`).toMatchObject({
          code: "io",
          message: expect.stringMatching(/no space left.*\nFix: free some space/),
        });
        expect(exitCodeOf(error)).toBe(1);
      }
      await expectWhole(disk, out);

      await lockOfTheDead(disk, out);
      await project.run(recipe, { out, files: disk, openCache: () => paidCache });
      expect(finalBytes(disk, out), `after a failure at call ${failAt}`).toEqual(expected);
      // Nothing paid for is paid for again.
      expect(project.calls("paid").sort(), `after a failure at call ${failAt}`).toEqual(
        [...new Set(project.calls("paid"))].sort(),
      );
    }
    // Nothing fails without a word: a call whose failure is swallowed would show here.
    expect(harmless).toBe(0);
  });

  it("while a finished dataset is given new pairs leaves the old one or the new one, each whole", async () => {
    const changed = { ...recipe, pairs: { use: "all-pairs" } };
    const finished = memoryFiles();
    await project.run(recipe, { out, files: finished, openCache });
    const start = (): MemoryFiles => memoryFiles(finished.contents);
    const before = finalBytes(finished, out);
    const reference = start();
    const counter = countingFiles(reference);
    await project.run(changed, { out, files: counter, openCache });
    const after = finalBytes(reference, out);
    expect(after).not.toEqual(before);

    for (let failAt = 1; failAt <= counter.calls; failAt++) {
      const disk = start();
      await expect(
        project.run(changed, { out, files: failingFiles(disk, { failAt }), openCache }),
      ).rejects.toMatchObject({ code: "io" });
      await expectWhole(disk, out);
      const manifest = disk.contents.get(`${out}/run.json`);
      if (manifest) expect([before, after], `call ${failAt}`).toContainEqual(finalBytes(disk, out));
      await lockOfTheDead(disk, out);
      await project.run(changed, { out, files: disk, openCache });
      expect(finalBytes(disk, out), `after a failure at call ${failAt}`).toEqual(after);
    }
  });
});

interface SmallDisk {
  readonly path: string;
  remount(options: string): void;
  remove(): void;
}

/** A small disk of its own; null where this process may not mount one. */
function smallDisk(bytes: number): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), "prefkit-disk-"));
  const made = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path]);
  if (made.status !== 0) {
    rmSync(path, { recursive: true, force: true });
    return null;
  }
  return {
    path,
    remount: (options) => void execFileSync("mount", ["-o", `remount,${options}`, path]),
    remove: () => {
      execFileSync("umount", [path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function mayMount(): boolean {
  const probe = process.platform === "linux" ? smallDisk(100_000) : null;
  probe?.remove();
  return probe !== null;
}

const canMount = mayMount();
const note = canMount ? "" : " (not run: mounting a small disk is not permitted here)";

describe.skipIf(!canMount)(`a disk that is really full or read-only${note}`, () => {
  let disk: SmallDisk;
  let path: string;
  let args: string[];
  let large: Project;
  let sound: Record<string, string>;

  beforeAll(async () => {
    const made = smallDisk(1_500_000);
    if (!made) throw new Error("a disk could be mounted before, and not now");
    disk = made;
    path = disk.path;
    args = ["run", "recipe.yaml", "--out", join(path, "out"), "--workers", "1", "--quiet"];
    large = makeProject({
      "input.jsonl": inputOf(1500, "It is so, and it is so because it was so"),
      "recipe.yaml": JSON.stringify({
        ...recipe,
        scorers: {
          paid: { use: `${scorersModule}#paid`, cost: "paid" },
          free: { use: `${scorersModule}#free` },
        },
        shardSize: 200,
      }),
    });
    await large.cli(["run", "recipe.yaml", "--out", "sound", "--quiet"], {
      PREFKIT_CACHE_DIR: large.path("another-cache"),
    });
    sound = bytesOf(large.path("sound"));
  }, 60_000);
  afterAll(() => {
    disk.remove();
    large.remove();
  });
  beforeEach(() => large.forgetCalls());

  it("ends the run with exit code 1 and what to do; once there is space it goes on, and pays nothing again", async () => {
    writeFileSync(join(path, "ballast"), new Uint8Array(1_000_000));
    const first = await large.cli(args);
    expect(first.code).toBe(1);
    expect(first.err).toMatch(
      /no space left[\s\S]*Fix: free some space on that disk, then run the same command again: finished work is kept. \[io\]/,
    );
    expect(faultsUnderFinalNames(join(path, "out"))).toEqual([]);
    expect(existsSync(join(path, "out", "run.json"))).toBe(false);

    rmSync(join(path, "ballast"));
    disk.remount("size=20000000");
    expect(await large.cli(args)).toMatchObject({ code: 0 });
    expect(bytesOf(join(path, "out"))).toEqual(sound);
    expect(large.calls("paid")).toHaveLength(1500);
    rmSync(join(path, "out"), { recursive: true });
  }, 60_000);

  it("read-only, ends it with exit code 1 and what to do; once writable it goes on", async () => {
    mkdirSync(join(path, "out", ".prefkit"), { recursive: true });
    disk.remount("ro");
    const first = await large.cli(args);
    disk.remount("rw");
    expect(first.code).toBe(1);
    expect(first.err).toMatch(
      /read-only file system[\s\S]*Fix: make the directory writable or choose another one, then run the same command again. \[io\]/,
    );
    expect(large.calls()).toEqual([]);
    expect(await large.cli(args)).toMatchObject({ code: 0 });
    expect(bytesOf(join(path, "out"))).toEqual(sound);
  }, 60_000);
});

it.skipIf(process.getuid?.() === 0)(
  "a directory without permission to write ends the run with exit code 1 (not run as root, whom nothing is forbidden)",
  async () => {
    mkdirSync(project.path("locked"), { mode: 0o500 });
    await expect(project.run(recipe, { out: project.path("locked") })).rejects.toMatchObject({
      code: "io",
      message: expect.stringMatching(/check the permissions/),
    });
    expect(files.nodeFiles).toBeDefined();
  },
);
