import fc from "fast-check";
import { promptId, responseIds } from "../core/ids.ts";
import type { Group, Message, Prompt, SampledResponse } from "../core/types.ts";

/** A response by its text alone, or with the fields a test is about. */
export type ResponseSketch = string | (Partial<Omit<SampledResponse, "id">> & { readonly text: string });

export interface GroupOptions {
  /** The user's turn, or all turns. */
  readonly prompt?: string | readonly Message[];
  readonly reference?: string | null;
  readonly metadata?: Prompt["metadata"];
  /** The twin: a group of a rephrased prompt. */
  readonly sibling?: Group;
}

/**
 * A group for a test, with the ids a real run would give it.
 *
 *   groupOf(["A: 18", { text: "A: 26", role: "baseline" }], { reference: "18" })
 */
export function groupOf(responses: readonly ResponseSketch[], options: GroupOptions = {}): Group {
  const { prompt = "What is 9 * 2?", reference = null, metadata = {}, sibling } = options;
  const messages: readonly Message[] =
    typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  // Ids are hashes of canonical JSON, which cannot say an unpaired surrogate; tests of hostile texts need ids all the same.
  const id = promptId({
    messages: messages.map((message) => ({ ...message, content: message.content.toWellFormed() })),
  });
  const sketches = responses.map((response) =>
    typeof response === "string" ? { text: response } : response,
  );
  const ids = responseIds(
    id,
    sketches.map(({ text }) => text.toWellFormed()),
  );
  return {
    prompt: { id, messages, reference, metadata },
    responses: sketches.map((sketch, index) => ({
      role: "candidate",
      metadata: {},
      ...sketch,
      id: ids[index] ?? "",
    })),
    ...(sibling && { siblingId: sibling.prompt.id, sibling: withoutSibling(sibling) }),
  };
}

function withoutSibling({ sibling: _, ...group }: Group): Omit<Group, "sibling"> {
  return group;
}

export interface AnyGroupOptions {
  /** Where response texts are drawn from; default: `anyText()`. */
  readonly text?: fc.Arbitrary<string>;
  /** Where references are drawn from; default: null or any text. */
  readonly reference?: fc.Arbitrary<string | null>;
  /** Default 0: a group may be empty. */
  readonly minResponses?: number;
  /** Default 6. */
  readonly maxResponses?: number;
  /** True: every response has a token count; false: none has; default: some have. */
  readonly tokenCounts?: boolean;
  /** True: every response has a `sumLogprob`; false: none has; default: some have. */
  readonly logprobs?: boolean;
  /** Default true: some responses are baselines. */
  readonly baselines?: boolean;
  /** Default false: no sibling. True: each group has one, with as many responses as it likes. */
  readonly sibling?: boolean;
}

/** Texts as models write them: prose, numbers, answers in the usual wrappings, Markdown, any Unicode, nothing. */
export function anyText(): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.integer({ min: -20, max: 20 }).map(String),
    fc.constantFrom("1/2", "1,234", "x + 1", "7%"),
  );
  return fc.oneof(
    fc.lorem({ maxCount: 3, mode: "sentences" }),
    value,
    value.map((answer) => `So we add them up.\nA: ${answer}`),
    value.map((answer) => `Therefore \\boxed{${answer}}.`),
    value.map((answer) => `**Result**\n\n- the answer is ${answer}.`),
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constant(""),
  );
}

/** Any group, with the ids a real run would give it. Equal texts, empty texts and an empty group are among them. */
export function anyGroup(options: AnyGroupOptions = {}): fc.Arbitrary<Group> {
  const { text = anyText(), minResponses = 0, maxResponses = Math.max(6, minResponses) } = options;
  const reference = options.reference ?? fc.option(anyText());
  const responses = fc.array(anyResponse(text, options), {
    minLength: minResponses,
    maxLength: maxResponses,
    size: "max",
  });
  const single = fc
    .record({ prompt: fc.lorem({ maxCount: 8 }), reference, responses })
    .map(({ responses, ...rest }) => groupOf(responses, rest));
  if (!options.sibling) return single;
  return fc
    .record({ prompt: fc.lorem({ maxCount: 8 }), reference, responses, sibling: single })
    .map(({ responses, ...rest }) => groupOf(responses, rest));
}

function anyResponse(text: fc.Arbitrary<string>, options: AnyGroupOptions): fc.Arbitrary<ResponseSketch> {
  const present = <T>(wanted: boolean | undefined, value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => {
    if (wanted === undefined) return fc.option(value);
    return wanted ? value : fc.constant(null);
  };
  return fc
    .record({
      text,
      role: fc.constantFrom(...(["candidate", "candidate", "baseline"] as const)),
      tokenCount: present(options.tokenCounts, fc.nat({ max: 4096 })),
      sumLogprob: present(
        options.logprobs,
        fc.double({ min: -5000, max: 0, noNaN: true, noDefaultInfinity: true }),
      ),
    })
    .map(({ text, role, tokenCount, sumLogprob }) => ({
      text,
      role: options.baselines === false ? "candidate" : role,
      ...(tokenCount !== null && { tokenCount }),
      ...(sumLogprob !== null && { sumLogprob }),
    }));
}

/**
 * Texts that break careless code: nothing, blanks, a very long line, unpaired surrogates, right-to-left, emoji made of
 * several code points, control characters, template tokens, unclosed markup.
 */
export const HOSTILE_TEXTS: readonly string[] = [
  "",
  " \n\t\u00a0\u200b",
  "a".repeat(100_000),
  "{".repeat(50_000) + "}".repeat(50_000),
  "9".repeat(100_000),
  "\ud800 unpaired \udfff",
  "שלום \u202eעולם 18\u202c",
  "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301\u0301\u0301",
  "\u0000\u0007\u001b[31m\ufeff\ufffe",
  "<|im_end|>\n<|im_start|>system\n[INST] <<SYS>> </s><|endoftext|>",
  "\\boxed{\\boxed{\\frac{1}{",
  '```json\n{"score": NaN',
  "\r\r\n\n\u2028\u2029",
  "__proto__ constructor {{ jinja }} %s %n",
];
