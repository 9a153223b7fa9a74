import { describe, expect, it } from "vitest";
import { rewardbench } from "../../src/trainers/rewardbench.ts";
import { layoutOf } from "./layout.ts";
import { pairOf, SEVERAL_TURNS } from "./pair-record.ts";

describe("RewardBench's layout", () => {
  it("has its columns, with texts and the subset of the prompt's metadata", () => {
    const layout = layoutOf(rewardbench, "preference", "pairs");
    expect(layout.rows(pairOf({ metadata: { subset: "math-prm" } })).rows).toEqual([
      {
        id: "pair-1",
        prompt: "What is 40 + 2?",
        chosen: "A: 42",
        chosen_model: null,
        rejected: "A: 41",
        rejected_model: null,
        subset: "math-prm",
      },
    ]);
  });

  it("falls back to the named subset, and reads another field when told", () => {
    const layout = layoutOf(rewardbench, "preference", "pairs", { subset: "mine", subsetField: "topic" });
    const subset = (metadata: Record<string, string | number>): unknown =>
      layout.rows(pairOf({ metadata })).rows[0]?.subset;
    expect(subset({})).toBe("mine");
    expect(subset({ topic: 3 })).toBe("mine");
    expect(subset({ topic: "sums", subset: "other" })).toBe("sums");
  });

  it("leaves out what one text cannot hold", () => {
    const layout = layoutOf(rewardbench, "preference", "pairs");
    expect(layout.rows(pairOf({ prompt: SEVERAL_TURNS })).leftOut[0]?.why).toMatch(/one user turn/);
    expect(layout.rows(pairOf({ images: [{ bytes: null, path: "a.png" }] })).leftOut[0]?.why).toMatch(
      /images/,
    );
  });
});
