import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkCommand } from "../../src/cli/commands/check.ts";
import { editRows, fileOf, invoke, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
afterAll(temporary.removeAll);

describe("prefkit check", () => {
  it("says that a sound dataset is sound, with its rows, and ends with 0", async () => {
    const directory = await temporary.make();
    await smallDataset(directory);
    expect(await invoke(checkCommand, ["out"], { directory })).toEqual({
      out: "out  sound  rows: pairs 2, groups 3, scores 21",
      err: "",
      exitCode: 0,
    });
  });

  it("lists problems with file, row and column, says what to do on stderr, and ends with 1", async () => {
    const directory = await temporary.make();
    const out = await smallDataset(directory);
    await editRows(out, "pairs", ([pair, ...pairs]) => [{ ...pair, reward_margin: 9 }, ...pairs]);
    const { out: text, err, exitCode } = await invoke(checkCommand, ["out"], { directory });
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^out {2}damaged/);
    expect(text).toMatch(
      /wrong_margin {2}1\n {4}pairs\/train-00000-of-00001\.parquet, row 0, reward_margin: is 9; /,
    );
    expect(err).toMatch(/^Fix: restore the files/);
  });

  it("prints one JSON object with --json, and nothing else", async () => {
    const directory = await temporary.make();
    const out = await smallDataset(directory);
    expect(JSON.parse((await invoke(checkCommand, ["out", "--json"], { directory })).out)).toMatchObject({
      ok: true,
      state: "sound",
      problems: [],
    });
    await truncate(join(out, (await fileOf(out, "groups")).path), 10);
    const damaged = await invoke(checkCommand, ["out", "--json"], { directory });
    expect({ err: damaged.err, exitCode: damaged.exitCode }).toEqual({ err: "", exitCode: 1 });
    expect(JSON.parse(damaged.out)).toMatchObject({
      ok: false,
      state: "damaged",
      problems: [{ kind: "wrong_size" }],
    });
  });

  it("tells how far an unfinished run is and how to go on, and ends with 2", async () => {
    const directory = await temporary.make();
    // One group in a shard; of shards 0, 1 and 2 the first slice of two takes 0 and 2.
    await smallDataset(directory, { shardSize: 1 }, { slice: { index: 0, count: 2 } });
    const { out, err, exitCode } = await invoke(checkCommand, ["out"], { directory });
    expect(exitCode).toBe(2);
    expect(out).toContain("out  unfinished");
    expect(out).toContain("2 of 3 shards are scored");
    expect(err).toContain("run the same recipe with the same --out again");
  });

  it("checks one Parquet file by itself", async () => {
    const directory = await temporary.make();
    const out = await smallDataset(directory);
    const path = join("out", (await fileOf(out, "scores")).path);
    const found = await invoke(checkCommand, [path], { directory });
    expect(found).toMatchObject({ exitCode: 0, out: expect.stringContaining("sound  rows: scores 21") });
  });

  it("shows no control character of what it reports", async () => {
    const directory = await temporary.make();
    const out = await smallDataset(directory);
    await editRows(out, "scores", (rows) => rows.map((row) => ({ ...row, kind: "\u001b[2J\u202e" })));
    for (const flags of [[], ["--json"]]) {
      const { out: text } = await invoke(checkCommand, ["out", ...flags], { directory });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
      expect(text).not.toMatch(/[\u001b\u202e]/);
    }
  });

  it("refuses a directory in which no run ever began, and a file that is not there", async () => {
    const directory = await temporary.make();
    await expect(invoke(checkCommand, ["."], { directory })).rejects.toMatchObject({
      code: "dataset_incomplete",
    });
    await expect(invoke(checkCommand, ["x.parquet"], { directory })).rejects.toMatchObject({
      code: "no_input_file",
    });
  });
});
