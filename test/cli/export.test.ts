import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportCommand } from "../../src/cli/commands/export.ts";
import { invoke, type Outcome, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  await smallDataset(directory);
});
afterAll(temporary.removeAll);

const exported = (...args: string[]): Promise<Outcome> =>
  invoke(exportCommand, [...args, "--quiet"], { directory });

describe("prefkit export", () => {
  it("writes the rows, what trains on them, and what was left out and why", async () => {
    const { out, err, exitCode } = await exported(
      "out",
      "--for",
      "trl",
      "--as",
      "preference",
      "--out",
      "dpo",
    );
    expect(exitCode).toBeNull();
    expect(err).toBe("");
    expect(out).toContain("preference rows for TRL: train 2");
    expect(out).toContain("beside the data: README.md, data/README.md, dpo.yaml, train_simpo.py");
    expect(await readdir(join(directory, "dpo"))).toEqual([
      "README.md",
      "data",
      "dpo.yaml",
      "export.json",
      "pair_ids",
      "train_simpo.py",
    ]);
    expect(await readFile(join(directory, "dpo", "README.md"), "utf8")).toContain("Nothing was left out.");
  });

  it("counts by reason what a layout cannot hold", async () => {
    // The second prompt has a system turn, which a text cannot hold.
    const args = ["out", "--for", "trl", "--as", "reward", "--format", "text", "--margin", "--out", "text"];
    const { out } = await exported(...args);
    expect(out).toContain("reward rows for TRL: train 1");
    expect(out).toContain("left out 1: the prompt is not one user turn");
    expect(await readFile(join(directory, "text", "README.md"), "utf8")).toContain(
      "--option format=text \\\n  --option margin=true",
    );
  });

  it("reads options of the layout as text where they take text, else as JSON", async () => {
    const { out } = await exported(
      ...["out", "--for", "trl", "--as", "unpaired", "--option", "from=groups", "threshold=-0.5"],
      ...["--out", "kto", "--json"],
    );
    const summary = JSON.parse(out) as Record<string, unknown>;
    expect(summary).toMatchObject({
      ok: true,
      trainer: "trl",
      kind: "unpaired",
      options: { format: "conversational", from: "groups", threshold: -0.5 },
      rows: { train: 7 },
      leftOut: {},
    });
    expect(summary.files).toContainEqual(expect.objectContaining({ path: "kto.yaml", rows: null }));
  });

  it("lists the trainers, and a trainer's kinds, when it does not know one", async () => {
    const wrong = exported("out", "--for", "trol", "--as", "preference", "--out", "x");
    await expect(wrong).rejects.toThrow(/did you mean "trl"\? Known: trl, openrlhf, verl/);
    const kind = exported("out", "--for", "trl", "--as", "pairs", "--out", "x");
    await expect(kind).rejects.toThrow(/preference, unpaired, prompts, stepwise, reward/);
    const option = exported("out", "--for", "trl", "--as", "preference", "--margin", "--out", "x");
    await expect(option).rejects.toThrow(/margin[\s\S]*its options are format/);
    const score = exported("out", "--for", "trl", "--as", "stepwise", "--score", "grad", "--out", "x");
    await expect(score).rejects.toThrow(/no score "grad"[\s\S]*correct, grade, length/);
  });

  it("leaves other files alone, and replaces an earlier export only when told to", async () => {
    await mkdir(join(directory, "mine"));
    await writeFile(join(directory, "mine", "notes.txt"), "mine");
    const args = ["out", "--for", "verl", "--as", "prompts", "--out"];
    await expect(exported(...args, "mine", "--force")).rejects.toThrow(/holds other files \(notes.txt\)/);
    await exported(...args, "verl");
    await expect(exported(...args, "verl")).rejects.toThrow(/holds an export already[\s\S]*--force/);
    await exported(...args, "verl", "--force");
    await writeFile(join(directory, "verl", "data", "mine.txt"), "mine");
    await expect(exported(...args, "verl", "--force")).rejects.toThrow(/data\/mine.txt[\s\S]*move them away/);
    expect(await readFile(join(directory, "verl", "data", "mine.txt"), "utf8")).toBe("mine");
    expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("does not take away a config that was edited, nor the directory one is in", async () => {
    const args = ["out", "--for", "trl", "--as", "preference", "--force", "--out"];
    await exported(...args, "edited");
    const config = join(directory, "edited", "dpo.yaml");
    await writeFile(config, `${await readFile(config, "utf8")}# mine\n`);
    await expect(exported(...args, "edited")).rejects.toThrow(/edited since.*\(dpo\.yaml\).*move them away/s);
    expect(await readFile(config, "utf8")).toContain("# mine");
    await rename(config, join(directory, "mine.yaml"));
    await exported(...args, "edited");
    expect(await readFile(config, "utf8")).not.toContain("# mine");

    const here = join(directory, "edited", "data");
    for (const [inside, out] of [
      [here, "."],
      [here, ".."],
      [join(directory, "edited"), join(directory, "edited")],
    ] as const) {
      const run = invoke(exportCommand, [join(directory, "out"), ...args.slice(1), out], {
        directory: inside,
      });
      await expect(run).rejects.toThrow(/the directory you are in.*\[bad_option\]/s);
    }
    expect(await readdir(here)).toContain("train-00000-of-00001.parquet");
  });

  it("says what to do when there are no pairs, or no dataset", async () => {
    const empty = await temporary.make();
    await smallDataset(empty, { pairs: undefined, reward: undefined });
    const args = ["--for", "trl", "--as", "preference", "--out", join(empty, "x"), "--quiet"];
    const run = (name: string): Promise<Outcome> =>
      invoke(exportCommand, [name, ...args], { directory: empty });
    await expect(run("out")).rejects.toThrow(/has no pairs table[\s\S]*prefkit pair DIR --use best-vs-worst/);
    await expect(run("nothing")).rejects.toThrow(/no finished dataset/);
    expect(await readdir(empty)).not.toContain("x");
  });

  it("shows every trainer with its kinds and options in its help", () => {
    const help: string[] = [];
    const command = exportCommand({
      terminal: {
        out: () => undefined,
        err: () => undefined,
        isInteractive: false,
        columns: 80,
        environment: {},
        directory,
      },
      exit: () => undefined,
    });
    command.configureOutput({ writeOut: (text) => void help.push(text) }).outputHelp();
    const text = help.join("");
    expect(text).toMatch(/trl\s+preference\s+\(format, images\)/);
    expect(text).toMatch(/helpsteer2\s+preference\s+\(better, muchBetter\)/);
    expect(text).toContain("$ prefkit export out --for trl --as preference --out for-dpo");
  });
});
