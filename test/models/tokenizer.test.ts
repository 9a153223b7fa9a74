import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject, Message } from "../../src/core/types.ts";
import type { LocatedTurn } from "../../src/models/ports.ts";
import { loadTokenizer, type TurnTokenizer } from "../../src/models/tokenizer.ts";
import {
  byteLevel,
  metaspace,
  type SmallTokenizer,
  TEMPLATES,
  writeTokenizer,
} from "./fixtures/make-tokenizers.ts";
import { runtimeIn } from "./runtime.ts";

let scratch = "";
let made = 0;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-tokenizer-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function load(small: SmallTokenizer): Promise<TurnTokenizer> {
  const folder = await writeTokenizer(join(scratch, String(made++)), small);
  return await loadTokenizer(folder, { runtime: runtimeIn(scratch) });
}

const ask = (content: string): readonly Message[] => [{ role: "user", content }];

/** The response as its located tokens spell it, without the turn end. */
function spelled(tokenizer: TurnTokenizer, { ids, start }: LocatedTurn, hasEnd: boolean): string {
  return tokenizer.decode(ids.slice(start, hasEnd ? -1 : undefined));
}

describe("a response's tokens, located", () => {
  it("spell the response, with the turn end as one token more", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml }));
    const turn = tokenizer.render(ask("Hello?"), "the answer\n\n", { countEnd: true });
    expect(turn.text).toBe(
      "<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\nthe answer\n\n<|im_end|>",
    );
    expect(turn.text.slice(turn.responseStart, turn.responseEnd)).toBe("the answer\n\n");
    const located = tokenizer.locate(turn, "whole");
    if (located === null) throw new Error("not located");
    // t h e, Ġanswer, ĊĊ, <|im_end|>: "the" is one token only after a space.
    expect(located.ids.length - located.start).toBe(6);
    expect(located.ids.at(-1)).toBe(tokenizer.idOf("<|im_end|>"));
    expect(spelled(tokenizer, located, true)).toBe("the answer\n\n");
  });

  it("are told apart by `joined` where the prompt's last and the response's first sign are one token", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.completion }));
    // The prompt ends in "assistant: ", and " the" is one token.
    const turn = tokenizer.render(ask("Hello?"), "the", { countEnd: false });
    expect(turn.text.endsWith("assistant: the")).toBe(true);
    expect(tokenizer.locate(turn, "whole")).toBeNull();
    const joined = tokenizer.locate(turn, "joined");
    expect(joined?.rule).toBe("joined");
    expect(joined && spelled(tokenizer, joined, false)).toBe("the");
    // A response that merges with nothing is located whole.
    const plain = tokenizer.render(ask("Hello?"), "x", { countEnd: false });
    expect(tokenizer.locate(plain, "whole")?.rule).toBe("whole");
  });

  it("are not whole where the response's end and the turn end's text share a token", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml }));
    const turn = { text: "xHello", responseStart: 1, responseEnd: 3, breaks: [] };
    expect(tokenizer.locate(turn, "whole")).toBeNull();
    expect(tokenizer.locate(turn, "joined")?.start).toBe(1);
  });

  it.each([
    { note: "starts with the first token", response: "Hello", text: "Hello", why: /no log-prob/ },
    { note: "is empty and nothing ends it", response: "", text: "Hello", why: /no tokens/ },
  ])("cannot be told when the response $note", async ({ response, text, why }) => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml }));
    const from = text.length - response.length;
    const turn = { text, responseStart: from, responseEnd: text.length, breaks: [] };
    for (const rule of ["whole", "joined"] as const) {
      expect(() => tokenizer.locate(turn, rule)).toThrow(why);
      expect(() => tokenizer.locate(turn, rule)).toThrow(
        expect.objectContaining({ code: "span_impossible" }),
      );
    }
  });

  it("start after BOS where the tokenizer adds it, and BOS is not added twice", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml, bos: true }));
    const bos = tokenizer.idOf("<|begin|>");
    expect(tokenizer.addsBos).toBe(true);
    const plain = tokenizer.locate({ text: "Hello", responseStart: 0, responseEnd: 5, breaks: [] }, "whole");
    expect(plain).toEqual({ ids: [bos, tokenizer.idOf("Hello")], start: 1, rule: "whole" });
    const written = { text: "<|begin|>Hello", responseStart: 9, responseEnd: 14, breaks: [] };
    expect(tokenizer.locate(written, "whole")).toEqual(plain);
  });
});

describe("added tokens with options", () => {
  const changed = (small: SmallTokenizer, change: JsonObject): SmallTokenizer => {
    const tokens = small.json.added_tokens as readonly JsonObject[];
    return {
      ...small,
      json: { ...small.json, added_tokens: tokens.map((token) => ({ ...token, ...change })) },
    };
  };

  it("swallow white space, which is nobody's token, but never the response's", async () => {
    const template =
      "{% for m in messages %}<|im_start|>\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>";
    const small = changed(byteLevel({ template }), { rstrip: true });
    const tokenizer = await load(small);
    const plain = tokenizer.render(ask("Hello"), "x", { countEnd: true });
    const whole = tokenizer.locate(plain, "whole");
    expect(whole?.ids).toEqual(new Tokenizer(small.json, small.config).encode(plain.text).ids);
    // <|im_start|> Hello <|im_end|> <|im_start|> x <|im_end|>
    expect([whole?.ids.length, whole?.start]).toEqual([6, 4]);
    const spaced = tokenizer.render(ask("Hello"), "\n x", { countEnd: true });
    expect(tokenizer.locate(spaced, "whole")).toBeNull();
    const joined = tokenizer.locate(spaced, "joined");
    expect(joined && spelled(tokenizer, joined, true)).toBe("\n x");
  });

  it("get their ids when they are looked for in normalized text, as older Llama files have it", async () => {
    const small = changed(metaspace("prepend", { template: TEMPLATES.bracketed }), { normalized: true });
    const tokenizer = await load(small);
    const turn = tokenizer.render(ask("Hello"), "x", { countEnd: false });
    expect(tokenizer.locate(turn, "joined")?.ids[0]).toBe(tokenizer.idOf("<s>"));
    const { ids } = new Tokenizer(small.json, small.config).encode(turn.text, { add_special_tokens: false });
    expect(tokenizer.encode(turn.text)).toEqual(ids);
  });
});

describe("templates around a response", () => {
  it("cannot trim it", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.noSystem }));
    const turn = tokenizer.render(ask("  hi  "), "  spaced out \n", { countEnd: true });
    expect(turn.text).toBe("<|im_start|>user\nhi<|im_end|>\n<|im_start|>model\n  spaced out \n<|im_end|>");
  });

  it("put what they themselves write between prompt and answer: Llama 2's space", async () => {
    const tokenizer = await load(metaspace("prepend", { template: TEMPLATES.bracketed }));
    const turn = tokenizer.render(ask("Hello"), "the answer", { countEnd: true });
    expect(turn.text).toBe("<s>[INST] Hello [/INST] the answer</s>");
    expect(turn.text.slice(turn.responseStart, turn.responseEnd)).toBe("the answer");
    // "▁the" reaches over the injected space: only apart can it be told.
    expect(tokenizer.locate(turn, "whole")).toBeNull();
    const joined = tokenizer.locate(turn, "joined");
    expect(joined && spelled(tokenizer, joined, true)).toBe("the answer");
    expect(joined?.ids.filter((id) => id === tokenizer.idOf("<s>")).length).toBe(1);
  });

  it("put an empty think block before an answer, unless it brings its own", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.thinking }));
    const plain = tokenizer.render(ask("Hi"), "x", { countEnd: false });
    expect(plain.text.endsWith("assistant\n<think>\n\n</think>\n\nx")).toBe(true);
    const own = tokenizer.render(ask("Hi"), "<think>no</think>x", { countEnd: false });
    expect(own.text.endsWith("assistant\n<think>no</think>x")).toBe(true);
    expect(own.breaks).toEqual([]);
  });

  it("refuse messages with the code `template`, and so does a model without one", async () => {
    const noSystem = await load(byteLevel({ template: TEMPLATES.noSystem }));
    const messages: readonly Message[] = [{ role: "system", content: "x" }, ...ask("y")];
    expect(() => noSystem.render(messages, "z", { countEnd: true })).toThrow(
      expect.objectContaining({
        code: "template",
        message: expect.stringContaining("System role not supported"),
      }),
    );
    const none = await load(byteLevel());
    expect(none.templateHash).toBeNull();
    expect(() => none.render(ask("y"), "z", { countEnd: true })).toThrow(
      expect.objectContaining({ code: "template", message: expect.stringContaining("no chat template") }),
    );
    const broken = await load(byteLevel({ template: "{% for %}" }));
    expect(() => broken.render(ask("y"), "z", { countEnd: true })).toThrow(
      expect.objectContaining({ code: "template" }),
    );
  });

  it("read tool calls as objects, and a date that never changes", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.tools }));
    const toolCalls = JSON.stringify([{ function: { name: "look", arguments: '{"at": "<|im_end|>"}' } }]);
    const messages: readonly Message[] = [
      ...ask("a"),
      { role: "assistant", content: "", toolCalls },
      { role: "tool", content: "b", toolCallId: "1" },
    ];
    const { text, breaks } = tokenizer.renderPrompt(messages);
    expect(text).toContain("Today: 26 Jul 2024\n");
    expect(text).toContain('look({"at": "<|im_end|>"})');
    expect(breaks).toEqual([text.indexOf('<|im_end|>"}') + 1]);
    expect(() => tokenizer.renderPrompt([{ role: "user", content: "a", toolCalls: "{" }])).toThrow(
      expect.objectContaining({ code: "template" }),
    );
  });
});

describe("content that looks like special tokens", () => {
  it("stays text, in the prompt and in the response", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml }));
    const turn = tokenizer.render(ask("say <|im_end|>"), "<|im_start|>user", { countEnd: true });
    const located = tokenizer.locate(turn, "whole");
    const count = (token: string): number =>
      located?.ids.filter((id) => id === tokenizer.idOf(token)).length ?? 0;
    // The template's own: two openings, and two ends with the counted one.
    expect([count("<|im_start|>"), count("<|im_end|>")]).toEqual([2, 2]);
    expect(located && spelled(tokenizer, located, true)).toBe("<|im_start|>user");
  });

  it("is refused by a model whose special tokens the rendering did not break", async () => {
    const tokenizer = await load(byteLevel({ template: TEMPLATES.chatml }));
    const turn = tokenizer.render(ask("a"), "<|im_start|>", { countEnd: true, specialTokens: ["<s>"] });
    for (const rule of ["whole", "joined"] as const) {
      expect(() => tokenizer.locate(turn, rule)).toThrow(
        expect.objectContaining({ code: "span_impossible" }),
      );
    }
  });

  it("is refused where the template searches content for it", async () => {
    const template = "{% for m in messages %}{{ m.content.split('<|im_end|>')[0] }}\n{% endfor %}";
    const tokenizer = await load(byteLevel({ template }));
    expect(() => tokenizer.renderPrompt(ask("a <|im_end|> b"))).toThrow(
      expect.objectContaining({ code: "span_impossible" }),
    );
    expect(tokenizer.renderPrompt(ask("a b")).text).toBe("a b\n");
  });

  it("gets no prefix space where it is cut", async () => {
    const tokenizer = await load(metaspace("prepend", { template: TEMPLATES.bracketed }));
    const turn = tokenizer.render(ask("a"), "b</s>c", { countEnd: true });
    const located = tokenizer.locate(turn, "joined");
    expect(located && spelled(tokenizer, located, true)).toBe("b</s>c");
  });
});

describe("the span, for any prompt and response", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc
      .array(
        fc.constantFrom(
          "the",
          " the",
          "\n",
          "\n\n",
          " ",
          "<|im_end|>",
          "<|im_",
          "</s>",
          "<s>",
          "▁",
          "é",
          "🐈",
          "Hello",
          ":",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
  );
  const kinds: readonly (readonly [string, SmallTokenizer])[] = [
    ["byte-level, ChatML", byteLevel({ template: TEMPLATES.chatml })],
    ["byte-level with BOS, ends in a space", byteLevel({ template: TEMPLATES.completion, bos: true })],
    ["prefix space, brackets", metaspace("prepend", { template: TEMPLATES.bracketed })],
    ["prefix space at first, ChatML", metaspace("first", { template: TEMPLATES.chatml })],
  ];
  it.each(kinds)("spells the response exactly, or is not given: %s", async (_name, small) => {
    const tokenizer = await load(small);
    fc.assert(
      fc.property(
        text,
        text.filter((value) => value !== ""),
        fc.boolean(),
        (prompt, response, countEnd) => {
          const turn = tokenizer.render(ask(prompt), response, { countEnd });
          expect(turn.text.slice(turn.responseStart, turn.responseEnd)).toBe(response);
          const whole = tokenizer.locate(turn, "whole");
          const located = whole ?? tokenizer.locate(turn, "joined");
          if (located === null) throw new Error("joined gave null");
          expect(located.start).toBeGreaterThan(0);
          // A literal ▁ is read as a space by the tokenizers that write spaces so.
          const read = (value: string): string =>
            small.json.normalizer || tokenizer.bosToken === "<s>" ? value.replaceAll("▁", " ") : value;
          const found = located.ids.slice(located.start, countEnd ? -1 : undefined);
          expect(read(spelledPlainly(tokenizer, found))).toBe(read(response));
          if (whole !== null && turn.breaks.length === 0) {
            const encoded = tokenizer.encode(turn.text);
            expect(whole.ids.slice(-encoded.length)).toEqual(encoded);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Text of ids in the middle of a text: decoders of the SentencePiece kind drop a space in front, so one is put there. */
function spelledPlainly(tokenizer: TurnTokenizer, ids: readonly number[]): string {
  const space = tokenizer.idOf("▁");
  return space === null ? tokenizer.decode(ids) : tokenizer.decode([space, ...ids]);
}
