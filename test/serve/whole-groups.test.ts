import { describe, expect, it } from "vitest";
import { groupRelative } from "../../src/serve/whole-groups.ts";
import { affine } from "../../src/shaping/affine.ts";
import { fittedPolynomial } from "../../src/shaping/fitted-polynomial.ts";
import { rank } from "../../src/shaping/rank.ts";
import { standardize } from "../../src/shaping/standardize.ts";
import type { Transform } from "../../src/shaping/transform.ts";

const relative = (...transforms: readonly Transform[]) =>
  groupRelative({ terms: [{ score: "s", weight: 1, onUnscored: "null", transforms }], gates: [] });

describe("transforms that need a whole group", () => {
  it("are named with their term", () => {
    expect(relative(affine({ gain: 2 }), rank(), standardize({ scope: "group" }))).toEqual([
      "rank (term s)",
      "standardize (term s)",
    ]);
  });

  it("are told by their options where one form compares and another does not", () => {
    expect(relative(standardize({ scope: "run" }), fittedPolynomial({ relative: false }))).toEqual([]);
    expect(relative(fittedPolynomial({ relative: true }))).toEqual(["fitted-polynomial (term s)"]);
  });

  it("are all that do not say that they look at one response alone", () => {
    const own: Transform = { name: "own", version: 1, apply: (values) => [...values] };
    expect(relative(own)).toEqual(["own (term s)"]);
  });
});
