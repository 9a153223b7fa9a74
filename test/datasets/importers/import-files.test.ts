import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ImportSummary, importFiles } from "../../../datasets/import-files.ts";
import { partPath } from "../../../datasets/import-parts.ts";
import { importerNamed } from "../../../datasets/index.ts";
import { type Files, nodeFiles } from "../../../src/core/files.ts";
import { openInput } from "../../../src/store/input/index.ts";
import type { InputRow } from "../../../src/store/input/types.ts";
import { countingFiles, failingFiles } from "../../../src/testing/failing-files.ts";
import { temporaryDirectories } from "../../cli/small-dataset.ts";
import { linesOf, PUBLISHED } from "./published-rows.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeEach(async () => {
  directory = await temporary.make();
});
afterAll(temporary.removeAll);

async function place(name: string, text: string | Uint8Array): Promise<void> {
  await mkdir(join(directory, "in"), { recursive: true });
  await writeFile(join(directory, "in", name), text);
}

interface Told {
  readonly files?: Files;
  readonly out?: string;
  readonly limit?: number;
  readonly force?: boolean;
  readonly onProgress?: () => void;
  readonly stop?: AbortSignal;
}

function imported(layout: string, from: readonly string[], told: Told = {}): Promise<ImportSummary | null> {
  const { out = "groups.jsonl", files = nodeFiles, ...rest } = told;
  return importFiles({
    files,
    importer: importerNamed(layout),
    from,
    baseDirectory: directory,
    out: join(directory, "out", out),
    ...rest,
  });
}

async function linesWritten(): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(join(directory, "out/groups.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const outputs = (): Promise<string[]> => readdir(join(directory, "out"));

describe("importFiles", () => {
  it("writes groups that an input reads without a mapping, as lines and as Parquet", async () => {
    await place("part.jsonl.gz", gzipSync(linesOf(PUBLISHED.rewardbench ?? [])));
    const made = await imported("rewardbench", ["in/*.gz"]);
    expect(made).toMatchObject({ rows: 1, groups: 1, responses: 2, leftOut: 0, reasons: [] });
    await imported("rewardbench", ["in/*.gz"], { out: "groups.parquet" });
    expect(await outputs()).toEqual(["groups.jsonl", "groups.parquet"]);
    for (const file of await outputs()) {
      const input = await openInput(
        { path: `out/${file}` },
        { baseDirectory: directory, workDirectory: directory },
      );
      const rows: InputRow[] = [];
      for await (const batch of input.read()) rows.push(...batch);
      expect(rows).toMatchObject([
        {
          kind: "group",
          group: {
            prompt: {
              messages: [{ role: "user", content: "Write a haiku." }],
              metadata: { subset: "alpacaeval-easy" },
            },
            responses: [
              { text: "Old pond.", model: "gpt-4", metadata: { preferred: 1 } },
              { text: "No.", model: "alpaca", metadata: { preferred: 0 } },
            ],
          },
        },
      ]);
      await input.close();
    }
  });

  it("says beside the responses which is right, and of none where nobody is preferred", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED["helpsteer2-preference"] ?? []));
    await imported("helpsteer2-preference", ["in/rows.jsonl"]);
    expect((await linesWritten()).map(({ correct }) => correct)).toEqual([
      [true, false],
      [true, false],
      [false, false],
    ]);
  });

  it("joins neighbours with the same prompt, also across the reader's batches, and not across files", async () => {
    const [first, second] = PUBLISHED.helpsteer2 ?? [];
    // Batches have 256 rows: row 256 and its neighbour are in different ones.
    const rows = Array.from({ length: 255 }, (_, index) => ({ ...first, prompt: `prompt ${index}` }));
    await place("a.jsonl", linesOf([...rows, first ?? {}, second ?? {}]));
    await place("b.jsonl", linesOf([{ ...first, response: "C# again." }]));
    const made = await imported("helpsteer2", ["in/a.jsonl", "in/b.jsonl"]);
    expect(made).toMatchObject({ rows: 258, groups: 257, responses: 258, leftOut: 0 });
    const written = await linesWritten();
    expect(written[255]?.responses).toMatchObject([
      { text: "C# is a language.", metadata: { helpfulness: 3 } },
      { text: "A musical note.", metadata: { helpfulness: 1 } },
    ]);
    expect(written[256]?.responses).toMatchObject([{ text: "C# again." }]);
    expect(new Set(written.map(({ id }) => id)).size).toBe(257);
  });

  it("counts what is left out by reason, with the places, and never quotes it", async () => {
    const rows = PUBLISHED["hh-rlhf"] ?? [];
    await place("rows.jsonl", `${linesOf([...rows, rows[0] ?? {}, rows[1] ?? {}])}{"chosen": nonsense}\n`);
    const made = await imported("hh-rlhf", ["in/rows.jsonl"]);
    expect(made).toMatchObject({ rows: 10, groups: 1, responses: 2, leftOut: 9 });
    expect(made?.reasons[0]).toEqual({
      why: "chosen a turn is empty.",
      count: 2,
      examples: [
        { file: "in/rows.jsonl", line: 2 },
        { file: "in/rows.jsonl", line: 9 },
      ],
    });
    const same = made?.reasons.find(({ why }) => why.startsWith("the same prompt"));
    expect(same).toMatchObject({ count: 1, examples: [{ line: 8 }] });
    expect(made?.reasons.reduce((sum, { count }) => sum + count, 0)).toBe(9);
  });

  it("counts reasons beyond fifty kinds together", async () => {
    const [first] = PUBLISHED.distilabel ?? [];
    const odd = Array.from({ length: 80 }, (_, index) => ({
      ...first,
      ratings: new Array(index + 5).fill(1),
    }));
    await place("rows.jsonl", linesOf([first ?? {}, ...odd]));
    const made = await imported("distilabel", ["in/rows.jsonl"]);
    expect(made?.reasons).toHaveLength(51);
    expect(made?.reasons[0]).toMatchObject({ why: "other reasons." });
    expect(made?.leftOut).toBe(81);
  });

  it("stops at the limit", async () => {
    const rows = Array.from({ length: 300 }, (_, index) => ({
      ...PUBLISHED.rewardbench?.[0],
      prompt: `p${index}`,
    }));
    await place("rows.jsonl", linesOf(rows));
    expect(await imported("rewardbench", ["in/rows.jsonl"], { limit: 7 })).toMatchObject({
      groups: 7,
      responses: 14,
    });
    expect(await linesWritten()).toHaveLength(7);
  });

  it("refuses a file of another layout and names that layout", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.helpsteer2 ?? []));
    await expect(imported("rewardbench", ["in/rows.jsonl"])).rejects.toThrow(
      /no chosen, rejected, subset, which RewardBench has.*those of helpsteer2: import.*\[missing_field\]/s,
    );
    expect(await outputs()).toEqual([]);
  });

  it.each([
    ["an empty file", "", /no row.*\[empty_input\]/s],
    [
      "rows that are all unusable",
      linesOf(PUBLISHED["hh-rlhf"]?.slice(1, 2) ?? []),
      /a turn is empty.*\[empty_input\]/s,
    ],
  ])("refuses %s, and leaves no file", async (_, text, message) => {
    await place("rows.jsonl", text);
    await expect(imported("hh-rlhf", ["in/rows.jsonl"])).rejects.toThrow(message);
    expect(await outputs()).toEqual([]);
  });

  it("refuses an output whose format it does not write, and a missing input", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
    await expect(imported("rewardbench", ["in/rows.jsonl"], { out: "groups.csv" })).rejects.toThrow(
      "[bad_option]",
    );
    await expect(imported("rewardbench", ["in/none*.jsonl"])).rejects.toThrow("[no_input_file]");
    expect(await outputs()).toEqual([]);
  });

  it("writes nothing when it is stopped, and an earlier file stays", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
    await imported("rewardbench", ["in/rows.jsonl"]);
    const before = await linesWritten();
    const again = { stop: AbortSignal.abort(), force: true };
    expect(await imported("rewardbench", ["in/rows.jsonl"], again)).toBeNull();
    expect(await outputs()).toEqual(["groups.jsonl"]);
    expect(await linesWritten()).toEqual(before);
  });

  it("writes nothing when it is stopped behind the last row", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
    const controller = new AbortController();
    const told = { stop: controller.signal, onProgress: () => controller.abort() };
    expect(await imported("rewardbench", ["in/rows.jsonl"], told)).toBeNull();
    expect(await outputs()).toEqual([]);
  });

  it("lets one of several imports to one file have it, whole, and refuses the others", async () => {
    const [row] = PUBLISHED.rewardbench ?? [];
    for (const n of [1, 2, 3, 4]) {
      const rows = Array.from({ length: 300 * n }, (_, index) => ({ ...row, prompt: `p${index}` }));
      await place(`${n}.jsonl`, linesOf(rows));
    }
    const all = await Promise.allSettled([1, 2, 3, 4].map((n) => imported("rewardbench", [`in/${n}.jsonl`])));
    const made = all.flatMap((each) => (each.status === "fulfilled" ? [each.value?.groups] : []));
    expect(made).toHaveLength(1);
    for (const each of all)
      if (each.status === "rejected") expect(String(each.reason)).toContain("[not_this_run]");
    expect(await linesWritten()).toHaveLength(made[0] ?? 0);
    expect(await outputs()).toEqual(["groups.jsonl"]);
  });

  it("refuses a file that came under its name meanwhile, and leaves it", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
    const onProgress = () => writeFileSync(join(directory, "out/groups.jsonl"), "mine\n");
    await expect(imported("rewardbench", ["in/rows.jsonl"], { onProgress })).rejects.toThrow(
      "[not_this_run]",
    );
    expect(await readFile(join(directory, "out/groups.jsonl"), "utf8")).toBe("mine\n");
    expect(await outputs()).toEqual(["groups.jsonl"]);
  });

  it("clears away what killed imports to the same file left, and nothing else", async () => {
    await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
    await mkdir(join(directory, "out"));
    const living = basename(partPath(join(directory, "out/groups.jsonl")));
    const { pid: ended } = spawnSync(process.execPath, ["--version"]);
    const dead = living.replace(`.${process.pid}.`, `.${ended}.`);
    const elsewhere = dead.replace(/^(\.groups\.jsonl\.)[0-9a-f]{8}/, "$100000000");
    const ofAnother = dead.replace("groups", "other");
    const kept = [living, elsewhere, ofAnother, ".groups.jsonl.notes.part", `${dead}.txt`];
    expect(new Set([dead, ...kept]).size).toBe(6);
    for (const name of [dead, ...kept]) await writeFile(join(directory, "out", name), "half");
    await imported("rewardbench", ["in/rows.jsonl"]);
    expect(await outputs()).toEqual([...kept, "groups.jsonl"].sort());
  });

  it("never writes over a file that it reads, by whatever name", async () => {
    const text = linesOf(PUBLISHED.rewardbench ?? []);
    await mkdir(join(directory, "out"));
    await writeFile(join(directory, "out/groups.jsonl"), text);
    await symlink(join(directory, "out"), join(directory, "link"));
    for (const from of ["out/groups.jsonl", "out/*.jsonl", "link/groups.jsonl"]) {
      await expect(imported("rewardbench", [from], { force: true })).rejects.toThrow(
        /is one of those to read.*\[bad_option\]/s,
      );
    }
    expect(await outputs()).toEqual(["groups.jsonl"]);
    expect(await readFile(join(directory, "out/groups.jsonl"), "utf8")).toBe(text);
  });

  it.each(["groups.jsonl", "groups.parquet"])(
    "leaves no half of %s under its name, whichever call to the disk fails",
    async (out) => {
      await place("rows.jsonl", linesOf(PUBLISHED.rewardbench ?? []));
      const counted = countingFiles(nodeFiles);
      await imported("rewardbench", ["in/rows.jsonl"], { files: counted, out: `counted-${out}` });
      expect(counted.calls).toBeGreaterThan(3);
      for (let failAt = 1; failAt <= counted.calls; failAt++) {
        const name = `${failAt}-${out}`;
        const files = failingFiles(nodeFiles, { failAt });
        await expect(imported("rewardbench", ["in/rows.jsonl"], { files, out: name })).rejects.toThrow(
          "[io]",
        );
        expect(await outputs()).toEqual([`counted-${out}`]);
      }
    },
  );
});
