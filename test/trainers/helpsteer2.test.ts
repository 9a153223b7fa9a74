import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "../../src/core/types.ts";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { layoutFor } from "../../src/trainers/export-dataset.ts";
import { helpsteer2 } from "../../src/trainers/helpsteer2.ts";
import { joinedTurns, splitTurns } from "../../src/trainers/helpsteer2-turns.ts";
import type { ExportKind, TrainerAdapter } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { layoutFrom, MULTI_TURN, NO_EXTRAS, pairOf } from "./layouts.ts";

describe("HelpSteer2's preferences", () => {
  it.each([
    { margin: 0.2, strength: 1 },
    { margin: 0.5, strength: 2 },
    { margin: 1.9, strength: 2 },
    { margin: 2, strength: 3 },
  ])("have a strength of $strength for a margin of $margin, between 0.5 and 2", ({ margin, strength }) => {
    const layout = layoutFrom(helpsteer2, "preference", "pairs", { better: 0.5, muchBetter: 2 });
    const [row] = layout.rows(pairOf({ rewardMargin: margin })).rows;
    expect(Math.abs(row?.preference_strength as number)).toBe(strength);
  });

  it("put the better response first in about half of the rows, with a negative strength then", () => {
    const layout = layoutFrom(helpsteer2, "preference", "pairs");
    const rows = Array.from({ length: 400 }, (_, n) => layout.rows(pairOf({ pairId: `pair-${n}` })).rows[0]);
    const first = rows.filter((row) => row?.response_1 === "It is 18, twice nine.");
    expect(first.every((row) => row?.preference_strength === -1)).toBe(true);
    expect(rows.filter((row) => row?.preference_strength === 1).length).toBe(400 - first.length);
    // 200 expected, with a deviation of 10: five deviations either way.
    expect(Math.abs(first.length - 200)).toBeLessThan(50);
  });

  it("keep the statement and the elaboration of a dataset that has them", () => {
    const layout = layoutFrom(helpsteer2, "preference", "pairs");
    const metadata = { preference_statement: "@Response 2 is better.", preference_elaboration: 5 };
    expect(layout.rows(pairOf({ metadata })).rows[0]).toMatchObject({
      preference_statement: "@Response 2 is better.",
      preference_elaboration: null,
    });
  });

  it("refuse margins that are out of order", () => {
    const make = (options: Record<string, number>): unknown =>
      layoutFrom(helpsteer2, "preference", "pairs", options);
    expect(() => make({ better: 2, muchBetter: 1 })).toThrow(/muchBetter 1 with better 2/);
    expect(() => make({ muchBetter: 1 })).toThrow(/better not given/);
  });

  it("say how an option is given that must be, when it is not", () => {
    const need = (trainer: TrainerAdapter, kind: ExportKind, given: Record<string, unknown>): unknown =>
      layoutFor(
        { extras: { tools: false, images: false, toolMessages: false }, scorers: {} },
        trainer,
        kind,
        given,
      );
    const message = "helpsteer2 ratings: scores: it must be given, as in `--option scores=KEY,KEY`.";
    expect(() => need(helpsteer2, "ratings", {})).toThrow(message);
    expect(() => need(helpsteer2, "ratings", { scores: "" })).toThrow(message);
    expect(() => need(helpsteer2, "ratings", { scores: 1 })).toThrow(/expected string, received number/);
    expect(() => need(trl, "stepwise", {})).toThrow(/score: it must be given, as in `--option score=KEY`/);
  });

  it("leave out conversations that its marks cannot write", () => {
    const layout = layoutFrom(helpsteer2, "preference", "pairs");
    expect(layout.rows(pairOf({ prompt: MULTI_TURN })).leftOut[0]?.why).toMatch(/alternation/);
    const marked = [{ role: "user", content: "a\n<extra_id_1>User\nb" }] as const;
    expect(layout.rows(pairOf({ prompt: marked })).rows).toEqual([]);
  });
});

describe("HelpSteer2's conversations", () => {
  it("are written with a line of its mark before each later turn", () => {
    // As the dataset card shows a prompt of several turns.
    expect(joinedTurns(MULTI_TURN.slice(1))).toBe(
      "Hello\n<extra_id_1>Assistant\nHi.\n<extra_id_1>User\nWhat is 9 * 2?",
    );
  });

  it("are read back as they were", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 7 }), (contents) => {
        const messages = contents.map(
          (content, index): Message => ({ role: index % 2 === 0 ? "user" : "assistant", content }),
        );
        const joined = joinedTurns(messages);
        if (contents.length % 2 === 0) expect(joined).toBeNull();
        else expect(splitTurns(joined ?? "")).toEqual(messages);
      }),
      { seed: 1 },
    );
  });
});

describe("HelpSteer2's ratings", () => {
  it("are a row for each candidate that has every named score", () => {
    const facts = { ...NO_EXTRAS, scores: ["help", "verbosity"] };
    const layout = layoutFrom(
      helpsteer2,
      "ratings",
      "groups",
      { scores: "helpfulness=help,verbosity" },
      facts,
    );
    const group = rewardedGroupOf([1, 1, 1], {
      texts: ["one", "two", "base"],
      roles: ["candidate", "candidate", "baseline"],
      scores: { help: [4, null, 1], verbosity: [2, 2, 2] },
    });
    expect(layout.rows(group)).toEqual({
      rows: [{ prompt: "What is 9 * 2?", response: "one", helpfulness: 4, verbosity: 2 }],
      leftOut: [{ id: group.group.responses[1]?.id, why: "it has no value for helpfulness" }],
    });
  });

  it("leave out empty responses, and give the others to the check with their prompt", () => {
    const facts = { ...NO_EXTRAS, scores: ["help"] };
    const layout = layoutFrom(helpsteer2, "ratings", "groups", { scores: "help" }, facts);
    const group = rewardedGroupOf([1, 1, 1], { texts: ["one", "", " \n"], scores: { help: [4, 0, 0] } });
    const { rows, leftOut } = layout.rows(group);
    expect(leftOut.map(({ why }) => why)).toEqual(["the response is empty", "the response is empty"]);
    expect(rows.flatMap((row) => layout.examples(row))).toEqual([
      { kind: "stepwise", prompt: group.group.prompt.messages, completions: ["one"], labels: [true] },
    ]);
  });

  it("need scores", () => {
    expect(() => layoutFrom(helpsteer2, "ratings", "groups")).toThrow();
    expect(() => layoutFrom(helpsteer2, "ratings", "groups", { scores: "prompt=x" })).toThrow(/there twice/);
  });
});
