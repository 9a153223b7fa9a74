import { describe, expect, it } from "vitest";
import { rewardbench } from "../../src/trainers/rewardbench.ts";
import { layoutFrom, MULTI_TURN, pairOf } from "./layouts.ts";

describe("RewardBench's layout", () => {
  it("has its columns, with texts and the subset of the prompt's metadata", () => {
    const layout = layoutFrom(rewardbench, "preference", "pairs");
    expect(layout.rows(pairOf({ metadata: { subset: "math-prm" } })).rows).toEqual([
      {
        id: pairOf().pairId,
        prompt: "What is 9 * 2?",
        chosen: "It is 18, twice nine.",
        chosen_model: null,
        rejected: "It is 26, I think.",
        rejected_model: null,
        subset: "math-prm",
      },
    ]);
  });

  it("falls back to the named subset, and reads another field when told", () => {
    const layout = layoutFrom(rewardbench, "preference", "pairs", { subset: "mine", subsetField: "topic" });
    const subset = (metadata: Record<string, string | number>): unknown =>
      layout.rows(pairOf({ metadata })).rows[0]?.subset;
    expect(subset({})).toBe("mine");
    expect(subset({ topic: 3 })).toBe("mine");
    expect(subset({ topic: "sums", subset: "other" })).toBe("sums");
  });

  it("leaves out what one text cannot hold", () => {
    const layout = layoutFrom(rewardbench, "preference", "pairs");
    expect(layout.rows(pairOf({ prompt: MULTI_TURN })).leftOut[0]?.why).toMatch(/one user turn/);
    expect(layout.rows(pairOf({ images: [{ bytes: null, path: "a.png" }] })).leftOut[0]?.why).toMatch(
      /images/,
    );
  });
});
