import { describe, expect, it } from "vitest";
import { nemoRl } from "../../src/trainers/nemo-rl.ts";
import {
  companion,
  layoutOf,
  lengthsOf,
  MULTI_TURN,
  pairOf,
  rowsOf,
  TOOLS,
  TRAIN_ONLY,
  TWO_FILES,
  WITH_TOOLS,
} from "./layouts.ts";

describe("NeMo-RL's preference layout", () => {
  const layout = layoutOf(nemoRl, "preference");

  it("gives the better completion rank 0", () => {
    expect(rowsOf(layout, pairOf({ prompt: MULTI_TURN })).rows).toEqual([
      {
        context: MULTI_TURN,
        completions: [
          { rank: 0, completion: [{ role: "assistant", content: "It is 18, twice nine." }] },
          { rank: 1, completion: [{ role: "assistant", content: "It is 26, I think." }] },
        ],
      },
    ]);
  });

  it("reads back by rank, not by place", () => {
    const pair = pairOf();
    const [row = {}] = rowsOf(layout, pair).rows;
    const turned = { ...row, completions: [...(row.completions as readonly unknown[])].reverse() };
    for (const one of [row, turned]) {
      expect(layout.examples(one)).toEqual([
        { kind: "preference", prompt: pair.prompt, chosen: pair.chosen, rejected: pair.rejected },
      ]);
    }
  });

  it.each([
    { what: "tool calls", pair: pairOf({ prompt: WITH_TOOLS }), why: /tool calls/ },
    { what: "tools", pair: pairOf({ tools: TOOLS }), why: /tools/ },
    { what: "images", pair: pairOf({ images: [{ bytes: null, path: "a.png" }] }), why: /images/ },
  ])("leaves out a pair with $what", ({ pair, why }) => {
    expect(rowsOf(layout, pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("takes a pair with a longer side out of the loss", () => {
    expect(layout.lengthRules[0]?.kept(lengthsOf(1000, 24, 3), 1024)).toEqual(lengthsOf(1000, 24, 3));
    expect(layout.lengthRules[0]?.kept(lengthsOf(1000, 3, 25), 1024)).toBeNull();
  });

  it("names a split of several files by a pattern, and turns validation off where there is none", () => {
    expect(companion(layout, TWO_FILES, "train_dpo.sh")).toContain(
      'data_path=$(hydra "$here/data/train-*-of-00002.parquet")"',
    );
    expect(companion(layout, TWO_FILES, "train_dpo.sh")).toContain(
      "data.validation.dataset_name=PreferenceDataset",
    );
    expect(companion(layout, TRAIN_ONLY, "train_dpo.sh")).toContain("data.validation=null dpo.val_period=0");
  });
});
