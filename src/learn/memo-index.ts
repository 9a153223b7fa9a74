import { sha256 } from "../core/ids.ts";

/** Where an entry stands in a file. */
export interface EntryPlace {
  /** In bytes, from the start of the file. */
  readonly at: number;
  readonly length: number;
}

/** Where the entries of a file stand, by their keys. */
export interface MemoIndex {
  add(key: string, place: EntryPlace): void;
  /** Of a few entries at most, one of which has the key if any has: 64 bits of hashes tell keys apart, the entry itself is sure. */
  places(key: string): readonly EntryPlace[];
}

/**
 * An index that takes 40 to 80 bytes an entry, no matter how long keys and values are: hashes of
 * keys in flat arrays, each in the first free place from the one that it asks for.
 */
export function memoIndex(): MemoIndex {
  let table = newTable(1024);
  let size = 0;
  return {
    add(key, place) {
      if (2 * (size + 1) > table.lengths.length) table = grown(table);
      put(table, ...hashOf(key), place);
      size += 1;
    },
    places(key) {
      const [high, low] = hashOf(key);
      const found: EntryPlace[] = [];
      for (let slot = firstSlot(table, low); table.lengths[slot] !== 0; slot = nextSlot(table, slot)) {
        if (table.highs[slot] !== high || table.lows[slot] !== low) continue;
        found.push({ at: table.starts[slot] ?? 0, length: table.lengths[slot] ?? 0 });
      }
      return found;
    },
  };
}

/** A slot whose length is 0 is free. The number of slots is a power of two, of which at most half are taken. */
interface Table {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
  readonly starts: Float64Array;
  readonly lengths: Uint32Array;
}

function newTable(slots: number): Table {
  return {
    highs: new Uint32Array(slots),
    lows: new Uint32Array(slots),
    starts: new Float64Array(slots),
    lengths: new Uint32Array(slots),
  };
}

function grown(old: Table): Table {
  const table = newTable(2 * old.lengths.length);
  for (const [slot, length] of old.lengths.entries()) {
    if (length === 0) continue;
    put(table, old.highs[slot] ?? 0, old.lows[slot] ?? 0, { at: old.starts[slot] ?? 0, length });
  }
  return table;
}

function put(table: Table, high: number, low: number, { at, length }: EntryPlace): void {
  let slot = firstSlot(table, low);
  while (table.lengths[slot] !== 0) slot = nextSlot(table, slot);
  table.highs[slot] = high;
  table.lows[slot] = low;
  table.starts[slot] = at;
  table.lengths[slot] = length;
}

function firstSlot({ lengths }: Table, low: number): number {
  return low & (lengths.length - 1);
}

function nextSlot({ lengths }: Table, slot: number): number {
  return (slot + 1) & (lengths.length - 1);
}

function hashOf(key: string): readonly [high: number, low: number] {
  const digits = sha256(key);
  return [Number.parseInt(digits.slice(0, 8), 16), Number.parseInt(digits.slice(8, 16), 16)];
}
