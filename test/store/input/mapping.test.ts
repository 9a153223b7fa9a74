import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promptId, responseIds } from "../../../src/core/ids.ts";
import type { FieldMap } from "../../../src/store/input/index.ts";
import { badRowError } from "../../../src/store/input/index.ts";
import {
  badRow,
  badRows,
  badText,
  errorOf,
  groupOf,
  groupsOf,
  jsonl,
  onlyGroups,
  open,
  read,
  texts,
} from "./input-helpers.ts";

const user = (content: unknown) => ({ role: "user", content });

describe("the default mapping", () => {
  it("reads prompt, responses, reference, id and metadata", async () => {
    const group = await groupOf({
      id: "p1",
      prompt: "What is 6 × 7?",
      reference: "42",
      responses: [
        "42",
        {
          text: "It is 42.",
          reasoning: "six sevens",
          role: "baseline",
          model: "m",
          finish_reason: "stop",
          token_count: 5,
          sum_logprob: -1.5,
          metadata: { label: "right", quality: 3 },
        },
        { text: "43", finishReason: "length", tokenCount: 0, sumLogprob: 0 },
      ],
      metadata: { source: "hand", nested: { list: [1, null, true] } },
      other: "not read",
    });
    expect(group).toEqual({
      prompt: {
        id: "p1",
        messages: [user("What is 6 × 7?")],
        reference: "42",
        metadata: { source: "hand", nested: { list: [1, null, true] } },
      },
      responses: [
        { id: responseIds("p1", ["42"])[0], text: "42", role: "candidate", metadata: {} },
        {
          id: responseIds("p1", ["It is 42."])[0],
          text: "It is 42.",
          reasoning: "six sevens",
          role: "baseline",
          model: "m",
          finishReason: "stop",
          tokenCount: 5,
          sumLogprob: -1.5,
          metadata: { label: "right", quality: 3 },
        },
        {
          id: responseIds("p1", ["43"])[0],
          text: "43",
          role: "candidate",
          finishReason: "length",
          tokenCount: 0,
          sumLogprob: 0,
          metadata: {},
        },
      ],
    });
  });

  it("needs a prompt alone: no reference is null, no responses none, the id is the content's hash", async () => {
    expect(await groupOf({ prompt: "q" })).toEqual({
      prompt: {
        id: promptId({ messages: [{ role: "user", content: "q" }] }),
        messages: [user("q")],
        reference: null,
        metadata: {},
      },
      responses: [],
    });
  });

  it("reads metadata that is JSON text of an object, and leaves other metadata out", async () => {
    const groups = await groupsOf([
      { prompt: "a", metadata: '{"k": 1}' },
      { prompt: "b", metadata: "free text" },
      { prompt: "c", metadata: "{not JSON" },
      { prompt: "d", metadata: ["x"] },
    ]);
    expect(groups.map(({ prompt }) => prompt.metadata)).toEqual([{ k: 1 }, {}, {}, {}]);
  });

  it("keeps default names for fields that the map does not name", async () => {
    const group = await groupOf(
      { question: "q", id: 7, reference: true, responses: ["a"] },
      { map: { prompt: "question" } },
    );
    expect(group.prompt).toMatchObject({ id: "7", reference: "true", messages: [user("q")] });
    expect(group.responses).toHaveLength(1);
  });
});

describe("prompts", () => {
  it("are message lists too, with a system turn first and content in parts", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      user([
        { type: "text", text: "one " },
        { type: "text", text: "two" },
      ]),
      { role: "assistant", content: "three" },
      user("four"),
    ];
    expect((await groupOf({ prompt: messages })).prompt.messages).toEqual([
      { role: "system", content: "Be brief." },
      user("one two"),
      { role: "assistant", content: "three" },
      user("four"),
    ]);
  });

  it("may end with a tool's turn, and keep tool fields when they are mapped", async () => {
    const prompt = [
      user("weather?"),
      { role: "assistant", content: null, tool_calls: [{ id: "c1", function: { name: "w" } }] },
      { role: "tool", content: "sunny", tool_call_id: "c1", name: "w" },
    ];
    const map: FieldMap = { toolMessages: true, tools: "tools" };
    const input = await open({ "in.jsonl": jsonl({ prompt, tools: [{ name: "w" }] }) }, { map });
    expect(input.extras).toEqual({ tools: true, images: false, toolMessages: true });
    const group = await groupOf({ prompt, tools: [{ name: "w" }] }, { map });
    expect(group.prompt.tools).toBe('[{"name":"w"}]');
    expect(group.prompt.messages.slice(1)).toEqual([
      { role: "assistant", content: "", toolCalls: '[{"id":"c1","function":{"name":"w"}}]' },
      { role: "tool", content: "sunny", toolCallId: "c1", name: "w" },
    ]);
  });

  it("take empty tool fields, as tables write them, for absent ones", async () => {
    const prompt = [{ role: "user", content: "q", tool_calls: [], tool_call_id: null, name: null }];
    expect((await groupOf({ prompt })).prompt.messages).toEqual([user("q")]);
  });

  it.each([
    {
      prompt: [],
      note: "empty list",
      says: "prompt: the prompt is empty. | give it text, or leave the row out.",
    },
    {
      prompt: " \n",
      note: "blank text",
      says: "prompt: the prompt is empty. | give it text, or leave the row out.",
    },
    {
      prompt: [user(" ")],
      note: "blank last turn",
      says: "prompt: the prompt is empty. | give it text, or leave the row out.",
    },
    {
      prompt: null,
      note: "null",
      says: "prompt: the field is null. | give the field in every row, or change input.map.",
    },
    {
      prompt: 3,
      note: "number",
      says: "prompt: the prompt must be text or a list of messages and is the number 3. | map a field with text, or with a list of {role, content}.",
    },
    {
      prompt: { role: "user", content: "q" },
      note: "one message outside a list",
      says: "prompt: the prompt must be text or a list of messages and is an object. | map a field with text, or with a list of {role, content}.",
    },
    {
      prompt: ["q"],
      note: "text in a list",
      says: "prompt: a message must be an object and is text. | write each message as {role, content}.",
    },
    {
      prompt: [{ from: "human", value: "q" }],
      note: "no role",
      says: "prompt: a message has no role. | use one of system, developer, user, assistant, tool.",
    },
    {
      prompt: [{ role: "human", content: "q" }],
      note: "unknown role",
      says: 'prompt: a message has the role "human". | use one of system, developer, user, assistant, tool.',
    },
    {
      prompt: [{ role: "user" }],
      note: "no content",
      says: "prompt: a message's content must be text and is nothing. | map a field that holds text, or convert it.",
    },
    {
      prompt: [user(3)],
      note: "content is a number",
      says: "prompt: a message's content must be text and is the number 3. | map a field that holds text, or convert it.",
    },
    {
      prompt: [user([{ type: "audio" }])],
      note: "audio part",
      says: 'prompt: a message has a part of type "audio". | use parts of type "text" and "image".',
    },
    {
      prompt: [user([3])],
      note: "part without a type",
      says: 'prompt: a message has a part without a type. | use parts of type "text" and "image".',
    },
    {
      prompt: [user([{ type: "image" }])],
      note: "image part without a mapping",
      says: "prompt: a message has an image part, and the input maps no images. | map the images (map.images), or leave the row out.",
    },
    {
      prompt: [user("q"), { role: "system", content: "s" }, user("q")],
      note: "late system turn",
      says: "prompt: message 2 of the prompt has the role system, which may only come first. | move it to the front or join it to the first message.",
    },
    {
      prompt: [{ role: "system", content: "s" }],
      note: "system turn alone",
      says: "prompt: the prompt has no user turn. | add the user's message.",
    },
    {
      prompt: [user("q"), { role: "assistant", content: "a" }],
      note: "ends with an assistant turn",
      says: "prompt: the prompt ends with an assistant turn. | end the prompt with the user's turn and map the last assistant turn as a response.",
    },
    {
      prompt: [user("q"), { role: "assistant", tool_calls: [1] }, user("q")],
      note: "tool calls not mapped",
      says: "prompt: a message has tool_calls, and the input does not map tool fields. | set map.toolMessages: true to keep them.",
    },
  ])("make a bad row: $note", async ({ prompt, says }) => {
    expect(await badRow({ prompt })).toBe(says);
  });
});

describe("ids and references", () => {
  it("are numbers and booleans written out; an absent id is the content's hash", async () => {
    const values = [3, 0.1, -0, 9007199254740991, true, "x", "", null];
    const groups = await groupsOf(values.map((reference) => ({ prompt: "q", reference })));
    expect(groups.map(({ prompt }) => prompt.reference)).toEqual([
      "3",
      "0.1",
      "0",
      "9007199254740991",
      "true",
      "x",
      "",
      null,
    ]);
    const [numbered, none] = await groupsOf([
      { prompt: "q", id: 12 },
      { prompt: "q", id: null },
    ]);
    expect(numbered?.prompt.id).toBe("12");
    expect(none?.prompt.id).toBe(promptId({ messages: [{ role: "user", content: "q" }] }));
  });

  it.each([
    {
      record: { reference: { a: 1 } },
      note: "reference is an object",
      says: "reference: the reference must be text, a number or a boolean and is an object. | map a field that holds one value.",
    },
    {
      record: { reference: ["a"] },
      note: "reference is a list",
      says: "reference: the reference must be text, a number or a boolean and is a list. | map a field that holds one value.",
    },
    {
      record: { id: "" },
      note: "empty id",
      says: "id: the id is empty. | give every group an id of its own.",
    },
    {
      record: { id: [1] },
      note: "id is a list",
      says: "id: the id must be text, a number or a boolean and is a list. | map a field that holds one value.",
    },
  ])("make a bad row: $note", async ({ record, says }) => {
    expect(await badRow({ prompt: "q", ...record })).toBe(says);
  });

  it("refuses integers that JSON readers have already rounded", async () => {
    const rows = await read({ "in.jsonl": '{"prompt": "q", "id": 9007199254740993}\n' });
    expect(rows.map(badText)).toEqual([
      "id: the id is an integer beyond 2^53, which JSON readers round. | write it as text, in quotes.",
    ]);
  });
});

describe("responses", () => {
  const forms: readonly { note: string; record: object; map: FieldMap; expected: readonly string[] }[] = [
    {
      note: "a list column",
      record: { answers: ["a", "b"] },
      map: { responses: "answers" },
      expected: ["a", "b"],
    },
    {
      note: "one text under one path",
      record: { answer: "a" },
      map: { responses: "answer" },
      expected: ["a"],
    },
    {
      note: "a list of columns, nested and with dots in a name",
      record: { small: { solution: "a" }, "large.solution": "b", list: ["c", { text: "d" }] },
      map: { responses: ["small.solution", "large.solution", "list"] },
      expected: ["a", "b", "c", "d"],
    },
    {
      note: "an element of a list",
      record: { choices: [{ message: { role: "assistant", content: "a" } }] },
      map: { responses: ["choices.0.message"] },
      expected: ["a"],
    },
    {
      note: "assistant messages, alone or each in a list",
      record: {
        r: [
          { role: "assistant", content: [{ type: "text", text: "a" }] },
          [{ role: "assistant", content: "b" }],
        ],
      },
      map: { responses: "r" },
      expected: ["a", "b"],
    },
    {
      note: "every element of a list, by *",
      record: { completions: [{ response: "a" }, { response: "b" }] },
      map: { responses: "completions.*.response" },
      expected: ["a", "b"],
    },
    { note: "a response map", record: { a: "x" }, map: { responses: { text: "a" } }, expected: ["x"] },
    { note: "an empty list", record: { r: [] }, map: { responses: "r" }, expected: [] },
  ];
  it.each(forms)("come from $note", async ({ record, map, expected }) => {
    const group = await groupOf({ prompt: "q", ...record }, { map });
    expect(group.responses.map(({ text }) => text)).toEqual(expected);
  });

  it("take each field of a response map from its own path", async () => {
    const record = {
      prompt: "q",
      small: { solution: "a", why: "r", model: "s", stop: "length", tokens: 3, logprob: -2, ok: false },
      large: "b",
      kind: "baseline",
    };
    const map: FieldMap = {
      responses: [
        {
          text: "small.solution",
          reasoning: "small.why",
          model: "small.model",
          finishReason: "small.stop",
          tokenCount: "small.tokens",
          sumLogprob: "small.logprob",
          metadata: { is_correct: "small.ok" },
        },
        { text: "large", role: "kind", metadata: ["small.ok"] },
        { text: "large", baseline: true },
      ],
    };
    const group = await groupOf(record, { map });
    expect(group.responses.map(({ id: _, ...rest }) => rest)).toEqual([
      {
        text: "a",
        reasoning: "r",
        role: "candidate",
        model: "s",
        finishReason: "length",
        tokenCount: 3,
        sumLogprob: -2,
        metadata: { is_correct: false },
      },
      { text: "b", role: "baseline", metadata: { "small.ok": false } },
      { text: "b", role: "baseline", metadata: {} },
    ]);
    expect(new Set(group.responses.map(({ id }) => id)).size).toBe(3);
  });

  it("share out parallel lists by element, and one value to all", async () => {
    const record = { prompt: "q", texts: ["a", "b"], counts: [1, null], model: "m", c: [{ s: 5 }, { s: 1 }] };
    const responses = { text: "texts", tokenCount: "counts", model: "model", metadata: { score: "c.*.s" } };
    const group = await groupOf(record, { map: { responses } });
    expect(
      group.responses.map(({ text, tokenCount, model, metadata }) => [text, tokenCount, model, metadata]),
    ).toEqual([
      ["a", 1, "m", { score: 5 }],
      ["b", undefined, "m", { score: 1 }],
    ]);
  });

  const bad: readonly { note: string; says: string; record: object; map?: FieldMap }[] = [
    {
      note: "null in the list",
      says: "responses: a response is null. | give every response a text (an empty text is allowed), or leave it out of the list.",
      record: { responses: ["a", null] },
    },
    {
      note: "null for the list",
      says: "responses: a response is null. | give every response a text (an empty text is allowed), or leave it out of the list.",
      record: { responses: null },
    },
    {
      note: "a number",
      says: "responses: a response must be text or an object and is the number 3. | write text, an object with text, or an assistant message.",
      record: { responses: [3] },
    },
    {
      note: "an object without text",
      says: 'responses: a response has no text; it has the fields answer. | name the field, as in responses: { text: "responses.*.answer" }.',
      record: { responses: [{ answer: "a" }] },
    },
    {
      note: "text that is a number",
      says: "responses: a response's text must be text and is the number 3. | map a field that holds text, or convert it.",
      record: { responses: [{ text: 3 }] },
    },
    {
      note: "a user's message",
      says: 'responses: a response is a message of role "user". | map only the assistant\'s message as the response, and the turns before it as the prompt.',
      record: { responses: [{ role: "user", content: "a" }] },
    },
    {
      note: "a conversation",
      says: "responses: a response must be text or an object and is a list. | write text, an object with text, or an assistant message.",
      record: { responses: [[user("q"), { role: "assistant", content: "a" }]] },
    },
    {
      note: "tool calls",
      says: "responses: a response has tool_calls, and a response is text. | write the call into the text, or leave the row out.",
      record: { responses: [{ role: "assistant", content: "a", tool_calls: [1] }] },
    },
    {
      note: "unknown role",
      says: 'responses: a response has the role "best". | use candidate or baseline.',
      record: { responses: [{ text: "a", role: "best" }] },
    },
    {
      note: "negative token count",
      says: "responses: a response's token count must be an integer from 0 on and is -1. | write the number of tokens, or null when it is not known.",
      record: { responses: [{ text: "a", token_count: -1 }] },
    },
    {
      note: "fractional token count",
      says: "responses: a response's token count must be an integer from 0 on and is 1.5. | write the number of tokens, or null when it is not known.",
      record: { responses: [{ text: "a", token_count: 1.5 }] },
    },
    {
      note: "token count as text",
      says: "responses: a response's token count must be a finite number and is text. | write a number, or null when it is not known.",
      record: { responses: [{ text: "a", token_count: "3" }] },
    },
    {
      note: "log-prob as text",
      says: "responses: a response's sum of log-probs must be a finite number and is text. | write a number, or null when it is not known.",
      record: { responses: [{ text: "a", sum_logprob: "-inf" }] },
    },
    {
      note: "model is a number",
      says: "responses: a response's model must be text and is the number 4. | map a field that holds text, or convert it.",
      record: { responses: [{ text: "a", model: 4 }] },
    },
    {
      note: "a column that this row lacks",
      says: "b: the row has no such response. | give every response a text (an empty text is allowed), or leave it out of the list.",
      record: { a: "x" },
      map: { responses: ["a", "b"] },
    },
    {
      note: "lists of different lengths",
      says: "n: the list has 1 values for 2 responses. | give one value per response, or one value for all.",
      record: { t: ["a", "b"], n: [1] },
      map: { responses: { text: "t", tokenCount: "n" } },
    },
  ];
  it.each(bad)("make a bad row: $note", async ({ record, map, says }) => {
    // A second row has every field, so that a missing one is this row's fault alone.
    const whole = { prompt: "q", a: "x", b: "y" };
    const rows = await read({ "in.jsonl": jsonl({ prompt: "q", ...record }, whole) }, map ? { map } : {});
    expect(badText(rows[0] as never)).toBe(says);
    expect(badRows(rows)[0]?.place).toMatchObject({ file: "in.jsonl", line: 1 });
  });

  it("come from a JSON list or from columns in CSV, with numbers as text", async () => {
    const list = 'prompt,responses\nq,"[""a"", {""text"": ""b"", ""token_count"": ""3""}]"\nq,plain\n';
    const rows = await read({ "in.csv": list });
    expect(texts(rows)).toEqual([["q", "a", "b"], "bad: a list column in CSV must hold a JSON list."]);
    const columns = await read(
      { "in.csv": "prompt,a,n,l\nq,[1],12,-0.5\nq,x,many,\n" },
      { map: { responses: [{ text: "a", tokenCount: "n", sumLogprob: "l" }] } },
    );
    expect(columns[0]).toMatchObject({
      group: { responses: [{ text: "[1]", tokenCount: 12, sumLogprob: -0.5 }] },
    });
    expect(columns.slice(1).map(badText)).toEqual([
      "n: a response's token count must be a finite number and is text. | write a number, or null when it is not known.",
    ]);
  });
});

describe("metadata, images and siblings", () => {
  it("keeps a list of paths under the paths, and a record of paths under its names", async () => {
    const record = { prompt: "q", meta: { level: 3 }, tags: ["x"] };
    const list = await groupOf(record, { map: { metadata: ["meta.level", "tags", "tags.0"] } });
    expect(list.prompt.metadata).toEqual({ "meta.level": 3, tags: ["x"], "tags.0": "x" });
    const named = await groupOf(record, { map: { metadata: { level: "meta.level" } } });
    expect(named.prompt.metadata).toEqual({ level: 3 });
  });

  it("refuses metadata nested a hundred deep instead of running out of stack", async () => {
    const deep = `{"prompt": "q", "metadata": {"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}}\n`;
    expect((await read({ "in.jsonl": deep })).map(badText)).toEqual([
      "metadata: the metadata is nested more than 100 deep. | map the part that is needed.",
    ]);
  });

  it("reads images as bytes, base64, data URLs and paths, with placeholders for image parts", async () => {
    const record = {
      prompt: [
        user([{ type: "image" }, { type: "text", text: " and " }, { type: "image_url", image_url: {} }]),
      ],
      images: [{ bytes: "AQI=", path: null }, { path: "a.png" }],
    };
    const input = await open({ "in.jsonl": jsonl(record) }, { map: { images: "images" } });
    expect(input.extras.images).toBe(true);
    const group = await groupOf(record, { map: { images: "images" } });
    expect(group.prompt.messages).toEqual([user("<image> and <image>")]);
    expect(group.prompt.images).toEqual([
      { bytes: Buffer.from([1, 2]), path: null },
      { bytes: null, path: "a.png" },
    ]);
    const others = await groupsOf(
      [
        { prompt: "q", images: "data:image/png;base64,AQI=" },
        { prompt: "q", images: ["b.png"] },
        { prompt: "q", images: null },
      ],
      { map: { images: "images" } },
    );
    expect(others.map(({ prompt }) => prompt.images)).toEqual([
      [{ bytes: Buffer.from([1, 2]), path: null }],
      [{ bytes: null, path: "b.png" }],
      [],
    ]);
    expect(new Set(others.map(({ prompt }) => prompt.id)).size).toBe(3);
  });

  it.each([
    {
      record: { prompt: [user([{ type: "image" }])], images: [] },
      note: "an image part without its image",
      says: "images: the prompt has 1 image parts and the row 0 images. | give one image for each image part, in the same order.",
    },
    {
      record: { prompt: "q", images: [3] },
      note: "an image that is a number",
      says: "images: an image must be bytes, a path or {bytes, path} and is the number 3. | write {bytes, path} with at least one of them.",
    },
    {
      record: { prompt: "q", images: [{}] },
      note: "an image without bytes and path",
      says: "images: an image must be bytes, a path or {bytes, path} and is an object without them. | write {bytes, path} with at least one of them.",
    },
    {
      record: { prompt: "q", images: [{ bytes: "%%" }] },
      note: "bytes that are not base64",
      says: "images: an image's bytes must be bytes or base64 text and are text. | write base64, or give a path instead.",
    },
  ])("makes a bad row: $note", async ({ record, says }) => {
    expect(await badRow(record, { map: { images: "images" } })).toBe(says);
  });

  it("names the twin", async () => {
    const groups = await groupsOf(
      [
        { id: 1, prompt: "a", twin: 2 },
        { id: 2, prompt: "b", twin: null },
      ],
      { map: { sibling: "twin" } },
    );
    expect(groups.map(({ siblingId }) => siblingId)).toEqual(["2", undefined]);
  });

  it("reads tools that are JSON text, and refuses other text", async () => {
    const map = { tools: "tools" };
    expect((await groupOf({ prompt: "q", tools: '[{"n": 1}]' }, { map })).prompt.tools).toBe('[{"n": 1}]');
    expect("tools" in (await groupOf({ prompt: "q", tools: null }, { map })).prompt).toBe(false);
    expect(await badRow({ prompt: "q", tools: "look" }, { map })).toBe(
      "tools: tools is not JSON. | write a list or an object, or JSON text of one.",
    );
  });
});

describe("lone surrogates", () => {
  it("are replaced everywhere and counted per row", async () => {
    const line =
      '{"id": "\\ud800", "prompt": "a\\udc00b", "reference": "\\ud83d\\ude00", "responses": ["\\ud800\\ud800", {"text": "x", "metadata": {"\\ud800": ["\\udfff"]}}]}\n';
    const [row] = onlyGroups(await read({ "in.jsonl": line }));
    // id 1, prompt 1, first response 2, metadata key 1 and value 1; the reference is a whole emoji.
    expect(row?.replacedSurrogates).toBe(6);
    expect(row?.group.prompt).toMatchObject({ id: "�", reference: "😀", messages: [user("a�b")] });
    expect(row?.group.responses.map(({ text, metadata }) => [text, metadata])).toEqual([
      ["��", {}],
      ["x", { "�": ["�"] }],
    ]);
  });

  it("never get through, and whole text is never touched", async () => {
    const anyText = fc.string({
      unit: fc.oneof(fc.constant("\ud800"), fc.constant("\udc00"), fc.string({ unit: "binary" })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyText, { minLength: 1, maxLength: 4 }), async (responses) => {
        const group = await groupOf({ prompt: "q", responses });
        expect(group.responses.map(({ text }) => text)).toEqual(responses.map((text) => text.toWellFormed()));
      }),
      { seed: 1, numRuns: 30 },
    );
  });
});

describe("missing fields", () => {
  const records = [{ question: "q", small: { solution: "a" }, answer: null }];

  it.each([
    {
      map: {},
      note: "default prompt",
      says: 'no row has the field "prompt"; rows have question, small, small.solution, answer.\nFix: name the field in input.map as it is written in the file. [missing_field]',
    },
    {
      map: { prompt: "questions" },
      note: "a near name",
      says: 'no row has the field "questions"; rows have question, small, small.solution, answer.\nFix: write question in input.map if that is meant. [missing_field]',
    },
    {
      map: { prompt: "question", responses: ["small.solutoin"] },
      note: "a near nested name",
      says: 'no row has the field "small.solutoin"; rows have question, small, small.solution, answer.\nFix: write small.solution in input.map if that is meant. [missing_field]',
    },
    {
      map: { prompt: "question", metadata: { x: "zzzzzzzzzz" } },
      note: "no near name",
      says: 'no row has the field "zzzzzzzzzz"; rows have question, small, small.solution, answer.\nFix: name the field in input.map as it is written in the file. [missing_field]',
    },
    {
      map: { prompt: "question", responses: [{ text: "small.solution", tokenCount: "small.n" }] },
      note: "a field of a response",
      says: 'no row has the field "small.n"; rows have question, small, small.solution, answer.\nFix: write small in input.map if that is meant. [missing_field]',
    },
  ])("end in missing_field, naming the fields there are: $note", async ({ map, says }) => {
    const error = await errorOf(open({ "in.jsonl": jsonl(...records) }, { map }));
    expect(error.code).toBe("missing_field");
    expect(error.message).toBe(says);
  });

  it("are told apart from a field that is null, and from one that only a later row has", async () => {
    const map = { prompt: "question", reference: "answer" };
    expect((await groupOf(records[0], { map })).prompt.reference).toBe(null);
    const rows = await read({ "in.jsonl": jsonl({ other: 1 }, { prompt: "b" }) });
    expect(rows.map((row) => (row.kind === "bad" ? badText(row) : "group"))).toEqual([
      "prompt: the row has no such field. | give the field in every row, or change input.map.",
      "group",
    ]);
  });

  it("are found in columnar files too, where only mapped columns are read", async () => {
    const { parquetBytes } = await import("./table-files.ts");
    const error = await errorOf(open({ "in.parquet": parquetBytes(3) }, { map: { prompt: "promt" } }));
    expect(error.message).toContain(
      "rows have id, prompt, reference, responses.\nFix: write prompt in input.map",
    );
  });

  it("never finds what every object inherits", async () => {
    for (const prompt of ["constructor", "__proto__", "toString.name"]) {
      expect((await errorOf(open({ "in.jsonl": jsonl({ a: 1 }) }, { map: { prompt } }))).code).toBe(
        "missing_field",
      );
    }
  });

  it("refuses a path with an empty step", async () => {
    for (const prompt of ["", "a..b", ".a"]) {
      expect((await errorOf(open({ "in.jsonl": "" }, { map: { prompt } }))).code).toBe("bad_recipe");
    }
  });
});

it("turns a bad row into an error that names its place and both ways out", async () => {
  const [row] = badRows(await read({ "in.jsonl": jsonl({ prompt: 3 }) }));
  expect(row && badRowError(row).message).toBe(
    'in.jsonl:1, column "prompt": the prompt must be text or a list of messages and is the number 3.\n' +
      "Fix: map a field with text, or with a list of {role, content}. Or set input.onBadRow: skip to leave such rows out. [bad_row]",
  );
});
