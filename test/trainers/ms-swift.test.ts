import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../src/core/types.ts";
import { msSwift } from "../../src/trainers/ms-swift.ts";
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

describe("ms-swift's preference layout", () => {
  const layout = layoutOf(msSwift, "preference");

  it("ends the conversation with the chosen turn and puts the rejected text beside it", () => {
    const pair = pairOf({ prompt: MULTI_TURN });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row).toEqual({
      messages: [...MULTI_TURN, { role: "assistant", content: "It is 18, twice nine." }],
      rejected_response: "It is 26, I think.",
    });
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: MULTI_TURN, chosen: pair.chosen, rejected: pair.rejected },
    ]);
  });

  it.each([
    { what: "a tool turn at its end", pair: pairOf({ prompt: WITH_TOOLS }), why: /ends with a tool turn/ },
    { what: "two user turns in a row", pair: pairOf({ prompt: [QUESTION, QUESTION] }), why: /alternate/ },
    { what: "a developer turn", pair: pairOf({ prompt: DEVELOPER }), why: /developer/ },
    { what: "equal sides", pair: pairOf({ sides: ["Same.", "Same."] }), why: /equal/ },
  ])("leaves out a pair with $what", ({ pair, why }) => {
    expect(rowsOf(layout, pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("writes each tool call as a turn of its own, after the text of the turn that makes it", () => {
    const calls = '[{"name":"a","arguments":{}},{"name":"b","arguments":{"x":1}}]';
    const prompt: readonly Message[] = [
      QUESTION,
      { role: "assistant", content: "I look it up.", toolCalls: calls },
      { role: "tool", content: "1" },
      { role: "tool", content: "2" },
      { role: "assistant", content: "Three." },
      QUESTION,
    ];
    const withTools = layoutOf(msSwift, "preference", {}, { tools: true, toolMessages: true });
    const [row = {}] = rowsOf(withTools, pairOf({ prompt, tools: TOOLS })).rows;
    expect(row.messages).toEqual([
      QUESTION,
      { role: "assistant", content: "I look it up." },
      { role: "tool_call", content: '{"name":"a","arguments":{}}' },
      { role: "tool_call", content: '{"name":"b","arguments":{"x":1}}' },
      { role: "tool", content: "1" },
      { role: "tool", content: "2" },
      { role: "assistant", content: "Three." },
      QUESTION,
      { role: "assistant", content: "It is 18, twice nine." },
    ]);
    const read = withTools.examples(row)[0];
    expect(read).toMatchObject({ tools: TOOLS });
    expect(read?.prompt).toEqual(
      prompt.with(1, {
        role: "assistant",
        content: "I look it up.",
        toolCalls:
          '[{"type":"function","function":{"name":"a","arguments":{}}},{"type":"function","function":{"name":"b","arguments":{"x":1}}}]',
      }),
    );
  });

  it("reads back what it wrote, for any conversation of user and assistant", () => {
    const text = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text), { maxLength: 3 }),
        text,
        text,
        text,
        (before, last, a, b) => {
          fc.pre(a !== b);
          const prompt: Message[] = [
            ...before.flatMap(([user, answer]): Message[] => [
              { role: "user", content: user },
              { role: "assistant", content: answer },
            ]),
            { role: "user", content: last },
          ];
          const pair = pairOf({ prompt, sides: [a, b] });
          const [row = {}] = rowsOf(layout, pair).rows;
          expect(layout.examples(row)).toEqual([
            { kind: "preference", prompt, chosen: pair.chosen, rejected: pair.rejected },
          ]);
        },
      ),
    );
  });

  it.each([
    { sides: ["<image>", "none"], why: /one <image> per image/ },
    { sides: ["none", "<image>"], why: /one <image> per image/ },
    { sides: ["none", "<video>"], why: /<video>/ },
  ] as const)("leaves out a pair whose sides hold the places of more media: $sides", ({ sides, why }) => {
    const withImages = layoutOf(msSwift, "preference", {}, { images: true });
    const prompt = [{ role: "user", content: "<image>What is it?" }] as const;
    const images = [{ bytes: new Uint8Array([1]), path: null }];
    expect(rowsOf(withImages, pairOf({ prompt, images })).rows).toHaveLength(1);
    expect(rowsOf(withImages, pairOf({ prompt, images, sides })).leftOut[0]?.why).toMatch(why);
  });

  it("drops rows with a longer side", () => {
    expect(layout.lengthRules[0]?.defaultMaxLength).toBe(2048);
    expect(layout.lengthRules[0]?.kept(lengthsOf(10, 5, 3), 15)).toEqual(lengthsOf(10, 5, 3));
    expect(layout.lengthRules[0]?.kept(lengthsOf(10, 5, 3), 14)).toBeNull();
  });

  it("spells out SimPO's gamma and turns off the supervised loss that ms-swift adds by default", () => {
    const script = companion(layout, TWO_FILES, "train_simpo.sh");
    expect(script).toContain("--beta 2.0 --simpo_gamma 1.0 --cpo_alpha 0.0");
    expect(script).toContain("gamma_beta_ratio");
    expect(script).toContain("--val_dataset data/test-00000-of-00001.parquet");
    expect(companion(layout, TRAIN_ONLY, "train_rm.sh")).toContain("--rlhf_type rm");
  });
});

describe("ms-swift's other layouts", () => {
  it("label single responses for KTO", () => {
    const layout = layoutOf(msSwift, "unpaired");
    const { rows } = rowsOf(layout, pairOf());
    expect(rows.map(({ label }) => label)).toEqual([true, false]);
    expect(layout.examples(rows[1] ?? {})).toEqual([
      {
        kind: "unpaired",
        prompt: [QUESTION],
        completion: [{ role: "assistant", content: "It is 26, I think." }],
        label: false,
      },
    ]);
  });

  it("give GRPO the prompt with its id and reference, which the reward function reads", () => {
    const layout = layoutOf(msSwift, "prompts", {}, { tools: true, toolMessages: true });
    const group = groupWith([1], { messages: WITH_TOOLS, tools: TOOLS, reference: "21" });
    const [row = {}] = rowsOf(layout, pairOf(), group).rows;
    expect(row).toEqual({
      messages: [
        { role: "user", content: "Weather in Rome?" },
        { role: "tool_call", content: '{"name":"weather","arguments":{"city":"Rome"}}' },
        { role: "tool", content: "21 degrees" },
      ],
      reference: "21",
      prompt_id: group.group.prompt.id,
      tools: TOOLS,
    });
    const named = layoutOf(msSwift, "prompts", { columns: "level" });
    const [withMetadata] = rowsOf(named, pairOf(), groupWith([1], { metadata: { level: 3, other: 1 } })).rows;
    expect(withMetadata).toMatchObject({ metadata: '{"level":3}' });
    expect(named.rowSet.columns.map(({ name }) => name)).toContain("metadata");
    expect(layout.lengthRules[0]?.kept(lengthsOf(20), 15)).toEqual(lengthsOf(15));
    expect(companion(layout, TRAIN_ONLY, "train_grpo.sh")).toContain("--reward_funcs prefkit");
    expect(companion(layout, TRAIN_ONLY, "prefkit_reward.py")).toContain("class PrefkitORM");
  });
});
