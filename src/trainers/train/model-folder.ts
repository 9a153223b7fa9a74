import { resolve } from "node:path";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";

/** Begins as a path does, or has more slashes than `organization/name`. */
const PATH = /^(\.{1,2}|~)?[\\/]|^\.{1,2}$|^[^/]*\/[^/]*\/|\\/;

/**
 * Looks whether a model that is named by its folder can be one, before anything is exported: transformers' own word on it is a
 * hundred lines of traceback. What is no folder here and reads like an id is left to the hub.
 * Throws `no_input_file` for a path where nothing is, `bad_option` for a file or a folder that holds no model.
 */
export async function requireModel(files: Files, model: string): Promise<void> {
  const place = resolve(model);
  if (!(await files.exists(place))) {
    if (!PATH.test(model)) return;
    throw new PrefkitError(
      "no_input_file",
      `there is no model ${place}.`,
      "correct --model: a folder, or an id of the hub such as Qwen/Qwen3-0.6B.",
    );
  }
  const names = await namesOf(files, place);
  const hasConfig = names.includes("config.json");
  if (hasConfig && names.some((name) => /\.(safetensors|bin)$/.test(name))) return;
  if (!hasConfig && names.includes("adapter_config.json")) {
    throw new PrefkitError(
      "bad_option",
      `${place} holds LoRA adapters alone, not the model that they belong to.`,
      "merge them into it first (merge_and_unload of peft, then save_pretrained of model and tokenizer), and give that folder.",
    );
  }
  const shown = names.slice(0, 5).join(", ");
  throw new PrefkitError(
    "bad_option",
    `${place} is no model of transformers: it has no ${hasConfig ? "weights (*.safetensors or *.bin)" : "config.json"}, but ${
      names.length === 0 ? "nothing" : `${shown}${names.length > 5 ? ", …" : ""}`
    }.`,
    "give --model the folder that holds config.json, the weights and the tokenizer.",
  );
}

async function namesOf(files: Files, place: string): Promise<readonly string[]> {
  try {
    return (await files.list(place)) ?? [];
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== "ENOTDIR") throw error;
    throw new PrefkitError("bad_option", `--model is the file ${place}.`, "give its folder.", {
      cause: error,
    });
  }
}
