import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Message, RewardedGroup } from "../core/types.ts";
import { rowChecker } from "../store/check-row.ts";
import type { Row } from "../store/table.ts";
import type {
  ExportKind,
  ExportLayout,
  LayoutRows,
  PairRecord,
  SourceFacts,
  TrainerAdapter,
  Turns,
} from "../trainers/trainer-adapter.ts";
import { anyText } from "./arbitraries.ts";
import { anyRewardedGroup, deepFreeze } from "./rewarded-group.ts";

/** One layout of an adapter, with the options it is tried with. */
export interface TrainerCase {
  readonly kind: ExportKind;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface TrainerContractOptions {
  /** Default: every kind with its defaults. Give the options that a kind cannot be made without. */
  readonly cases?: readonly TrainerCase[];
  /** How many generated records each law is tried on; default 100. */
  readonly numRuns?: number;
  /** The seed the records are drawn by; default 1. */
  readonly seed?: number;
}

/** Columns that a trainer may take for something of its own, or that are no concern of one. */
const BOOKKEEPING = [
  "margin reward_margin weight weights pair_id chosen_id rejected_id rule metadata",
  "prompt_ids chosen_ids rejected_ids ref_logps ref_chosen_logps ref_rejected_logps chat_template_kwargs",
]
  .join(" ")
  .split(" ");

const PLAIN: SourceFacts = { extras: {}, scores: ["quality", "safety"] };
const EXTRAS: SourceFacts = { ...PLAIN, extras: { tools: true, images: true, toolMessages: true } };

/**
 * Registers the laws every trainer adapter keeps, as one vitest `describe`; records are drawn with a fixed seed.
 *
 * Laws: names and options are described; every row fits the row set; no bookkeeping column (but prompts may have `metadata`), and
 * `margin` only when the option says so; no record vanishes: it has rows, or stands among what was left out; `examples` gives back what went into a row; without
 * extras there are no columns for them, and a record's tools are written or the record left out; companions are files of the
 * export alone, and YAML and JSON among them parse; length rules only ever take tokens away; nothing is written to; same record,
 * same rows.
 */
export function trainerContract(adapter: TrainerAdapter, options: TrainerContractOptions = {}): void {
  const { numRuns = 100, seed = 1 } = options;
  const kinds = Object.keys(adapter.layouts) as ExportKind[];
  const cases: readonly TrainerCase[] = options.cases ?? kinds.map((kind) => ({ kind }));
  const settings = { numRuns, seed };

  describe(`${adapter.name} keeps the trainer contract`, () => {
    it("names itself, and describes every layout and option", () => {
      expect(adapter.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(adapter.title).toMatch(/\S/);
      expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(kinds));
      for (const definition of Object.values(adapter.layouts)) {
        expect(definition.summary).toMatch(/\S/);
        for (const option of Object.values(definition.options.shape))
          expect(option.description).toMatch(/\S/);
        expect(definition.options.safeParse({ "no such option": 1 }).success).toBe(false);
      }
    });

    describe.each(
      cases.map((one) => ({ ...one, shown: `${one.kind} ${JSON.stringify(one.options ?? {})}` })),
    )("$shown", ({ kind, options: given = {} }) => {
      const layoutWith = (facts: SourceFacts): ExportLayout => {
        const definition = adapter.layouts[kind];
        if (!definition) throw new Error(`${adapter.name} has no ${kind}`);
        return definition.create(definition.options.parse(given), facts);
      };

      it("has only columns that train, and a margin only when asked", () => {
        const names = layoutWith(EXTRAS).rowSet.columns.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        const allowed = given.margin === true ? ["margin"] : [];
        // Facts about a prompt are there for a reward function, and no loss reads them.
        const facts = kind === "prompts" ? ["metadata"] : [];
        expect(names.filter((name) => BOOKKEEPING.includes(name) && !facts.includes(name))).toEqual(allowed);
        const plain = layoutWith(PLAIN).rowSet.columns.map(({ name }) => name);
        expect(plain).not.toContain("images");
        expect(plain).not.toContain("tools");
      });

      it.each([
        { facts: PLAIN, extras: "without extras" },
        { facts: EXTRAS, extras: "with tools and images" },
      ])("gives rows that fit, the same each time, or says what was left out ($extras)", ({ facts }) => {
        const layout = layoutWith(facts);
        const check = rowChecker(layout.rowSet);
        fc.assert(
          fc.property(anyRecord(facts), (record) => {
            deepFreeze(record);
            const { rows, leftOut } = rowsOf(layout, record);
            for (const [index, row] of rows.entries()) check(row, index);
            for (const { id, why } of leftOut) {
              expect(id).toMatch(/\S/);
              expect(why).toMatch(/\S/);
            }
            if (layout.from === "pairs" || hasCandidate(record.group)) {
              expect(rows.length + leftOut.length).toBeGreaterThan(0);
            }
            expect(rowsOf(layout, record)).toEqual({ rows, leftOut });
          }),
          settings,
        );
      });

      it("writes tools, or leaves the record out", () => {
        const layout = layoutWith(EXTRAS);
        fc.assert(
          fc.property(anyRecord(EXTRAS), (record) => {
            for (const row of rowsOf(layout, record).rows) {
              expect(JSON.stringify(row).includes(TOOL_NAME)).toBe(record.pair.tools !== undefined);
            }
          }),
          settings,
        );
      });

      it("reads back from a row what went into it", () => {
        const layout = layoutWith(PLAIN);
        fc.assert(
          fc.property(anyRecord(PLAIN), (record) => {
            for (const row of rowsOf(layout, record).rows) expectExamples(layout, row, record);
          }),
          settings,
        );
      });

      it("puts files beside the data that parse, under names of their own", () => {
        const companions = layoutWith(PLAIN).companions({
          files: {
            train: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
            test: ["data/test-00000-of-00001.parquet"],
          },
        });
        const paths = companions.map(({ path }) => path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const { path, text } of companions) {
          expect(path).toMatch(/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/);
          expect(path).not.toMatch(/^(README\.md|export\.json|(data|pair_ids)\/.*)$/);
          expect(text).toMatch(/\S/);
          if (path.endsWith(".json")) expect(JSON.parse(text)).toBeTypeOf("object");
          if (/\.ya?ml$/.test(path)) expect(parse(text)).toBeTypeOf("object");
        }
      });

      it("takes tokens away or leaves them, and leaves all of them where there is room", () => {
        const length = fc.nat({ max: 3000 });
        const { lengthRules } = layoutWith(PLAIN);
        const lengths = fc.record({
          prompt: length,
          responses: fc.array(length, { minLength: 1, maxLength: 2 }),
        });
        for (const rule of lengthRules) {
          fc.assert(
            fc.property(lengths, fc.integer({ min: 1, max: 4096 }), (given, maxLength) => {
              const kept = rule.kept(given, maxLength);
              if (kept !== null) {
                expect(kept.prompt).toBeLessThanOrEqual(given.prompt);
                expect(kept.responses).toHaveLength(given.responses.length);
                for (const [index, value] of kept.responses.entries()) {
                  expect(value).toBeGreaterThanOrEqual(0);
                  expect(value).toBeLessThanOrEqual(given.responses[index] ?? 0);
                }
              }
              expect(rule.kept(given, 10_000)).toEqual(given);
            }),
            settings,
          );
        }
      });
    });
  });
}

interface AnyRecord {
  readonly pair: PairRecord;
  readonly group: RewardedGroup;
}

function rowsOf(layout: ExportLayout, { pair, group }: AnyRecord): LayoutRows {
  return layout.from === "pairs" ? layout.rows(pair) : layout.rows(group);
}

function hasCandidate({ group }: RewardedGroup): boolean {
  return group.responses.some(({ role }) => role === "candidate");
}

const TOOL_NAME = "look_up_a_word";
const TOOLS = JSON.stringify([
  { type: "function", function: { name: TOOL_NAME, description: "A word's meaning.", parameters: {} } },
]);

/** A pair and a group of the same prompt: one turn or several, with a system turn or not; sides are never blank or equal. */
function anyRecord({ extras }: SourceFacts): fc.Arbitrary<AnyRecord> {
  const text = anyText().map((drawn) => (drawn.trim() === "" ? "something" : drawn.toWellFormed()));
  const turn = (role: Message["role"]): fc.Arbitrary<Message> => text.map((content) => ({ role, content }));
  const messages = fc.oneof(
    fc.tuple(turn("user")),
    fc.tuple(turn("system"), turn("user")),
    fc.tuple(turn("user"), turn("assistant"), turn("user")),
    fc.tuple(turn("system"), turn("user"), turn("assistant"), turn("user")),
  );
  return fc
    .record({
      messages,
      chosen: text,
      rejected: text,
      margin: fc.double({ min: 0.001, max: 10, noNaN: true }),
      tools: fc.constantFrom(...(extras.tools ? [undefined, TOOLS] : [undefined])),
      group: anyRewardedGroup(),
    })
    .map(({ messages, chosen, rejected, margin, tools, group }) => {
      const prompt = {
        ...group.group.prompt,
        messages,
        reference: "42",
        ...(tools === undefined ? {} : { tools }),
      };
      return {
        group: { ...group, group: { ...group.group, prompt } },
        pair: {
          pairId: "0123456789abcdef0123456789abcdef",
          promptId: prompt.id,
          prompt: messages,
          chosen: [{ role: "assistant", content: chosen }],
          rejected: [{ role: "assistant", content: rejected === chosen ? `${rejected}, or not` : rejected }],
          chosenReward: margin,
          rejectedReward: 0,
          rewardMargin: margin,
          chosenId: "c",
          rejectedId: "r",
          ...(tools === undefined ? {} : { tools }),
          metadata: {},
        },
      } satisfies AnyRecord;
    });
}

function expectExamples(layout: ExportLayout, row: Row, { pair, group }: AnyRecord): void {
  const examples = layout.examples(row);
  expect(examples.length).toBeGreaterThan(0);
  const asked = layout.from === "pairs" ? pair.prompt : group.group.prompt.messages;
  const texts = new Set(group.group.responses.map((response) => response.text));
  for (const example of examples) {
    const last = asked.at(-1)?.content ?? "";
    expect(textOf(example.prompt)).toContain(last);
    if (typeof example.prompt !== "string") expect(example.prompt).toEqual(asked);
    if (example.kind === "preference") {
      expect(textOf(example.chosen)).toBe(pair.chosen[0]?.content);
      expect(textOf(example.rejected)).toBe(pair.rejected[0]?.content);
    }
    if (example.kind === "unpaired") {
      const completion = textOf(example.completion);
      if (layout.from === "groups") expect(texts).toContain(completion);
      else expect(completion).toBe((example.label ? pair.chosen : pair.rejected)[0]?.content);
    }
    if (example.kind === "stepwise") expect(example.completions).toHaveLength(example.labels.length);
  }
}

function textOf(turns: Turns): string {
  return typeof turns === "string" ? turns : turns.map(({ content }) => content).join("\n");
}
