import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FormatTagsOptions, formatTags } from "../../rewards/format-tags.ts";
import type { Score } from "../../src/core/types.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

async function scoreOf(response: ResponseSketch, options?: FormatTagsOptions): Promise<Score | undefined> {
  return (await formatTags(options).score(groupOf([response]), context))[0];
}

const broken = (check: string) => ({ kind: "scored", value: 0, why: `${check}: this check failed` });

describe("format-tags", () => {
  const pieces = fc.constantFrom("<think>", "</think>", "<answer>", "</answer>", "18", " ", "\n", "<think");
  const almostRight = fc.array(pieces, { maxLength: 10 }).map((parts) => parts.join(""));
  scorerContract(formatTags(), anyGroup({ text: almostRight }));
  scorerContract(formatTags({ mode: "partial", textOutside: "anywhere" }), anyGroup({ text: almostRight }));

  it.each([
    "<think>9 * 2</think><answer>18</answer>",
    "  <think>\n9 * 2\n</think>\n\n<answer>18</answer>\n",
    "<think>a <b>bold</b> thought < 3</think><answer>18</answer>",
  ])("gives 1 to %j", async (text) => {
    expect(await scoreOf(text)).toEqual({ kind: "scored", value: 1 });
  });

  it.each([
    ["18", "think_opened_once"],
    ["<think>a</think>", "answer_opened_once"],
    ["<think>a<think>b</think><answer>c</answer>", "think_opened_once"],
    ["<think>a</think><answer>b</answer><answer>c</answer>", "answer_opened_once"],
    ["<think>a</think><answer>b", "answer_closed_once"],
    ["<think> \n</think><answer>b</answer>", "think_not_empty"],
    ["<answer>b</answer><think>a</think>", "in_order"],
    ["<think>a<answer>b</think></answer>", "in_order"],
    ["</think>a<think><answer>b</answer>", "think_not_empty"],
    ["<think>a</think> so <answer>b</answer>", "nothing_outside"],
    ["Sure! <think>a</think><answer>b</answer>", "nothing_outside"],
    ["<think>a</think><answer>b</answer> Done.", "nothing_outside"],
    ["<THINK>a</THINK><answer>b</answer>", "think_opened_once"],
  ])("gives 0 to %j and names %s", async (text, check) => {
    expect(await scoreOf(text)).toEqual(broken(check));
  });

  it("gives the share of checks that hold in partial mode, each in parts", async () => {
    // 8 checks: 3 per tag, the order, the outside. The missing </answer> breaks 4 of them.
    expect(await scoreOf("<think>a</think><answer>b", { mode: "partial" })).toEqual({
      kind: "scored",
      value: 0.5,
      why: "answer_closed_once: this check failed",
      parts: {
        think_opened_once: 1,
        think_closed_once: 1,
        think_not_empty: 1,
        answer_opened_once: 1,
        answer_closed_once: 0,
        answer_not_empty: 0,
        in_order: 0,
        nothing_outside: 0,
      },
    });
  });

  it("gives the same verdict in both modes", () =>
    fc.assert(
      fc.asyncProperty(almostRight, async (text) => {
        const [strict, partial] = [await scoreOf(text), await scoreOf(text, { mode: "partial" })];
        const value = (score: Score | undefined) => (score?.kind === "scored" ? score.value : Number.NaN);
        expect(value(strict)).toBe(value(partial) === 1 ? 1 : 0);
      }),
      { seed: 1, numRuns: 500 },
    ));

  // The two completions of the example in TRL's think_format_reward, with its verdicts.
  it.each([
    ["<think>\nThis is my reasoning.\n</think>\nThis is my answer.", 1],
    ["<think>\nThis is my reasoning.\nThis is my answer.", 0],
  ])("agrees with TRL's think_format_reward on %j", async (text, value) => {
    expect(await scoreOf(text, { tags: ["think"], textOutside: "after" })).toMatchObject({ value });
  });

  it.each([
    { text: "a <think>b</think>", textOutside: "nowhere", value: 0 },
    { text: "a <think>b</think>", textOutside: "after", value: 0 },
    { text: "a <think>b</think>", textOutside: "anywhere", value: 1 },
    { text: "<think>b</think> c", textOutside: "nowhere", value: 0 },
    { text: "<think>b</think> c", textOutside: "after", value: 1 },
  ] as const)(
    "scores $text as $value when text may stand $textOutside outside",
    async ({ text, textOutside, value }) => {
      expect(await scoreOf(text, { tags: ["think"], textOutside })).toMatchObject({ value });
    },
  );

  it("counts an opening tag that the chat template already wrote", async () => {
    expect(await scoreOf("a</think><answer>b</answer>", { prefilled: true })).toMatchObject({ value: 1 });
    expect(await scoreOf("<think>a</think><answer>b</answer>", { prefilled: true })).toMatchObject({
      value: 0,
    });
  });

  it("abstains when the thinking was kept apart, since its tags cannot be seen", async () => {
    const response = { text: "<answer>b</answer>", reasoning: "a" };
    expect(await scoreOf(response)).toEqual({
      kind: "abstained",
      why: "the response's reasoning is kept apart, so its <think> tags cannot be checked",
    });
    expect(await scoreOf(response, { tags: ["answer"] })).toEqual({ kind: "scored", value: 1 });
    expect(await scoreOf({ text: "<think>a</think>", reasoning: "a" })).toEqual(broken("answer_opened_once"));
  });

  it("stays quick on a megabyte of opening tags", async () => {
    expect(await scoreOf("<think>".repeat(150_000))).toEqual(broken("think_opened_once"));
  });

  it.each([[{ tags: [] }], [{ tags: ["think", "think"] }], [{ tags: ["<think>"] }], [{ tags: [""] }]])(
    "refuses the options %o",
    (options) => {
      expect(() => formatTags(options)).toThrowError(expect.objectContaining({ code: "bad_option" }));
    },
  );
});
