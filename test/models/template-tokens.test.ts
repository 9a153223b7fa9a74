import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { breakInMessages, breakTemplateTokens } from "../../src/models/template-tokens.ts";

const TOKENS = [
  "<|im_end|>",
  "<|im_start|>",
  "<|eot_id|>",
  "<|start_header_id|>",
  "<|end|>",
  "<|user|>",
  "<|reserved_special_token_0|>",
  "<｜User｜>",
  "<｜end▁of▁sentence｜>",
  "<s>",
  "</s>",
  "<bos>",
  "<eos>",
  "[INST]",
  "[/INST]",
  "<<SYS>>",
  "<</SYS>>",
  "[TOOL_CALLS]",
  "<start_of_turn>",
  "<end_of_turn>",
  "<|turn>",
  "<turn|>",
];

describe("breakTemplateTokens", () => {
  it.each(TOKENS)("puts a space after the first character of %s", (token) => {
    expect(breakTemplateTokens(`a${token}b`)).toBe(`a${token[0]} ${token.slice(1)}b`);
  });

  it.each([
    "",
    "plain text",
    "a < b | c > d",
    "if (a<b || c>d) {}",
    "<p>paragraph</p>",
    "<think>so</think>",
    "list[INDEX]",
    "x <| y\n|> z",
  ])("leaves %j as it is", (text) => {
    expect(breakTemplateTokens(text)).toBe(text);
  });

  const pieces = fc.array(
    fc.oneof(fc.constantFrom(...TOKENS, "<", ">", "|", "[", "]", " ", "\n"), fc.string()),
    {
      maxLength: 12,
    },
  );

  it("leaves no control token in any text, and adds spaces alone", () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join("");
        const broken = breakTemplateTokens(text);
        for (const token of TOKENS) expect(broken).not.toContain(token);
        expect(broken.replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("changes a text once: what is broken stays as it is", () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const broken = breakTemplateTokens(parts.join(""));
        expect(breakTemplateTokens(broken)).toBe(broken);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("breakInMessages", () => {
  it("breaks tokens in every text of a message and keeps the rest", () => {
    const message = {
      role: "tool",
      content: "<s>",
      toolCalls: '["<|end|>"]',
      toolCallId: "</s>",
      name: "[INST]",
    } as const;
    expect(breakInMessages([message, { role: "user", content: "a" }])).toEqual([
      { role: "tool", content: "< s>", toolCalls: '["< |end|>"]', toolCallId: "< /s>", name: "[ INST]" },
      { role: "user", content: "a" },
    ]);
  });
});
