import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { tableRows } from "../../src/annotate/rework.ts";
import { run } from "../../src/annotate/run.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { catalog } from "../../src/catalog.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { canonicalJson, responseIds } from "../../src/core/ids.ts";
import type { JsonObject } from "../../src/core/types.ts";
import { availableCodec } from "../../src/store/compression.ts";
import { TABLES } from "../../src/store/manifest.ts";
import type { Row } from "../../src/store/table.ts";
import { type Expected, makeNasty, NASTY } from "../python/nasty.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const python = process.env.PREFKIT_PYTHON ?? join(root, ".cache/venv/bin/python");
const script = join(root, "test/python/read_dataset.py");
const absent = existsSync(python) ? "" : ` (absent: no Python at ${python}; set PREFKIT_PYTHON)`;

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-readers-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function dataset(options: Parameters<typeof makeNasty>[1]) {
  const made = await makeNasty(await mkdtemp(join(scratch, "run-")), options);
  const path = join(scratch, `expected-${options?.format}-${options?.codec}.json`);
  await writeFile(path, JSON.stringify(made.expected));
  return { ...made, path };
}

async function readAll(
  made: Awaited<ReturnType<typeof dataset>>,
  table: (typeof TABLES)[number],
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of tableRows(nodeFiles, made.out, made.manifest, table)) rows.push(...batch);
  return rows;
}

/** A stored row as the expected values are written: JSON columns parsed, ids set apart. */
function withoutIds(row: Row): JsonObject {
  const { pair_id, response_id, chosen_id, rejected_id, config_hash, ...rest } = row;
  const responses = rest.responses as readonly Row[] | undefined;
  return {
    ...rest,
    ...(rest.metadata === undefined ? {} : { metadata: JSON.parse(String(rest.metadata)) }),
    ...(responses === undefined
      ? {}
      : {
          responses: responses.map(({ response_id: _, ...response }) => ({
            ...response,
            metadata: JSON.parse(String(response.metadata)),
          })),
        }),
  } as JsonObject;
}

/** The score rows are expected with their response's text, for the Python side to look up the id by. */
function withoutText({ text, ...row }: JsonObject, table: keyof Expected): JsonObject {
  return table === "scores" || text === undefined ? row : { ...row, text };
}

/** Rows in one order, whatever split they are in. */
function inOrder(rows: readonly JsonObject[]): JsonObject[] {
  return [...rows].sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
}

const hasZstd = availableCodec() === "zstd";
const environment = () => ({
  ...process.env,
  HF_HUB_OFFLINE: "1",
  HF_DATASETS_DISABLE_PROGRESS_BARS: "1",
  HF_HOME: join(scratch, "hf"),
});

const variants = [
  { format: "parquet", codec: "zstd" },
  { format: "parquet", codec: "snappy" },
  { format: "parquetjs", codec: "snappy" },
] as const;

describe.each(variants.filter(({ codec }) => hasZstd || codec !== "zstd"))(
  "a dataset of nasty texts, $format with $codec",
  (variant) => {
    let made: Awaited<ReturnType<typeof dataset>>;
    beforeAll(async () => {
      made = await dataset(variant);
    });

    it("counts the lone surrogates it replaced", () => {
      expect(made.manifest.input.replacedSurrogates).toBe(2);
      expect(made.manifest.summary.groups).toBe(NASTY.length);
    });

    it.each(TABLES)("is read back by prefkit value for value: %s", async (table) => {
      const rows = await readAll(made, table);
      const expected = made.expected[table].map((row) => withoutText(row, table));
      expect(rows.length).toBe(expected.length);
      expect(inOrder(rows.map(withoutIds))).toEqual(inOrder(expected));
    });

    it("names each response by a hash of prompt id, text and occurrence", async () => {
      for (const row of await readAll(made, "groups")) {
        const responses = row.responses as readonly { response_id: string; text: string }[];
        expect(responses.map(({ response_id }) => response_id)).toEqual(
          responseIds(
            String(row.prompt_id),
            responses.map(({ text }) => text),
          ),
        );
      }
    });

    it.skipIf(absent !== "")(
      `is read by datasets, pyarrow and DuckDB value for value${absent}`,
      { timeout: 300_000 },
      () => {
        const { status, stdout, stderr } = spawnSync(python, [script, made.out, made.path], {
          encoding: "utf8",
          env: environment(),
        });
        expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
        // Three tables by three readers, and the default config.
        expect(stdout.match(/every value as it was put in/g)?.length).toBe(10);
      },
    );
  },
);

/** Makes a dataset of one row in `directory`, the place of an earlier one or not. */
async function makeOne(
  directory: string,
  row: JsonObject,
  change: Partial<RecipeInput> = {},
): Promise<string> {
  await writeFile(join(directory, "input.jsonl"), `${JSON.stringify(row)}\n`);
  const recipe: RecipeInput = {
    input: { path: "input.jsonl" },
    scorers: { length: { use: ({ text }: { text: string }) => text.length } },
    pairs: { use: "best-vs-worst" },
    ...change,
  };
  const out = join(directory, "out");
  await run(recipeFromCode(recipe, directory, {}), catalog, {
    out,
    force: true,
    openCache: memoryScoreCache,
  });
  return out;
}

/** A dataset as `load_dataset` opens it. */
function opened(out: string, ...config: string[]) {
  const { status, stdout, stderr } = spawnSync(
    python,
    [join(root, "test/python/open_dataset.py"), out, ...config],
    {
      encoding: "utf8",
      env: environment(),
    },
  );
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as { splits: JsonObject; features: Record<string, string>; rows: JsonObject[] };
}

const oneDirectory = () => mkdtemp(join(scratch, "one-"));

describe.skipIf(absent !== "")(`load_dataset${absent}`, { timeout: 300_000 }, () => {
  it("opens a dataset with an empty split by its other splits", async () => {
    const output = { split: { test: 0 } };
    const { splits, features } = opened(
      await makeOne(await oneDirectory(), { prompt: "Hi", responses: ["one", "three"] }, { output }),
    );
    expect(splits).toEqual({ train: 1 });
    expect(features.reward_margin).toBe("Value('float64')");
    expect(features.chosen).toBe("List({'role': Value('string'), 'content': Value('string')})");
  });

  it("opens the scores of a dataset without any pair", async () => {
    const { features, rows } = opened(
      await makeOne(await oneDirectory(), { prompt: "Hi", responses: ["same", "same"] }),
    );
    expect(rows.map(({ name, value }) => [name, value])).toEqual([
      ["length", 4],
      ["length", 4],
    ]);
    expect(features.spans).toBe(
      "List({'start': Value('int64'), 'end': Value('int64'), 'value': Value('float64'), 'label': Value('string')})",
    );
  });

  it("never shows the rows of an earlier dataset of the same name", async () => {
    const directory = await oneDirectory();
    // Its cache is keyed by the folder's name and the card's configs, not by the files.
    for (const text of ["first", "second", "third"]) {
      const out = await makeOne(directory, { prompt: "Hi", responses: [text, ""] });
      const found = opened(out, "groups").rows.flatMap(
        ({ responses }) => responses as readonly { text: string }[],
      );
      expect(found.map((response) => response.text)).toEqual([text, ""]);
    }
  });

  it("gives tools, images and tool calls as they were mapped", async () => {
    const tools = '[{"type":"function","function":{"name":"look"}}]';
    const calls = [{ id: "c1", function: { name: "look", arguments: "{}" } }];
    const row = {
      prompt: [
        { role: "user", content: [{ type: "image" }, { type: "text", text: " or " }, { type: "image" }] },
        { role: "assistant", content: null, tool_calls: calls },
        { role: "tool", content: "a cat", tool_call_id: "c1", name: "look" },
      ],
      tools,
      pictures: [
        { bytes: "AP8Q", path: null },
        { bytes: null, path: "cat 🐈.png" },
      ],
      responses: ["a cat", "a small cat"],
    };
    const map = {
      prompt: "prompt",
      responses: "responses",
      tools: "tools",
      images: "pictures",
      toolMessages: true,
    };
    const { features, rows } = opened(
      await makeOne(await oneDirectory(), row, { input: { path: "input.jsonl", map } }),
    );
    const [pair] = rows;
    expect(pair?.tools).toBe(tools);
    expect(pair?.images).toEqual(row.pictures);
    expect(features.images).toBe("List({'bytes': Value('binary'), 'path': Value('string')})");
    const none = { tool_calls: null, tool_call_id: null, name: null };
    expect(pair?.prompt).toEqual([
      { role: "user", content: "<image> or <image>", ...none },
      { ...none, role: "assistant", content: "", tool_calls: JSON.stringify(calls) },
      { role: "tool", content: "a cat", tool_calls: null, tool_call_id: "c1", name: "look" },
    ]);
    expect(pair?.chosen).toEqual([{ role: "assistant", content: "a small cat", ...none }]);
  });
});
