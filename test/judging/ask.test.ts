import { describe, expect, it } from "vitest";
import { CALL_FAILURES, type CallFailureCode } from "../../src/core/errors.ts";
import { ask, type Question } from "../../src/judging/ask.ts";
import type { ChatReply } from "../../src/models/ports.ts";
import { failingChatModel } from "../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../src/testing/fake-model.ts";

const context = { signal: new AbortController().signal };

const question: Question<string> = {
  request: { messages: [{ role: "user", content: "yes or no?" }], sampling: { maxTokens: 16 } },
  form: "Say yes or no.",
  read: ({ text }: ChatReply) => {
    if (text === "both") return { kind: "read", answer: "no", ambiguous: true };
    return /^(yes|no)$/.test(text)
      ? { kind: "read", answer: text }
      : { kind: "unread", why: `"${text.slice(0, 9)}" is neither` };
  },
};

describe("ask", () => {
  it("makes one call for an answer that can be read", async () => {
    const model = fakeChatModel({ reply: "yes" });
    const answered = await ask(model, question, context);
    expect(answered).toMatchObject({ kind: "answered", answer: "yes", ambiguous: false, tries: 1 });
    expect(answered).toMatchObject({ reply: { text: "yes", model: "fake-chat" } });
    expect(model.calls).toEqual([question.request]);
  });

  it("passes on that a reading is ambiguous", async () => {
    const answered = await ask(fakeChatModel({ reply: "both" }), question, context);
    expect(answered).toMatchObject({ kind: "answered", answer: "no", ambiguous: true });
  });

  it("asks again in the same conversation, with the form of the answer", async () => {
    const model = fakeChatModel({ reply: ["maybe", "  ", "no"] });
    const answered = await ask(model, question, context);
    expect(answered).toMatchObject({ kind: "answered", answer: "no", tries: 3 });
    expect(model.calls[2]?.messages).toEqual([
      { role: "user", content: "yes or no?" },
      { role: "assistant", content: "maybe" },
      { role: "user", content: "Your answer could not be read. Answer again. Say yes or no." },
      { role: "assistant", content: "(no answer)" },
      { role: "user", content: "Your answer could not be read. Answer again. Say yes or no." },
    ]);
  });

  it("fails after its tries with the last reason, and gives no answer", async () => {
    const model = fakeChatModel({ reply: ["perhaps", "maybe"] });
    expect(await ask(model, question, context, 2)).toEqual({
      kind: "failed",
      code: "unread_verdict",
      why: 'the judge\'s answer could not be read in 2 tries: "maybe" is neither',
    });
    expect(model.calls).toHaveLength(2);
  });

  it.each([
    { finishReason: "length", why: "it was cut at its limit" },
    { finishReason: "content_filter", why: "the server filtered it" },
    { finishReason: "refusal", why: "the judge refused" },
    { finishReason: "LENGTH", why: "it was cut at its limit" },
    { finishReason: "max_tokens", why: "it was cut at its limit" },
    { finishReason: "SAFETY", why: "the server filtered it" },
    { finishReason: "abort", why: 'the server ended it by "abort"' },
    { finishReason: "error", why: 'the server ended it by "error"' },
    { finishReason: "constructor", why: 'the server ended it by "constructor"' },
    { finishReason: "x".repeat(1_000), why: `the server ended it by "${"x".repeat(40)}"` },
  ])("does not read a reply that ends by $finishReason, whatever it says", async ({ finishReason, why }) => {
    const model = fakeChatModel({ reply: () => ({ text: "yes", finishReason }) });
    expect(await ask(model, question, context, 1)).toMatchObject({
      code: "unread_verdict",
      why: `the judge's answer could not be read in 1 try: ${why}`,
    });
  });

  it.each([
    null,
    "",
    "stop",
    "STOP",
    "eos",
    "eos_token",
    "end_turn",
    "stop_sequence",
    "tool_calls",
    "function_call",
  ])("reads a reply that ends by %j", async (finishReason) => {
    const model = fakeChatModel({ reply: () => ({ text: "yes", finishReason }) });
    expect(await ask(model, question, context, 1)).toMatchObject({ kind: "answered", answer: "yes" });
  });

  it("does not read a reply of tool calls alone", async () => {
    const model = fakeChatModel({ reply: () => ({ text: " ", finishReason: "tool_calls" }) });
    expect(
      await ask(model, { ...question, read: () => ({ kind: "read", answer: "no" }) }, context, 1),
    ).toMatchObject({
      code: "unread_verdict",
    });
  });

  it("quotes a reply without end only in part", async () => {
    const model = fakeChatModel({ reply: ["la ".repeat(50_000), "yes"] });
    expect(await ask(model, question, context)).toMatchObject({ answer: "yes" });
    expect(model.calls[1]?.messages[1]?.content).toHaveLength(2_000);
  });

  it("never quotes half a character", async () => {
    const model = fakeChatModel({ reply: [`a${"👍".repeat(2_000)}`, "yes"] });
    await ask(model, question, context);
    expect(model.calls[1]?.messages[1]?.content.isWellFormed()).toBe(true);
  });

  it.each(Object.keys(CALL_FAILURES) as CallFailureCode[])(
    "fails with the code of a call that fails by %s, at the first try and at the second",
    async (code) => {
      for (const failAt of [1, 2]) {
        const model = failingChatModel(fakeChatModel({ reply: "maybe" }), { failAt, code });
        expect(await ask(model, question, context)).toEqual({
          kind: "failed",
          code,
          why: `call ${failAt} was made to fail`,
        });
        expect(model.callCount).toBe(failAt);
      }
    },
  );

  it("throws what is no failure of a call", async () => {
    const broken = { id: "broken", generate: () => Promise.reject(new TypeError("a fault of its own")) };
    await expect(ask(broken, question, context)).rejects.toThrow("a fault of its own");
  });
});
