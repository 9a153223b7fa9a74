import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { nodeFiles } from "../../../src/core/files.ts";
import { sha256 } from "../../../src/core/ids.ts";
import type { RewardedGroup } from "../../../src/core/types.ts";
import { openTable } from "../../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../../src/store/parquet-sink.ts";
import type { RowExtras } from "../../../src/store/row-sets.ts";
import { required } from "../../../src/store/schema.ts";
import type { Column, ColumnType, Row, RowSet } from "../../../src/store/table.ts";
import { openSplit } from "../../../src/trainers/export-files.ts";
import { type ExportManifest, exportManifestText } from "../../../src/trainers/export-manifest.ts";
import { MESSAGE_LIST, turnsFrom } from "../../../src/trainers/layout-support.ts";
import { cutResponses, dropLong } from "../../../src/trainers/message-rows.ts";
import { type ListedRow, rowsApart } from "../../../src/trainers/rows-apart.ts";
import type {
  ExportKind,
  ExportLayout,
  LengthRule,
  PairLayout,
  PairRecord,
  TrainerAdapter,
} from "../../../src/trainers/trainer-adapter.ts";
import { pairOf } from "../layouts.ts";

export const QUESTION = "What is the sum of forty and two?";

/** A pair whose two sides differ; `n` tells pairs apart. */
export function numberedPair(n: number, change: Partial<PairRecord> = {}): PairRecord {
  return pairOf({
    pairId: `pair-${n}`,
    promptId: `prompt-${n}`,
    prompt: [
      { role: "system", content: "Be terse." },
      { role: "user", content: `${QUESTION} (${n})` },
    ],
    chosen: [{ role: "assistant", content: `The answer is 42. (${n})` }],
    rejected: [{ role: "assistant", content: `Hello, it is 41. (${n})` }],
    ...change,
  });
}

export function pairs(count: number): PairRecord[] {
  return Array.from({ length: count }, (_, n) => numberedPair(n));
}

/** The group that a pair comes from, without scores. */
function groupOf(pair: PairRecord): RewardedGroup {
  const text = (side: PairRecord["chosen"]) => side[0]?.content ?? "";
  const response = (id: string, side: PairRecord["chosen"]) =>
    ({ id, text: text(side), role: "candidate", metadata: {} }) as const;
  return {
    group: {
      prompt: { id: pair.promptId, messages: pair.prompt, reference: "42", metadata: {} },
      responses: [response(pair.chosenId, pair.chosen), response(pair.rejectedId, pair.rejected)],
    },
    rewards: [pair.chosenReward, pair.rejectedReward],
    columns: [],
  };
}

function rowSet(name: string, ...columns: RowSet["columns"]): RowSet {
  return { name, version: 1, columns };
}

/** A response is cut at the end; a prompt that fills the length drops its row. */
const CUT: LengthRule = {
  method: "cut",
  defaultMaxLength: 64,
  kept: (lengths, maxLength) => (lengths.prompt >= maxLength ? null : cutResponses(lengths, maxLength)),
};
const DROP: LengthRule = { method: "drop", defaultMaxLength: 64, kept: dropLong };
const ONE_PAIR = { from: "pairs", companions: () => [] } as const;

const PLAIN_LAYOUTS: Readonly<Record<"preference" | "unpaired" | "stepwise" | "reward", PairLayout>> = {
  preference: {
    ...ONE_PAIR,
    format: "parquet",
    rowSet: rowSet(
      "plain-preference",
      required("prompt", MESSAGE_LIST),
      required("chosen", MESSAGE_LIST),
      required("rejected", MESSAGE_LIST),
    ),
    lengthRules: [CUT, DROP],
    rows: ({ prompt, chosen, rejected }) => ({ rows: [{ prompt, chosen, rejected }], leftOut: [] }),
    examples: ({ prompt, chosen, rejected }) => [
      {
        kind: "preference",
        prompt: turnsFrom(prompt),
        chosen: turnsFrom(chosen),
        rejected: turnsFrom(rejected),
      },
    ],
  },
  // As text, in lines of JSON; the tokenizer puts its BOS before a text, and an end is put behind.
  reward: {
    ...ONE_PAIR,
    format: "jsonl",
    rowSet: rowSet(
      "plain-text",
      required("prompt", "string"),
      required("chosen", "string"),
      required("rejected", "string"),
    ),
    lengthRules: [{ ...DROP, adds: { bos: "tokenizer", eos: true } }],
    rows: ({ prompt, chosen, rejected }) => ({
      rows: [
        {
          prompt: prompt.at(-1)?.content,
          chosen: chosen[0]?.content,
          rejected: rejected[0]?.content,
        },
      ],
      leftOut: [],
    }),
    examples: ({ prompt, chosen, rejected }) => [
      {
        kind: "preference",
        prompt: turnsFrom(prompt),
        chosen: turnsFrom(chosen),
        rejected: turnsFrom(rejected),
      },
    ],
  },
  unpaired: {
    ...ONE_PAIR,
    format: "jsonl",
    rowSet: rowSet(
      "plain-unpaired",
      required("prompt", MESSAGE_LIST),
      required("completion", MESSAGE_LIST),
      required("label", "boolean"),
    ),
    lengthRules: [],
    rows: ({ prompt, chosen, rejected }) => ({
      rows: [
        { prompt, completion: chosen, label: true },
        { prompt, completion: rejected, label: false },
      ],
      leftOut: [],
    }),
    examples: ({ prompt, completion, label }) => [
      {
        kind: "unpaired",
        prompt: turnsFrom(prompt),
        completion: turnsFrom(completion),
        label: label as boolean,
      },
    ],
  },
  stepwise: {
    ...ONE_PAIR,
    format: "parquet",
    rowSet: rowSet(
      "plain-stepwise",
      required("prompt", "string"),
      required("completions", { kind: "list", element: { kind: "string" } }),
      required("labels", { kind: "list", element: { kind: "boolean" } }),
    ),
    lengthRules: [],
    rows: ({ prompt, chosen, rejected }) => ({
      rows: [
        {
          prompt: prompt.at(-1)?.content,
          completions: [chosen[0]?.content, rejected[0]?.content],
          labels: [true, false],
        },
      ],
      leftOut: [],
    }),
    examples: ({ prompt, completions, labels }) => [
      {
        kind: "stepwise",
        prompt: turnsFrom(prompt),
        completions: completions as readonly string[],
        labels: labels as readonly boolean[],
      },
    ],
  },
};

/** A trainer of the tests' own, so that its rules are known: conversations, text, labelled responses and steps. */
export const plain: TrainerAdapter = {
  name: "plain",
  title: "Plain",
  layouts: Object.fromEntries(
    Object.entries(PLAIN_LAYOUTS).map(([kind, layout]) => [
      kind,
      { summary: kind, options: z.object({}), create: () => layout },
    ]),
  ),
};

/** What a written export was made from. */
export interface MadeExport {
  readonly directory: string;
  readonly layout: ExportLayout;
}

/** Writes an export as `exportDataset` does, without a dataset before it. */
export async function makeExport(
  directory: string,
  trainer: TrainerAdapter,
  kind: ExportKind,
  splits: Readonly<Record<string, readonly PairRecord[]>> = { train: pairs(4) },
  options: Readonly<Record<string, unknown>> = {},
  extras: Required<RowExtras> = { tools: false, images: false, toolMessages: false },
): Promise<MadeExport> {
  const source = {
    planId: "plan",
    table: "pairs" as const,
    rows: 4,
    extras,
    scores: [],
    license: null,
    inputs: [],
  };
  const definition = trainer.layouts[kind];
  if (!definition) throw new Error(`${trainer.name} has no ${kind}`);
  const given = definition.options.parse(options);
  const layout = definition.create(given, { extras: source.extras, scores: [] });
  const rows: Record<string, number> = {};
  const entries: ExportManifest["files"] = [];
  for (const [split, records] of Object.entries(splits)) {
    const files = await openSplit(split, {
      files: nodeFiles,
      directory,
      format: layout.format,
      rowSet: layout.rowSet,
      withPairIds: layout.from === "pairs",
      maxRowsPerFile: 1_000_000,
    });
    const listed = listedRows(layout, records);
    for await (const batch of kind === "unpaired" ? rowsApart(listed) : listed) {
      await files.write(
        batch.map(({ row }) => row),
        batch.map(({ id }) => id),
      );
      rows[split] = (rows[split] ?? 0) + batch.length;
    }
    entries.push(...(await files.close()));
  }
  const config = "learning_rate: 1e-6\n";
  await writeFile(join(directory, "config.yaml"), config);
  entries.push({
    path: "config.yaml",
    split: null,
    rows: null,
    bytes: config.length,
    sha256: sha256(config),
  });
  const manifest: ExportManifest = {
    prefkit: "0.0.0",
    exportVersion: 1,
    trainer: trainer.name,
    kind,
    options: given as ExportManifest["options"],
    format: layout.format,
    source,
    rows,
    leftOut: {},
    files: entries,
  };
  await writeFile(join(directory, "export.json"), exportManifestText(manifest));
  return { directory, layout };
}

async function* listedRows(
  layout: ExportLayout,
  records: readonly PairRecord[],
): AsyncGenerator<readonly ListedRow[]> {
  for (const record of records) {
    const made = layout.from === "pairs" ? layout.rows(record) : layout.rows(groupOf(record));
    const { pairId, promptId, prompt: messages, images = [] } = record;
    yield made.rows.map((row) => ({ row, id: pairId, prompt: { id: promptId, messages, images } }));
  }
}

export async function manifestOf(directory: string): Promise<ExportManifest> {
  return JSON.parse(await readFile(join(directory, "export.json"), "utf8")) as ExportManifest;
}

export async function editManifest(
  directory: string,
  change: (manifest: ExportManifest) => ExportManifest,
): Promise<void> {
  await writeFile(join(directory, "export.json"), exportManifestText(change(await manifestOf(directory))));
}

/** The name of the data file of a split. */
export async function dataFile(directory: string, split = "train"): Promise<string> {
  const entry = (await manifestOf(directory)).files.find((file) => file.split === split);
  if (!entry) throw new Error(`no file of split ${split}`);
  return entry.path;
}

/**
 * Writes a data file again with other rows, and export.json so that its hash and size are right: only what the rows say is
 * wrong then. `columns`: of another row set than the layout's.
 */
export async function editRows(
  { directory, layout }: MadeExport,
  change: (rows: Row[]) => readonly Row[],
  {
    split = "train",
    columns = layout.rowSet.columns,
  }: { readonly split?: string; readonly columns?: RowSet["columns"] } = {},
): Promise<void> {
  const file = await dataFile(directory, split);
  const path = join(directory, file);
  if (layout.format === "jsonl") {
    const rows = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Row);
    await writeFile(
      path,
      change(rows)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(""),
    );
  } else {
    const table = await openTable(nodeFiles, path);
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    const nullable = { ...layout.rowSet, columns: columns.map(asNullable) };
    const sink = await createParquetSink(nodeFiles, path, nullable);
    await sink.write(change(rows));
    await sink.close();
  }
  const bytes = await readFile(path);
  await editManifest(directory, (manifest) => ({
    ...manifest,
    files: manifest.files.map((entry) =>
      entry.path === file ? { ...entry, bytes: bytes.length, sha256: sha256(bytes) } : entry,
    ),
  }));
}

/** A sink that lets nulls pass everywhere, as other programs write them. */
function asNullable(column: Column): Column {
  return { ...column, type: nullableType(column.type), nullable: true };
}

function nullableType(type: ColumnType): ColumnType {
  if (type.kind === "list") return { ...type, element: nullableType(type.element) };
  return type.kind === "struct" ? { ...type, fields: type.fields.map(asNullable) } : type;
}

/** Changes one row. */
export function rowAt(index: number, change: (row: Row) => Row): (rows: Row[]) => Row[] {
  return (rows) => rows.map((row, at) => (at === index ? change(row) : row));
}
