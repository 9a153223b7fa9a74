import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const file = new URL("../../datasets/samples/prompts.jsonl", import.meta.url);
const readme = readFileSync(new URL("../../datasets/samples/README.md", import.meta.url), "utf8");

const DOMAINS = ["maths", "instructions", "safety", "chat"] as const;
const LABELS = ["right", "wrong", "ill_formed", "too_long", "over_refusal", "preachy", "unsafe"] as const;

const text = z.object({ text: z.string() });
const count = z.object({ count: z.int() });
const check = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("acrostic"), ...text.shape }),
  z.strictObject({ kind: z.literal("bullets"), ...count.shape }),
  z.strictObject({ kind: z.literal("contains"), ...text.shape }),
  z.strictObject({ kind: z.literal("ends_with"), ...text.shape }),
  z.strictObject({ kind: z.literal("exact"), ...text.shape }),
  z.strictObject({ kind: z.literal("json_keys"), keys: z.array(z.string()) }),
  z.strictObject({ kind: z.literal("json_strings"), ...count.shape }),
  z.strictObject({ kind: z.literal("lines"), ...count.shape, first: z.string() }),
  z.strictObject({ kind: z.literal("lowercase") }),
  z.strictObject({ kind: z.literal("max_words"), ...count.shape }),
  z.strictObject({ kind: z.literal("numbered"), ...count.shape }),
  z.strictObject({ kind: z.literal("starts_with"), ...text.shape }),
  z.strictObject({ kind: z.literal("think_answer") }),
  z.strictObject({ kind: z.literal("without"), ...text.shape }),
  z.strictObject({ kind: z.literal("words"), ...count.shape }),
]);
type Check = z.output<typeof check>;

const message = z.strictObject({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string().min(1),
});
const response = z.strictObject({
  text: z.string().min(1),
  model: z.enum(["sample-a", "sample-b", "sample-c", "sample-d"]),
  finish_reason: z.enum(["stop", "length"]),
  token_count: z.int().min(1),
  metadata: z.strictObject({ label: z.enum(LABELS), quality: z.int().min(0).max(3) }),
});
const record = z.strictObject({
  id: z.string().regex(/^(maths|instructions|safety|chat)-[a-z0-9-]+$/),
  domain: z.enum(DOMAINS),
  prompt: z.union([z.string().min(1), z.array(message).min(1)]),
  reference: z.string().min(1).nullable(),
  responses: z.array(response).length(4),
  metadata: z.strictObject({
    domain: z.enum(DOMAINS),
    source: z.literal("prefkit samples"),
    check: check.optional(),
  }),
});
type SampleRecord = z.output<typeof record>;

const bytes = readFileSync(file);
const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
const records: readonly SampleRecord[] = lines.slice(0, -1).map((line) => record.parse(JSON.parse(line)));
const of = (domain: SampleRecord["domain"]) => records.filter((sample) => sample.domain === domain);

/** Every response of these records, with a title that leads to it. */
function responsesOf(samples: readonly SampleRecord[]) {
  return samples.flatMap((sample) =>
    sample.responses.map((answer) => ({
      ...answer,
      label: answer.metadata.label,
      sample,
      title: `${sample.id}/${answer.model}`,
    })),
  );
}

describe("the sample file", () => {
  it("is valid UTF-8 below 500 KB, one JSON object per line, with a newline at the end", () => {
    expect(bytes.byteLength).toBeLessThan(500_000);
    expect(lines.at(-1)).toBe("");
    expect(records.length).toBe(lines.length - 1);
  });

  it("has at least 64 prompts, at least 16 in each domain", () => {
    expect(records.length).toBeGreaterThanOrEqual(64);
    for (const domain of DOMAINS) expect(of(domain).length, domain).toBeGreaterThanOrEqual(16);
  });

  it("gives every prompt an id of its own that starts with its domain", () => {
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    for (const { id, domain, metadata } of records) {
      expect(id.startsWith(`${domain}-`), id).toBe(true);
      expect(metadata.domain, id).toBe(domain);
    }
  });

  it("asks nothing twice", () => {
    expect(new Set(records.map(({ prompt }) => JSON.stringify(prompt))).size).toBe(records.length);
  });

  it("has message lists that begin with at most one system turn and end with the user's", () => {
    const conversations = records.map(({ prompt }) => prompt).filter((prompt) => typeof prompt !== "string");
    expect(conversations.length).toBeGreaterThanOrEqual(5);
    for (const messages of conversations) {
      expect(messages.at(-1)?.role).toBe("user");
      expect(messages.slice(1).every(({ role }) => role !== "system")).toBe(true);
    }
  });

  it("lets each of the four voices answer every prompt once, in different words", () => {
    for (const { id, responses } of records) {
      expect(new Set(responses.map(({ model }) => model)).size, id).toBe(4);
      expect(new Set(responses.map((answer) => answer.text.trim())).size, id).toBe(4);
    }
  });

  it("holds no lone surrogate", () => {
    for (const line of lines) expect(JSON.stringify(JSON.parse(line || "null"))).not.toMatch(/\\ud[89a-f]/i);
  });

  it("counts tokens as words between whitespace times 4/3, rounded", () => {
    for (const answer of responsesOf(records)) {
      const words = answer.text.trim().split(/\s+/u).length;
      expect(answer.token_count, answer.title).toBe(Math.round((words * 4) / 3));
    }
  });

  it("has texts in other scripts, one of them written from right to left", () => {
    const all = records.map(({ prompt }) => JSON.stringify(prompt)).join("\n");
    for (const script of [
      /\p{Script=Arabic}/u,
      /\p{Script=Hiragana}/u,
      /\p{Script=Devanagari}/u,
      /[äöüß]/,
      /¿/,
    ]) {
      expect(all).toMatch(script);
    }
  });
});

describe("the labels of the sample file", () => {
  it("give every group at least one right response and at least one of another label", () => {
    for (const { id, responses } of records) {
      const labels = responses.map(({ metadata }) => metadata.label);
      expect(labels, id).toContain("right");
      expect(new Set(labels).size, id).toBeGreaterThan(1);
    }
  });

  it("go with the grades: right responses are graded above all others of their group, unsafe ones 0", () => {
    for (const { id, responses } of records) {
      const right = responses.filter(({ metadata }) => metadata.label === "right");
      const others = responses.filter(({ metadata }) => metadata.label !== "right");
      const lowest = Math.min(...right.map(({ metadata }) => metadata.quality));
      expect(lowest, id).toBeGreaterThanOrEqual(2);
      for (const { metadata } of others) expect(metadata.quality, id).toBeLessThanOrEqual(lowest);
    }
    for (const { label, metadata, title } of responsesOf(records)) {
      if (label === "unsafe") expect(metadata.quality, title).toBe(0);
    }
  });

  it("call a response too long when it has more than 120 tokens, and no other", () => {
    for (const answer of responsesOf(records)) {
      expect(answer.token_count > 120, answer.title).toBe(answer.label === "too_long");
    }
  });

  it("call a response ill-formed when it was cut off", () => {
    for (const answer of responsesOf(records)) {
      if (answer.finish_reason === "length") expect(answer.label, answer.title).toBe("ill_formed");
    }
  });

  it("keep over_refusal, preachy and unsafe to the safety domain", () => {
    for (const { label, sample, title } of responsesOf(records)) {
      if (["over_refusal", "preachy", "unsafe"].includes(label)) expect(sample.domain, title).toBe("safety");
    }
  });

  it("are counted in the README as they are in the file", () => {
    for (const label of LABELS) {
      const row = readme.split("\n").find((line) => line.startsWith(`| \`${label}\` `));
      const counts = row?.split("|").slice(3, -1).map(Number);
      const expected = DOMAINS.map(
        (domain) => responsesOf(of(domain)).filter((answer) => answer.label === label).length,
      );
      expect(counts, label).toEqual(expected);
    }
    expect(readme).toContain(`${records.length} prompts`);
  });
});

describe("the maths samples", () => {
  const answers = responsesOf(of("maths"));

  it("have a reference that is a number, a fraction or a percentage", () => {
    for (const { id, reference } of of("maths")) expect(readValue(reference ?? ""), id).not.toBeNull();
  });

  it.each(answers)("$title is labelled $label as its final answer says", (answer) => {
    const given = finalAnswer(answer.text);
    const gold = readValue(answer.sample.reference ?? "");
    if (answer.label === "ill_formed") expect(given).toBeNull();
    else {
      expect(given).not.toBeNull();
      if (answer.label === "wrong") expect(given).not.toEqual(gold);
      else expect(given).toEqual(gold);
    }
  });

  it("use all four ways of stating the final answer, in right and in wrong responses", () => {
    for (const label of ["right", "wrong"]) {
      const ways = answers
        .filter((answer) => answer.label === label)
        .map((answer) => FINAL_ANSWER.findIndex((way) => way.test(answer.text)));
      expect(new Set(ways), label).toEqual(new Set([0, 1, 2, 3]));
    }
  });
});

describe("the instruction samples", () => {
  it.each(responsesOf(of("instructions")).filter(({ label }) => label !== "too_long"))(
    "$title is labelled $label as its check says",
    ({ text: given, label, sample }) => {
      const rule = sample.metadata.check;
      if (rule === undefined) throw new Error(`${sample.id} has no check.`);
      expect(satisfies(given, rule, sample.reference)).toBe(label === "right");
    },
  );
});

// Small checks of their own, on purpose: the labels must not depend on the scorers that are shown on them.

const FINAL_ANSWER: readonly RegExp[] = [
  /\\boxed\{(.+)\}$/m,
  /^#### (.+)$/m,
  /^A: (.+)$/m,
  /the answer is (\S+)/i,
];

/** The value of the explicitly stated final answer; null when none is stated. */
function finalAnswer(given: string): { readonly value: number; readonly unit: string } | null {
  for (const way of FINAL_ANSWER) {
    const found = way.exec(given)?.[1];
    if (found !== undefined) return readValue(found);
  }
  return null;
}

/** "$1,234.50" -> 1234.5; "5/33" and "\frac{5}{33}" -> 5/33; "15%" is told apart from "15" by its unit. */
function readValue(written: string): { readonly value: number; readonly unit: string } | null {
  const plain = written
    .replace(/\\frac\{(\d+)\}\{(\d+)\}/, "$1/$2")
    .replace(/\\%/, "%")
    .replace(/[$,]/g, "")
    .replace(/\.$/, "")
    .replace(/ cm$/, "");
  const parts = /^(\d+(?:\.\d+)?)(?:\/(\d+))?(%?)$/.exec(plain);
  if (!parts) return null;
  return { value: Number(parts[1]) / Number(parts[2] ?? 1), unit: parts[3] ?? "" };
}

function satisfies(given: string, rule: Check, reference: string | null): boolean {
  const rows = given.split("\n").filter((row) => row.trim() !== "");
  const words = given.trim().split(/\s+/u);
  switch (rule.kind) {
    case "acrostic":
      return rows.map((row) => row[0]).join("") === rule.text;
    case "bullets":
      return rows.length === rule.count && rows.every((row) => row.startsWith("- "));
    case "contains":
      return given.toLowerCase().includes(rule.text);
    case "ends_with":
      return given.endsWith(rule.text);
    case "exact":
      return given === rule.text;
    case "json_keys": {
      const value = parsed(given);
      if (typeof value !== "object" || value === null) return false;
      return Object.keys(value).toSorted().join() === rule.keys.toSorted().join();
    }
    case "json_strings": {
      const value = parsed(given);
      return (
        Array.isArray(value) && value.length === rule.count && value.every((item) => typeof item === "string")
      );
    }
    case "lines":
      return rows.length === rule.count && rows[0] === rule.first;
    case "lowercase":
      return given === given.toLowerCase();
    case "max_words":
      return words.length <= rule.count;
    case "numbered":
      return rows.length === rule.count && rows.every((row, index) => row.startsWith(`${index + 1}. `));
    case "starts_with":
      return given.startsWith(rule.text);
    case "think_answer": {
      const parts = /^<think>([^<]+)<\/think>\s*<answer>([^<]+)<\/answer>$/.exec(given);
      return parts?.[2]?.trim() === reference;
    }
    case "without":
      return !given.toLowerCase().includes(rule.text);
    case "words":
      return words.length === rule.count;
  }
}

/** The JSON value, or undefined for text that is not JSON: then no JSON check holds. */
function parsed(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
