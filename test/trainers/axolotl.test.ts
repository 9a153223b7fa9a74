import { describe, expect, it } from "vitest";
import { axolotl } from "../../src/trainers/axolotl.ts";
import {
  companion,
  DEVELOPER,
  groupWith,
  layoutOf,
  lengthsOf,
  MULTI_TURN,
  pairOf,
  QUESTION,
  rowsOf,
  TOOLS,
  TRAIN_ONLY,
  TWO_FILES,
  WITH_TOOLS,
} from "./layouts.ts";

describe("axolotl's preference layout", () => {
  const layout = layoutOf(axolotl, "preference");

  it("writes messages and one message for each side", () => {
    const pair = pairOf({ prompt: MULTI_TURN });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row).toEqual({
      messages: MULTI_TURN,
      chosen: { role: "assistant", content: "It is 18, twice nine." },
      rejected: { role: "assistant", content: "It is 26, I think." },
    });
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: MULTI_TURN, chosen: pair.chosen, rejected: pair.rejected },
    ]);
  });

  it.each([
    { what: "tool calls", pair: pairOf({ prompt: WITH_TOOLS }), why: /tool calls/ },
    { what: "tools", pair: pairOf({ tools: TOOLS }), why: /tools/ },
    { what: "images", pair: pairOf({ images: [{ bytes: null, path: "a.png" }] }), why: /images/ },
    { what: "a developer turn", pair: pairOf({ prompt: DEVELOPER }), why: /developer/ },
    { what: "an empty side", pair: pairOf({ sides: ["Good.", ""] }), why: /empty/ },
    { what: "white space at an edge", pair: pairOf({ sides: ["Good.\n", "Bad one."] }), why: /white space/ },
    {
      what: "a side that the template writes too",
      pair: pairOf({ sides: ["user", "Bad one."] }),
      why: /so short/,
    },
    { what: "a side of one letter", pair: pairOf({ sides: ["Good one.", "A"] }), why: /so short/ },
  ])("leaves out a pair with $what", ({ pair, why }) => {
    expect(rowsOf(layout, pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("trims responses, or keeps them as they are, when it is told to", () => {
    const pair = pairOf({ sides: [" Good one.\n", "Bad one."] });
    const chosenBy = (edges: string) =>
      rowsOf(layoutOf(axolotl, "preference", { edges }), pair).rows[0]?.chosen;
    expect(chosenBy("trim")).toEqual({ role: "assistant", content: "Good one." });
    expect(chosenBy("keep")).toEqual({ role: "assistant", content: " Good one.\n" });
  });

  it("makes no pair of sides that differ in white space alone", () => {
    const pair = pairOf({ sides: ["Good one.", "Good one. "] });
    expect(rowsOf(layoutOf(axolotl, "preference", { edges: "trim" }), pair).leftOut[0]?.why).toMatch(/equal/);
  });

  it("drops a row with a longer side", () => {
    for (const rule of layout.lengthRules) {
      expect(rule.kept(lengthsOf(500, 12, 1), 512)).toEqual(lengthsOf(500, 12, 1));
      expect(rule.kept(lengthsOf(500, 1, 13), 512)).toBeNull();
    }
  });

  it("spells out SimPO's gamma, and turns off the supervised loss that axolotl adds by default", () => {
    const settings = companion(layout, TRAIN_ONLY, "simpo.yaml");
    expect(settings).toContain("rl: simpo");
    expect(settings).toContain("rl_beta: 2.0\nsimpo_gamma: 1.0\ncpo_alpha: 0.0");
    expect(settings).toContain("gamma_beta_ratio");
    expect(settings).not.toContain("warmup_ratio");
  });

  it("lists the files of each split", () => {
    const settings = companion(layout, TWO_FILES, "dpo.yaml");
    expect(settings.match(/- path: data\/train/g)).toHaveLength(2);
    expect(settings).toContain("test_datasets:\n  - path: data/test-00000-of-00001.parquet");
    expect(companion(layout, TRAIN_ONLY, "dpo.yaml")).toContain("val_set_size: 0.0");
  });
});

describe("axolotl's layout for ORPO", () => {
  const layout = layoutOf(axolotl, "preference", { method: "orpo" });

  it("writes whole conversations, the system turn as a column", () => {
    const pair = pairOf({ prompt: MULTI_TURN });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row.system).toBe("Be brief.");
    expect(row.chosen).toEqual([...MULTI_TURN.slice(1), ...pair.chosen]);
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: MULTI_TURN, chosen: pair.chosen, rejected: pair.rejected },
    ]);
    expect(rowsOf(layout, pairOf()).rows[0]).toMatchObject({ system: null });
  });

  it.each([
    {
      what: "a tool turn",
      prompt: [QUESTION, { role: "assistant", content: "x" }, { role: "tool", content: "y" }],
    },
    { what: "two user turns in a row", prompt: [QUESTION, QUESTION] },
    { what: "an empty system turn", prompt: [{ role: "system", content: "" }, QUESTION] },
  ] as const)("leaves out a prompt with $what, which the strategy would read as another", ({ prompt }) => {
    expect(rowsOf(layout, pairOf({ prompt })).rows).toEqual([]);
  });
});

describe("axolotl's layout for KTO", () => {
  const layout = layoutOf(axolotl, "unpaired");

  it("writes the conversation with its response under completion", () => {
    const { rows } = rowsOf(layout, pairOf({ prompt: MULTI_TURN }));
    expect(rows).toEqual([
      { completion: [...MULTI_TURN, { role: "assistant", content: "It is 18, twice nine." }], label: true },
      { completion: [...MULTI_TURN, { role: "assistant", content: "It is 26, I think." }], label: false },
    ]);
    expect(layout.examples(rows[1] ?? {})).toMatchObject([
      { kind: "unpaired", prompt: MULTI_TURN, label: false },
    ]);
    expect(companion(layout, TRAIN_ONLY, "kto.yaml")).toContain("remove_unused_columns: false");
  });
});

describe("axolotl's layout for reward models", () => {
  const layout = layoutOf(axolotl, "reward");
  const withSystem = layoutOf(axolotl, "reward", { system: "only" });
  const SYSTEM = [{ role: "system", content: "Be brief." }, QUESTION] as const;

  it("writes the question and both responses as text, white space and all", () => {
    const pair = pairOf({ sides: [" Good one.\n", "A"] });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row).toEqual({ system: "", input: QUESTION.content, chosen: " Good one.\n", rejected: "A" });
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: [QUESTION], chosen: pair.chosen, rejected: pair.rejected },
    ]);
  });

  it("takes prompts with a system turn into an export of their own", () => {
    const pair = pairOf({ prompt: SYSTEM });
    const [row = {}] = rowsOf(withSystem, pair).rows;
    expect(row).toMatchObject({ system: "Be brief.", input: QUESTION.content });
    expect(withSystem.examples(row)).toMatchObject([{ prompt: SYSTEM }]);
    expect(rowsOf(layout, pair).leftOut[0]?.why).toMatch(/system=only/);
    expect(rowsOf(withSystem, pairOf()).leftOut[0]?.why).toMatch(/no system turn/);
  });

  it.each([
    { what: "several turns", pair: pairOf({ prompt: MULTI_TURN }), why: /not one user turn/ },
    {
      what: "a tool turn after the user's",
      pair: pairOf({ prompt: [QUESTION, { role: "tool", content: "18" }] }),
      why: /not one user turn/,
    },
    { what: "no turn", pair: pairOf({ prompt: [] }), why: /not one user turn/ },
    {
      what: "an empty system turn",
      pair: pairOf({ prompt: [{ role: "system", content: "" }, QUESTION] }),
      why: /system turn/,
    },
    { what: "tools", pair: pairOf({ tools: TOOLS }), why: /tools/ },
    { what: "images", pair: pairOf({ images: [{ bytes: null, path: "a.png" }] }), why: /images/ },
    { what: "a developer turn", pair: pairOf({ prompt: DEVELOPER }), why: /developer/ },
  ])("leaves out a pair with $what", ({ pair, why }) => {
    expect(rowsOf(layout, pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("leaves out an empty system turn where system turns are taken, too", () => {
    const pair = pairOf({ prompt: [{ role: "system", content: "" }, QUESTION] });
    expect(rowsOf(withSystem, pair).leftOut[0]?.why).toMatch(/empty/);
  });

  it("tells axolotl to make no system turn of the empty column, and to render the whole", () => {
    const settings = companion(layout, TWO_FILES, "reward.yaml");
    expect(settings.match(/type: bradley_terry.chat_template/g)).toHaveLength(3);
    expect(settings.match(/drop_system_message: true/g)).toHaveLength(3);
    expect(settings.match(/roles_to_train: \[assistant\]/g)).toHaveLength(3);
    expect(settings).toContain("reward_model: true");
    // Without it axolotl turns on kernels that refuse a reward model with LoRA.
    expect(settings).toContain("lora_mlp_kernel: false");
    const other = companion(withSystem, TRAIN_ONLY, "reward.yaml");
    expect(other).not.toContain("drop_system_message");
    expect(other).toContain("roles_to_train: [assistant]");
  });

  it("cuts the end of each longer side by itself, and drops none", () => {
    const [rule] = layout.lengthRules;
    expect(rule?.defaultMaxLength).toBe(2048);
    expect(rule?.kept(lengthsOf(500, 12, 1), 512)).toEqual(lengthsOf(500, 12, 1));
    expect(rule?.kept(lengthsOf(500, 20, 3), 512)).toEqual(lengthsOf(500, 12, 3));
    expect(rule?.kept(lengthsOf(600, 20, 3), 512)).toEqual(lengthsOf(512, 0, 0));
  });
});

describe("axolotl's layouts of steps and prompts", () => {
  it("has TRL's columns of steps, read by its own strategy, and no score that the dataset lacks", () => {
    const definition = axolotl.layouts.stepwise;
    const facts = { extras: {}, scores: ["steps"] };
    const layout = definition?.create(definition.options.parse({ score: "steps" }), facts);
    if (layout?.from !== "groups") throw new Error("stepwise is made from groups");
    expect(layout.rowSet.columns.map(({ name }) => name)).toEqual(["prompt", "completions", "labels"]);
    expect(layout.lengthRules.map(({ defaultMaxLength }) => defaultMaxLength)).toEqual([2048]);
    const settings = companion(layout, TRAIN_ONLY, "prm.yaml");
    expect(settings).toContain("process_reward_model: true");
    expect(settings).toContain("type: stepwise_supervised");
    // Without these a training with LoRA stops before its first step.
    expect(settings).toContain("lora_mlp_kernel: false");
    expect(settings).toContain("lora_modules_to_save: [score]");
    expect(() => definition?.create(definition.options.parse({ score: "other" }), facts)).toThrow(/"other"/);
  });

  it("hands prompts on as they are, with the reward client as the reward function", () => {
    const layout = layoutOf(axolotl, "prompts", { columns: "level" });
    const group = groupWith([], {
      messages: MULTI_TURN,
      reference: "18",
      metadata: { level: 3, other: "not asked for" },
    });
    expect(rowsOf(layout, pairOf(), group).rows).toEqual([
      {
        prompt: MULTI_TURN,
        prompt_id: group.group.prompt.id,
        reference: "18",
        level: "3",
        metadata: '{"level":3}',
      },
    ]);
    const settings = companion(layout, TWO_FILES, "grpo.yaml");
    expect(settings).toContain("reward_funcs: [prefkit_reward.trl_reward]");
    expect(settings).toContain("rl: grpo");
    expect(companion(layout, TRAIN_ONLY, "prefkit_reward.py")).toContain("def trl_reward");
    expect(() => layoutOf(axolotl, "prompts", { columns: "reference" })).toThrow(/axolotl prompts/);
  });
});
