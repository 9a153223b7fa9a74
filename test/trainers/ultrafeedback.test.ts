import { describe, expect, it } from "vitest";
import { rewardedGroupOf } from "../../src/testing/rewarded-group.ts";
import { ultrafeedback } from "../../src/trainers/ultrafeedback.ts";
import { layoutFrom, MULTI_TURN, NO_EXTRAS, pairOf } from "./layouts.ts";

const facts = { ...NO_EXTRAS, scores: ["help", "honesty"] };

describe("UltraFeedback's binarized layout", () => {
  it("repeats the whole conversation in chosen, rejected and messages, and asks by its last turn", () => {
    const { rows } = layoutFrom(ultrafeedback, "preference", "pairs").rows(pairOf({ prompt: MULTI_TURN }));
    const chosen = [...MULTI_TURN, { role: "assistant", content: "It is 18, twice nine." }];
    expect(rows).toEqual([
      {
        prompt: "What is 9 * 2?",
        prompt_id: "prompt-1",
        chosen,
        rejected: [...MULTI_TURN, { role: "assistant", content: "It is 26, I think." }],
        messages: chosen,
        score_chosen: 0.75,
        score_rejected: 0.25,
      },
    ]);
  });

  it("leaves out a prompt that ends with a tool's turn", () => {
    const prompt = [
      { role: "user", content: "Add." },
      { role: "tool", content: "42" },
    ] as const;
    const { leftOut } = layoutFrom(ultrafeedback, "preference", "pairs").rows(pairOf({ prompt }));
    expect(leftOut[0]?.why).toMatch(/last turn/);
  });
});

describe("UltraFeedback's original layout", () => {
  it("holds every candidate with its reward and the named scores as text, N/A where there is none", () => {
    const layout = layoutFrom(
      ultrafeedback,
      "ratings",
      "groups",
      { scores: "helpfulness=help,honesty" },
      facts,
    );
    const group = rewardedGroupOf([0.5, null, 9], {
      texts: ["one", "two", "base"],
      roles: ["candidate", "candidate", "baseline"],
      scores: { help: [4, null, 1], honesty: [5, 2.5, 1] },
    });
    const completion = { model: "", custom_system_prompt: "" };
    expect(layout.rows(group).rows).toEqual([
      {
        instruction: "What is 9 * 2?",
        models: ["", ""],
        completions: [
          {
            ...completion,
            response: "one",
            overall_score: 0.5,
            annotations: { helpfulness: { Rating: "4" }, honesty: { Rating: "5" } },
          },
          {
            ...completion,
            response: "two",
            overall_score: null,
            annotations: { helpfulness: { Rating: "N/A" }, honesty: { Rating: "2.5" } },
          },
        ],
      },
    ]);
  });

  it("puts a system turn where the original has one, and reads no scores unless some are named", () => {
    const layout = layoutFrom(ultrafeedback, "ratings", "groups");
    expect(layout.readsScores).toBe(false);
    const rewarded = rewardedGroupOf([1]);
    const messages = [MULTI_TURN[0], MULTI_TURN[3]];
    const prompt = { ...rewarded.group.prompt, messages };
    const [row] = layout.rows({ ...rewarded, group: { ...rewarded.group, prompt } }).rows;
    expect(row).toMatchObject({ completions: [{ custom_system_prompt: "Be brief." }] });
    expect(row && layout.examples(row)).toEqual([
      { kind: "stepwise", prompt: messages, completions: [expect.any(String)], labels: [true] },
    ]);
  });

  it("leaves out empty responses with the reason, and a prompt that has no others", () => {
    const layout = layoutFrom(ultrafeedback, "ratings", "groups");
    const mixed = layout.rows(rewardedGroupOf([1, 1, 1], { texts: ["one", "", " \n"] }));
    expect(mixed.rows).toMatchObject([{ models: [""], completions: [{ response: "one" }] }]);
    expect(mixed.leftOut.map(({ why }) => why)).toEqual(["the response is empty", "the response is empty"]);
    const none = layout.rows(rewardedGroupOf([1], { texts: [" "] }));
    expect(none).toMatchObject({ rows: [], leftOut: [{ why: "the response is empty" }] });
  });

  it.each(["help,help", "=help", "honesty=help,honesty"])("refuses scores=%s", (scores) => {
    expect(() => layoutFrom(ultrafeedback, "ratings", "groups", { scores }, facts)).toThrow(
      /empty or there twice/,
    );
  });
});
