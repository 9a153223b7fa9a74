import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  abstained,
  checkScores,
  defineScorer,
  failed,
  groupLack,
  parseOptions,
  perGroup,
  perResponse,
  responseLack,
  scored,
} from "../../src/core/scorer.ts";
import type { Scorer } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";

const context = { signal: new AbortController().signal, seed: 0 };
const scorer: Scorer = { name: "probe", version: 1, range: [0, 1], score: () => [] };
const one = groupOf(["18"]);

/** What the contract makes of one returned score. */
function checked(returned: unknown): unknown {
  return checkScores(scorer, one, [returned])[0];
}

describe("checkScores", () => {
  it.each([
    { score: scored(0.5) },
    { score: scored(0) },
    { score: scored(1) },
    { score: scored(1, { why: "equal", raw: "yes", parts: { style: -3 }, spans: [] }) },
    { score: scored(1, { spans: [{ start: 0, end: 0, value: null, label: "step" }] }) },
    { score: scored(1, { spans: [{ start: 0, end: 2, value: -0.5, label: null }] }) },
    { score: abstained("nothing to say") },
    { score: failed("timeout", "too slow") },
  ])("leaves $score as it is", ({ score }) => {
    expect(checked(score)).toBe(score);
  });

  it.each([
    { score: scored(Number.NaN), code: "not_finite", why: "value is NaN" },
    { score: scored(Infinity), code: "not_finite", why: "value is Infinity" },
    { score: { kind: "scored", value: "0.5" }, code: "not_finite", why: 'value is "0.5"' },
    { score: { kind: "scored" }, code: "not_finite", why: "value is undefined" },
    { score: scored(1.0000001), code: "out_of_range", why: "value 1.0000001 is outside [0, 1]" },
    { score: scored(-0.1), code: "out_of_range", why: "value -0.1 is outside [0, 1]" },
    { score: scored(1, { parts: { style: Number.NaN } }), code: "not_finite", why: "part style is NaN" },
    {
      score: { kind: "scored", value: 1, parts: [1] },
      code: "not_a_score",
      why: "parts is a list, not numbers by name",
    },
    { score: { kind: "scored", value: 1, why: 5 }, code: "not_a_score", why: "why is 5, not text" },
    { score: { kind: "scored", value: 1, raw: {} }, code: "not_a_score", why: "raw is an object, not text" },
    { score: { kind: "scored", value: 1, spans: 5 }, code: "not_a_score", why: "spans is 5, not a list" },
    {
      score: { kind: "scored", value: 1, spans: [null] },
      code: "not_a_score",
      why: "a span reaches from undefined to undefined",
    },
    {
      score: scored(1, { spans: [{ start: 3, end: 2, value: null, label: null }] }),
      code: "not_a_score",
      why: "a span reaches from 3 to 2",
    },
    {
      score: scored(1, { spans: [{ start: 0, end: 1.5, value: null, label: null }] }),
      code: "not_a_score",
      why: "a span reaches from 0 to 1.5",
    },
    {
      score: scored(1, { spans: [{ start: 0, end: 1, value: Infinity, label: null }] }),
      code: "not_finite",
      why: "span 0–1 has value Infinity",
    },
    {
      score: { kind: "scored", value: 1, spans: [{ start: 0, end: 1, value: null, label: 7 }] },
      code: "not_a_score",
      why: "span 0–1 has label 7, not text",
    },
    {
      score: { kind: "scored", value: 1, spans: [{ start: 0, end: 1, value: null, label: null, note: "" }] },
      code: "not_a_score",
      why: "span 0–1 has a field note",
    },
    { score: 0.5, code: "not_a_score", why: "got 0.5" },
    { score: null, code: "not_a_score", why: "got null" },
    { score: undefined, code: "not_a_score", why: "got undefined" },
    { score: [1], code: "not_a_score", why: "got kind undefined" },
    { score: { kind: "perfect" }, code: "not_a_score", why: 'got kind "perfect"' },
    { score: { kind: "abstained" }, code: "not_a_score", why: "abstained without a why" },
    { score: { kind: "failed", code: "x" }, code: "not_a_score", why: "failed without a why" },
    { score: { kind: "failed", why: "x" }, code: "not_a_score", why: "failed without a code" },
  ])("makes $code of $score", ({ score, code, why }) => {
    expect(checked(score)).toEqual({ kind: "failed", code, why });
  });

  it("leaves out what a score has no field for, so that anything may stand there", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const notes = { big: 10n, circular };
    expect(checked({ ...scored(1, { why: "equal" }), ...notes })).toEqual(scored(1, { why: "equal" }));
    expect(checked({ ...abstained("no"), value: 0, ...notes })).toEqual(abstained("no"));
    expect(checked({ ...failed("x", "y"), ...notes })).toEqual(failed("x", "y"));
  });

  it("fails only the broken cell", () => {
    const two = groupOf(["18", "26"]);
    expect(checkScores(scorer, two, [scored(2), scored(1)]).map(({ kind }) => kind)).toEqual([
      "failed",
      "scored",
    ]);
  });

  it.each([
    { returned: [scored(1)], why: "probe returned 1 scores for 2 responses" },
    { returned: [scored(1), scored(1), scored(1)], why: "probe returned 3 scores for 2 responses" },
    { returned: undefined, why: "probe returned a undefined for 2 responses" },
    { returned: 0.5, why: "probe returned a number for 2 responses" },
  ])("fails every cell when $why", ({ returned, why }) => {
    const cell = { kind: "failed", code: "wrong_length", why };
    expect(checkScores(scorer, groupOf(["18", "26"]), returned)).toEqual([cell, cell]);
  });

  it("takes whatever a scorer returns without throwing, and gives a score per response", () => {
    const detail = fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, Number.NaN, Infinity));
    const thing = fc.oneof(
      fc.anything(),
      fc.record(
        {
          kind: fc.constantFrom("scored", "abstained", "failed", "odd"),
          value: detail,
          why: detail,
          code: detail,
          parts: detail,
          spans: detail,
        },
        { requiredKeys: ["kind"] },
      ),
    );
    fc.assert(
      fc.property(fc.array(thing, { maxLength: 3 }), (returned) => {
        const scores = checkScores(scorer, groupOf(["a", "b"]), returned);
        expect(scores).toHaveLength(2);
        for (const score of scores) {
          if (score.kind === "scored") expect(score.value >= 0 && score.value <= 1).toBe(true);
          else expect(typeof score.why).toBe("string");
        }
      }),
    );
  });

  it("takes an open range as it is meant", () => {
    const open: Scorer = { ...scorer, range: [-Infinity, Infinity] };
    expect(checkScores(open, one, [scored(-1e300)])).toEqual([scored(-1e300)]);
    expect(checkScores(open, one, [scored(-Infinity)])[0]?.kind).toBe("failed");
  });
});

describe("needs", () => {
  const bare = groupOf(["18", "26"]);

  it.each([
    { needs: { reference: true }, group: bare, lack: "prompt has no reference" },
    { needs: { reference: true }, group: groupOf(["18"], { reference: "" }), lack: null },
    { needs: { minResponses: 3 }, group: bare, lack: "group has 2 responses, needs 3" },
    { needs: { minResponses: 2 }, group: bare, lack: null },
    { needs: { sibling: true }, group: bare, lack: "group has no sibling" },
    { needs: { sibling: true }, group: groupOf(["18"], { sibling: bare }), lack: null },
    { needs: undefined, group: groupOf([]), lack: null },
  ] as const)("$needs of a group -> $lack", ({ needs, group, lack }) => {
    expect(groupLack(group, needs)).toBe(lack);
  });

  it.each([
    { needs: { tokenCounts: true }, sketch: {}, lack: "response has no tokenCount" },
    { needs: { tokenCounts: true }, sketch: { tokenCount: 0 }, lack: null },
    { needs: { logprobs: true }, sketch: {}, lack: "response has no sumLogprob" },
    { needs: { logprobs: true }, sketch: { sumLogprob: 0 }, lack: null },
    { needs: {}, sketch: {}, lack: null },
  ] as const)("$needs of a response -> $lack", ({ needs, sketch, lack }) => {
    const [response] = groupOf([{ text: "18", ...sketch }]).responses;
    expect(response && responseLack(response, needs)).toBe(lack);
  });
});

describe("perResponse", () => {
  const traits = { name: "length", version: 1, range: [0, 100], needs: { tokenCounts: true } } as const;

  it("judges each response and abstains where one lacks what is needed", () => {
    const judged = perResponse(traits, ({ tokenCount }) => scored(tokenCount ?? -1));
    const group = groupOf([{ text: "a", tokenCount: 3 }, "b", { text: "c", tokenCount: 5 }]);
    expect(judged.score(group, context)).toEqual([
      scored(3),
      abstained("response has no tokenCount"),
      scored(5),
    ]);
  });

  it("answers with a promise only when a judgement is one", async () => {
    const judged = perResponse({ ...traits, needs: {} }, ({ text }) =>
      text === "b" ? Promise.resolve(scored(2)) : scored(1),
    );
    expect(judged.score(groupOf(["a", "c"]), context)).toEqual([scored(1), scored(1)]);
    await expect(judged.score(groupOf(["a", "b"]), context)).resolves.toEqual([scored(1), scored(2)]);
  });

  it("abstains on a whole group that lacks what is needed, without asking the judge", () => {
    const judged = perResponse({ ...traits, needs: { reference: true } }, () => {
      throw new Error("must not be asked");
    });
    const lack = abstained("prompt has no reference");
    expect(judged.score(groupOf(["a", "b"]), context)).toEqual([lack, lack]);
  });
});

describe("perGroup", () => {
  it("abstains on groups that lack what is needed and hands all others to the judge", () => {
    const judged = perGroup(
      { name: "vote", version: 1, range: [0, 1], needs: { minResponses: 2 } },
      ({ responses }) => responses.map((_, index) => scored(index)),
    );
    expect(judged.score(groupOf(["a"]), context)).toEqual([abstained("group has 1 responses, needs 2")]);
    expect(judged.score(groupOf(["a", "b"]), context)).toEqual([scored(0), scored(1)]);
  });
});

describe("defineScorer", () => {
  const definition = defineScorer({
    name: "probe",
    version: 1,
    summary: "a probe",
    options: z.strictObject({ size: z.number().default(3) }),
    create: () => scorer,
  });

  it("takes a scorer for free, quick, and blind to order and seed unless it says otherwise", () => {
    const { cpuBound, cost, usesSeed, orderSensitive } = definition;
    expect({ cpuBound, cost, usesSeed, orderSensitive }).toEqual({
      cpuBound: false,
      cost: "free",
      usesSeed: false,
      orderSensitive: false,
    });
    expect(defineScorer({ ...definition, cost: "paid" }).cost).toBe("paid");
  });

  it("has options that are checked with their schema", () => {
    expect(parseOptions("probe", definition.options, {})).toEqual({ size: 3 });
    expect(() => parseOptions("probe", definition.options, { size: "3" })).toThrow(
      /^probe: size: .*expected number.*\.\nFix: see `prefkit list probe` for its options\. \[bad_option\]$/,
    );
    expect(() => parseOptions("probe", definition.options, null)).toThrow(/^probe: options: /);
  });
});
