import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  defineCheck,
  definition,
  type InstructionChecksOptions,
  instructionChecks,
  instructionList,
} from "../../rewards/instruction-checks.ts";
import { looseVariants } from "../../rewards/instructions/loose.ts";
import { isBlank } from "../../rewards/instructions/python-text.ts";
import { PrefkitError } from "../../src/core/errors.ts";
import type { Json, JsonObject, Score } from "../../src/core/types.ts";
import { anyText, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";
import { CASE_IDS, casesFor } from "./instructions/cases.ts";

const context = { signal: new AbortController().signal, seed: 0 };

/** Two instructions, of which texts can follow either, both or none. */
const metadata: JsonObject = {
  instruction_id_list: ["punctuation:no_comma", "startend:quotation"],
  kwargs: [{}, {}],
};

async function scoreOf(
  text: string,
  options: InstructionChecksOptions = {},
  given = metadata,
): Promise<Score> {
  const [score] = await instructionChecks(options).score(groupOf([text], { metadata: given }), context);
  if (score === undefined) throw new Error("no score");
  return score;
}

const withInstructions = (ids: Json, kwargs?: Json): JsonObject => ({
  instruction_id_list: ids,
  ...(kwargs === undefined ? {} : { kwargs }),
});

const anyInstructedGroup = fc
  .tuple(fc.constantFrom(...CASE_IDS), fc.nat({ max: 1000 }), fc.array(anyText(), { maxLength: 4 }))
  .map(([id, seed, texts]) => {
    const [one] = casesFor(id, 1, seed);
    const given = one && withInstructions([id], [one.kwargs]);
    return groupOf([...texts, one?.response ?? ""], given ? { metadata: given } : {});
  });

describe("instruction-checks", () => {
  scorerContract(instructionChecks(), anyInstructedGroup);
  scorerContract(
    instructionChecks({
      mode: "loose",
      level: "instruction",
      instructions: [{ id: "punctuation:no_comma" }, { id: "detectable_format:title" }],
    }),
  );

  it("lists the 25 instructions of IFEval, each once, and tests cases for each", () => {
    const ids = instructionList.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !id.startsWith("prefkit:")).toSorted()).toEqual(CASE_IDS.toSorted());
    expect(CASE_IDS).toHaveLength(25);
  });

  it("scores 1 when every instruction is followed", async () => {
    expect(await scoreOf('"Yes"')).toEqual({
      kind: "scored",
      value: 1,
      parts: { "punctuation:no_comma": 1, "startend:quotation": 1, strict: 1, loose: 1 },
    });
  });

  it("scores 0 when one is not, names it, and keeps the shares", async () => {
    expect(await scoreOf("Yes")).toEqual({
      kind: "scored",
      value: 0,
      why: "not_followed: startend:quotation",
      parts: { "punctuation:no_comma": 1, "startend:quotation": 0, strict: 0.5, loose: 0.5 },
    });
  });

  it("scores the share that is followed, by instruction", async () => {
    expect(await scoreOf("Yes", { level: "instruction" })).toMatchObject({ value: 0.5 });
    expect(await scoreOf('Yes, "no"', { level: "instruction" })).toMatchObject({
      value: 0,
      why: "not_followed: punctuation:no_comma, startend:quotation",
    });
  });

  it("forgives a first line, a last line and asterisks in loose mode only", async () => {
    const text = 'Sure, here it is:\n*"Yes"*\nBye, now.';
    expect(await scoreOf(text)).toMatchObject({ value: 0, parts: { strict: 0, loose: 1 } });
    expect(await scoreOf(text, { mode: "loose" })).toMatchObject({
      value: 1,
      parts: { "punctuation:no_comma": 1, "startend:quotation": 1, strict: 0, loose: 1 },
    });
  });

  it.each(["", " \n\t", "\u00a0"])("lets the blank text %j follow nothing", async (text) => {
    expect(await scoreOf(text, { mode: "loose" })).toMatchObject({
      value: 0,
      parts: { strict: 0, loose: 0 },
    });
  });

  it("numbers an instruction that comes twice", async () => {
    const given = withInstructions(
      ["keywords:existence", "keywords:existence"],
      [{ keywords: ["cat"] }, { keywords: ["dog"] }],
    );
    expect(await scoreOf("A cat", { level: "instruction" }, given)).toMatchObject({
      value: 0.5,
      why: "not_followed: keywords:existence#2",
      parts: { "keywords:existence": 1, "keywords:existence#2": 0 },
    });
  });

  it("reads the layout of the published table: nulls for other instructions' keys, lists as JSON text", async () => {
    const kwargs = [{ num_words: 2, relation: "at least", keywords: null, letter: null }, null];
    const ids = ["length_constraints:number_words", "punctuation:no_comma"];
    expect(await scoreOf("two words", {}, withInstructions(ids, kwargs))).toMatchObject({ value: 1 });
    const asText = withInstructions(JSON.stringify(ids), JSON.stringify(kwargs));
    expect(await scoreOf("one", {}, asText)).toMatchObject({ value: 0 });
  });

  it("does without kwargs where no instruction needs any", async () => {
    expect(await scoreOf("Yes", {}, withInstructions(["punctuation:no_comma"]))).toMatchObject({ value: 1 });
  });

  it("finds the lists where the options say", async () => {
    const given = { row: { ids: ["punctuation:no_comma"], args: [{}] } };
    const options = { ids: "row.ids", kwargs: "row.args" };
    expect(await scoreOf("a, b", options, given)).toMatchObject({ value: 0 });
  });

  it("takes fixed instructions by option, and then asks no metadata", async () => {
    const instructions = [
      { id: "length_constraints:number_words", kwargs: { num_words: 3, relation: "less than" } },
    ];
    expect(await scoreOf("two words", { instructions }, {})).toMatchObject({ value: 1 });
    expect(await scoreOf("not two words", { instructions })).toMatchObject({ value: 0 });
  });

  it.each<[JsonObject, string]>([
    [{}, 'prompt metadata "instruction_id_list" is absent'],
    [withInstructions(null), 'prompt metadata "instruction_id_list" is absent'],
    [withInstructions([]), "prompt has no instructions"],
  ])("abstains with %j", async (given, why) => {
    expect(await scoreOf("Yes", {}, given)).toEqual({ kind: "abstained", why });
  });

  it.each<[JsonObject, string, string]>([
    [
      withInstructions(["punctuation:no_coma"]),
      "unknown_instruction",
      'did you mean "punctuation:no_comma"?',
    ],
    [withInstructions(["dance"]), "unknown_instruction", "the known ids are keywords:existence, "],
    [withInstructions([7]), "unknown_instruction", "an instruction id is 7, not text"],
    [withInstructions(["keywords:existence"]), "bad_kwargs", "keywords:existence: keywords: "],
    [
      withInstructions(["keywords:existence"], [{ keyword: "cat", keywords: ["cat"] }]),
      "bad_kwargs",
      'does not know keyword; did you mean "keywords"?',
    ],
    [
      withInstructions(["punctuation:no_comma"], [{ commas: 0 }]),
      "bad_kwargs",
      "punctuation:no_comma: takes no kwargs, got commas",
    ],
    [
      withInstructions(["punctuation:no_comma"], ["x"]),
      "bad_kwargs",
      'kwargs are the text "x", not an object',
    ],
    [withInstructions(["punctuation:no_comma"], [[]]), "bad_kwargs", "kwargs are a list, not an object"],
    [withInstructions("punctuation:no_comma"), "bad_metadata", "not a list"],
    [withInstructions({}), "bad_metadata", "the instruction ids are an object, not a list"],
    [withInstructions(["punctuation:no_comma"], 5), "bad_metadata", "the kwargs are 5, not a list"],
    [withInstructions(["punctuation:no_comma"], []), "bad_metadata", "0 kwargs for 1 instruction ids"],
  ])("fails the group's cells with %j", async (given, code, why) => {
    const scores = await instructionChecks().score(groupOf(["a", "b"], { metadata: given }), context);
    const failed = { kind: "failed", code, why: expect.stringContaining(why) };
    expect(scores).toEqual([failed, failed]);
  });

  it.each<[object, string]>([
    [{ level: "prompt" }, "level"],
    [{ mode: "lose" }, "mode"],
    [{ ids: "" }, "ids"],
    [{ instructions: [] }, "instructions"],
    [{ instructions: [{ id: "title" }] }, 'no instruction is called "title"'],
    [
      { instructions: [{ id: "keywords:existence", kwargs: { keywords: "cat" } }] },
      "keywords:existence: keywords",
    ],
    [{ strict: true }, "strict"],
  ])("refuses the options %j", (options, names) => {
    expect(() => instructionChecks(options as InstructionChecksOptions)).toThrowError(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining(names) }),
    );
  });

  it("takes checks of the user's own, by their ids and parameters, before its own", async () => {
    const rhymes = defineCheck({
      id: "mine:ends_with",
      parameters: z.strictObject({ letters: z.string().min(1) }),
      check: (response, { letters }) => response.endsWith(letters),
    });
    const lenient = defineCheck({ id: "punctuation:no_comma", parameters: z.object({}), check: () => true });
    const scorer = instructionChecks({}, [rhymes, lenient]);
    const ids = ["mine:ends_with", "punctuation:no_comma"];
    const score = async (letters: string) =>
      scorer.score(groupOf(["a, b"], { metadata: withInstructions(ids, [{ letters }, {}]) }), context);
    expect(await score("b")).toMatchObject([{ value: 1 }]);
    expect(await score("c")).toMatchObject([{ value: 0, why: "not_followed: mine:ends_with" }]);
    expect(await score("")).toMatchObject([{ kind: "failed", code: "bad_kwargs" }]);
  });

  it("gives the prompt to a check that asks for it, and fails the cells where its library is missing", async () => {
    const echo = defineCheck({
      id: "mine:echo",
      parameters: z.strictObject({}),
      check: (response, _, prompt) => response === prompt.messages[0]?.content,
    });
    const given = { prompt: "Hi", metadata: withInstructions(["mine:echo"]) };
    expect(await instructionChecks({}, [echo]).score(groupOf(["Hi", "Ho"], given), context)).toMatchObject([
      { value: 1 },
      { value: 0 },
    ]);
    const missing = (): never => {
      throw new PrefkitError("missing_dependency", "not there.", "install it.");
    };
    const heavy = { ...echo, library: { assertInstalled: missing, load: async () => missing() } };
    expect(await instructionChecks({}, [heavy]).score(groupOf(["Hi"], given), context)).toMatchObject([
      { kind: "failed", code: "missing_dependency" },
    ]);
    expect(() => instructionChecks({ instructions: [{ id: "mine:echo" }] }, [heavy])).toThrowError(
      expect.objectContaining({ code: "missing_dependency" }),
    );
  });

  it("raises an alarm when no prompt of the input has instructions", () => {
    expect(definition.alarms?.({ scored: 0, abstained: 9, failed: 0 })).toEqual([
      expect.stringContaining("metadata: [instruction_id_list, kwargs]"),
    ]);
    expect(definition.alarms?.({ scored: 1, abstained: 9, failed: 0 })).toEqual([]);
    expect(definition.alarms?.({ scored: 0, abstained: 0, failed: 0 })).toEqual([]);
  });

  it("asks for a worker that can be killed, since keywords are regular expressions from the data", () => {
    expect(definition.cpuBound).toBe(true);
    expect(definition.create(definition.options.parse({}) as InstructionChecksOptions).name).toBe(
      "instruction-checks",
    );
  });
});

describe("the variants of loose mode", () => {
  it("are the text, three cuts, and each without asterisks", () => {
    expect(looseVariants("a\n*b*\nc")).toEqual([
      "a\n*b*\nc",
      "*b*\nc",
      "a\n*b*",
      "*b*",
      "a\nb\nc",
      "b\nc",
      "a\nb",
      "b",
    ]);
  });

  it("leave out what is blank", () => {
    expect(looseVariants("*a*")).toEqual(["*a*", "a"]);
    expect(looseVariants(" ")).toEqual([]);
  });

  it("begin with the text itself, so that loose follows what strict follows", () => {
    fc.assert(fc.property(anyText(), (text) => isBlank(text) || looseVariants(text)[0] === text));
  });
});

describe("a check of one's own", () => {
  it("has an id that no other part of a score has", () => {
    const mine = defineCheck({ id: "strict", parameters: z.strictObject({}), check: () => true });
    expect(() => instructionChecks({}, [mine])).toThrow('the id "strict"');
  });
});
