import { describe, expect, it } from "vitest";
import { axolotl } from "../../src/trainers/axolotl.ts";
import {
  companion,
  DEVELOPER,
  layoutOf,
  lengthsOf,
  MULTI_TURN,
  pairOf,
  QUESTION,
  rowsOf,
  TOOLS,
  TRAIN_ONLY,
  TWO_FILES,
  WITH_TOOLS,
} from "./layouts.ts";

describe("axolotl's preference layout", () => {
  const layout = layoutOf(axolotl, "preference");

  it("writes messages and one message for each side", () => {
    const pair = pairOf({ prompt: MULTI_TURN });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row).toEqual({
      messages: MULTI_TURN,
      chosen: { role: "assistant", content: "It is 18, twice nine." },
      rejected: { role: "assistant", content: "It is 26, I think." },
    });
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: MULTI_TURN, chosen: pair.chosen, rejected: pair.rejected },
    ]);
  });

  it.each([
    { what: "tool calls", pair: pairOf({ prompt: WITH_TOOLS }), why: /tool calls/ },
    { what: "tools", pair: pairOf({ tools: TOOLS }), why: /tools/ },
    { what: "images", pair: pairOf({ images: [{ bytes: null, path: "a.png" }] }), why: /images/ },
    { what: "a developer turn", pair: pairOf({ prompt: DEVELOPER }), why: /developer/ },
    { what: "an empty side", pair: pairOf({ sides: ["Good.", ""] }), why: /empty/ },
    { what: "white space at an edge", pair: pairOf({ sides: ["Good.\n", "Bad one."] }), why: /white space/ },
    {
      what: "a side that the template writes too",
      pair: pairOf({ sides: ["user", "Bad one."] }),
      why: /so short/,
    },
    { what: "a side of one letter", pair: pairOf({ sides: ["Good one.", "A"] }), why: /so short/ },
  ])("leaves out a pair with $what", ({ pair, why }) => {
    expect(rowsOf(layout, pair)).toEqual({
      rows: [],
      leftOut: [{ id: pair.pairId, why: expect.stringMatching(why) }],
    });
  });

  it("trims responses, or keeps them as they are, when it is told to", () => {
    const pair = pairOf({ sides: [" Good one.\n", "Bad one."] });
    const chosenBy = (edges: string) =>
      rowsOf(layoutOf(axolotl, "preference", { edges }), pair).rows[0]?.chosen;
    expect(chosenBy("trim")).toEqual({ role: "assistant", content: "Good one." });
    expect(chosenBy("keep")).toEqual({ role: "assistant", content: " Good one.\n" });
  });

  it("makes no pair of sides that differ in white space alone", () => {
    const pair = pairOf({ sides: ["Good one.", "Good one. "] });
    expect(rowsOf(layoutOf(axolotl, "preference", { edges: "trim" }), pair).leftOut[0]?.why).toMatch(/equal/);
  });

  it("drops a row with a longer side", () => {
    for (const rule of layout.lengthRules) {
      expect(rule.kept(lengthsOf(500, 12, 1), 512)).toEqual(lengthsOf(500, 12, 1));
      expect(rule.kept(lengthsOf(500, 1, 13), 512)).toBeNull();
    }
  });

  it("spells out SimPO's gamma, and turns off the supervised loss that axolotl adds by default", () => {
    const settings = companion(layout, TRAIN_ONLY, "simpo.yaml");
    expect(settings).toContain("rl: simpo");
    expect(settings).toContain("rl_beta: 2.0\nsimpo_gamma: 1.0\ncpo_alpha: 0.0");
    expect(settings).toContain("gamma_beta_ratio");
    expect(settings).not.toContain("warmup_ratio");
  });

  it("lists the files of each split", () => {
    const settings = companion(layout, TWO_FILES, "dpo.yaml");
    expect(settings.match(/- path: data\/train/g)).toHaveLength(2);
    expect(settings).toContain("test_datasets:\n  - path: data/test-00000-of-00001.parquet");
    expect(companion(layout, TRAIN_ONLY, "dpo.yaml")).toContain("val_set_size: 0.0");
  });
});

describe("axolotl's layout for ORPO", () => {
  const layout = layoutOf(axolotl, "preference", { method: "orpo" });

  it("writes whole conversations, the system turn as a column", () => {
    const pair = pairOf({ prompt: MULTI_TURN });
    const [row = {}] = rowsOf(layout, pair).rows;
    expect(row.system).toBe("Be brief.");
    expect(row.chosen).toEqual([...MULTI_TURN.slice(1), ...pair.chosen]);
    expect(layout.examples(row)).toEqual([
      { kind: "preference", prompt: MULTI_TURN, chosen: pair.chosen, rejected: pair.rejected },
    ]);
    expect(rowsOf(layout, pairOf()).rows[0]).toMatchObject({ system: null });
  });

  it.each([
    {
      what: "a tool turn",
      prompt: [QUESTION, { role: "assistant", content: "x" }, { role: "tool", content: "y" }],
    },
    { what: "two user turns in a row", prompt: [QUESTION, QUESTION] },
    { what: "an empty system turn", prompt: [{ role: "system", content: "" }, QUESTION] },
  ] as const)("leaves out a prompt with $what, which the strategy would read as another", ({ prompt }) => {
    expect(rowsOf(layout, pairOf({ prompt })).rows).toEqual([]);
  });
});

describe("axolotl's layout for KTO", () => {
  const layout = layoutOf(axolotl, "unpaired");

  it("writes the conversation with its response under completion", () => {
    const { rows } = rowsOf(layout, pairOf({ prompt: MULTI_TURN }));
    expect(rows).toEqual([
      { completion: [...MULTI_TURN, { role: "assistant", content: "It is 18, twice nine." }], label: true },
      { completion: [...MULTI_TURN, { role: "assistant", content: "It is 26, I think." }], label: false },
    ]);
    expect(layout.examples(rows[1] ?? {})).toMatchObject([
      { kind: "unpaired", prompt: MULTI_TURN, label: false },
    ]);
    expect(companion(layout, TRAIN_ONLY, "kto.yaml")).toContain("remove_unused_columns: false");
  });
});
