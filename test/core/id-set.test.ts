import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdSet } from "../../src/core/id-set.ts";

describe("IdSet", () => {
  it("says of each id whether it is new, as a Set does", () => {
    const ids = fc.array(fc.oneof(fc.constantFrom("a", "b", ""), fc.string({ unit: "grapheme" })));
    fc.assert(
      fc.property(ids, (given) => {
        const set = new IdSet();
        const reference = new Set<string>();
        for (const id of given) {
          expect(set.add(id)).toBe(!reference.has(id));
          reference.add(id);
        }
        expect(set.size).toBe(reference.size);
      }),
    );
  });

  it("forgets nothing while it grows", () => {
    // It starts with 1024 slots and grows at 60%, so 5000 ids make it grow four times.
    const set = new IdSet();
    const ids = Array.from({ length: 5000 }, (_, index) => `prompt-${index}`);
    for (const id of ids) expect(set.add(id)).toBe(true);
    expect(set.size).toBe(5000);
    for (const id of ids) expect(set.add(id)).toBe(false);
    expect(set.size).toBe(5000);
  });
});
