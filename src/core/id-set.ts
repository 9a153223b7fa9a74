import { sha256 } from "./ids.ts";

/**
 * A set of ids at 16 bytes each (the first half of their sha256), so that a planning scan can find repeated ids in
 * millions of groups. Two different ids meet with a chance below 1e-20 for a hundred million groups.
 */
export class IdSet {
  #slots = new Uint32Array(4 * 1024);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** Adds an id; false when it was already there. */
  add(id: string): boolean {
    if ((this.#count + 1) * 4 > this.#slots.length * 0.6) this.#grow();
    const digest = sha256(id);
    // The first word is never 0, so that 0 can mean an empty slot.
    const words = [0, 8, 16, 24].map((at) => Number.parseInt(digest.slice(at, at + 8), 16));
    words[0] = (words[0] ?? 0) | 1;
    if (!insert(this.#slots, words[0] >>> 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0)) return false;
    this.#count += 1;
    return true;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 4) {
      if (old[at] !== 0) insert(slots, old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0, old[at + 3] ?? 0);
    }
    this.#slots = slots;
  }
}

function insert(slots: Uint32Array, a: number, b: number, c: number, d: number): boolean {
  const capacity = slots.length / 4;
  for (let slot = d % capacity; ; slot = (slot + 1) % capacity) {
    const at = slot * 4;
    if (slots[at] === 0) {
      slots[at] = a;
      slots[at + 1] = b;
      slots[at + 2] = c;
      slots[at + 3] = d;
      return true;
    }
    if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return false;
  }
}
