import { describe, expect, it } from "vitest";
import { verl } from "../../src/trainers/verl.ts";
import {
  companion,
  groupWith,
  layoutOf,
  lengthsOf,
  MULTI_TURN,
  pairOf,
  rowsOf,
  TOOLS,
  TRAIN_ONLY,
  TWO_FILES,
  WITH_TOOLS,
} from "./layouts.ts";

describe("verl's prompts", () => {
  const layout = layoutOf(verl, "prompts");
  const rowOf = (group: ReturnType<typeof groupWith>) => rowsOf(layout, pairOf(), group).rows[0];

  it("carries the prompt again in extra_info, where a reward function can read it", () => {
    const group = groupWith([1, 0], { messages: MULTI_TURN, reference: "18" });
    const row = rowOf(group);
    expect(row).toEqual({
      data_source: "prefkit",
      prompt: MULTI_TURN,
      ability: "",
      reward_model: { style: "rule", ground_truth: "18" },
      extra_info: {
        index: expect.any(Number),
        prompt_id: group.group.prompt.id,
        prompt: JSON.stringify(MULTI_TURN),
      },
    });
  });

  it("says by null that there is no reference", () => {
    expect(rowOf(groupWith([1]))).toMatchObject({ reward_model: { ground_truth: null } });
  });

  it("numbers each prompt by its id, whatever stands before it", () => {
    const index = (id: string) =>
      (rowOf(groupWith([1], { id })) as { extra_info: { index: number } }).extra_info.index;
    expect(index("a")).toBe(index("a"));
    expect(index("a")).not.toBe(index("b"));
    // The first 12 hex digits of sha256("a"), ca978112ca1b, as a number: below 2^48, so exact everywhere.
    expect(index("a")).toBe(0xca978112ca1b);
  });

  it("carries the metadata that was named as JSON text in extra_info, and has no such field otherwise", () => {
    const named = layoutOf(verl, "prompts", { columns: "level, absent" });
    const group = groupWith([1], { metadata: { level: 3, other: true } });
    expect(rowsOf(named, pairOf(), group).rows[0]).toMatchObject({
      extra_info: { metadata: '{"level":3}' },
    });
    expect(rowOf(group)?.extra_info).not.toHaveProperty("metadata");
    expect(() => layoutOf(verl, "prompts", { columns: "a,a" })).toThrow(/named twice/);
  });

  it.each([
    { what: "tools", prompt: { tools: TOOLS }, why: /tools/ },
    { what: "tool calls", prompt: { messages: WITH_TOOLS }, why: /tool calls/ },
  ])("leaves out a prompt with $what", ({ prompt, why }) => {
    const group = groupWith([1], prompt);
    expect(rowsOf(layout, pairOf(), group)).toEqual({
      rows: [],
      leftOut: [{ id: group.group.prompt.id, why: expect.stringMatching(why) }],
    });
  });

  it("takes a prompt whose images have their places in the text, and no other", () => {
    const withImages = layoutOf(verl, "prompts", {}, { images: true });
    const images = [{ bytes: new Uint8Array([1]), path: "1.png" }];
    const messages = [{ role: "user", content: "<image> What is it?" }] as const;
    expect(rowsOf(withImages, pairOf(), groupWith([1], { messages, images })).rows[0]).toMatchObject({
      images,
    });
    expect(rowsOf(withImages, pairOf(), groupWith([1], { images })).leftOut[0]?.why).toMatch(/<image>/);
    // Without images verl leaves the text alone.
    expect(rowsOf(withImages, pairOf(), groupWith([1], { messages })).rows[0]).toMatchObject({
      images: null,
    });
  });

  it.each([
    {
      what: "an image without bytes",
      images: [{ bytes: null, path: "1.png" }],
      text: "<image>?",
      why: /bytes/,
    },
    {
      what: "<video>",
      images: [{ bytes: new Uint8Array([1]), path: null }],
      text: "<image><video>",
      why: /video/,
    },
    {
      what: "<audio>",
      images: [{ bytes: new Uint8Array([1]), path: null }],
      text: "<image><audio>",
      why: /audio/,
    },
  ])("leaves out a prompt with $what, at which verl would stop", ({ images, text, why }) => {
    const withImages = layoutOf(verl, "prompts", {}, { images: true });
    const messages = [{ role: "user", content: text }] as const;
    expect(rowsOf(withImages, pairOf(), groupWith([1], { messages, images }))).toEqual({
      rows: [],
      leftOut: [{ id: expect.any(String), why: expect.stringMatching(why) }],
    });
  });

  it("drops a prompt that is longer than the maximum", () => {
    expect(layout.lengthRules[0]?.kept(lengthsOf(512), 512)).toEqual(lengthsOf(512));
    expect(layout.lengthRules[0]?.kept(lengthsOf(513), 512)).toBeNull();
  });

  it("reads back as the prompt", () => {
    const row = rowOf(groupWith([1], { messages: MULTI_TURN }));
    expect(layout.examples(row ?? {})).toEqual([{ kind: "prompt", prompt: MULTI_TURN }]);
  });

  it("brings the reward client and the command that uses it", () => {
    const script = companion(layout, TWO_FILES, "train_grpo.sh");
    expect(script).toContain('"data.val_files=[$(hydra "$here/data/test-00000-of-00001.parquet")]"');
    expect(script).toContain("reward.custom_reward_function.name=compute_score_async");
    expect(script).toContain("serve RECIPE --group-size 8 --window-ms 60000 --deadline-ms 150000\n");
    expect(companion(layout, TRAIN_ONLY, "prefkit_reward.py")).toContain("async def compute_score_async(");
  });
});
