import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nemoRl } from "../../src/trainers/nemo-rl.ts";
import { verl } from "../../src/trainers/verl.ts";
import { companion, layoutOf, TWO_FILES } from "./layouts.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "prefkit-hydra-"));
  const bin = join(scratch, "bin");
  mkdirSync(bin);
  // In place of the trainers: a program that shows its arguments, a line each.
  for (const name of ["python", "uv"]) {
    writeFileSync(join(bin, name), "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    chmodSync(join(bin, name), 0o755);
  }
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The arguments with which a script in a folder of that name calls its trainer. */
function argumentsIn(folder: string, file: string, text: string, model: string): readonly string[] {
  const directory = join(scratch, folder);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), text);
  const { status, stdout, stderr } = spawnSync("bash", [join(directory, file)], {
    encoding: "utf8",
    cwd: scratch,
    env: { PATH: `${join(scratch, "bin")}:${process.env.PATH}`, MODEL: model, NEMO_RL: scratch },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n");
}

// Read back to the letter by the parser of hydra-core 1.3.8 and OmegaConf 2.3.1, which refuses each of these without quotes.
const FOLDERS = [
  { folder: "plain", quoted: "plain" },
  { folder: "sp ace ü=(a), [c]", quoted: "sp ace ü=(a), [c]" },
  { folder: "it's", quoted: String.raw`it\'s` },
  { folder: String.raw`back\'slash \ $${"{d}"}`, quoted: String.raw`back\\\'slash \ \$${"{d}"}` },
];

describe("the values of Hydra's command lines", () => {
  it.each(FOLDERS)("are quoted by verl's script in a folder named $folder", ({ folder, quoted }) => {
    const script = companion(layoutOf(verl, "prompts"), TWO_FILES, "train_grpo.sh");
    const given = argumentsIn(folder, "train_grpo.sh", script, "models/it's ü");
    const path = (file: string): string => `'${scratch}/${quoted}/${file}'`;
    expect(given).toContain(
      `data.train_files=[${path("data/train-00000-of-00002.parquet")},${path("data/train-00001-of-00002.parquet")}]`,
    );
    expect(given).toContain(`data.val_files=[${path("data/test-00000-of-00001.parquet")}]`);
    expect(given).toContain(`reward.custom_reward_function.path=${path("prefkit_reward.py")}`);
    expect(given).toContain(String.raw`actor_rollout_ref.model.path='models/it\'s ü'`);
  });

  it.each(FOLDERS)("are quoted by NeMo-RL's script in a folder named $folder", ({ folder, quoted }) => {
    const script = companion(layoutOf(nemoRl, "preference"), TWO_FILES, "train_dpo.sh");
    const given = argumentsIn(folder, "train_dpo.sh", script, "ü=1");
    expect(given).toContain(`++data.train.data_path='${scratch}/${quoted}/data/train-*-of-00002.parquet'`);
    expect(given).toContain("policy.model_name='ü=1'");
    expect(given).toContain("policy.tokenizer.name='ü=1'");
  });

  it("take a model's folder from where NeMo-RL's script is started, though it goes elsewhere", () => {
    mkdirSync(join(scratch, "models", "mine"), { recursive: true });
    const script = companion(layoutOf(nemoRl, "preference"), TWO_FILES, "train_dpo.sh");
    const given = argumentsIn("plain", "train_dpo.sh", script, "models/mine");
    expect(given).toContain(`policy.model_name='${scratch}/models/mine'`);
  });
});
