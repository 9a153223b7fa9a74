import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import { jsonOrNull } from "../core/json.ts";
import { randomFor } from "../core/random.ts";
import type { Group, Json, JsonObject } from "../core/types.ts";
import { badRowError, openInput } from "../store/input/index.ts";
import type { FieldMap, Input } from "../store/input/types.ts";

/** A gold pair as scorers see it: a group of two, which of them people prefer told apart from it. */
export interface GoldPair {
  readonly group: Group;
  /** Where in the group the preferred response stands: 0 or 1, drawn by the seed, so that no place is the better one. */
  readonly chosen: 0 | 1;
  readonly domain: string | null;
}

export interface GoldPairs {
  readonly files: Input["files"];
  /** In file order, in batches. Throws `bad_row`, unless the recipe says to skip such rows, and those of the reader. */
  read(): AsyncGenerator<readonly GoldPair[]>;
  close(): Promise<void>;
}

export interface GoldOptions {
  /** Files or globs, from the current directory of the caller. */
  readonly path: string | readonly string[];
  readonly baseDirectory: string;
  /** Path of the column with the domain; default: `domain`, where there is one. */
  readonly domain?: string;
  readonly limit?: number;
}

/** Where the mapping puts the domain; a name that no column has. */
const DOMAIN = "prefkit:domain";

/**
 * Opens a preference file: rows {prompt, chosen, rejected}, with `domain`, `reference`, `id` and `metadata` where there are
 * any. A prompt is text or messages; chosen and rejected are text, an assistant message, or a list with one.
 *
 * Scorers see the metadata that the recipe maps, else the column `metadata`; and `domain` in it, so that a router may read it.
 * Throws `no_input_file`, `missing_field`, `unreadable_input`.
 */
export async function openGoldPairs(
  { recipe }: LoadedRecipe,
  { path, baseDirectory, domain, limit = Infinity }: GoldOptions,
): Promise<GoldPairs> {
  const input = await openWithDomain(recipe.input.map?.metadata, domain, (metadata) =>
    openInput(
      {
        path,
        map: {
          prompt: "prompt",
          // Told apart by their role, which is put right again: an empty list must not let the other column fill its place.
          responses: [{ text: "chosen" }, { text: "rejected", baseline: true }],
          ...(metadata && { metadata }),
          ...(recipe.input.map?.toolMessages && { toolMessages: true }),
        },
      },
      { baseDirectory, workDirectory: baseDirectory },
    ),
  );
  return {
    files: input.files,
    async *read() {
      let left = limit;
      for await (const rows of input.read()) {
        const batch: GoldPair[] = [];
        for (const row of rows) {
          if (left === batch.length) break;
          if (row.kind === "bad") {
            if (recipe.input.onBadRow === "skip") continue;
            throw badRowError(row);
          }
          if (row.group.responses.map(({ role }) => role).join() !== "candidate,baseline") {
            throw new PrefkitError(
              "bad_row",
              "chosen and rejected are not one response each.",
              "give each as text, an assistant message, or a list that holds just that; the turns before it are the prompt.",
              { place: row.place },
            );
          }
          batch.push(goldPair(row.group, recipe.seed, recipe.input.map?.metadata === undefined));
        }
        left -= batch.length;
        if (batch.length > 0) yield batch;
        if (left === 0) return;
      }
    },
    close: () => input.close(),
  };
}

/** Tries the mappings from the fullest on: which columns a file has is known only when it is read. */
async function openWithDomain(
  mapped: FieldMap["metadata"],
  domain: string | undefined,
  open: (metadata: FieldMap["metadata"]) => Promise<Input>,
): Promise<Input> {
  const own = mapped && namedPaths(mapped);
  const path = domain ?? "domain";
  const wishes: FieldMap["metadata"][] = [
    { ...(own ?? { metadata: "metadata" }), [DOMAIN]: path },
    ...(own ? [] : [{ [DOMAIN]: path }]),
    ...(domain === undefined ? [own] : []),
  ];
  const last = wishes.pop();
  for (const wish of wishes) {
    try {
      return await open(wish);
    } catch (error) {
      if (!isPrefkitError(error) || error.code !== "missing_field") throw error;
    }
  }
  return open(last);
}

function namedPaths(map: NonNullable<FieldMap["metadata"]>): Readonly<Record<string, string>> {
  const paths = map as Readonly<Record<string, string>> | readonly string[];
  return Array.isArray(paths)
    ? Object.fromEntries(paths.map((path: string) => [path, path]))
    : (paths as Readonly<Record<string, string>>);
}

function goldPair(group: Group, seed: number, isColumn: boolean): GoldPair {
  const { [DOMAIN]: given, ...rest } = group.prompt.metadata;
  const domain = given === undefined || given === null || given === "" ? null : textOf(given);
  const mapped = isColumn && given !== undefined ? columnOf(rest.metadata) : rest;
  const metadata = domain === null ? mapped : { domain, ...mapped };
  const isSwapped = randomFor(seed, "gold order", group.prompt.id).below(2) === 1;
  const responses = group.responses.map((response) => ({ ...response, role: "candidate" as const }));
  return {
    group: {
      ...group,
      prompt: { ...group.prompt, metadata },
      responses: isSwapped ? responses.toReversed() : responses,
    },
    chosen: isSwapped ? 1 : 0,
    domain,
  };
}

/** The column `metadata`: an object, or JSON text of one, as tables hold it; anything else is not metadata. */
function columnOf(column: Json | undefined): JsonObject {
  const value: unknown = typeof column === "string" ? jsonOrNull(column) : column;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
