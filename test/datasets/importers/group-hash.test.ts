import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupHash } from "../../../datasets/define-importer.ts";
import { contentHash, messageRecord } from "../../../src/core/ids.ts";

const text = fc.string({ unit: "grapheme" });
const message = fc.record(
  {
    role: fc.constantFrom("system" as const, "user" as const, "assistant" as const, "tool" as const),
    content: text,
    toolCalls: text,
    toolCallId: text,
    name: text,
  },
  { requiredKeys: ["role", "content"] },
);

describe("the id of an imported group", () => {
  it("is the hash of its canonical JSON, for any messages and texts", () => {
    fc.assert(
      fc.property(fc.array(message), fc.array(text), (messages, responses) => {
        const canonical = contentHash({ messages: messages.map(messageRecord), responses });
        expect(groupHash(messages, responses)).toBe(canonical);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it("stays what it is", () => {
    // printf '{"messages":[{"content":"Say 1.","role":"user"}],"responses":["1","one"]}' | sha256sum
    expect(groupHash([{ role: "user", content: "Say 1." }], ["1", "one"])).toBe(
      "4ef0db3931756e39ccd48f9e27a726ab",
    );
  });
});
