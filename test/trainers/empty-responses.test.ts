import { describe, expect, it } from "vitest";
import { trainers } from "../../src/trainers/index.ts";
import { groupWith, layoutOf, pairOf, rowsOf } from "./layouts.ts";

const withUnpaired = trainers.filter(({ layouts }) => layouts.unpaired !== undefined);

describe("a layout of single responses", () => {
  it.each(withUnpaired)("of $name has no row for an empty one, from groups as from pairs", (trainer) => {
    expect(withUnpaired.length).toBeGreaterThan(3);
    const groups = layoutOf(trainer, "unpaired", { from: "groups", threshold: 0.5 });
    const group = groupWith([1, 1, 1], {}, { texts: ["Fine.", "", " \n\t"] });
    const made = rowsOf(groups, pairOf(), group);
    expect(made.rows).toHaveLength(1);
    expect(made.leftOut).toEqual(
      group.group.responses.slice(1).map(({ id }) => ({ id, why: "the response is empty" })),
    );
    const pairs = layoutOf(trainer, "unpaired");
    const fromPair = rowsOf(pairs, pairOf({ sides: ["Fine.", " \n"] }));
    expect(fromPair.rows).toMatchObject([{ label: true }]);
    expect(fromPair.leftOut).toEqual([{ id: "b", why: "the response is empty" }]);
  });
});
