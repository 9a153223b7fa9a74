import { describe, expect, it } from "vitest";
import { definition, rubricJudge } from "../../../rewards/rubric-judge.ts";
import type { ChatModel, ChatReply, ChatRequest } from "../../../src/models/ports.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { about, context, RATINGS, type RubricInput, score } from "./shared.ts";

describe("expected ratings of rubric-judge", () => {
  const rubric: RubricInput = { ...RATINGS, criteria: RATINGS.criteria.slice(0, 1) };
  const options = { rubric, expected: "logprobs" } as const;

  /** A reply that rates 4, or what else it is told to, with these probabilities at the rating. */
  const rated = (probabilities: Readonly<Record<string, number>>, wrote = "4"): Partial<ChatReply> => {
    const top = Object.entries(probabilities).map(([token, p]) => ({ token, logprob: Math.log(p) }));
    const sure = (token: string) => ({ token, logprob: 0, top: [] });
    const logprob = Math.log(probabilities[wrote] ?? 1);
    return {
      text: `Fine.\n[[${wrote}]]`,
      tokenLogprobs: [sure("Fine.\n[["), { token: wrote, logprob, top }, sure("]]")],
    };
  };
  /** By turns 4, 5 and nothing that can be read; never log-probs. */
  const sampler = (request: ChatRequest): string =>
    ["[[4]]", "[[5]]", "x", "[[4]]"][(request.sample ?? 0) % 4] ?? "";

  it("are means over the judge's probabilities", async () => {
    const judge = fakeChatModel({ reply: () => rated({ 1: 0.05, 2: 0.1, 3: 0.2, 4: 0.4, 5: 0.15 }) });
    const [one] = await score(options, judge);
    // 3.2 / 0.9, as in the reference vector.
    expect(one).toMatchObject({ kind: "scored", parts: { "depth.rating": 4, sampled: 0 } });
    expect(one?.kind === "scored" ? one.value : 0).toBeCloseTo(3.2 / 0.9, 12);
    expect(one?.kind === "scored" ? one.parts?.mass : 0).toBeCloseTo(0.9, 12);
    expect(judge.calls).toHaveLength(1);
    expect(judge.calls[0]).toMatchObject({ topLogprobs: 20 });
    expect(judge.calls[0]?.schema).toBeUndefined();
  });

  it.each([
    { note: "no log-probs", first: { text: "[[2]]" }, code: "no_logprobs" },
    { note: "little mass", first: rated({ 4: 0.3, Hm: 0.7 }), code: "low_mass" },
    { note: "no alternatives", first: rated({ 4: 0.6 }), code: "no_logprobs" },
    {
      note: "log-probs of another rating than the reply's",
      first: { ...rated({ 4: 0.5, 5: 0.5 }), text: "Fine.\n[[2]]" },
      code: "no_logprobs",
    },
  ])("come from samples where there are $note, or fail", async ({ first, code }) => {
    const judge = fakeChatModel({ reply: (request) => (request.topLogprobs ? first : sampler(request)) });
    const [one] = await score({ ...options, samples: 4 }, judge);
    // Reference vector: 4, 5, x, 4 -> 13/3, not (4 + 5 + 0 + 4) / 4.
    expect(one).toMatchObject({ kind: "scored", parts: { sampled: 1 } });
    expect(one?.kind === "scored" ? one.value : 0).toBeCloseTo(13 / 3, 12);
    expect(judge.calls).toHaveLength(5);
    expect(judge.calls.slice(1).map(({ sample }) => sample)).toEqual([0, 1, 2, 3]);
    expect(judge.calls[1]?.sampling).toMatchObject({ temperature: 1 });
    expect((await score({ ...options, fallback: "fail" }, judge))[0]).toMatchObject({ kind: "failed", code });
  });

  it.each(["bad_request", "unauthorized", "no_logprobs", "in_process"] as const)(
    "come from samples where the server refuses log-probs by %s",
    async (code) => {
      const able = fakeChatModel({ reply: sampler });
      const judge: ChatModel = {
        id: "no-logprobs",
        generate: (request, given) =>
          request.topLogprobs
            ? failingChatModel(able, { failAt: 1, code }).generate(request, given)
            : able.generate(request, given),
      };
      expect((await score({ ...options, samples: 4 }, judge))[0]).toMatchObject({ parts: { sampled: 1 } });
      expect((await score({ ...options, fallback: "fail" }, judge))[0]).toMatchObject({ code });
    },
  );

  it.each([
    { first: { text: "[[4]]" }, why: "depth: fake/judge: there are no log-probs with the rating" },
    {
      first: { ...rated({ 4: 0.5, 5: 0.5 }), text: "Fine.\n[[2]]" },
      why: "depth: fake/judge: the reply rates 2, and the tokens that have log-probs rate 4",
    },
    {
      first: rated({ 4: 0.3, Hm: 0.7 }),
      why: "depth: fake/judge: 30 % of the probability was found on ratings, less than 50 %",
    },
  ])("say why there are none: $why", async ({ first, why }) => {
    const judge = fakeChatModel({ id: "fake/judge", reply: () => first });
    expect((await score({ ...options, fallback: "fail" }, judge))[0]).toMatchObject({ kind: "failed", why });
  });

  it("fail when less than half of the samples can be read, or one of their calls fails", async () => {
    const mute = fakeChatModel({
      reply: ({ sample, topLogprobs }) => (topLogprobs || sample === 0 ? "[[4]]" : "x"),
    });
    expect((await score({ ...options, samples: 3 }, mute))[0]).toMatchObject({
      code: "unread_verdict",
      why: "depth: only 1 of 3 sampled ratings could be read",
    });
    const judge = failingChatModel(fakeChatModel({ reply: "[[4]]" }), { failAt: 3, code: "rate_limited" });
    expect((await score({ ...options, samples: 3 }, judge))[0]).toMatchObject({ code: "rate_limited" });
    expect(judge.callCount).toBe(4);
  });

  it("may not apply: when the reply says so, or more than half of the samples", async () => {
    const two = { ...options, rubric: RATINGS };
    const says = (mark: (sample: number) => string) =>
      fakeChatModel({
        reply: (request) =>
          about(request, "How deep") && !request.topLogprobs ? mark(request.sample ?? 0) : "[[4]]",
      });
    const [sampled] = await score(
      { ...two, samples: 3 },
      says((sample) => (sample < 2 ? "[[NA]]" : "[[1]]")),
    );
    expect(sampled).toMatchObject({ value: 4, why: "not applicable: depth" });
    const judge = fakeChatModel({
      reply: (request) => (about(request, "How deep") ? "[[NA]]" : rated({ 4: 1 })),
    });
    const [one] = await score(two, judge);
    expect(one).toMatchObject({ value: 4, why: "not applicable: depth", parts: { sampled: 0 } });
    expect(judge.calls).toHaveLength(2);
  });

  it("ask for as many likeliest tokens as the server takes", async () => {
    const judge = fakeChatModel({ reply: () => rated({ 4: 0.9, 5: 0.1 }) });
    const [one] = await score({ ...options, topLogprobs: 5 }, judge);
    expect(judge.calls.map(({ topLogprobs }) => topLogprobs)).toEqual([5]);
    expect(one).toMatchObject({ parts: { sampled: 0 } });
    expect(() => rubricJudge({ ...options, topLogprobs: 0 }, { judge })).toThrow(/\[bad_option\]/);
  });

  it.each([
    // 0.91 * 4 + 0.09 * 5 = 4.09 and 4.08: both write 4. 0.45 * 4 + 0.55 * 5 = 4.55 is written 5.
    {
      note: "both write 4",
      other: { 4: 0.92, 5: 0.08 },
      wrote: "4",
      mean: (4.09 + 4.08) / 2,
      disagreement: 0,
    },
    {
      note: "one writes 5",
      other: { 4: 0.45, 5: 0.55 },
      wrote: "5",
      mean: (4.09 + 4.55) / 2,
      disagreement: 1,
    },
  ])("of a panel differ by the ratings that judges write: $note -> $disagreement", async (row) => {
    const judge = fakeChatModel({ id: "first", reply: () => rated({ 4: 0.91, 5: 0.09 }) });
    const second = fakeChatModel({ id: "second", reply: () => rated(row.other, row.wrote) });
    const [one] = await score({ ...options, panel: "mean" }, { judge, judges: [second] });
    expect(one).toMatchObject({
      parts: { disagreement: row.disagreement, "depth.rating": (4 + Number(row.wrote)) / 2 },
    });
    expect(one?.kind === "scored" ? one.value : 0).toBeCloseTo(row.mean, 12);
  });

  it.each([
    // 4, 5, x, 4 -> 13/3, nearest to 4.
    { rating: "4", disagreement: 0 },
    { rating: "5", disagreement: 1 },
  ])("of a panel take a mean of samples for the nearest rating: 13/3 and $rating", async (row) => {
    const judge = fakeChatModel({
      id: "first",
      reply: (request) => (request.topLogprobs ? "[[4]]" : sampler(request)),
    });
    const second = fakeChatModel({ id: "second", reply: () => rated({ 4: 0.5, 5: 0.5 }, row.rating) });
    const [one] = await score({ ...options, panel: "mean", samples: 4 }, { judge, judges: [second] });
    expect(one).toMatchObject({ parts: { sampled: 1, disagreement: row.disagreement } });
    // Half of 4, half of 5: 4.5.
    expect(one?.kind === "scored" ? one.value : 0).toBeCloseTo((13 / 3 + 4.5) / 2, 12);
  });

  it("raise an alarm about a dataset in which some are means of samples", () => {
    const facts = (mean: number) => ({
      ...{ scored: 4, abstained: 0, failed: 0 },
      parts: { sampled: { count: 4, mean, byTenth: [] } },
    });
    expect(definition.alarms?.(facts(0))).toEqual([]);
    expect(definition.alarms?.({ scored: 4, abstained: 0, failed: 0 })).toEqual([]);
    expect(definition.alarms?.(facts(1.25))).toEqual([
      expect.stringContaining("no expectation for 1.3 verdicts of a response on average"),
    ]);
  });

  it("are drawn by the run's seed", async () => {
    const seeds = async (seed: number) => {
      const judge = fakeChatModel({ reply: "[[4]]" });
      await score({ ...options, samples: 2 }, judge, groupOf(["a"]), { ...context, seed });
      return judge.calls.map(({ sampling }) => sampling.seed);
    };
    expect(await seeds(1)).toEqual(await seeds(1));
    expect(await seeds(1)).not.toEqual(await seeds(2));
  });
});
