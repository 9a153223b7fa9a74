import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { datasetCard } from "../../src/store/dataset-card.ts";
import type { FileEntry, Manifest, TableName } from "../../src/store/manifest.ts";

const entry = (table: TableName, split: string, rows: number): FileEntry => ({
  path: `${table}/${split}-00000-of-00001.parquet`,
  table,
  split,
  rows,
  bytes: 100,
  sha256: "ab",
});
const FILES: readonly FileEntry[] = [
  entry("pairs", "train", 900),
  entry("pairs", "test", 12),
  entry("groups", "train", 1000),
  entry("groups", "test", 20),
  entry("scores", "train", 8000),
  entry("scores", "test", 160),
];

const MANIFEST: Omit<Manifest, "files"> = {
  prefkit: "0.1.0",
  manifestVersion: 1,
  planId: "0123456789abcdef0123456789abcdef",
  recipe: { input: { path: "data.jsonl" } },
  input: { files: [{ path: "data.jsonl", bytes: 12345 }], skippedRows: 2, replacedSurrogates: 1 },
  seed: 7,
  codec: "zstd",
  shards: 1,
  scorers: {
    correct: { configHash: "c1", config: { use: "math-answer", scorer: "math-answer", version: 1 } },
    style: { configHash: "c2", config: { use: "./style.mjs", scorer: "style", version: 3 } },
  },
  reward: null,
  pairs: { use: "best-vs-worst", minMargin: 0.1 },
  split: { test: 0.02 },
  runStatistics: {},
  extras: { tools: false, images: false, toolMessages: false },
  failedCells: 5,
  summary: {
    groups: 1020,
    responses: 4080,
    pairs: 912,
    groupsWithPairs: 912,
    unpaired: { below_margin: 1200, tie: 1056 },
    groupsWithEqualTexts: 1,
    scorers: {
      correct: {
        scored: 4000,
        abstained: 80,
        failed: 0,
        codes: {},
        mean: 0.51234567,
        deviation: 0.5,
        min: 0,
        max: 1,
      },
      style: {
        scored: 0,
        abstained: 4075,
        failed: 5,
        codes: { timeout: 3, threw: 2 },
        mean: null,
        deviation: null,
        min: null,
        max: null,
      },
    },
    reward: { count: 4000, mean: 0.5, deviation: 0.5 },
    rewardMargin: { mean: 0.98765, min: 0.1, max: 1 },
    agreement: [{ between: ["correct", "style"], responses: 0, r: null }],
    length: { chosenLongerShare: 0.8215, equalLengthShare: 0.009, rewardCorrelation: -0.0123456 },
  },
};
const RECIPE = "input:\n  path: data.jsonl\n";

const card = (
  change: Partial<Omit<Manifest, "files">> = {},
  files: readonly FileEntry[] = FILES,
  options: { license?: string; recipe?: string } = {},
): string => datasetCard({ ...MANIFEST, ...change }, files, { recipe: RECIPE, ...options });

function frontMatterOf(text: string): Record<string, unknown> {
  const [, meta] = /^---\n([\s\S]*?)\n---\n/.exec(text) ?? [];
  return parse(meta ?? "") as Record<string, unknown>;
}

/** The cells of each row of each table, with escaped bars read as GitHub-flavoured Markdown reads them. */
function tableRows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

describe("the dataset card", () => {
  it("of a fixed manifest is this text", () => {
    expect(card({}, FILES, { license: "cc-by-4.0" })).toMatchInlineSnapshot(`
      "---
      license: cc-by-4.0
      tags:
        - prefkit
        - preference
        - dpo
      size_categories:
        - n<1K
      configs:
        - config_name: pairs
          description: Rows 3bf75746dcd4b46af91254e3ac545110.
          default: true
          data_files:
            - split: train
              path: pairs/train-*
            - split: test
              path: pairs/test-*
        - config_name: groups
          description: Rows a57506832ccceb98575cfdef89e93351.
          data_files:
            - split: train
              path: groups/train-*
            - split: test
              path: groups/test-*
        - config_name: scores
          description: Rows 65dbf55b9cca406fe331ff3f63a57678.
          data_files:
            - split: train
              path: scores/train-*
            - split: test
              path: scores/test-*
      ---

      # Preference data made with prefkit

      1,020 prompts with 4,080 responses; 912 pairs from 912 prompts.

      | table | split | rows |
      | --- | --- | --- |
      | pairs | train | 900 |
      | pairs | test | 12 |
      | groups | train | 1,000 |
      | groups | test | 20 |
      | scores | train | 8,000 |
      | scores | test | 160 |

      Left out: 2 rows of the input that could not be used.

      Replaced by U+FFFD: 1 lone surrogate in texts.

      In 1 group all responses have the same text.

      ## Scores

      | key | scorer | scored | abstained | failed | mean | deviation | range seen |
      | --- | --- | --- | --- | --- | --- | --- | --- |
      | correct | math-answer 1 | 4,000 | 80 | 0 | 0.5123 | 0.5 | 0 to 1 |
      | style | style 3 | 0 | 4,075 | 5 (timeout 3, threw 2) | – | – | – |

      A cell that abstained or failed has no value; it never counts as a low score.

      ## Agreement between scorers

      | scorer | scorer | responses | Pearson r |
      | --- | --- | --- | --- |
      | correct | style | 0 | – (one does not vary) |

      ## Pairs

      Rule: \`{"use":"best-vs-worst","minMargin":0.1}\`. Mean reward margin 0.9877, smallest 0.1.

      Responses in no pair, by reason:

      | reason | responses |
      | --- | --- |
      | below margin | 1,200 |
      | tie | 1,056 |

      Length bias: the chosen text is longer in 82.15 % of the pairs and as long as the rejected one in 0.9 %; reward and length correlate with r = -0.01235.

      ## Columns

      - **pairs**: \`prompt\`, \`chosen\` and \`rejected\` are message lists; chosen and rejected hold only the assistant turn. \`reward_margin\` = \`score_chosen\` − \`score_rejected\`, in units of the combined reward.
      - **groups**: One row per prompt, with every response and its \`reward\` (null: no reward, so in no pair).
      - **scores**: One row per response and scorer. \`kind\` is scored, abstained or failed; \`value\` is null unless scored; \`why\` says why.

      ## How it was made

      prefkit 0.1.0, seed 7, plan 0123456789abcdef0123456789abcdef, from \`data.jsonl\`. \`run.json\` holds every option and the sha256 of every file.

      \`\`\`yaml
      input:
        path: data.jsonl
      \`\`\`

      Licence: cc-by-4.0.
      "
    `);
  });

  it("has one config per table for load_dataset, with the pairs by default", () => {
    expect(frontMatterOf(card())).toEqual({
      tags: ["prefkit", "preference", "dpo"],
      size_categories: ["n<1K"],
      configs: [
        {
          config_name: "pairs",
          description: expect.stringMatching(/^Rows [0-9a-f]{32}\.$/),
          default: true,
          data_files: [
            { split: "train", path: "pairs/train-*" },
            { split: "test", path: "pairs/test-*" },
          ],
        },
        {
          config_name: "groups",
          description: expect.stringMatching(/^Rows [0-9a-f]{32}\.$/),
          data_files: [
            { split: "train", path: "groups/train-*" },
            { split: "test", path: "groups/test-*" },
          ],
        },
        {
          config_name: "scores",
          description: expect.stringMatching(/^Rows [0-9a-f]{32}\.$/),
          data_files: [
            { split: "train", path: "scores/train-*" },
            { split: "test", path: "scores/test-*" },
          ],
        },
      ],
    });
  });

  it("does not speak of length bias where the rule gave no pair", () => {
    const length = { chosenLongerShare: null, equalLengthShare: null, rewardCorrelation: 0.5 };
    const summary = { ...MANIFEST.summary, pairs: 0, length };
    expect(card({ summary })).toContain("## Pairs");
    expect(card({ summary })).not.toContain("Length bias");
  });

  it("tells equal lengths from shorter ones: all equal is no share of longer ones", () => {
    const length = { chosenLongerShare: 0, equalLengthShare: 1, rewardCorrelation: null };
    const text = card({ summary: { ...MANIFEST.summary, length } });
    expect(text).toContain("longer in 0 % of the pairs and as long as the rejected one in 100 %;");
  });

  it("makes the scores the default where there are no pairs, and does not speak of pairs", () => {
    const text = card({ pairs: null, summary: { ...MANIFEST.summary, pairs: 0 } }, FILES.slice(2));
    const { configs, tags, size_categories } = frontMatterOf(text) as {
      configs: { config_name: string; default?: true }[];
      tags: string[];
      size_categories: string[];
    };
    expect(configs.map(({ config_name, default: isDefault }) => [config_name, isDefault])).toEqual([
      ["groups", undefined],
      ["scores", true],
    ]);
    expect([tags, size_categories]).toEqual([["prefkit", "scores"], ["1K<n<10K"]]);
    expect(text).not.toContain("## Pairs");
  });

  it.each([
    { pairs: 999, category: "n<1K" },
    { pairs: 1000, category: "1K<n<10K" },
    { pairs: 99_999, category: "10K<n<100K" },
    { pairs: 1_000_000, category: "1M<n<10M" },
    { pairs: 10_000_000, category: "n>10M" },
  ])("calls $pairs pairs $category", ({ pairs, category }) => {
    const { size_categories } = frontMatterOf(card({ summary: { ...MANIFEST.summary, pairs } }));
    expect(size_categories).toEqual([category]);
  });

  it("states the licence where one is given, and what applies where none is", () => {
    expect(frontMatterOf(card({}, FILES, { license: "cc-by-4.0" })).license).toBe("cc-by-4.0");
    expect(frontMatterOf(card())).not.toHaveProperty("license");
    expect(card()).toContain("Licence: not stated;");
  });

  it("has front matter that parses whatever the licence says", () => {
    const license = "other: - \"'\n---\nevil: true";
    expect(frontMatterOf(card({}, FILES, { license })).evil).toBeUndefined();
  });

  it("keeps its tables whole whatever a scorer's codes and names hold", () => {
    const hostile = "a|b\n| c | d |\n\n# e";
    const { summary } = MANIFEST;
    const style = summary.scorers.style as (typeof summary.scorers)[string];
    const text = card({
      scorers: { style: { configHash: "c2", config: { scorer: hostile, version: 1 } } },
      summary: { ...summary, scorers: { style: { ...style, codes: { [hostile]: 5 } } } },
    });
    const rows = tableRows(text).filter(([key]) => key === "style");
    expect(rows.map((cells) => cells.length)).toEqual([8]);
    expect(text.split("\n").filter((line) => line.startsWith("# "))).toEqual([
      "# Preference data made with prefkit",
    ]);
  });

  it("shows the parts of scores, where there are any, by tenth of the input", () => {
    expect(card()).not.toContain("Parts of the scores");
    const { summary } = MANIFEST;
    const correct = summary.scorers.correct as (typeof summary.scorers)[string];
    const byTenth = [0.5, 0.25, null, 1 / 3, 1, 1, 1, 1, 1, null];
    const parts = { "a|b": { count: 4000, mean: 0.7123456, byTenth } };
    const text = card({
      summary: { ...summary, scorers: { correct: { ...correct, parts, uncountedParts: 1200 } } },
    });
    expect(tableRows(text).filter(([, part]) => part === "a\\|b")).toEqual([
      ["correct", "a\\|b", "4,000", "0.7123", "0.5 0.25 – 0.3333 1 1 1 1 1 –"],
    ]);
    expect(text).toContain(
      "correct names more parts than are kept: 1,200 of their numbers are not in this table.",
    );
  });

  it("lists alarms, each on one line, and has no such section without any", () => {
    expect(card()).not.toContain("## Alarms");
    const text = card({ summary: { ...MANIFEST.summary, alarms: ["agrees: falls.", "style: a\n# b"] } });
    expect(text).toContain("## Alarms\n\n- agrees: falls.\n- style: a # b\n");
  });
});
