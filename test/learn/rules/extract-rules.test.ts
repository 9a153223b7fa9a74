import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallFailure, PrefkitError } from "../../../src/core/errors.ts";
import { parseRubric, writeRubric } from "../../../src/core/rubric/load-rubric.ts";
import { type Memo, memoryMemo, openMemo } from "../../../src/learn/memo.ts";
import { extractRules, type RuleExtraction, type RuleStage } from "../../../src/learn/rules/extract-rules.ts";
import type { RuleExtractionOptions } from "../../../src/learn/rules/options.ts";
import type { ChatModel, ChatReply, ChatRequest } from "../../../src/models/ports.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { pairOf, pairsOf, RULES, sectionsOf, stageOf, worldModel } from "./world.ts";

const OPTIONS: RuleExtractionOptions = { pairs: 12, heldOut: 6, seed: 3 };
const PAIRS = pairsOf(60);

const extract = (
  model: ChatModel = worldModel(),
  options: RuleExtractionOptions = OPTIONS,
  memo: Memo = memoryMemo(),
  pairs = PAIRS,
): Promise<RuleExtraction> => extractRules(pairs, { reasoner: model, verifier: model }, options, { memo });

/** The bytes that the command writes. */
const bytesOf = ({ ruleSet, report }: RuleExtraction): string =>
  writeRubric(ruleSet) + JSON.stringify(report);

const malformed = (
  stage: RuleStage,
  text: string | ((request: ChatRequest, index: number) => string | undefined),
) =>
  worldModel((request, index) =>
    stageOf(request) !== stage ? undefined : typeof text === "string" ? text : text(request, index),
  );

describe("extractRules", () => {
  it("finds the reasons that preferences have, merges them, and measures each", async () => {
    const model = worldModel();
    const { ruleSet, report } = await extract(model);
    expect(ruleSet.criteria.map(({ id, text }) => [id, text])).toEqual([
      ["rule-01", expect.any(String)],
      ["rule-02", expect.any(String)],
      ["rule-03", expect.any(String)],
    ]);
    expect(ruleSet.criteria.map(({ text }) => text).sort()).toEqual([...RULES].sort());
    expect(ruleSet).toMatchObject({ weighting: "uniform", notApplicable: "satisfied", unread: "fail" });
    expect(parseRubric(writeRubric(ruleSet), "rules.yaml")).toEqual(ruleSet);
    const { interpret, candidates, merge, measure } = report.stages;
    expect(report.pairs).toEqual({ given: 60, identical: 0, learn: 12, heldOut: 6 });
    expect(interpret).toMatchObject({ asked: 12, read: 12, unread: 0, callFailures: 0, withoutReasoning: 0 });
    expect(candidates).toMatchObject({ asked: 12, extractParseFailures: 0, distinct: 4, fellBack: 0 });
    expect(merge).toMatchObject({ asked: 1, rounds: 1, from: 4, to: 3, fellBack: 0 });
    // 3 rules, 6 pairs, 2 responses.
    expect(measure).toMatchObject({ asked: 36, unread: 0, notApplicable: 0 });
    expect(model.calls).toHaveLength(12 + 12 + 1 + 36);
    expect(report.notes).toEqual([]);
  });

  it("gives agreement, coverage and accuracy that can be counted by hand", async () => {
    const { report } = await extract(
      worldModel(),
      { pairs: 1000, heldOut: 1000, seed: 1 },
      memoryMemo(),
      pairsOf(120),
    );
    const heldOut = report.pairs.heldOut;
    const of = (text: string | undefined) => report.rules.find((rule) => rule.text === text)?.heldOut;
    // Every chosen response cites, no rejected one does.
    expect(of(RULES[0])).toMatchObject({
      judged: heldOut,
      wins: heldOut,
      losses: 0,
      agreement: 1,
      coverage: 1,
    });
    // Short: a win for even pairs, a loss for odd ones; every pair is told apart.
    const short = of(RULES[1]);
    expect((short?.wins ?? 0) + (short?.losses ?? 0)).toBe(heldOut);
    expect(short?.coverage).toBe(1);
    expect(short?.agreement).toBe((short?.wins ?? 0) / heldOut);
    // Both greet or neither does: never told apart, so nothing is known, and not a half.
    expect(of(RULES[2])).toMatchObject({
      wins: 0,
      losses: 0,
      agreement: null,
      agreementInterval: null,
      coverage: 0,
    });
    // Even pairs: 2 rules against 0; odd ones: 1 against 1, a tie.
    expect(report.set).toMatchObject({ correct: short?.wins, ties: short?.losses, wrong: 0, unscored: 0 });
  });

  it("shows the preferred response first by a coin, and says which one it is", async () => {
    const model = worldModel();
    const { report } = await extract(model, { ...OPTIONS, pairs: 40, heldOut: 0 });
    const asked = model.calls.filter((request) => stageOf(request) === "interpret");
    const first = asked.filter((request) =>
      /Response A was preferred/.test(request.messages[0]?.content ?? ""),
    );
    expect(report.stages.interpret.preferredFirst).toBe(first.length);
    // 40 coins: outside 9 to 31 once in 3,000 seeds.
    expect(first.length).toBeGreaterThan(9);
    expect(first.length).toBeLessThan(31);
    for (const request of asked) {
      const side = first.includes(request) ? "A" : "B";
      expect(sectionsOf(request)[`response ${side}`]).toContain("Source");
    }
  });

  it.each([
    {
      source: "reasoning",
      has: { reasoning: "R: Source", text: "E: Short" },
      fellBack: 0,
      rules: [RULES[0]],
    },
    {
      source: "explanation",
      has: { reasoning: "R: Source", text: "E: Short" },
      fellBack: 0,
      rules: [RULES[1]],
    },
    {
      source: "both",
      has: { reasoning: "R: Source", text: "E: Short" },
      fellBack: 0,
      rules: [RULES[0], RULES[1]],
    },
    { source: "reasoning", has: { text: "E: Short" }, fellBack: 12, rules: [RULES[1]] },
    { source: "explanation", has: { reasoning: "R: Source", text: " " }, fellBack: 12, rules: [RULES[0]] },
    {
      source: "reasoning",
      has: { text: "<think>R: Source</think>\nE: Short" },
      fellBack: 0,
      rules: [RULES[0]],
    },
    { source: "explanation", has: { text: "R: Source</think>\nE: Short" }, fellBack: 0, rules: [RULES[1]] },
    {
      source: "reasoning",
      has: { text: "<think>R: Source, and then it was cut" },
      fellBack: 0,
      rules: [RULES[0]],
    },
    // Thinking between the other marks that models use.
    ...(["<thinking>", "<THINKING>"] as const).flatMap((open) => {
      const text = `${open}R: Source${open.replace("<", "</")}\nB was preferred, being Short`;
      return [
        { source: "reasoning", has: { text }, fellBack: 0, rules: [RULES[0]] },
        { source: "explanation", has: { text }, fellBack: 0, rules: [RULES[1]] },
      ] as const;
    }),
    {
      source: "reasoning",
      has: { text: "<thinking>R: Source, and then it was cut" },
      fellBack: 0,
      rules: [RULES[0]],
    },
  ] as const)("takes rules from $source of $has", async ({ source, has, fellBack, rules }) => {
    const model = worldModel((request): Partial<ChatReply> | undefined =>
      stageOf(request) === "interpret" ? has : undefined,
    );
    const { ruleSet, report } = await extract(model, { ...OPTIONS, source });
    expect(ruleSet.criteria.map(({ text }) => text)).toEqual(rules);
    expect(report.stages.candidates.fellBack).toBe(fellBack);
  });

  it("says of each rule which stage wrote it, and which pairs imply it", async () => {
    const model = malformed("merge", '["The response cites a source.", "The response is brief."]');
    const { report, ruleSet } = await extract(model);
    expect(report.rules).toMatchObject([
      { text: RULES[0], stage: "candidate" },
      { text: "The response is brief.", stage: "merge", pairs: [] },
    ]);
    expect(report.rules[0]?.pairs).toHaveLength(12);
    expect(ruleSet.criteria.map(({ provenance }) => provenance)).toEqual([
      "as found in 12 interpretations",
      "merged from several",
    ]);
  });

  it("leaves out rules by agreement and coverage when told to, without asking anything again", async () => {
    const memo = memoryMemo();
    const first = await extract(worldModel(), OPTIONS, memo);
    const idle = worldModel(() => {
      throw new Error("nothing is left to ask");
    });
    const { ruleSet, report } = await extract(
      idle,
      { ...OPTIONS, minAgreement: 0.9, minCoverage: 0.5 },
      memo,
    );
    expect(first.ruleSet.criteria).toHaveLength(3);
    expect(ruleSet.criteria.map(({ id, text }) => [id, text])).toEqual([["rule-01", RULES[0]]]);
    expect(report.rules.map(({ text, id, leftOut }) => [text, id, leftOut])).toContainEqual([
      RULES[2],
      null,
      "agreement",
    ]);
    await expect(
      extract(idle, { ...OPTIONS, minCoverage: 1, minAgreement: 1, source: "reasoning" }, memo),
    ).resolves.toBeDefined();
    const none = malformed("measure", "[[No]]");
    await expect(extract(none, { ...OPTIONS, minAgreement: 0.5 })).rejects.toMatchObject({
      code: "empty_input",
    });
  });

  it("cuts long conversations where they are shown, nothing else, and asks anew what it asks otherwise", async () => {
    const memo = memoryMemo();
    const whole = await extract(worldModel(), OPTIONS, memo);
    expect(whole.report.options).not.toHaveProperty("maxChars");
    const model = worldModel();
    const { ruleSet, report } = await extract(model, { ...OPTIONS, maxChars: 6 }, memo);
    // 12 interpretations and 3 rules × 6 pairs × 2 verdicts; the lists and the merge are known, as the answers are the same.
    expect(model.calls).toHaveLength(12 + 36);
    for (const request of model.calls) {
      const { "turn 1 user": turn = "", ...rest } = sectionsOf(request);
      // Of "Question 7?" (11 characters) 3 + 3 are kept, of "Question 17?" (12) too.
      expect(turn).toMatch(/^Que\n\[[56] characters left out\]\n.\d\?$/);
      const shown = stageOf(request) === "interpret" ? ["response A", "response B"] : ["response"];
      for (const label of shown)
        expect(rest[label]).toMatch(/(?:Source: a book, page|Trust me, number) \d+\.$/);
    }
    expect(report.options.maxChars).toBe(6);
    expect(ruleSet).toEqual(whole.ruleSet);
  });

  it("measures nothing when nothing is held out", async () => {
    const { report } = await extract(worldModel(), { ...OPTIONS, heldOut: 0 });
    expect(report.stages.measure).toBeNull();
    expect(report.set).toBeNull();
    expect(report.rules[0]?.heldOut).toBeNull();
  });

  it.each([
    ["no pair", [], /there are no preferences/],
    ["equal responses", [{ ...pairOf(0), rejected: pairOf(0).chosen }], /1 have two equal/],
  ] as const)("refuses %s", async (_, pairs, message) => {
    await expect(extract(worldModel(), OPTIONS, memoryMemo(), [...pairs])).rejects.toMatchObject({
      code: "empty_input",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    { pairs: 0 },
    { tries: 0 },
    { source: "trace" },
    { seed: 1.5 },
    { minAgreement: 2 },
    { maxChars: 0 },
    { rules: 1 },
  ])("refuses the options %j", async (options) => {
    await expect(extract(worldModel(), options as never)).rejects.toMatchObject({ code: "bad_option" });
  });
});

describe("malformed output of a stage", () => {
  const third = (request: ChatRequest): boolean =>
    Number(/Question (\d+)/.exec(request.messages[0]?.content ?? "")?.[1]) % 3 === 0;

  it("of interpret: examples without a word contribute nothing, and are counted", async () => {
    const { report, ruleSet } = await extract(
      malformed("interpret", (request) => (third(request) ? " \n" : undefined)),
    );
    const { interpret, candidates } = report.stages;
    expect(interpret.unread).toBeGreaterThan(0);
    expect(interpret.read + interpret.unread).toBe(12);
    expect(candidates.asked).toBe(interpret.read);
    // Those that were left out are the ones that greet.
    expect(ruleSet.criteria.map(({ text }) => text).sort()).toEqual([RULES[0], RULES[1]]);
  });

  it.each(["no list", '{"rules": ["a"]}', '["a", 1]', '["cut off', '[["a"]]', ""])(
    "of candidates: those with %j contribute nothing, and are counted",
    async (text) => {
      const { report } = await extract(
        malformed("candidates", (request) =>
          /Thinking about \d*[05]:/.test(request.messages[0]?.content ?? "") ? text : undefined,
        ),
      );
      const { candidates } = report.stages;
      expect(candidates.extractParseFailures).toBeGreaterThan(0);
      expect(candidates.extractParseFailures).toBeLessThan(12);
      expect(report.rules.length).toBeGreaterThanOrEqual(2);
    },
  );

  it.each(["interpret", "candidates"] as const)(
    "of %s, all of it: an error that counts, never an empty set",
    async (stage) => {
      await expect(extract(malformed(stage, "  "))).rejects.toMatchObject({
        code: "empty_input",
        message: expect.stringMatching(/no rule came out of 12 preferences/),
      });
    },
  );

  it("of candidates, nothing but empty lists: the same", async () => {
    await expect(extract(malformed("candidates", "[]"))).rejects.toMatchObject({
      message: expect.stringMatching(/12 lists of rules 0 could not be read and 12 are empty/),
    });
  });

  it.each(["no list", "[]", '["a", "b", "c", "d", "e"]', '["a", null]'])(
    "of merge, %j: the rules go on un-merged, with a note",
    async (text) => {
      const model = malformed("merge", text);
      const { report, ruleSet } = await extract(model);
      expect(ruleSet.criteria).toHaveLength(4);
      expect(report.stages.merge).toMatchObject({ fellBack: 1, from: 4, to: 4 });
      expect(report.notes).toEqual([expect.stringContaining("not merged")]);
      expect(report.rules.every(({ stage }) => stage === "candidate")).toBe(true);
      expect(model.calls.filter((request) => stageOf(request) === "merge")).toHaveLength(3);
    },
  );

  it("of merge, once: it is asked again", async () => {
    let asked = 0;
    const { report } = await extract(malformed("merge", () => (asked++ === 0 ? "Here you are:" : undefined)));
    expect(report.stages.merge).toMatchObject({ fellBack: 0, to: 3 });
    expect(asked).toBe(2);
  });

  it("of measure: those pairs are not judged, which is no verdict against the rule", async () => {
    const { report } = await extract(
      malformed("measure", (request) => (third(request) ? "Perhaps." : undefined)),
    );
    const figures = report.rules.find(({ text }) => text === RULES[0])?.heldOut;
    expect(figures?.unread).toBeGreaterThan(0);
    expect((figures?.judged ?? 0) + (figures?.unread ?? 0)).toBe(6);
    expect(figures).toMatchObject({ losses: 0, agreement: 1, coverage: 1 });
    expect(report.set?.unscored).toBe(figures?.unread);
    const none = await extract(malformed("measure", "?"));
    expect(none.report.rules[0]?.heldOut).toMatchObject({ judged: 0, agreement: null, coverage: null });
    expect(none.report.set).toMatchObject({ unscored: 6, accuracy: null, interval: null });
  });

  it("of any kind at any stage never stops the work, nor adds a rule that nobody wrote", async () => {
    const garbage = fc.constantFrom(
      "",
      "[",
      "[]",
      "[[Yes]]",
      "[[No]] [[Yes]]",
      '["Another rule."]',
      "null",
      "{}",
      "\u0000",
      "[[NA]]",
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(garbage, { minLength: 1, maxLength: 5 }), async (start, texts) => {
        const model = worldModel((_, index) =>
          index % 7 === start % 7 ? texts[index % texts.length] : undefined,
        );
        const { ruleSet } = await extract(model);
        const known = [...RULES, "The response is short!", "Another rule.", "[]", "Yes"];
        for (const { text } of ruleSet.criteria) expect(known).toContain(text);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("a call that fails is no malformed output: a few are borne, many end the work for another try", async () => {
    const world = worldModel();
    const few = await extract(failingChatModel(world, { failAt: 2 }));
    expect(few.report.stages.interpret).toMatchObject({ callFailures: 1, read: 11, unread: 0 });
    const memo = memoryMemo();
    await expect(
      extract(failingChatModel(world, { failAt: (call) => call > 9 }), OPTIONS, memo),
    ).rejects.toMatchObject({
      code: "failed_budget_exceeded",
    });
    expect(bytesOf(await extract(world, OPTIONS, memo))).toBe(bytesOf(await extract(world)));
    const merging = failingChatModel(world, { failAt: 25 });
    await expect(extract(merging)).rejects.toMatchObject({ code: "failed_budget_exceeded" });
  });
});

describe("killed and resumed", () => {
  const small: RuleExtractionOptions = { pairs: 6, heldOut: 3, seed: 5 };
  const retrying = () =>
    // A bad answer here and there, so that what is kept of them is resumed too.
    worldModel((request) =>
      /Question \d*4\?/.test(request.messages[0]?.content ?? "") && request.messages.length === 1
        ? "Hm."
        : undefined,
    );

  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "prefkit-rules-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(["cancelled", "budget", "not_cached"] as const)(
    "at any call, by %s, gives the bytes of the uninterrupted work",
    async (code) => {
      const whole = retrying();
      const expected = bytesOf(await extract(whole, small));
      for (let kill = 1; kill <= whole.calls.length; kill++) {
        const memo = memoryMemo();
        const killed = failingChatModel(retrying(), { failAt: (call) => call >= kill, code });
        await expect(extract(killed, small, memo)).rejects.toMatchObject({ name: "CallFailure", code });
        expect(bytesOf(await extract(retrying(), small, memo))).toBe(expected);
      }
    },
  );

  it("when nothing can be kept any more, at any entry, gives the same bytes in the next run", async () => {
    const expected = bytesOf(await extract(retrying(), small));
    for (let kill = 1; ; kill++) {
      const memo = memoryMemo();
      let made = 0;
      const broken: Memo = {
        ...memo,
        recall: (stage, key, make) =>
          memo.recall(stage, key, async () => {
            const value = await make();
            if (++made >= kill) throw new PrefkitError("io", "the disk is full.", "free some space.");
            return value;
          }),
      };
      const run = extract(retrying(), small, broken);
      if (kill > 200) throw new Error("the work never ends");
      const error = await run.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (error === null) break;
      expect(error).toMatchObject({ code: "io" });
      expect(bytesOf(await extract(retrying(), small, memo))).toBe(expected);
    }
  });

  it("with a file cut off anywhere, gives the same bytes, and asks only for what was lost", async () => {
    const expected = bytesOf(await extract(retrying(), small));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat({ max: 40 }), async (where, kill) => {
        const file = join(directory, `memo-${where}-${kill}.jsonl`);
        const run = async (model: ChatModel): Promise<RuleExtraction> => {
          const memo = await openMemo(file, "work");
          try {
            return await extract(model, small, memo);
          } finally {
            await memo.close();
          }
        };
        const killed = failingChatModel(retrying(), { failAt: (call) => call > kill, code: "cancelled" });
        await run(killed).catch((error: unknown) => {
          if (!(error instanceof CallFailure)) throw error;
        });
        const bytes = await readFile(file);
        const lines =
          bytes
            .subarray(0, where % (bytes.length + 1))
            .toString("latin1")
            .split("\n").length - 1;
        await truncate(file, where % (bytes.length + 1));
        const rest = retrying();
        expect(bytesOf(await run(rest))).toBe(expected);
        const whole = retrying();
        await extract(whole, small);
        expect(rest.calls.length).toBeLessThanOrEqual(whole.calls.length - Math.max(0, lines - 1));
      }),
      { seed: 1, numRuns: 30 },
    );
  });

  it("by a stop, finishes what is under way and begins nothing new", async () => {
    const stop = new AbortController();
    const model = worldModel((_, index) => {
      if (index === 5) stop.abort();
      return undefined;
    });
    const memo = memoryMemo();
    const run = extractRules(PAIRS, { reasoner: model, verifier: model }, OPTIONS, {
      memo,
      stop: stop.signal,
      concurrency: 2,
    });
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    expect(model.calls.length).toBeLessThan(9);
    const resumed = worldModel();
    expect(bytesOf(await extract(resumed, OPTIONS, memo))).toBe(bytesOf(await extract()));
    expect(resumed.calls.length + model.calls.length).toBe(12 + 12 + 1 + 36);
  });

  it("depends neither on how many calls are under way nor on the order in which replies come", async () => {
    const expected = bytesOf(await extract());
    for (const concurrency of [1, 3, 1000]) {
      const model = worldModel();
      const late: ChatModel = {
        id: model.id,
        generate: async (request, context) => {
          const reply = await model.generate(request, context);
          for (let turn = 0; turn < (JSON.stringify(request).length * 7) % 13; turn++)
            await Promise.resolve();
          return reply;
        },
      };
      const run = await extractRules([...PAIRS].reverse(), { reasoner: late, verifier: late }, OPTIONS, {
        memo: memoryMemo(),
        concurrency,
      });
      expect(bytesOf(run)).toBe(expected);
    }
  });
});
