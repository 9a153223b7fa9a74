import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { run } from "../../src/annotate/run.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { catalog } from "../../src/catalog.ts";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import type { JsonObject, Score } from "../../src/core/types.ts";
import type { Manifest } from "../../src/store/manifest.ts";

/** Texts that some writer or reader has got wrong: each of them stands once as a response and once as a prompt. */
export const NASTY: readonly string[] = [
  "plain",
  " leading and trailing blanks \t",
  'tab\tnewline\ncarriage return\r\nquote " backslash \\ slash /',
  "NUL \u0000 inside, DEL \u007f, ESC \u001b[31m, BEL \u0007",
  "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 flag 🇩🇪 astral 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
  "right to left: שלום עולם، مرحبا بالعالم \u202e and back \u202c",
  "combining e\u0301 stays apart from \u00e9; ﬁ ligature; Å Å",
  "line separators \u2028 and \u2029, BOM \ufeff, zero width \u200b\u200d",
  "中文、日本語、한국어",
  "x".repeat(100_000),
  "日🙂".repeat(25_000),
  "null",
  "NaN",
  "<|im_start|>assistant\n{{ not a template }} $" + "{NOT_A_VARIABLE}",
];

/** A lone surrogate cannot be written as UTF-8: it becomes U+FFFD and is counted. */
const LONE = "before \ud800 between \udc00 after";
const LONE_REPLACED = "before \ufffd between \ufffd after";

interface NastyResponse {
  readonly text: string;
  readonly reasoning?: string;
  readonly model?: string;
  readonly finishReason?: string;
  readonly tokenCount?: number;
  readonly sumLogprob?: number;
  readonly role?: "candidate" | "baseline";
  readonly metadata: JsonObject;
}

interface NastyRow {
  readonly id: string;
  readonly prompt: readonly { readonly role: string; readonly content: string }[];
  readonly reference: string | null;
  readonly responses: readonly NastyResponse[];
  readonly metadata: JsonObject;
}

/** Numbers at the ends of what a double and an int64 column must carry. */
const LOGPROBS = [0, -0.1, -1 / 3, -1e308, -5e-324, -123456789.12345679];

function rows(): NastyRow[] {
  return NASTY.map((text, index) => ({
    id: `row-${index} ${index % 2 === 0 ? "é🙂" : "plain"}`,
    prompt:
      index % 3 === 0
        ? [{ role: "user", content: text }]
        : [
            { role: "system", content: "" },
            { role: "user", content: "First." },
            { role: "assistant", content: text },
            { role: "user", content: `And ${index}?` },
          ],
    reference: index % 3 === 0 ? null : index % 3 === 1 ? "" : text,
    responses: [
      { text, metadata: {} },
      {
        text: `${text} (second)`,
        reasoning: index % 2 === 0 ? "" : text,
        model: "модель/🙂",
        finishReason: "stop",
        tokenCount: index === 0 ? Number.MAX_SAFE_INTEGER : index,
        sumLogprob: LOGPROBS[index % LOGPROBS.length] ?? 0,
        metadata: {
          nested: { list: [1, null, "z", [true, {}]], empty: "" },
          text: index === 9 ? "long" : text,
          big: 1e21,
        },
      },
      { text: "", metadata: { empty: null } },
      { text: "the baseline", role: "baseline", metadata: {} },
    ],
    metadata: { index, half: index + 0.5, note: null, deep: [[], [[]], { "": "" }] },
  }));
}

/** What the dataset's tables must hold: values as they were put in, with the ids left to the reader to work out. */
export interface Expected {
  readonly groups: readonly JsonObject[];
  readonly scores: readonly JsonObject[];
  readonly pairs: readonly JsonObject[];
}

const VALUES = [1 / 3, 0.1 + 0.2, -1e300, 5e-324, 1e-7, 123456789.12345679];

/** Gives every kind of cell, by the place of the response. */
function cells(index: number): Score[] {
  const value = VALUES[index % VALUES.length] ?? 0;
  return [
    scored(value),
    scored(value + 1000, {
      why: NASTY[index] ?? "",
      parts: { strong: -0.1, "weak 🙂": value },
      spans: [
        { start: 0, end: 2, value: 0.5, label: null },
        { start: 2, end: 3, value: null, label: "é🙂" },
      ],
    }),
    abstained("nothing to say\u0000 🙂"),
    failed("upstream_error", NASTY[index] ?? ""),
  ];
}

/** Runs prefkit on nasty texts, into `directory`, and says what must be read from there. */
export async function makeNasty(
  directory: string,
  options: { readonly codec?: "zstd" | "snappy"; readonly format?: "parquet" | "parquetjs" } = {},
): Promise<{ readonly out: string; readonly manifest: Manifest; readonly expected: Expected }> {
  const given = rows();
  const withLone = given.map((row, index) =>
    index === 0 ? { ...row, responses: [...row.responses, { text: LONE, metadata: {} }] } : row,
  );
  // JSON.stringify writes a lone surrogate as an escape, as careless writers do.
  await writeFile(join(directory, "input.jsonl"), withLone.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const out = join(directory, "out");
  const recipe = recipeFromCode(
    {
      input: { path: "input.jsonl" },
      scorers: {
        every_kind: {
          use: {
            name: "every-kind",
            version: 7,
            range: [-Infinity, Infinity],
            score: ({
              prompt,
              responses,
            }: {
              prompt: { metadata: { index: number } };
              responses: readonly unknown[];
            }) => [...cells(prompt.metadata.index), scored(0)].slice(0, responses.length),
          },
          maxFailedShare: 1,
        },
      },
      reward: { terms: [{ score: "every_kind" }] },
      pairs: { use: "best-vs-worst" },
      output: { dir: "out", split: { test: 0.3 }, ...options },
      shardSize: 4,
    },
    directory,
    {},
  );
  const outcome = await run(recipe, catalog, { out, acceptFailed: true, openCache: memoryScoreCache });
  if (outcome.manifest === null) throw new Error(`the run ended as ${outcome.kind}`);
  return { out, manifest: outcome.manifest, expected: expectedOf(given) };
}

function expectedOf(given: readonly NastyRow[]): Expected {
  const all = given.map((row, index) => ({
    row,
    scores: index === 0 ? [...cells(0), scored(0)] : cells(index),
    responses:
      index === 0
        ? [...row.responses, { text: LONE_REPLACED, metadata: {} } satisfies NastyResponse]
        : row.responses,
  }));
  return {
    groups: all.map(({ row, scores, responses }) => ({
      prompt_id: row.id,
      prompt: row.prompt.map(({ role, content }) => ({ role, content })),
      reference: row.reference,
      responses: responses.map((response: NastyResponse, place) => ({
        text: response.text,
        reasoning: response.reasoning ?? null,
        role: response.role ?? "candidate",
        model: response.model ?? null,
        finish_reason: response.finishReason ?? null,
        token_count: response.tokenCount ?? null,
        sum_logprob: response.sumLogprob ?? null,
        reward: rewardOf(scores[place]),
        metadata: response.metadata,
      })),
      sibling_id: null,
      metadata: row.metadata,
    })),
    scores: all.flatMap(({ row, scores, responses }) =>
      responses.map((response, place) => {
        const score = scores[place];
        return {
          prompt_id: row.id,
          text: response.text,
          name: "every_kind",
          scorer: "every-kind",
          version: 7,
          kind: score?.kind ?? "",
          value: rewardOf(score),
          code: score?.kind === "failed" ? score.code : null,
          why: score?.why ?? null,
          parts:
            score?.kind === "scored" && score.parts
              ? Object.entries(score.parts).map(([name, value]) => ({ name, value }))
              : null,
          spans: score?.kind === "scored" && score.spans ? score.spans.map((span) => ({ ...span })) : null,
          raw: null,
        };
      }),
    ),
    pairs: all.flatMap(({ row, scores, responses }) => {
      // Best against worst of the scored candidates with text; the third response is empty, the fourth a baseline.
      const candidates = responses
        .map((response, place) => ({
          text: response.text,
          reward: rewardOf(scores[place]),
          role: response.role,
        }))
        .filter(({ text, reward, role }) => text.trim() !== "" && reward !== null && role !== "baseline")
        .map(({ text, reward }) => ({ text, reward: reward ?? 0 }))
        .sort((a, b) => b.reward - a.reward);
      const [best] = candidates;
      const worst = candidates.at(-1);
      if (!best || !worst || best.reward === worst.reward) return [];
      return [
        {
          prompt_id: row.id,
          prompt: row.prompt.map(({ role, content }) => ({ role, content })),
          chosen: [{ role: "assistant", content: best.text }],
          rejected: [{ role: "assistant", content: worst.text }],
          score_chosen: best.reward,
          score_rejected: worst.reward,
          reward_margin: best.reward - worst.reward,
          rule: "best-vs-worst",
          metadata: row.metadata,
        },
      ];
    }),
  };
}

function rewardOf(score: Score | undefined): number | null {
  return score?.kind === "scored" ? score.value : null;
}
