import { parquetSchema } from "hyparquet";
import { describe, expect, it } from "vitest";
import { pairId } from "../../src/core/ids.ts";
import type { Group, Pair, Prompt, SampledResponse, ScoreColumn } from "../../src/core/types.ts";
import { rowChecker } from "../../src/store/check-row.ts";
import {
  groupFromRow,
  groupRow,
  groupsRowSet,
  logprobsRowSet,
  pairRow,
  pairsRowSet,
  scoreRows,
  scoresFromRows,
  scoresRowSet,
} from "../../src/store/row-sets.ts";
import {
  columnDifferences,
  foundColumns,
  parquetElements,
  rowSetTag,
  typeText,
} from "../../src/store/schema.ts";

const prompt: Prompt = {
  id: "p1",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "2 + 2?" },
  ],
  reference: "4",
  metadata: { source: "sums", level: 1 },
};
const four: SampledResponse = {
  id: "r1",
  text: "4",
  reasoning: "two and two",
  role: "candidate",
  model: "m",
  finishReason: "stop",
  tokenCount: 1,
  sumLogprob: -0.25,
  metadata: { k: 0 },
};
const five: SampledResponse = { id: "r2", text: "5", role: "baseline", metadata: {} };
const group: Group = { prompt, responses: [four, five], siblingId: "p2" };

const toolPrompt: Prompt = {
  ...prompt,
  messages: [
    { role: "user", content: "weather?" },
    { role: "assistant", content: "", toolCalls: '[{"id":"c1"}]' },
    { role: "tool", content: "rain", toolCallId: "c1", name: "weather" },
  ],
  tools: '[{"name":"weather"}]',
  images: [{ bytes: Uint8Array.of(1, 2), path: null }],
};
const everything = { tools: true, images: true, toolMessages: true };

describe("row sets", () => {
  it("have the columns that trainers and datasets are promised", () => {
    expect(pairsRowSet().columns.map(({ name, type }) => `${name}: ${typeText(type)}`)).toEqual([
      "pair_id: string",
      "prompt_id: string",
      "prompt: list<struct<role: string, content: string>>",
      "chosen: list<struct<role: string, content: string>>",
      "rejected: list<struct<role: string, content: string>>",
      "score_chosen: double",
      "score_rejected: double",
      "reward_margin: double",
      "chosen_id: string",
      "rejected_id: string",
      "rule: string",
      "metadata: string",
    ]);
    expect(
      groupsRowSet()
        .columns.map(({ name }) => name)
        .join(" "),
    ).toBe("prompt_id prompt reference responses sibling_id metadata");
    expect(scoresRowSet.columns.map(({ name }) => name).join(" ")).toBe(
      "prompt_id response_id name scorer version config_hash kind value code why parts spans raw",
    );
    expect(logprobsRowSet.columns.map(({ name }) => name).join(" ")).toBe(
      "prompt_id response_id model template_hash ids_hash token_count sum_logprob",
    );
    expect(rowSetTag(pairsRowSet())).toBe("pairs/1");
  });

  it("have tools, images and tool fields only when these are mapped", () => {
    const columns = pairsRowSet(everything).columns;
    expect(columns.slice(-2).map(({ name, type }) => `${name}: ${typeText(type)}`)).toEqual([
      "tools: string",
      "images: list<struct<bytes: bytes, path: string>>",
    ]);
    expect(typeText(columns[2]?.type ?? null)).toBe(
      "list<struct<role: string, content: string, tool_calls: string, tool_call_id: string, name: string>>",
    );
  });

  it.each([pairsRowSet(everything), groupsRowSet(everything), scoresRowSet, logprobsRowSet])(
    "come back from a Parquet schema: $name",
    (rowSet) => {
      const root = parquetSchema({ schema: parquetElements(rowSet) });
      expect(columnDifferences(rowSet.columns, foundColumns(root))).toEqual([]);
    },
  );

  it("differ in words", () => {
    const columns = groupsRowSet().columns;
    expect(columnDifferences(pairsRowSet().columns.slice(0, 2), columns.slice(0, 2))).toEqual([
      'column "pair_id" is missing',
      'column "prompt" is extra',
    ]);
    const [id, messages] = columns;
    if (!id || !messages) throw new Error("groups has columns");
    expect(columnDifferences([id], [{ name: "prompt_id", type: { kind: "int64" } }])).toEqual([
      'column "prompt_id" is int64, not string',
    ]);
    expect(columnDifferences([id, messages], [messages, id])).toEqual([
      "columns stand in another order: prompt, prompt_id",
    ]);
  });
});

describe("pairs", () => {
  const pair: Pair = {
    chosen: four,
    rejected: five,
    chosenReward: 1,
    rejectedReward: 0.25,
    rewardMargin: 0.75,
  };

  it("hold the assistant's turn alone as chosen and rejected", () => {
    expect(pairRow(prompt, pair, "best-vs-worst")).toEqual({
      pair_id: pairId("p1", "r1", "r2", "best-vs-worst"),
      prompt_id: "p1",
      prompt: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "2 + 2?" },
      ],
      chosen: [{ role: "assistant", content: "4" }],
      rejected: [{ role: "assistant", content: "5" }],
      score_chosen: 1,
      score_rejected: 0.25,
      reward_margin: 0.75,
      chosen_id: "r1",
      rejected_id: "r2",
      rule: "best-vs-worst",
      metadata: '{"source":"sums","level":1}',
    });
  });

  it("fit their row set, with and without extras", () => {
    expect(rowChecker(pairsRowSet())(pairRow(prompt, pair, "r"), 0)).toBeGreaterThan(0);
    const row = pairRow(toolPrompt, pair, "r", everything);
    expect(rowChecker(pairsRowSet(everything))(row, 0)).toBeGreaterThan(0);
    expect(row.prompt).toContainEqual({
      role: "tool",
      content: "rain",
      tool_call_id: "c1",
      name: "weather",
      tool_calls: null,
    });
    expect(row.tools).toBe('[{"name":"weather"}]');
  });

  it("are refused rather than robbed of tools that nobody mapped", () => {
    const row = pairRow(toolPrompt, pair, "r");
    expect(() => rowChecker(pairsRowSet())(row, 0)).toThrow(/is not in the row set/);
  });
});

describe("groups", () => {
  it("come back from their row", () => {
    const row = groupRow({ group, rewards: [0.5, null] });
    rowChecker(groupsRowSet())(row, 0);
    expect(groupFromRow(row)).toEqual({ group, rewards: [0.5, null] });
  });

  it("come back with tools, images and tool turns", () => {
    const rich: Group = { prompt: toolPrompt, responses: [four] };
    const row = groupRow({ group: rich, rewards: [0] }, everything);
    rowChecker(groupsRowSet(everything))(row, 0);
    expect(groupFromRow(row)).toEqual({ group: rich, rewards: [0] });
  });

  it("come back without a reference, a sibling or anything optional", () => {
    const bare: Group = { prompt: { ...prompt, reference: null }, responses: [five] };
    expect(groupFromRow(groupRow({ group: bare, rewards: [null] }))).toStrictEqual({
      group: bare,
      rewards: [null],
    });
  });

  it("are not written with a wrong number of rewards", () => {
    expect(() => groupRow({ group, rewards: [1] })).toThrow(/1 rewards for 2 responses/);
  });
});

describe("scores", () => {
  const columns: ScoreColumn[] = [
    {
      name: "correct",
      scores: [
        {
          kind: "scored",
          value: 1,
          why: "equal",
          parts: { strong: -1.5, weak: -2.5 },
          spans: [{ start: 0, end: 1, value: null, label: "step" }],
          raw: "yes",
        },
        { kind: "scored", value: 0 },
      ],
    },
    {
      name: "ratio",
      scores: [
        { kind: "abstained", why: "no tokens" },
        { kind: "failed", code: "timeout", why: "60 s are up" },
      ],
    },
  ];
  const info = (name: string) => ({ scorer: `s-${name}`, version: 2, configHash: "abc" });
  const rows = scoreRows({ group, columns }, info);

  it("are one row per scorer and response, scorer by scorer", () => {
    for (const [index, row] of rows.entries()) rowChecker(scoresRowSet)(row, index);
    expect(rows.map(({ name, response_id, kind }) => `${name} ${response_id} ${kind}`)).toEqual([
      "correct r1 scored",
      "correct r2 scored",
      "ratio r1 abstained",
      "ratio r2 failed",
    ]);
    expect(rows[0]).toMatchObject({
      scorer: "s-correct",
      version: 2,
      config_hash: "abc",
      value: 1,
      parts: [
        { name: "strong", value: -1.5 },
        { name: "weak", value: -2.5 },
      ],
    });
    expect(rows[3]).toMatchObject({ value: null, code: "timeout", why: "60 s are up" });
  });

  it("come back from their rows, in the order of the responses", () => {
    expect(scoresFromRows(rows, ["r1", "r2"])).toStrictEqual(columns);
    const swapped = [1, 0, 3, 2].map((place) => rows[place] ?? {});
    expect(scoresFromRows(swapped, ["r1", "r2"])).toStrictEqual(columns);
  });

  it("tell parts that are empty from parts that are absent", () => {
    const parted: ScoreColumn[] = [
      { name: "a", scores: [{ kind: "scored", value: 1, parts: {}, spans: [] }] },
    ];
    const single: Group = { prompt, responses: [four] };
    expect(scoresFromRows(scoreRows({ group: single, columns: parted }, info), ["r1"])).toStrictEqual(parted);
  });

  it.each([
    { what: "a missing cell", given: rows.slice(0, 3), code: "dataset_incomplete" },
    { what: "a doubled cell", given: [...rows, ...rows.slice(0, 1)], code: "duplicate_id" },
    { what: "a cell of no response", given: [{ ...rows[0], response_id: "x" }], code: "dataset_incomplete" },
    { what: "an unknown kind", given: [{ ...rows[0], kind: "guessed" }], code: "damaged_file" },
  ])("are not guessed when there is $what", ({ given, code }) => {
    expect(() => scoresFromRows(given, ["r1", "r2"])).toThrow(expect.objectContaining({ code }));
  });
});
