import type { Prompt } from "../core/types.ts";
import type { Row } from "../store/table.ts";

/** A row, what it is listed by, and the prompt that it answers. */
export interface ListedRow {
  readonly row: Row;
  readonly id: string;
  readonly prompt: Pick<Prompt, "id" | "messages" | "images">;
}

/** Rows are put apart among those of this many prompts. */
const WINDOW_PROMPTS = 500;
/** Or fewer, where their rows have this many characters and bytes: a window is held in memory. */
const WINDOW_BYTES = 32 * 2 ** 20;

interface Window {
  readonly rowsByPrompt: Map<string, ListedRow[]>;
  bytes: number;
}

/**
 * Puts the rows of a prompt apart, so that neighbours in a batch have different prompts, the batch's first and last row too: KTO
 * takes the completion of the row before for one to another prompt. Within a window of prompts each prompt's rows come at even
 * distances; every other prompt begins with its second row, and so on, so that the two sides of pairs take turns.
 *
 * Rows of one prompt are expected in a row, and are then in one window. Memory holds two windows; the last one takes in the one
 * before it, so that none is short. The same rows come out in the same order, in whatever pieces they come.
 * Where a prompt has half of a window's rows or more, some of them stay neighbours.
 */
export async function* rowsApart(
  pieces: AsyncIterable<readonly ListedRow[]>,
  { prompts = WINDOW_PROMPTS, bytes = WINDOW_BYTES } = {},
): AsyncGenerator<readonly ListedRow[]> {
  let full: Window | null = null;
  let filling = emptyWindow();
  let last: ListedRow["prompt"] | null = null;
  let key = "";
  for await (const rows of pieces) {
    for (const listed of rows) {
      if (listed.prompt !== last) {
        last = listed.prompt;
        const next = promptKey(listed.prompt);
        const isFull = filling.rowsByPrompt.size >= prompts || filling.bytes >= bytes;
        if (isFull && next !== key) {
          if (full !== null) yield spread(full);
          full = filling;
          filling = emptyWindow();
        }
        key = next;
      }
      put(filling, key, listed);
    }
  }
  if (full !== null) {
    for (const [known, rows] of filling.rowsByPrompt) for (const listed of rows) put(full, known, listed);
    filling = full;
  }
  if (filling.rowsByPrompt.size > 0) yield spread(filling);
}

function emptyWindow(): Window {
  return { rowsByPrompt: new Map(), bytes: 0 };
}

function put(window: Window, key: string, listed: ListedRow): void {
  const known = window.rowsByPrompt.get(key);
  if (known) known.push(listed);
  else window.rowsByPrompt.set(key, [listed]);
  window.bytes += sizeOf(listed.row);
}

/** Equal for prompts of one text; of those with images their ids say what is equal. */
function promptKey({ id, messages, images = [] }: ListedRow["prompt"]): string {
  return images.length > 0 ? id : JSON.stringify(messages);
}

/** Row `turn` of the prompt number `rank` of `ranks` with as many rows stands at `(turn + (rank + ½) / ranks) / rows`. */
function spread({ rowsByPrompt }: Window): ListedRow[] {
  const ranks = new Map<number, number>();
  for (const { length } of rowsByPrompt.values()) ranks.set(length, (ranks.get(length) ?? 0) + 1);
  const seen = new Map<number, number>();
  const placed: { readonly at: number; readonly listed: ListedRow }[] = [];
  for (const rows of rowsByPrompt.values()) {
    const rank = seen.get(rows.length) ?? 0;
    seen.set(rows.length, rank + 1);
    const offset = (rank + 0.5) / (ranks.get(rows.length) ?? 1);
    for (let turn = 0; turn < rows.length; turn++) {
      const listed = rows[(turn + rank) % rows.length] as ListedRow;
      placed.push({ at: (turn + offset) / rows.length, listed });
    }
  }
  // Sorting is stable: of two at one place the prompt that came first stands first.
  return placed.sort((a, b) => a.at - b.at).map(({ listed }) => listed);
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value !== "object" || value === null) return 8;
  let size = 0;
  for (const part of Object.values(value)) size += sizeOf(part);
  return size;
}
