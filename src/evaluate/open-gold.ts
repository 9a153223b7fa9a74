import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import { promptId } from "../core/ids.ts";
import { randomFor } from "../core/random.ts";
import type { Group, Json, JsonObject } from "../core/types.ts";
import { openInput } from "../store/input/index.ts";
import type { GroupRow, Input, InputSpec } from "../store/input/types.ts";
import type { GoldItem } from "./gold.ts";
import type { Layout } from "./layout.ts";
import { columnNames } from "./raw-rows.ts";

/** A gold item with the group that scorers see: its responses in an order drawn by the seed, so that no place is the better one. */
export interface GoldRow {
  readonly item: GoldItem;
  readonly group: Group;
  /** Where each response of the file stands in the group. */
  readonly places: readonly number[];
}

export interface Gold {
  readonly files: Input["files"];
  /** sha256 over the contents of the files. */
  fingerprint(): Promise<string>;
  /** The column that names the subsets; null when there is none. */
  readonly by: string | null;
  /** Whether rows have ids of their own; else an item's id is made from its prompt. */
  readonly hasIds: boolean;
  /** In file order, in batches. Throws `bad_row` and those of the reader. */
  read(): AsyncGenerator<readonly GoldRow[]>;
  close(): Promise<void>;
}

export interface OpenGoldOptions {
  /** Files or globs, from the base directory. */
  readonly path: string | readonly string[];
  readonly baseDirectory: string;
  /** Path of the column that names subsets; default: the layout's. */
  readonly by?: string;
  readonly limit?: number;
  readonly seed: number;
  /** Metadata and tool messages as a recipe maps them; default: the column `metadata`. */
  readonly map?: Pick<NonNullable<InputSpec["map"]>, "metadata" | "toolMessages"> | undefined;
}

/** Where labels stand between mapping and reading: in metadata, under names that no column has. */
const LABEL = "prefkit:label:";
const SUBSET = "prefkit:subset";

/**
 * Opens gold files in a preset's layout.
 * Throws `no_input_file`, `missing_field` (naming the columns that the layout wants), `unreadable_input`.
 */
export async function openGold(layout: Layout, options: OpenGoldOptions): Promise<Gold> {
  const { path, baseDirectory, by, limit = Infinity, seed, map } = options;
  const columns = await columnNames(path, baseDirectory, "the gold file");
  const id = layout.id.find((name) => columns.has(name));
  const subset = by ?? layout.subset.find((name) => columns.has(name)) ?? null;
  const responses = layout.responses(columns);
  const hasMetadata = columns.has("metadata");
  const metadata = {
    ...(map?.metadata ? namedPaths(map.metadata) : hasMetadata ? { metadata: "metadata" } : {}),
    ...Object.fromEntries(layout.labels(columns).map((name) => [LABEL + name, name])),
    ...(subset === null ? {} : { [SUBSET]: subset }),
  };
  const input = await openNaming(layout, columns, () =>
    openInput(
      {
        path,
        map: {
          prompt: layout.prompt,
          responses,
          metadata,
          ...(id !== undefined && { id }),
          ...(map?.toolMessages && { toolMessages: true }),
        },
      },
      { baseDirectory, workDirectory: baseDirectory },
    ),
  );
  return {
    files: input.files,
    fingerprint: () => input.fingerprint(),
    by: subset,
    hasIds: id !== undefined,
    async *read() {
      let left = limit;
      for await (const rows of input.read()) {
        const batch: GoldRow[] = [];
        for (const row of rows) {
          if (left === batch.length) break;
          if (row.kind === "bad")
            throw new PrefkitError("bad_row", row.problem, row.fix, { place: row.place });
          batch.push(goldRow(layout, row, seed, map?.metadata === undefined));
        }
        left -= batch.length;
        if (batch.length > 0) yield batch;
        if (left === 0) return;
      }
    },
    close: () => input.close(),
  };
}

/** A preset's user knows the benchmark, not the mapping: the error names the layout's columns. */
async function openNaming(
  layout: Layout,
  columns: ReadonlySet<string>,
  open: () => Promise<Input>,
): Promise<Input> {
  try {
    return await open();
  } catch (error) {
    if (!isPrefkitError(error) || error.code !== "missing_field") throw error;
    const wanted = [
      layout.prompt,
      ...layout.responses(columns).map((column) => (typeof column === "string" ? column : column.text)),
      ...layout.labels(columns),
    ];
    throw new PrefkitError(
      "missing_field",
      error.message.split("\nFix:")[0] ?? error.message,
      `give rows with ${wanted.join(", ")}; or choose another --preset, or name another column by --by.`,
      { cause: error },
    );
  }
}

function namedPaths(map: NonNullable<NonNullable<InputSpec["map"]>["metadata"]>): Record<string, string> {
  const paths = map as Readonly<Record<string, string>> | readonly string[];
  return Array.isArray(paths)
    ? Object.fromEntries(paths.map((path: string) => [path, path]))
    : { ...(paths as Readonly<Record<string, string>>) };
}

function goldRow(layout: Layout, { group, place }: GroupRow, seed: number, isColumn: boolean): GoldRow {
  const labels: Record<string, Json> = {};
  const rest: Record<string, Json> = {};
  for (const [name, value] of Object.entries(group.prompt.metadata)) {
    if (name.startsWith(LABEL)) labels[name.slice(LABEL.length)] = value;
    else if (name !== SUBSET) rest[name] = value;
  }
  const read = layout.read(group, labels);
  if (typeof read === "string") {
    throw new PrefkitError("bad_row", read, "mend the row, or choose the preset of its layout.", { place });
  }
  const subset = subsetOf(group.prompt.metadata[SUBSET]);
  const own = isColumn ? objectOf(rest.metadata) : rest;
  const order = randomFor(seed, "gold order", group.prompt.id).shuffle(
    group.responses.map((_, index) => index),
  );
  const places = order.map(() => 0);
  for (const [at, index] of order.entries()) places[index] = at;
  return {
    item: {
      id: group.prompt.id,
      // By content: rows with ids of their own may share a prompt.
      prompt: promptId(group.prompt),
      subset,
      correct: read.correct,
      lengths: group.responses.map(({ text }) => codePoints(text)),
      ...(read.models && { models: read.models }),
      ...(read.pairs && { pairs: read.pairs }),
    },
    group: {
      ...group,
      prompt: { ...group.prompt, metadata: subset === null ? own : { domain: subset, subset, ...own } },
      responses: order.flatMap((index) => {
        const response = group.responses[index];
        return response ? [{ ...response, id: response.id, role: "candidate" as const }] : [];
      }),
    },
    places,
  };
}

function subsetOf(value: Json | undefined): string | null {
  if (value === undefined || value === null || value === "") return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The column `metadata`: an object, or JSON text of one; anything else is not metadata. */
function objectOf(column: Json | undefined): JsonObject {
  let value: unknown = column;
  if (typeof column === "string") {
    try {
      value = JSON.parse(column);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
