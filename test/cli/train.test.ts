import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { trainCommand } from "../../src/cli/commands/train.ts";
import { TRAIN_REQUIREMENTS } from "../../src/trainers/train/index.ts";
import { fakePython, WHOLE_TRAINING } from "../trainers/train/fake-python.ts";
import { invoke, type Outcome, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const directories = temporaryDirectories();
afterEach(() => directories.removeAll());

async function prepared(body = WHOLE_TRAINING) {
  const directory = await directories.make();
  await smallDataset(directory);
  const python = await fakePython(directory, body);
  const cache = join(directory, "cache");
  const environment = {
    ...(process.env as Record<string, string>),
    PREFKIT_CACHE_DIR: cache,
    PREFKIT_PYTHON: python,
  };
  const trainWith = (...args: string[]): Promise<Outcome> =>
    invoke(trainCommand, args, { directory, environment });
  return { directory, python, trainWith };
}

describe("prefkit train", () => {
  it("trains, says how it went, and where the model is", async () => {
    const { trainWith, directory } = await prepared();
    const { out, err, exitCode } = await trainWith(
      "out",
      "--method",
      "simpo",
      "--model",
      "m",
      "--out",
      "run",
    );
    expect(exitCode).toBe(0);
    expect(err).toContain("step 4/4, loss 0.25, margin 4");
    expect(out).toContain("run  trained at step 4 of 4 on 2 rows");
    expect(out).toContain("model: run/model");
    expect(existsSync(join(directory, "run/train.json"))).toBe(true);
  });

  it("prints the result as JSON, and nothing else on stdout", async () => {
    const { trainWith } = await prepared();
    const { out, err } = await trainWith(
      "out",
      "--method",
      "dpo",
      "--model",
      "m",
      "--out",
      "run",
      "--json",
      "--quiet",
    );
    expect(JSON.parse(out)).toMatchObject({ ok: true, kind: "done", method: "dpo", step: 4, model: "model" });
    expect(err).toBe("");
  });

  it("only prints in a dry run: every setting, both conventions of gamma, the command, the versions", async () => {
    const { trainWith, directory, python } = await prepared();
    const args = [
      "--method",
      "simpo",
      "--model",
      "m",
      "--out",
      "run",
      "--beta",
      "10",
      "--gamma-ratio",
      "0.3",
    ];
    const { out, exitCode } = await trainWith("out", ...args, "--dry-run");
    expect(exitCode).toBe(0);
    for (const line of [
      "beta = 10",
      "simpo_gamma = 3",
      "gamma / beta = 0.3",
      "cpo_alpha = 0",
      "learning_rate = 0.000001",
    ])
      expect(out).toContain(line);
    expect(out).toContain("simpo of m: 128 pairs a step, 1 process");
    expect(out).toContain(python);
    expect(out).toContain("trl 1.13.0");
    expect(existsSync(join(directory, "run"))).toBe(false);
  });

  it("says in a dry run what --install would run, and installs nothing", async () => {
    const { trainWith, directory } = await prepared();
    // Prints what a Python of 3.10 or newer does when asked for its age and for what it lacks.
    const base = join(directory, "base");
    await writeFile(base, "#!/bin/sh\necho 3.11.7\n", { mode: 0o755 });
    const shown = await trainWith("--install", "--dry-run", "--python", base);
    expect(shown.exitCode).toBe(0);
    expect(shown.out).toContain(`install: ${base} -m venv --clear ${join(directory, "cache/python-train")}`);
    expect(shown.out).toContain(`trl==${TRAIN_REQUIREMENTS.trl}`);
    expect(shown.out).toContain("Nothing was installed");
    expect(existsSync(join(directory, "cache"))).toBe(false);
  });

  it("looks at what is to be trained before anything is installed", async () => {
    const { trainWith, directory } = await prepared();
    const args = ["out", "--install", "--method", "simpo", "--model", "m"];
    await expect(trainWith(...args)).rejects.toMatchObject({ code: "bad_option", message: /given no --out/ });
    expect(existsSync(join(directory, "cache"))).toBe(false);
  });

  it.each([
    [["--method", "simpo", "--reference-logprobs", "/nope"], "bad_option", /simpo has no reference/],
    [["--method", "simpo", "--columns", "a"], "bad_option", /--columns was given/],
    [["--method", "dpo", "--reference-logprobs", "nope"], "no_input_file", /no Parquet file of log-probs/],
    [
      ["--method", "dpo", "--reference-model", "m", "--recipe", "nope.yaml"],
      "no_input_file",
      /there is no recipe/,
    ],
    [["--method", "simpo", "--resume"], "not_this_run", /no training to go on with/],
  ])("refuses in a dry run what the training would refuse: %j", async (args, code, message) => {
    const { trainWith } = await prepared();
    const given = ["out", "--model", "m", "--out", "run", "--dry-run", ...args];
    await expect(trainWith(...given)).rejects.toMatchObject({ code, message });
  });

  it("refuses in a dry run a reference model that the recipe does not have", async () => {
    const { trainWith, directory } = await prepared();
    await writeFile(
      join(directory, "recipe.yaml"),
      "input: { path: prompts.jsonl }\nscorers: { short: { use: contains, text: x } }\nmodels: { small: { provider: openai, model: m, key: k } }\n",
    );
    const args = ["out", "--method", "dpo", "--model", "m", "--out", "run", "--dry-run"];
    const reference = ["--reference-model", "smal", "--recipe", "recipe.yaml"];
    await expect(trainWith(...args, ...reference)).rejects.toMatchObject({
      code: "bad_recipe",
      message: /has no model "smal"/,
      fix: 'did you mean "small"? Known: small.',
    });
  });

  it("refuses in a dry run a dataset without pairs", async () => {
    const { trainWith, directory } = await prepared();
    await mkdir(join(directory, "scored"));
    await smallDataset(join(directory, "scored"), { pairs: undefined });
    const args = ["scored/out", "--method", "simpo", "--model", "m", "--out", "run", "--dry-run"];
    await expect(trainWith(...args)).rejects.toMatchObject({ code: "need_unmet", message: /has no pairs/ });
  });

  it("shows in a dry run that DPO takes the reference's log-probs", async () => {
    const { trainWith, directory } = await prepared();
    await mkdir(join(directory, "table"));
    await writeFile(join(directory, "table/a.parquet"), "");
    const args = ["out", "--method", "dpo", "--model", "m", "--out", "run", "--dry-run"];
    const { out } = await trainWith(...args, "--reference-logprobs", "table");
    expect(out).toContain("precompute_ref_log_probs = true");
  });

  it("tells in a dry run what the Python lacks", async () => {
    const { trainWith } = await prepared();
    const { out, exitCode } = await trainWith(
      ...[
        "out",
        "--method",
        "simpo",
        "--model",
        "m",
        "--out",
        "run",
        "--dry-run",
        "--python",
        "/nowhere/python",
      ],
    );
    expect(exitCode).toBe(0);
    expect(out).toMatch(/python: \/nowhere\/python did not run the training script/);
  });

  it("names a model's folder from where it is called", async () => {
    const { trainWith, directory } = await prepared();
    const model = join(directory, "mine");
    await mkdir(model);
    for (const name of ["config.json", "model.safetensors"]) await writeFile(join(model, name), "");
    await trainWith("out", "--method", "simpo", "--model", "mine", "--out", "run", "--quiet");
    const config = JSON.parse(await readFile(join(directory, "run/config.json"), "utf8"));
    expect(config.model).toBe(model);
  });

  it("goes on with --resume", async () => {
    const { trainWith } = await prepared();
    const args = ["out", "--method", "simpo", "--model", "m", "--out", "run", "--quiet"];
    await trainWith(...args);
    await expect(trainWith(...args)).rejects.toMatchObject({ code: "not_this_run" });
    expect(await trainWith(...args, "--resume")).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [["--method", "simpo", "--model", "m", "--out", "run"], /given no dataset/],
    [["out", "--model", "m", "--out", "run"], /given no --method/],
    [["out", "--method", "simpo", "--out", "run"], /given no --model/],
    [["out", "--method", "simpo", "--model", "m"], /given no --out/],
    [["out", "--method", "grpo", "--model", "m", "--out", "run"], /no reward server/],
    [["out", "--method", "simpo", "--model", "m", "--out", "run", "--columns", "a"], /--columns was given/],
    [
      ["out", "--method", "simpo", "--model", "m", "--out", "run", "--reference-logprobs", "x"],
      /simpo has no reference/,
    ],
    [
      ["out", "--method", "dpo", "--model", "m", "--out", "run", "--reference-model", "x"],
      /without --recipe/,
    ],
    [
      ["out", "--method", "simpo", "--model", "m", "--out", "run", "--set", "nonsense"],
      /--set got "nonsense"/,
    ],
  ])("refuses %j", async (args, message) => {
    const { trainWith, directory } = await prepared();
    await expect(trainWith(...args)).rejects.toMatchObject({ code: "bad_option", message });
    expect(existsSync(join(directory, "run"))).toBe(false);
  });

  it.each([
    ["--method", "ppo"],
    ["--processes", "0"],
    ["--steps", "1.5"],
    ["--lr", "fast"],
  ])("refuses %s %s", async (...args) => {
    const { trainWith } = await prepared();
    await expect(trainWith("out", ...args)).rejects.toThrow();
  });

  it("shows what a model's name holds without obeying it", async () => {
    const { trainWith } = await prepared();
    const { out } = await trainWith(
      "out",
      "--method",
      "simpo",
      "--model",
      "\u001b[31mm",
      "--out",
      "run",
      "--dry-run",
    );
    expect(out).not.toContain("\u001b[31mm");
  });

  it("installs what the tests are run with", async () => {
    const pins = await readFile(new URL("../python/requirements-train.txt", import.meta.url), "utf8");
    const lines = pins.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines).toEqual(Object.entries(TRAIN_REQUIREMENTS).map(([name, version]) => `${name}==${version}`));
  });
});
