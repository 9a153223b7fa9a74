import { describe, expect, it } from "vitest";
import { readOpenrlhf } from "../../src/serve/openrlhf.ts";
import { DEFAULT_LIMITS } from "../../src/serve/request.ts";
import { openrlhf } from "../../src/trainers/openrlhf.ts";
import {
  companion,
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

describe("OpenRLHF's preference layout", () => {
  const layout = layoutOf(openrlhf, "preference");

  it("writes three message lists and nothing else", () => {
    expect(rowsOf(layout, pairOf({ prompt: MULTI_TURN }))).toEqual({
      rows: [
        {
          prompt: MULTI_TURN,
          chosen: [{ role: "assistant", content: "It is 18, twice nine." }],
          rejected: [{ role: "assistant", content: "It is 26, I think." }],
        },
      ],
      leftOut: [],
    });
    expect(layout.rowSet.columns.map(({ name }) => name)).toEqual(["prompt", "chosen", "rejected"]);
  });

  it.each([
    { what: "tool calls", pair: pairOf({ prompt: WITH_TOOLS }), why: /tool calls/ },
    { what: "tools", pair: pairOf({ tools: TOOLS }), why: /tools/ },
    { what: "images", pair: pairOf({ images: [{ bytes: null, path: "a.png" }] }), why: /images/ },
    {
      what: "a side of two turns",
      pair: pairOf({ chosen: [QUESTION, { role: "assistant", content: "x" }] }),
      why: /several turns/,
    },
  ])("leaves out a pair with $what, and says why", ({ pair, why }) => {
    const { rows, leftOut } = rowsOf(layout, pair);
    expect(rows).toEqual([]);
    expect(leftOut).toEqual([{ id: pair.pairId, why: expect.stringMatching(why) }]);
  });

  it.each([
    { lengths: lengthsOf(500, 12, 5), kept: lengthsOf(500, 12, 5), note: "512 in all" },
    { lengths: lengthsOf(500, 13, 5), kept: lengthsOf(500, 12, 5), note: "513: the longer side is cut" },
    {
      lengths: lengthsOf(509, 9, 1),
      kept: lengthsOf(509, 3, 1),
      note: "the last prompt that is kept: 512 - 3",
    },
    { lengths: lengthsOf(510, 1, 1), kept: null, note: "512 - 2: dropped" },
  ])("keeps $kept of $lengths for DPO at 512 ($note)", ({ lengths, kept }) => {
    expect(layout.lengthRules[0]?.kept(lengths, 512)).toEqual(kept);
  });

  it("names every file of a split in its command, and the split that a named file has", () => {
    const script = companion(layout, TWO_FILES, "train_dpo.sh");
    expect(script).toContain(
      "--data.dataset data/train-00000-of-00002.parquet,data/train-00001-of-00002.parquet --data.dataset_split train",
    );
    expect(script).toContain("--eval.dataset data/test-00000-of-00001.parquet --eval.split train");
    expect(script).toContain("no SimPO");
    expect(companion(layout, TRAIN_ONLY, "train_dpo.sh")).not.toContain("--eval.");
  });
});

describe("OpenRLHF's reward layout", () => {
  it("has a margin only when it is asked for, since a column of that name changes the loss", () => {
    expect(rowsOf(layoutOf(openrlhf, "reward"), pairOf()).rows[0]).not.toHaveProperty("margin");
    const layout = layoutOf(openrlhf, "reward", { margin: true });
    expect(rowsOf(layout, pairOf()).rows[0]).toMatchObject({ margin: 0.5 });
    expect(companion(layout, TRAIN_ONLY, "train_reward.sh")).toContain("--model.margin_loss_enable");
  });

  it("cuts and never drops", () => {
    const rule = layoutOf(openrlhf, "reward").lengthRules[0];
    expect(rule?.kept(lengthsOf(600, 10, 10), 512)).toEqual(lengthsOf(512, 0, 0));
  });
});

describe("OpenRLHF's prompts", () => {
  const layout = layoutOf(openrlhf, "prompts", { datasource: "sums" });

  it("writes the conversation, the reference as label and the datasource", () => {
    const group = groupWith([1, 0], { messages: MULTI_TURN, reference: "18" });
    expect(rowsOf(layout, pairOf(), group).rows).toEqual([
      { input: MULTI_TURN, label: "18", datasource: "sums" },
    ]);
  });

  it("writes an empty label where there is no reference, as OpenRLHF does without a label key", () => {
    expect(rowsOf(layout, pairOf(), groupWith([1])).rows[0]).toMatchObject({ label: "" });
  });

  it.each([
    { what: "all there is", reference: "18", metadata: { level: 2, tags: ["sum", null], "": "é\n" } },
    { what: "no reference and no metadata", reference: null, metadata: {} },
  ])("writes labels that the reward server reads as rows: $what", ({ reference, metadata }) => {
    const rows = layoutOf(openrlhf, "prompts", { labels: "row" });
    const rewarded = groupWith([1], { messages: MULTI_TURN, reference });
    const prompt = { ...rewarded.group.prompt, id: "p-7", metadata };
    const group = { ...rewarded, group: { ...rewarded.group, prompt } };
    const [row] = rowsOf(rows, pairOf(), group).rows;
    const body = { query: ["<rendered>An answer."], prompts: ["<rendered>"], labels: [row?.label] };
    const [asked] = [...readOpenrlhf(body, { labels: "row" }, DEFAULT_LIMITS)];
    expect(asked?.group.prompt).toEqual(prompt);
    expect(asked?.group.responses.map(({ text }) => text)).toEqual(["An answer."]);
    expect(companion(rows, TRAIN_ONLY, "train_grpo.sh")).toContain(
      "--group-size 8 --labels row --window-ms 60000",
    );
    expect(companion(layout, TRAIN_ONLY, "train_grpo.sh")).not.toContain("--labels row");
  });

  it("leaves out a text that OpenRLHF would take for a picture", () => {
    const messages = [{ role: "user", content: "What does <image> do in HTML?" }] as const;
    const { rows, leftOut } = rowsOf(layout, pairOf(), groupWith([1], { messages }));
    expect(rows).toEqual([]);
    expect(leftOut[0]?.why).toMatch(/one <image> per image/);
  });

  it("writes images as paths or base64 text", () => {
    const images = [
      { bytes: null, path: "cats/1.png" },
      { bytes: new Uint8Array([1, 2, 3]), path: null },
    ];
    const messages = [{ role: "user", content: "<image> or <image>?" }] as const;
    const withImages = layoutOf(openrlhf, "prompts", {}, { images: true });
    // base64 of the bytes 1, 2, 3: 000000 010000 001000 000011 -> A Q I D.
    expect(rowsOf(withImages, pairOf(), groupWith([1], { messages, images })).rows[0]).toMatchObject({
      images: ["cats/1.png", "data:image;base64,AQID"],
    });
    expect(rowsOf(withImages, pairOf(), groupWith([1])).rows[0]).toMatchObject({ images: null });
  });

  it("trains against the reward server by its address alone", () => {
    const script = companion(layout, TRAIN_ONLY, "train_grpo.sh");
    expect(script).toContain("http://127.0.0.1:8300/get_reward");
    expect(script).toContain("--algo.advantage.estimator group_norm");
    expect(script).toContain("serve RECIPE --group-size 8 --window-ms 60000 --deadline-ms 150000\n");
    // OpenRLHF asks several addresses in turn, one sample each, and no group would come whole.
    expect(script).not.toContain("separated by commas");
    expect(script).toContain("# One server, with --workers N");
  });
});

describe("a row of OpenRLHF's, read back,", () => {
  it("is the pair, and the prompt, that it was made from", () => {
    const preference = layoutOf(openrlhf, "preference");
    const pair = pairOf({ prompt: MULTI_TURN });
    expect(preference.examples(rowsOf(preference, pair).rows[0] ?? {})).toEqual([
      { kind: "preference", prompt: pair.prompt, chosen: pair.chosen, rejected: pair.rejected },
    ]);
    const prompts = layoutOf(openrlhf, "prompts");
    const group = groupWith([1], { messages: MULTI_TURN });
    expect(prompts.examples(rowsOf(prompts, pair, group).rows[0] ?? {})).toEqual([
      { kind: "prompt", prompt: MULTI_TURN },
    ]);
  });
});
