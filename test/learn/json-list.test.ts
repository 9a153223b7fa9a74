import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJsonList, readNumbers } from "../../src/learn/json-list.ts";

describe("readJsonList", () => {
  it.each([
    ['["Is short."]', ["Is short."]],
    ["[]", []],
    ["Nothing is implied.\n[]\n", []],
    ['Two rules: ["Is  short.", "Cites\\na source."]', ["Is short.", "Cites a source."]],
    ['```json\n["a", "b"]\n```\n', ["a", "b"]],
    ['```\n[\n  "a",\n  "b"\n]\n```', ["a", "b"]],
    ['First ["draft"], then\n["final"]', ["final"]],
    ['["uses [brackets] and ]", "a [b"]', ["uses [brackets] and ]", "a [b"]],
    ['<think>["no"]</think>\n["yes"]', ["yes"]],
    ['Here are the rules:\n\n["a"]', ["a"]],
    ['Rules for "good" responses:\n["a"]', ["a"]],
    [`["a"]${" ".repeat(60_000)}\`\`\`\n`, ["a"]],
  ])("reads the array at the end of %j", (reply, answer) => {
    expect(readJsonList(reply)).toEqual({ kind: "read", answer });
  });

  it.each([
    "",
    "I cannot do that.",
    "1. Is short.\n2. Cites a source.",
    '["a", "b"',
    '["a", "b',
    '["a", ["b"]',
    '[\n"a",\n["b"]',
    '["a", "see []',
    '["a", "b",]',
    "['a', 'b']",
    '["a"] These are the rules.',
    '{"rules": ["a"]}',
    '["a", 1]',
    '["a", null]',
    '<think>\nfirst ideas:\n["Rule A"]',
    '<thinking>["a"]</thinking>\n<think>\n["b"]',
    '{"rules":\n["a"]',
    '{"rules" :\n\n  ["a"]',
    '{"n": 1, more:\n["a"]',
    '{\n["a"]',
    '[["a"]]',
    '[{"rule": "a"}]',
    '["a", "  "]',
    `["${"x".repeat(1001)}"]`,
    "]",
    `${"[".repeat(5000)}]`,
  ])("does not read %j", (reply) => {
    expect(readJsonList(reply).kind).toBe("unread");
  });

  const item = fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => text.trim() !== "");

  it("gives back every list of texts that JSON can write, whatever prose stands before it", () => {
    fc.assert(
      fc.property(
        fc.array(item),
        fc.constantFrom("", "Here:\n", "As [1] says, so it is.\n"),
        (items, before) => {
          const expected = items.map((text) => text.toWellFormed().replace(/\s+/g, " ").trim());
          expect(readJsonList(before + JSON.stringify(items))).toEqual({ kind: "read", answer: expected });
        },
      ),
      { seed: 1 },
    );
  });

  it("never reads a part of a list: cut off anywhere, it is unread", () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), fc.nat(), (items, where) => {
        const whole = JSON.stringify(items);
        expect(readJsonList(whole.slice(0, where % whole.length)).kind).toBe("unread");
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("takes no longer than the reply is long, whatever is repeated in it", () => {
    const begun = performance.now();
    for (const filler of [" ", "\n", "[", "`", "<think", '"', "[ ", ":\n["]) {
      readJsonList(`${filler.repeat(60_000)}x`);
      readJsonList(`${filler.repeat(60_000)}]`);
      readNumbers(`[1]${filler.repeat(60_000)}x`, 1);
    }
    // A reading whose time grows with the square takes seconds for one of them.
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(["read", "unread"]).toContain(readJsonList(text).kind);
      }),
      { seed: 1 },
    );
  });
});
