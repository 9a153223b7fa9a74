import { describe, expect, it } from "vitest";
import { parseSet, planTraining, type TrainSettings } from "../../../src/trainers/train/index.ts";
import { settingsOf } from "./fake-python.ts";

describe("a planned training", () => {
  it("follows SimPO's authors: beta 2, gamma / beta 0.5, no NLL term, 128 pairs a step", () => {
    const { trainer, rowsPerStep, lora } = planTraining(settingsOf());
    expect(trainer).toMatchObject({
      ...{ loss_type: "simpo", cpo_alpha: 0, beta: 2, simpo_gamma: 1, learning_rate: 1e-6 },
      ...{
        num_train_epochs: 1,
        per_device_train_batch_size: 8,
        gradient_accumulation_steps: 16,
        max_length: 2048,
      },
    });
    expect(rowsPerStep).toBe(128);
    expect(lora).toBeNull();
  });

  it.each([
    { ratio: 0.3, beta: 10, gamma: 3, note: "the authors' Llama-3-Instruct v2 run: 0.3 · 10" },
    { ratio: 0.55, beta: 2.5, gamma: 1.375, note: "0.55 · 2.5" },
    { ratio: 0.5, beta: 0.1, gamma: 0.05, note: "0.5 · 0.1" },
  ])("gives TRL gamma itself: ratio $ratio, beta $beta -> $gamma ($note)", ({ ratio, beta, gamma }) => {
    expect(planTraining(settingsOf({ gammaRatio: ratio, beta })).trainer.simpo_gamma).toBeCloseTo(gamma, 12);
  });

  it("multiplies the ratio by the beta that is trained with: 0.5 · 10 with --set beta=10", () => {
    expect(planTraining(settingsOf({ set: { beta: 10 } })).trainer).toMatchObject({
      beta: 10,
      simpo_gamma: 5,
    });
    expect(planTraining(settingsOf({ set: { beta: 10, simpo_gamma: 2 } })).trainer.simpo_gamma).toBe(2);
    expect(() => planTraining(settingsOf({ set: { beta: "10x" } }))).toThrow(/beta is "10x"/);
  });

  it.each<[string, TrainSettings["set"]]>([
    ["hub_token", { hub_token: "hf_SECRET" }],
    ["push_to_hub_token", { push_to_hub_token: "hf_SECRET" }],
    ["model_init_kwargs.token", { model_init_kwargs: { token: "hf_SECRET" } }],
    ["a.b.api_key", { a: [{ c: 1 }, { b: { api_key: "hf_SECRET" } }] }],
    ["a.headers.Authorization", { a: { headers: { Authorization: "Bearer hf_SECRET" } } }],
    ["a.apiKey", { a: { apiKey: ["hf_SECRET"] } }],
    ["db_password", { db_password: 1234 }],
    ["vllm_server_base_url", { vllm_server_base_url: "http://me:hf_SECRET@host" }],
  ])("refuses the secret %s, and does not show it", (name, set) => {
    expect(() => planTraining(settingsOf({ set }))).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining(`--set got ${name},`) }),
    );
    expect(() => planTraining(settingsOf({ set }))).not.toThrow(/hf_SECRET|1234/);
  });

  it("takes names that only look like secrets", () => {
    const set = {
      ...{ pad_token: "<pad>", include_num_input_tokens_seen: "all", run_name: "key" },
      ...{ model_init_kwargs: { token: true }, generation_kwargs: { max_new_tokens: 3, pad_token_id: 0 } },
    };
    expect(planTraining(settingsOf({ set })).trainer).toMatchObject(set);
  });

  it("does not repeat what stands behind a name that it cannot read", () => {
    expect(() => parseSet(["HUB_TOKEN=hf_SECRET"])).toThrow(/--set got "HUB_TOKEN="/);
  });

  it("keeps the rows of a step when there are more processes: 64 / (8 · 4) = 2", () => {
    const { trainer, rowsPerStep } = planTraining(settingsOf({ method: "dpo", processes: 4 }));
    expect(trainer).toMatchObject({ beta: 0.1, gradient_accumulation_steps: 2, max_length: 1024 });
    expect(rowsPerStep).toBe(64);
  });

  it("writes steps in place of epochs, LoRA's alpha as twice its rank, and no NaN loss as 0", () => {
    const { trainer, lora } = planTraining(settingsOf({ steps: 7, loraRank: 8 }));
    expect(trainer).toMatchObject({ max_steps: 7, logging_nan_inf_filter: false, report_to: "none" });
    expect(trainer).not.toHaveProperty("num_train_epochs");
    expect(lora).toMatchObject({ r: 8, lora_alpha: 16, target_modules: "all-linear" });
  });

  it("lets fields of TRL's own go before everything", () => {
    const set = parseSet(["beta=3", "optim=adafactor", "bf16=True", "loss_weights=[1, 0.5]", "run_name=a=b"]);
    expect(set).toEqual({ beta: 3, optim: "adafactor", bf16: true, loss_weights: [1, 0.5], run_name: "a=b" });
    expect(planTraining(settingsOf({ set })).trainer).toMatchObject(set);
  });

  it.each([
    [
      settingsOf({ method: "dpo", gammaRatio: 0.5 }),
      "bad_option",
      /--gamma-ratio was given, and dpo has no such/,
    ],
    [settingsOf({ method: "simpo", reward: "http://localhost" }), "bad_option", /--reward/],
    [settingsOf({ method: "grpo", maxLength: 9 }), "bad_option", /--max-length/],
    [settingsOf({ set: { output_dir: "/elsewhere" } }), "bad_option", /output_dir, which prefkit decides/],
    [
      settingsOf({ set: { per_device_train_batch_size: 0 } }),
      "bad_option",
      /per_device_train_batch_size is 0/,
    ],
    [
      settingsOf({ method: "grpo", batchSize: 6 }),
      "bad_option",
      /6 completions .* no whole number of groups of 8/,
    ],
    [settingsOf({ method: "grpo", groupSize: 1 }), "bad_option", /compare responses within a group/],
    [settingsOf({ learningRate: 0 }), "bad_option", /--lr is 0/],
    [settingsOf({ epochs: -1 }), "bad_option", /--epochs is -1/],
    [settingsOf({ beta: Number.NaN }), "bad_option", /--beta is NaN/],
  ] as const)("refuses what cannot be trained: %#", (settings, code, message) => {
    expect(() => planTraining(settings)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it("says which loss is trained where the choice is TRL's: sigmoid in DPO, dapo in GRPO", () => {
    expect(planTraining(settingsOf({ method: "dpo" })).trainer.loss_type).toEqual(["sigmoid"]);
    expect(planTraining(settingsOf({ method: "grpo" })).trainer).toMatchObject({
      ...{ loss_type: "dapo", scale_rewards: "group" },
    });
    const set = { loss_type: "grpo" };
    expect(planTraining(settingsOf({ method: "grpo", set })).trainer.loss_type).toBe("grpo");
  });

  it("takes a GRPO batch that gradient accumulation makes whole: 4 · 2 = 8", () => {
    const { rowsPerStep } = planTraining(settingsOf({ method: "grpo", batchSize: 4, gradAccum: 2 }));
    expect(rowsPerStep).toBe(8);
  });

  it.each(["", "=1", "two words=1", "__class__=1", "Beta=1"])("refuses --set %j", (pair) => {
    expect(() => parseSet([pair])).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
