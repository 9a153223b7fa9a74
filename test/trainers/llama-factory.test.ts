import { describe, expect, it } from "vitest";
import type { Message } from "../../src/core/types.ts";
import { llamaFactory } from "../../src/trainers/llama-factory.ts";
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

describe("LLaMA-Factory's preference layout", () => {
  const layout = layoutOf(llamaFactory, "preference");

  it("writes each side as one message, not as a list", () => {
    expect(rowsOf(layout, pairOf({ prompt: MULTI_TURN })).rows).toEqual([
      {
        messages: MULTI_TURN,
        chosen: { role: "assistant", content: "It is 18, twice nine." },
        rejected: { role: "assistant", content: "It is 26, I think." },
      },
    ]);
  });

  it("writes tool calls as its role function_call, with arguments as an object", () => {
    const withTools = layoutOf(llamaFactory, "preference", {}, { tools: true, toolMessages: true });
    const [row = {}] = rowsOf(withTools, pairOf({ prompt: WITH_TOOLS, tools: TOOLS })).rows;
    expect(row.messages).toEqual([
      { role: "user", content: "Weather in Rome?" },
      { role: "function_call", content: '[{"name":"weather","arguments":{"city":"Rome"}}]' },
      { role: "tool", content: "21 degrees" },
    ]);
    expect(row.tools).toBe(TOOLS);
    expect(withTools.examples(row)).toMatchObject([
      {
        tools: TOOLS,
        prompt: [
          { role: "user", content: "Weather in Rome?" },
          {
            role: "assistant",
            content: "",
            toolCalls: '[{"type":"function","function":{"name":"weather","arguments":{"city":"Rome"}}}]',
          },
          { role: "tool", content: "21 degrees" },
        ],
      },
    ]);
  });

  const call = WITH_TOOLS[1] ?? QUESTION;
  interface Left {
    readonly what: string;
    readonly prompt: readonly Message[];
    readonly why: RegExp;
  }
  const LEFT: readonly Left[] = [
    { what: "two user turns in a row", prompt: [QUESTION, QUESTION], why: /alternate/ },
    {
      what: "two tool turns in a row",
      prompt: [...WITH_TOOLS, { role: "tool", content: "x" }],
      why: /alternate/,
    },
    {
      what: "an assistant's turn first",
      prompt: [{ role: "assistant", content: "Hi" }, QUESTION],
      why: /alternate/,
    },
    { what: "a developer turn", prompt: DEVELOPER, why: /developer/ },
    {
      what: "an empty system turn",
      prompt: [{ role: "system", content: "" }, QUESTION],
      why: /system turn is empty/,
    },
    { what: "a named user", prompt: [{ ...QUESTION, name: "Ann" }], why: /name/ },
    {
      what: "text beside tool calls",
      prompt: [QUESTION, { ...call, content: "Let me see." }, { role: "tool", content: "x" }],
      why: /both text and tool calls/,
    },
    ...[
      "not json",
      "[]",
      '[{"function":{"name":"f","arguments":"[1]"}}]',
      '[{"function":{"arguments":{}}}]',
    ].map((toolCalls) => ({
      what: `tool calls ${toolCalls}`,
      prompt: [QUESTION, { ...call, toolCalls }, { role: "tool", content: "x" }] as readonly Message[],
      why: /OpenAI's form/,
    })),
  ];
  it.each(LEFT)(
    "leaves out a prompt with $what, which the converter would skip or change",
    ({ prompt, why }) => {
      expect(rowsOf(layout, pairOf({ prompt }))).toEqual({
        rows: [],
        leftOut: [{ id: pairOf().pairId, why: expect.stringMatching(why) }],
      });
    },
  );

  it("wants one <image> per image", () => {
    const withImages = layoutOf(llamaFactory, "preference", {}, { images: true });
    const images = [{ bytes: null, path: "a.png" }];
    const prompt = [{ role: "user", content: "<image>What is it?" }] as const;
    expect(rowsOf(withImages, pairOf({ prompt, images })).rows[0]).toMatchObject({ images });
    expect(rowsOf(withImages, pairOf({ images })).leftOut).toHaveLength(1);
    expect(rowsOf(withImages, pairOf({ prompt })).leftOut).toHaveLength(1);
  });

  it.each([
    { what: "in the chosen side alone", sides: ["<image>", "none"], why: /one <image> per image/ },
    { what: "in the rejected side alone", sides: ["none", "<image>"], why: /one <image> per image/ },
    { what: "for a video", sides: ["<video>", "none"], why: /<video>/ },
    { what: "for sound", sides: ["none", "<audio>"], why: /<audio>/ },
  ] as const)("leaves out a pair with a place $what, beside those for its images", ({ sides, why }) => {
    const withImages = layoutOf(llamaFactory, "preference", {}, { images: true });
    const prompt = [{ role: "user", content: "<image>What is it?" }] as const;
    const images = [{ bytes: new Uint8Array([1]), path: null }];
    const { rows, leftOut } = rowsOf(withImages, pairOf({ prompt, images, sides }));
    expect({ rows, why: leftOut[0]?.why }).toEqual({ rows: [], why: expect.stringMatching(why) });
  });

  // infer_seqlen of llamafactory 0.9.5 at cutoff_len 1000, worked by hand with the longer side as target.
  it.each([
    { given: lengthsOf(600, 400, 300), kept: lengthsOf(600, 400, 300), note: "fits" },
    {
      given: lengthsOf(900, 400, 300),
      kept: lengthsOf(600, 400, 300),
      note: "short target: the prompt gives way",
    },
    {
      given: lengthsOf(400, 900, 100),
      kept: lengthsOf(400, 600, 100),
      note: "short prompt: the response gives way",
    },
    {
      given: lengthsOf(1000, 1500, 10),
      kept: lengthsOf(400, 600, 10),
      note: "both long: floor(1000 * 1500 / 2500)",
    },
  ])("cuts $given to $kept ($note)", ({ given, kept }) => {
    expect(layout.lengthRules[0]?.kept(given, 1000)).toEqual(kept);
  });

  it("gives each file a name of its own in dataset_info.json, and says which columns hold what", () => {
    const info = JSON.parse(companion(layout, TWO_FILES, "dataset_info.json")) as Record<string, object>;
    expect(Object.keys(info)).toEqual(["prefkit_train_0", "prefkit_train_1", "prefkit_test"]);
    expect(info.prefkit_test).toMatchObject({
      file_name: "data/test-00000-of-00001.parquet",
      formatting: "sharegpt",
      ranking: true,
      columns: { messages: "messages", chosen: "chosen", rejected: "rejected" },
      tags: { role_tag: "role", content_tag: "content", user_tag: "user", assistant_tag: "assistant" },
    });
    const settings = companion(layout, TWO_FILES, "dpo.yaml");
    expect(settings).toContain("dataset: prefkit_train_0,prefkit_train_1\neval_dataset: prefkit_test\n");
    expect(companion(layout, TRAIN_ONLY, "reward.yaml")).toMatch(
      /stage: rm\n.*dataset: prefkit_train\ncutoff/s,
    );
  });

  it("spells out SimPO's gamma as LLaMA-Factory counts it", () => {
    const settings = companion(layout, TRAIN_ONLY, "simpo.yaml");
    expect(settings).toContain("pref_loss: simpo");
    expect(settings).toContain("pref_beta: 2.0\nsimpo_gamma: 1.0\npref_ftx: 0.0");
    expect(settings).toContain("gamma_beta_ratio");
  });
});

describe("LLaMA-Factory's layout for KTO", () => {
  const layout = layoutOf(llamaFactory, "unpaired");

  it("makes two rows of a pair, the chosen one first", () => {
    const { rows } = rowsOf(layout, pairOf());
    expect(rows).toEqual([
      { messages: [QUESTION, { role: "assistant", content: "It is 18, twice nine." }], label: true },
      { messages: [QUESTION, { role: "assistant", content: "It is 26, I think." }], label: false },
    ]);
    expect(rows.flatMap((row) => layout.examples(row))).toMatchObject([
      { kind: "unpaired", prompt: [QUESTION], label: true },
      { kind: "unpaired", prompt: [QUESTION], label: false },
    ]);
  });

  it("labels responses by their reward where it is told to", () => {
    const groups = layoutOf(llamaFactory, "unpaired", { from: "groups", threshold: 0.5 });
    const group = groupWith(
      [0.5, 0.4, null, 1],
      {},
      { roles: ["candidate", "candidate", "candidate", "baseline"] },
    );
    const { rows, leftOut } = rowsOf(groups, pairOf(), group);
    expect(rows.map(({ label }) => label)).toEqual([true, false]);
    expect(leftOut).toEqual([{ id: group.group.responses[2]?.id, why: "it has no reward" }]);
  });

  it.each(["", " \n"])(
    "leaves out the empty response %j, which LLaMA-Factory would give another label",
    (empty) => {
      const { rows, leftOut } = rowsOf(layout, pairOf({ sides: ["Good.", empty] }));
      expect(rows).toHaveLength(1);
      expect(leftOut).toEqual([{ id: "b", why: "the response is empty" }]);
    },
  );

  it.each([
    { options: { from: "groups" }, fix: /threshold is not given/ },
    { options: { threshold: 1 }, fix: /threshold is given, and from is pairs/ },
  ])("refuses $options", ({ options, fix }) => {
    expect(() => layoutOf(llamaFactory, "unpaired", options)).toThrow(fix);
  });

  it("says to LLaMA-Factory that these are no rankings", () => {
    expect(companion(layout, TRAIN_ONLY, "dataset_info.json")).toContain('"ranking": false');
    expect(companion(layout, TRAIN_ONLY, "dataset_info.json")).toContain('"kto_tag": "label"');
    expect(companion(layout, TRAIN_ONLY, "kto.yaml")).toContain("stage: kto");
  });
});
