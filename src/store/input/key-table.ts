import { sha256 } from "../../core/ids.ts";

/** Remembers a number for each key, by the key's hash of 16 bytes: 32 to 64 bytes per key, whatever its length. */
export interface KeyTable {
  readonly bytes: number;
  /** The number remembered for the key; when there is none, remembers `value` and gives undefined. */
  findOrAdd(hash: KeyHash, value: number): number | undefined;
}

/** The first 16 bytes of a key's sha256 as four 32-bit words. */
export type KeyHash = readonly [number, number, number, number];

export function hashKey(key: string): KeyHash {
  const digest = sha256(key);
  const word = (index: number) => Number.parseInt(digest.slice(index * 8, index * 8 + 8), 16);
  return [word(0), word(1), word(2), word(3)];
}

/**
 * An open-addressing table in typed arrays: a Map of strings takes several times the memory and ends at 2^24 keys.
 */
export function keyTable(): KeyTable {
  let capacity = 1024;
  let size = 0;
  let words = new Uint32Array(capacity * 4);
  // NaN marks a free slot.
  let values = new Float64Array(capacity).fill(Number.NaN);

  const slotOf = ([a, b, c, d]: KeyHash): number => {
    for (let slot = a & (capacity - 1); ; slot = (slot + 1) & (capacity - 1)) {
      if (Number.isNaN(values[slot])) return slot;
      const at = slot * 4;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return slot;
    }
  };
  const put = (slot: number, hash: KeyHash, value: number) => {
    words.set(hash, slot * 4);
    values[slot] = value;
  };
  const grow = () => {
    const [oldWords, oldValues] = [words, values];
    capacity *= 2;
    words = new Uint32Array(capacity * 4);
    values = new Float64Array(capacity).fill(Number.NaN);
    for (const [slot, value] of oldValues.entries()) {
      if (Number.isNaN(value)) continue;
      const [a = 0, b = 0, c = 0, d = 0] = oldWords.subarray(slot * 4, slot * 4 + 4);
      put(slotOf([a, b, c, d]), [a, b, c, d], value);
    }
  };

  return {
    get bytes() {
      return capacity * 24;
    },
    findOrAdd: (hash, value) => {
      const slot = slotOf(hash);
      const found = values[slot] as number;
      if (!Number.isNaN(found)) return found;
      put(slot, hash, value);
      size += 1;
      if (size * 4 > capacity * 3) grow();
      return undefined;
    },
  };
}
