import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { ScoreColumn } from "../../src/core/types.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import type { LengthRule } from "../../src/trainers/trainer-adapter.ts";
import { cpoLengths, dpoLengths, prmLengths, rewardLengths } from "../../src/trainers/trl/length-rules.ts";
import { trl } from "../../src/trainers/trl.ts";
import { groupWith, layoutFrom, MULTI_TURN, NO_EXTRAS, pairOf } from "./layouts.ts";

const TOOLS = '[{"type":"function","function":{"name":"add"}}]';
const MAPPED = { extras: { tools: true, images: true, toolMessages: true }, scores: [] };

describe("TRL's preference rows", () => {
  it("are message lists, the sides holding the assistant's turn alone", () => {
    const layout = layoutFrom(trl, "preference", "pairs");
    expect(layout.rows(pairOf({ prompt: MULTI_TURN })).rows).toEqual([
      {
        prompt: MULTI_TURN,
        chosen: [{ role: "assistant", content: "It is 18, twice nine." }],
        rejected: [{ role: "assistant", content: "It is 26, I think." }],
      },
    ]);
  });

  it("are texts when asked, and then hold one user turn and nothing else", () => {
    const layout = layoutFrom(trl, "preference", "pairs", { format: "text" });
    expect(layout.rows(pairOf()).rows).toEqual([
      { prompt: "What is 9 * 2?", chosen: "It is 18, twice nine.", rejected: "It is 26, I think." },
    ]);
    const several = layout.rows(pairOf({ prompt: MULTI_TURN }));
    expect(several).toMatchObject({
      rows: [],
      leftOut: [{ id: pairOf().pairId, why: expect.stringMatching(/one user turn/) }],
    });
    expect(layout.rows(pairOf({ tools: TOOLS })).leftOut[0]?.why).toMatch(/has tools/);
  });

  it.each(["preference", "reward", "unpaired"] as const)(
    "carry tools as JSON text where the dataset maps them, and the check renders %s rows with them",
    (kind) => {
      const layout = layoutFrom(trl, kind, "pairs", {}, MAPPED);
      const [row = {}] = layout.rows(pairOf({ tools: TOOLS })).rows;
      expect(row).toMatchObject({ tools: TOOLS });
      expect(layout.examples(row)).toMatchObject([{ tools: TOOLS }]);
      const [without = {}] = layout.rows(pairOf()).rows;
      expect(without).toMatchObject({ tools: null });
      expect(layout.examples(without)[0]).not.toHaveProperty("tools");
    },
  );

  it.each(["preference", "reward", "unpaired"] as const)(
    "leave out a record with images, as %s, and have no column for them",
    (kind) => {
      const layout = layoutFrom(trl, kind, "pairs", {}, MAPPED);
      const image = { bytes: new Uint8Array([1]), path: null };
      const prompt = [{ role: "user", content: "<image>What is it?" }] as const;
      const { rows, leftOut } = layout.rows(pairOf({ prompt, images: [image] }));
      expect(rows).toEqual([]);
      expect(leftOut[0]?.why).toMatch(/images/);
      expect(layout.rows(pairOf({ images: [] })).rows[0]).not.toHaveProperty("images");
      expect(layout.rowSet.columns.map(({ name }) => name)).not.toContain("images");
    },
  );

  it("with tools are for DPO alone, since TRL's CPO trainer renders without them", () => {
    const layout = layoutFrom(trl, "preference", "pairs", {}, MAPPED);
    const paths = layout.companions({ files: {} }).map(({ path }) => path);
    expect(paths).toEqual(["dpo.yaml"]);
    expect(layout.lengthRules.map(({ method }) => method)).toEqual(["DPO"]);
  });

  it("leave out a conversation with tool calls rather than lose them", () => {
    const prompt = [
      { role: "user", content: "Add." },
      { role: "assistant", content: "", toolCalls: "[]" },
      { role: "tool", content: "42", toolCallId: "1" },
    ] as const;
    const { rows, leftOut } = layoutFrom(trl, "preference", "pairs", {}, MAPPED).rows(pairOf({ prompt }));
    expect(rows).toEqual([]);
    expect(leftOut[0]?.why).toMatch(/tool calls/);
  });

  it("have a margin for a reward model only when asked", () => {
    expect(layoutFrom(trl, "reward", "pairs").rows(pairOf()).rows[0]).not.toHaveProperty("margin");
    const withMargin = layoutFrom(trl, "reward", "pairs", { margin: true });
    expect(withMargin.rows(pairOf()).rows[0]).toMatchObject({ margin: 0.5 });
  });

  it("train a reward model by the loss that the config states, with no term beside it", () => {
    const { companions } = layoutFrom(trl, "reward", "pairs");
    const [config] = companions({ files: {} });
    expect(config?.text).toContain("The loss is -log sigmoid(r_chosen - r_rejected).");
    expect(parse(config?.text ?? "")).not.toHaveProperty("center_rewards_coefficient");
  });
});

describe("TRL's unpaired rows", () => {
  it("are two of each pair, the desired one first", () => {
    const { rows } = layoutFrom(trl, "unpaired", "pairs").rows(pairOf());
    expect(rows.map(({ completion, label }) => ({ completion, label }))).toEqual([
      { completion: [{ role: "assistant", content: "It is 18, twice nine." }], label: true },
      { completion: [{ role: "assistant", content: "It is 26, I think." }], label: false },
    ]);
  });

  it("are one of each candidate with a reward, desired from the threshold on", () => {
    const layout = layoutFrom(trl, "unpaired", "groups", { from: "groups", threshold: 0.5, format: "text" });
    const group = rewardedGroupOf([0.5, 0.4, null, 1, 1], {
      texts: ["at", "below", "unscored", "baseline", " "],
      roles: ["candidate", "candidate", "candidate", "baseline", "candidate"],
    });
    const { rows, leftOut } = layout.rows(group);
    expect(rows.map(({ completion, label }) => [completion, label])).toEqual([
      ["at", true],
      ["below", false],
    ]);
    expect(leftOut.map(({ why }) => why)).toEqual(["it has no reward", "the response is empty"]);
  });

  it("need a threshold from groups, and take none from pairs", () => {
    expect(() => layoutFrom(trl, "unpaired", "groups", { from: "groups" })).toThrow(/threshold is not given/);
    expect(() => layoutFrom(trl, "unpaired", "pairs", { threshold: 1 })).toThrow(/leave it out/);
  });
});

describe("TRL's prompts", () => {
  it("carry their id, their reference and the metadata that was named, as texts and together as JSON", () => {
    const layout = layoutFrom(trl, "prompts", "groups", { columns: "level, tags,absent" });
    const rewarded = rewardedGroupOf([]);
    const prompt = { ...rewarded.group.prompt, id: "p", metadata: { level: "hard", tags: [1], other: 2 } };
    expect(layout.rows({ ...rewarded, group: { ...rewarded.group, prompt } }).rows).toEqual([
      {
        prompt: prompt.messages,
        prompt_id: "p",
        reference: null,
        level: "hard",
        tags: "[1]",
        absent: null,
        // A field that the prompt does not have is not there: a scorer sees what it sees in a run.
        metadata: '{"level":"hard","tags":[1]}',
      },
    ]);
    expect(layoutFrom(trl, "prompts", "groups").rowSet.columns.map(({ name }) => name)).toEqual([
      "prompt",
      "prompt_id",
      "reference",
    ]);
  });

  it.each([
    "prompt_id",
    "completions",
    "images",
    "trainer_state",
    // TRL tells conversations from texts by any one of these.
    "messages",
    "level,chosen",
    "rejected",
    "metadata",
  ])("refuse columns=%s", (columns) => {
    expect(() => layoutFrom(trl, "prompts", "groups", { columns })).toThrow(
      /is there already, or means something/,
    );
  });

  it("refuse a column that is named twice", () => {
    expect(() => layoutFrom(trl, "prompts", "groups", { columns: "level,level" })).toThrow(/named twice/);
  });

  it("bring fields to scorers whose names trainers use for columns of their own, as JSON", () => {
    const layout = layoutFrom(trl, "prompts", "groups", { columns: "score,margin,request_id" });
    const group = groupWith([], { metadata: { score: 4, margin: 0.5, request_id: "r" } });
    expect(layout.rows(group).rows[0]).toMatchObject({
      score: "4",
      metadata: '{"score":4,"margin":0.5,"request_id":"r"}',
    });
  });

  it("leave out a prompt with images, and have no column for them", () => {
    const layout = layoutFrom(trl, "prompts", "groups", {}, MAPPED);
    const rewarded = rewardedGroupOf([]);
    const prompt = { ...rewarded.group.prompt, images: [{ bytes: null, path: "a.png" }] };
    expect(layout.rows({ ...rewarded, group: { ...rewarded.group, prompt } }).leftOut[0]?.why).toMatch(
      /images/,
    );
    expect(layout.rowSet.columns.map(({ name }) => name)).not.toContain("images");
  });

  it("leave out a prompt with tools, and bring the reward function along", () => {
    const layout = layoutFrom(trl, "prompts", "groups", {}, MAPPED);
    const rewarded = rewardedGroupOf([]);
    const prompt = { ...rewarded.group.prompt, tools: TOOLS };
    expect(layout.rows({ ...rewarded, group: { ...rewarded.group, prompt } }).leftOut[0]?.why).toMatch(
      /tools/,
    );
    const companions = layout.companions({ files: {} });
    expect(companions.map(({ path }) => path)).toEqual(["grpo.yaml", "prefkit_reward.py"]);
    expect(companions[1]?.text).toContain("def trl_reward");
  });
});

describe("TRL's stepwise rows", () => {
  const facts = { ...NO_EXTRAS, scores: ["steps"] };
  const steps: ScoreColumn = {
    name: "steps",
    scores: [
      {
        kind: "scored",
        value: 0,
        spans: [
          { start: 0, end: 1, value: 0.9, label: null },
          { start: 3, end: 4, value: 0.2, label: null },
        ],
      },
      { kind: "failed", code: "threw", why: "words of some model" },
    ],
  };
  const group = { ...rewardedGroupOf([1, 1], { texts: ["a\n\nb", "c"] }), columns: [steps] };

  it("are the steps and whether each is right; a score's own words are not a reason", () => {
    const layout = layoutFrom(trl, "stepwise", "groups", { score: "steps" }, facts);
    expect(layout.readsScores).toBe(true);
    expect(layout.rows(group)).toEqual({
      rows: [{ prompt: "What is 9 * 2?", completions: ["a", "b"], labels: [true, false] }],
      leftOut: [{ id: group.group.responses[1]?.id, why: "its score is failed" }],
    });
  });

  it("join the turns of a prompt only when asked", () => {
    const prompt = { ...group.group.prompt, messages: MULTI_TURN };
    const several = { ...group, group: { ...group.group, prompt } };
    const options = { score: "steps" };
    expect(layoutFrom(trl, "stepwise", "groups", options, facts).rows(several).rows).toEqual([]);
    const joined = layoutFrom(trl, "stepwise", "groups", { ...options, turns: "join" }, facts).rows(several);
    expect(joined.rows[0]?.prompt).toBe("Be brief.\n\nHello\n\nHi.\n\nWhat is 9 * 2?");
  });

  it("need a score that the dataset has", () => {
    expect(() => layoutFrom(trl, "stepwise", "groups", { score: "step" }, facts)).toThrow(/no score "step"/);
  });
});

describe("TRL's configs", () => {
  it("evaluate on a split named validation or test, and on no other", () => {
    const { companions } = layoutFrom(trl, "preference", "pairs");
    const config = (...splits: readonly string[]): unknown => {
      const files = Object.fromEntries(splits.map((name) => [name, [`data/${name}.parquet`]]));
      return parse(companions({ files })[0]?.text ?? "");
    };
    expect(config("train", "test", "validation")).toMatchObject({
      dataset_name: "data",
      dataset_train_split: "train",
      dataset_test_split: "validation",
      eval_strategy: "epoch",
      // A number: YAML 1.1 reads 1e-6 without a point as text.
      learning_rate: 1e-6,
    });
    expect(config("train", "test")).toMatchObject({ dataset_test_split: "test" });
    expect(config("train", "holdout")).not.toHaveProperty("eval_strategy");
  });
});

describe("TRL's length rules", () => {
  it.each([
    {
      rule: dpoLengths("conversational"),
      prompt: 400,
      kept: { prompt: 400, responses: [624, 300] },
      note: "the end is cut",
    },
    { rule: dpoLengths("text"), prompt: 1024, kept: null, note: "no room for a completion" },
    {
      rule: dpoLengths("text"),
      prompt: 1023,
      kept: { prompt: 1023, responses: [1, 1] },
      note: "room for one token",
    },
    { rule: cpoLengths, prompt: 400, kept: { prompt: 400, responses: [324, 300] }, note: "1024 - 700 = 324" },
    { rule: cpoLengths, prompt: 324, kept: { prompt: 324, responses: [700, 300] }, note: "324 + 700 fits" },
    {
      rule: cpoLengths,
      prompt: 5000,
      kept: { prompt: 5000, responses: [324, 300] },
      note: "the prompt is never cut",
    },
    {
      rule: rewardLengths("text"),
      prompt: 324,
      kept: { prompt: 324, responses: [700, 300] },
      note: "fits exactly",
    },
    { rule: rewardLengths("text"), prompt: 325, kept: null, note: "one side is too long" },
    { rule: prmLengths, prompt: 400, kept: { prompt: 400, responses: [624, 300] }, note: "the end is cut" },
    {
      rule: prmLengths,
      prompt: 2000,
      kept: { prompt: 1024, responses: [0, 0] },
      note: "kept, without a label",
    },
  ] satisfies { rule: LengthRule; prompt: number; kept: unknown; note: string }[])(
    "$rule.method with a prompt of $prompt, responses of 700 and 300, and 1024 tokens: $note",
    ({ rule, prompt, kept }) => {
      expect(rule.kept({ prompt, responses: [700, 300] }, 1024)).toEqual(kept);
    },
  );

  it("follow Python's slices where a response alone is too long for CPO", () => {
    // 1024 - 1100 = -76: the last 76 tokens go, of 1100 and of 50.
    const kept = cpoLengths.kept({ prompt: 10, responses: [1100, 50] }, 1024);
    expect(kept).toEqual({ prompt: 10, responses: [1024, 0] });
  });
});
