import { describe, expect, it } from "vitest";
import { overallRepair } from "../../src/shaping/overall-repair.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { anyCaseWithin, applyIn } from "./cases.ts";

transformContract(overallRepair({ aspects: { quality: 1, safety: 3 }, suspect: 1 }), anyCaseWithin([1, 5]));

describe("overall-repair", () => {
  const transform = overallRepair({ aspects: { mean: 1 } });

  it("makes a 10 into 1 when the aspects are low, believes it when they are high, and else does not know", () => {
    const mean = [1.5, 4.5, 3, 1, null, 2, 4];
    expect(applyIn(transform, [10, 10, 10, 7, 10, 10, 10], { columns: { mean } })).toEqual([
      1,
      10,
      null,
      7,
      null,
      1,
      null,
    ]);
  });

  it("keeps null, and refuses what it cannot read", () => {
    expect(applyIn(transform, [null, 3], { columns: { mean: [1, null] } })).toEqual([null, 3]);
    expect(() => applyIn(transform, [1])).toThrow(expect.objectContaining({ code: "unknown_name" }));
    expect(() => overallRepair({ aspects: {} })).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
