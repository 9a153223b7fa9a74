import { describe, expect, it } from "vitest";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { Score } from "../../src/core/types.ts";
import { ServeFault } from "../../src/serve/fault.ts";
import type { Outcome } from "../../src/serve/gather.ts";
import { openrlhfAnswer, readOpenrlhf } from "../../src/serve/openrlhf.ts";
import { DEFAULT_LIMITS } from "../../src/serve/request.ts";

const read = (body: unknown, options = {}) => [...readOpenrlhf(body, options, DEFAULT_LIMITS)];
const one = (query: string, prompt: string, label: unknown = "4", options = {}) =>
  read({ query: [query], prompts: [prompt], labels: [label] }, options)[0]?.group;

function faultOf(work: () => unknown): ServeFault {
  try {
    work();
  } catch (error) {
    if (error instanceof ServeFault) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a request of /get_reward", () => {
  it.each([
    { query: "Q: A<|im_end|>\n", prompt: "Q: ", text: "A", note: "turn end and the line break after it" },
    { query: "Q: A</s>", prompt: "Q: ", text: "A", note: "another template" },
    { query: "Q: A<|eot_id|><|end_of_text|>", prompt: "Q: ", text: "A", note: "two of them" },
    { query: "Q: A \n", prompt: "Q: ", text: "A \n", note: "white space of the response's own stays" },
    { query: "Q: A</s> B", prompt: "Q: ", text: "A</s> B", note: "only at the end" },
    { query: "<s>Q: A", prompt: "Q: ", text: "A", note: "decoding put a start before it" },
    { query: "Q: A", prompt: "<s>Q: ", text: "A", note: "decoding left the start out" },
    { query: "Q: ", prompt: "Q: ", text: "", note: "an empty response" },
  ])("takes the response out of the query: $note", ({ query, prompt, text }) => {
    const group = one(query, prompt);
    expect(group?.responses.map((response) => response.text)).toEqual([text]);
    expect(group?.prompt.messages).toEqual([{ role: "user", content: prompt }]);
    expect(group?.prompt.reference).toBe("4");
  });

  it("cuts off only the turn ends that were named, when some were", () => {
    expect(one("Q: A</s>", "Q: ", "4", { turnEnds: ["<END>"] })?.responses[0]?.text).toBe("A</s>");
    expect(one("Q: A<END>", "Q: ", "4", { turnEnds: ["<END>"] })?.responses[0]?.text).toBe("A");
  });

  it("writes out labels that are numbers or booleans as files' references are, and refuses rounded integers", () => {
    const labels = [2.0, 1e-7, 0, true, "2.0"].map((label) => one("Q: A", "Q: ", label)?.prompt.reference);
    expect(labels).toEqual(["2", "1e-7", "0", "true", "2.0"]);
    expect(faultOf(() => one("Q: A", "Q: ", 2 ** 53)).code).toBe("bad_request");
  });

  it("has no reference where the label is empty, null or missing", () => {
    expect(one("Q: A", "Q: ", "")?.prompt.reference).toBeNull();
    expect(one("Q: A", "Q: ", null)?.prompt.reference).toBeNull();
    expect(read({ query: ["Q: A"], prompts: ["Q: "] })[0]?.group.prompt.reference).toBeNull();
  });

  it("reads labels as rows when told to: messages, id and metadata then come from there", () => {
    const label = JSON.stringify({
      id: "p7",
      prompt: [{ role: "user", content: "2 + 2?" }],
      reference: "4",
      metadata: { level: 2 },
    });
    expect(one("<|user|>2 + 2?<|end|>A", "<|user|>2 + 2?<|end|>", label, { labels: "row" })?.prompt).toEqual({
      id: "p7",
      messages: [{ role: "user", content: "2 + 2?" }],
      reference: "4",
      metadata: { level: 2 },
    });
    expect(faultOf(() => one("Q: A", "Q: ", "4", { labels: "row" })).code).toBe("bad_request");
  });

  it("may be empty: every server but the first of a list is sent that", () => {
    expect(read({ query: [], prompts: [], labels: [] })).toEqual([]);
    expect(openrlhfAnswer([], {})).toEqual({ rewards: [], scores: [], extra_logs: {} });
  });

  it.each([
    ["lists of other lengths", { query: ["a"], prompts: [], labels: [] }],
    ["labels of another length", { query: ["a"], prompts: ["a"], labels: ["1", "2"] }],
    ["a query that does not start with its prompt", { query: ["other"], prompts: ["Q: "], labels: ["4"] }],
    ["a query that is a number", { query: [1], prompts: ["Q"], labels: ["4"] }],
    ["no query", { prompts: ["Q"], labels: ["4"] }],
    ["a list for a body", []],
    ["a label that is a list", { query: ["Q"], prompts: ["Q"], labels: [[1]] }],
  ])("with %s is refused", (_, body) => {
    expect(faultOf(() => read(body)).code).toBe("bad_request");
  });
});

const outcome = (reward: number | null, score: Score): Outcome => ({
  rewards: [reward],
  columns: [{ name: "correct", scores: [score] }],
  problem: null,
  gathered: null,
});

describe("an answer of /get_reward", () => {
  it("gives the rewards twice, the second time for dynamic filtering", () => {
    expect(openrlhfAnswer([outcome(0.5, scored(0.5)), outcome(0, scored(0))], {})).toEqual({
      rewards: [0.5, 0],
      scores: [0.5, 0],
      extra_logs: { unscored: [0, 0] },
    });
  });

  it.each([
    [failed("timeout", "late"), "correct failed (timeout)"],
    [abstained("prompt has no reference"), "correct abstained (prompt has no reference)"],
  ])("is refused with 503 where a response is unscored: %j", (score, reason) => {
    const fault = faultOf(() => openrlhfAnswer([outcome(null, score)], {}));
    expect([fault.status, fault.code, fault.retryAfter]).toEqual([503, "unscored", 1]);
    expect(fault.message).toContain(reason);
  });

  it("gives an unscored response the number that was declared for it, and says so beside it", () => {
    expect(openrlhfAnswer([outcome(null, failed("timeout", "late"))], { unscored: -1 })).toEqual({
      rewards: [-1],
      scores: [-1],
      extra_logs: { unscored: [1] },
    });
  });
});
