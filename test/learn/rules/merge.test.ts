import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryMemo } from "../../../src/learn/memo.ts";
import { mergeRules } from "../../../src/learn/rules/merge.ts";
import type { ChatModel } from "../../../src/models/ports.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { sectionsOf } from "./world.ts";

const merge = (rules: readonly string[], mostCharacters: number, model: ChatModel) =>
  mergeRules(rules, mostCharacters, {
    model,
    sampling: { temperature: 0, maxTokens: 100 },
    tries: 2,
    memo: memoryMemo(),
    pace: { signal: new AbortController().signal, concurrency: 4 },
    onDone: () => {},
  });

/** Rules with the same first word say the same. */
const byFirstWord = () =>
  fakeChatModel({
    reply: (request) => {
      const rules = JSON.parse(sectionsOf(request).rules ?? "[]") as string[];
      return JSON.stringify([...new Set(rules.map((rule) => rule.split(" ")[0]))]);
    },
  });

const RULES = ["short a", "kind a", "short b", "kind b", "short c", "kind c"];

describe("mergeRules", () => {
  it("asks once where everything fits", async () => {
    const model = byFirstWord();
    const { rules, counts, notes } = await merge(RULES, 1_000, model);
    expect(rules).toEqual(["short", "kind"]);
    expect(counts).toMatchObject({ asked: 1, rounds: 1, from: 6, to: 2, fellBack: 0 });
    expect(notes).toEqual([]);
  });

  it("merges in batches, and what these leave again", async () => {
    const model = byFirstWord();
    const { rules, counts } = await merge(RULES, 14, model);
    // Batches of two rules leave six words in three lists, which are two different ones: they fit in one question.
    expect(rules).toEqual(["short", "kind"]);
    expect(counts).toMatchObject({ asked: 4, rounds: 2, to: 2 });
  });

  it("ends, with a note, when batches make the rules no fewer", async () => {
    const model = fakeChatModel({ reply: (request) => sectionsOf(request).rules ?? "" });
    const { rules, notes } = await merge(RULES, 14, model);
    expect(rules).toEqual(RULES);
    expect(notes).toEqual([expect.stringContaining("made the 6 rules no fewer")]);
  });

  it("keeps the rules of a batch whose answer cannot be used", async () => {
    const good = byFirstWord();
    const model: ChatModel = {
      id: "m",
      generate: (request, context) =>
        sectionsOf(request).rules?.includes("short b")
          ? fakeChatModel({ reply: "?" }).generate(request, context)
          : good.generate(request, context),
    };
    const { rules, counts, notes } = await merge(RULES, 14, model);
    expect(rules).toContain("short b");
    expect(counts.fellBack).toBeGreaterThan(0);
    expect(notes.at(-1)).toContain("not merged");
  });

  it("asks nothing about a single rule, nor about a rule that fits with no other", async () => {
    const model = byFirstWord();
    expect((await merge(["only one"], 1_000, model)).rules).toEqual(["only one"]);
    expect((await merge(["a".repeat(20), "b".repeat(20)], 10, model)).rules).toHaveLength(2);
    expect(model.calls).toHaveLength(0);
  });

  it("never gives an empty set, and ends, whatever is answered", async () => {
    const answer = fc.constantFrom("[]", "?", '["x"]', '["x", "y"]', '["short a", "kind a"]');
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 60 }),
        async (replies, most) => {
          const model = fakeChatModel({ reply: (_, index) => replies[index % replies.length] ?? "" });
          expect((await merge(RULES, most, model)).rules.length).toBeGreaterThan(0);
        },
      ),
      { seed: 1 },
    );
  });
});
