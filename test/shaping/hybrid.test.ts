import { describe, expect, it } from "vitest";
import { failed, scored } from "../../src/core/scorer.ts";
import { hybrid } from "../../src/shaping/hybrid.ts";
import { transformContract } from "../../src/testing/transform-contract.ts";
import { applyIn } from "./cases.ts";
import { expectValues } from "./expect-values.ts";

transformContract(hybrid({ rule: "quality" }));
transformContract(hybrid({ rule: "quality", confidence: 0.3, verifiable: false }));

describe("hybrid", () => {
  const transform = hybrid({ rule: "correct" });
  const columns = { correct: [1, 0, null] };

  it("takes the rule's verdict, and the model's score where the rule has nothing to say", () => {
    expect(applyIn(transform, [0.4, 0.9, 0.7], { columns })).toEqual([1, 0, 0.7]);
  });

  it("takes the model's score on a prompt that cannot be verified", () => {
    expect(applyIn(transform, [0.4, 0.9, 0.7], { columns, metadata: { verifiable: false } })).toEqual([
      0.4, 0.9, 0.7,
    ]);
    expect(applyIn(transform, [0.4, 0.9, 0.7], { columns, metadata: { verifiable: true } })).toEqual([
      1, 0, 0.7,
    ]);
  });

  it("goes by the option where the metadata do not say, and by another key when told", () => {
    const open = hybrid({ rule: "correct", verifiable: false, verifiableField: "checkable" });
    expect(applyIn(open, [0.4], { columns, metadata: { verifiable: true } })).toEqual([0.4]);
    expect(applyIn(open, [0.4], { columns, metadata: { checkable: true } })).toEqual([1]);
    expect(applyIn(open, [0.4], { columns, metadata: { checkable: null } })).toEqual([0.4]);
  });

  it("weighs both by the confidence, or by a part of the rule's score where it has it", () => {
    // 0.75 * 1 + 0.25 * 0.4; 0.75 * 0 + 0.25 * 0.9.
    const soft = hybrid({ rule: "correct", confidence: 0.75, confidencePart: "sure" });
    expectValues(applyIn(soft, [0.4, 0.9, 0.7], { columns }), [0.85, 0.225, 0.7]);
    const parts = { correct: [scored(1, { parts: { sure: 0.5 } }), scored(1, { parts: { sure: 0 } })] };
    expectValues(applyIn(soft, [0.4, 0.9], { columns: parts }), [0.7, 0.9]);
  });

  it("gives nothing where the rule failed: our trouble is no verdict, and no reason to ask another", () => {
    const broken = { correct: [failed("timeout", "too slow"), scored(1)] };
    expect(applyIn(transform, [0.4, 0.9], { columns: broken })).toEqual([null, 1]);
    expect(applyIn(transform, [0.4, 0.9], { columns: broken, metadata: { verifiable: false } })).toEqual([
      0.4, 0.9,
    ]);
  });

  it("keeps null where the model gave no score", () => {
    expect(applyIn(transform, [null], { columns })).toEqual([null]);
  });

  it("refuses a flag that is not true or false, and a confidence outside [0, 1]", () => {
    expect(() => applyIn(transform, [0.4], { columns, metadata: { verifiable: "yes" } })).toThrow(
      expect.objectContaining({ code: "bad_row", message: expect.stringContaining('"yes"') }),
    );
    const soft = hybrid({ rule: "correct", confidencePart: "sure" });
    const parts = { correct: [scored(1, { parts: { sure: 2 } })] };
    expect(() => applyIn(soft, [0.4], { columns: parts })).toThrow(
      expect.objectContaining({ code: "bad_option", message: expect.stringContaining("is 2") }),
    );
  });

  it('reads a score "rule" unless it is told another', () => {
    expect(hybrid().reads).toEqual([{ score: "rule", option: ["rule"] }]);
  });

  it("names the column that it reads, and says so when there is none", () => {
    expect(transform.reads).toEqual([{ score: "correct", option: ["rule"] }]);
    expect(() => applyIn(transform, [1], { columns: { other: [1] } })).toThrow(
      expect.objectContaining({ code: "unknown_name" }),
    );
  });

  it.each([
    { rule: "a", confidence: 2 },
    { rule: "a", verifiable: "yes" },
    { rule: "a", model: "b" },
  ])("refuses the options %j", (options) => {
    // @ts-expect-error: some of these are not even options
    expect(() => hybrid(options)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
