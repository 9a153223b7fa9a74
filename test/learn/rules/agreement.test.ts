import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CriterionVerdict } from "../../../src/core/rubric/rubric.ts";
import { ruleAgreement, setAccuracy, type VerdictPair } from "../../../src/learn/rules/agreement.ts";
import { ruleSetOf } from "../../../src/learn/rules/rule-set.ts";

const NA = "not_applicable";
const verdict = fc.constantFrom<CriterionVerdict>(0, 1, NA, null);

describe("ruleAgreement", () => {
  it("counts wins, losses and ties, and leaves out pairs without a verdict", () => {
    // By hand: two wins, one loss, one tie; agreement 2 / 3, coverage 3 / 4. Wilson's intervals at z = 1.96:
    // 2 of 3 [0.2077, 0.9385], 3 of 4 [0.3006, 0.9544].
    const pairs: VerdictPair[] = [
      [1, 0],
      [1, 0],
      [0, 1],
      [1, 1],
      [0, null],
    ];
    const found = ruleAgreement(pairs, "satisfied");
    expect(found).toMatchObject({
      judged: 4,
      wins: 2,
      losses: 1,
      unread: 1,
      agreement: 2 / 3,
      coverage: 3 / 4,
    });
    expect(found.agreementInterval?.map((end) => end.toFixed(4))).toEqual(["0.2077", "0.9385"]);
    expect(found.coverageInterval?.map((end) => end.toFixed(4))).toEqual(["0.3006", "0.9544"]);
  });

  it("is null, and never a half, where the rule tells nothing apart or nothing was judged", () => {
    const same: VerdictPair[] = [
      [1, 1],
      [0, 0],
    ];
    expect(ruleAgreement(same, "satisfied")).toMatchObject({
      agreement: null,
      agreementInterval: null,
      coverage: 0,
    });
    expect(ruleAgreement([[null, 1]], "satisfied")).toMatchObject({
      judged: 0,
      agreement: null,
      coverage: null,
    });
    expect(ruleAgreement([], "skip")).toMatchObject({ judged: 0, coverage: null, coverageInterval: null });
  });

  it("counts a rule that does not apply as followed, or lets it tell nothing", () => {
    const pairs: VerdictPair[] = [
      [NA, 0],
      [0, NA],
      [NA, NA],
      [1, NA],
    ];
    expect(ruleAgreement(pairs, "satisfied")).toMatchObject({ judged: 4, wins: 1, losses: 1 });
    expect(ruleAgreement(pairs, "skip")).toMatchObject({ judged: 4, wins: 0, losses: 0, agreement: null });
  });

  it("adds up, stays within its interval, and turns over when chosen and rejected do", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(verdict, verdict)),
        fc.constantFrom("satisfied" as const, "skip" as const),
        (pairs, rule) => {
          const found = ruleAgreement(pairs, rule);
          const turned = ruleAgreement(
            pairs.map(([chosen, rejected]) => [rejected, chosen] as const),
            rule,
          );
          expect(found.judged + found.unread).toBe(pairs.length);
          expect([turned.wins, turned.losses]).toEqual([found.losses, found.wins]);
          if (found.agreement !== null) {
            expect(found.agreement + (turned.agreement ?? Number.NaN)).toBeCloseTo(1, 12);
            const [low = 1, high = 0] = found.agreementInterval ?? [];
            expect(low).toBeLessThanOrEqual(found.agreement);
            expect(high).toBeGreaterThanOrEqual(found.agreement);
          }
        },
      ),
      { seed: 1 },
    );
  });
});

describe("setAccuracy", () => {
  const rules = ["A.", "B."].map((text) => ({ text, provenance: "test" }));

  it("compares the fractions of rules followed, with ties and what has no score apart", () => {
    const pairs = [
      { chosen: [1, 1], rejected: [1, 0] },
      { chosen: [0, 0], rejected: [NA, 0] },
      { chosen: [1, 0], rejected: [0, 1] },
      { chosen: [1, null], rejected: [0, 0] },
    ] as const;
    expect(setAccuracy(ruleSetOf("test", rules, "satisfied"), pairs)).toMatchObject({
      ...{ correct: 1, wrong: 1, ties: 1, unscored: 1, accuracy: 1 / 3 },
    });
    // Left out, a rule that does not apply leaves B alone: 0 against 0.
    expect(setAccuracy(ruleSetOf("test", rules, "skip"), pairs)).toMatchObject({
      correct: 1,
      wrong: 0,
      ties: 2,
    });
  });

  it("has no accuracy without pairs", () => {
    expect(setAccuracy(ruleSetOf("test", rules, "satisfied"), [])).toMatchObject({
      accuracy: null,
      interval: null,
    });
  });
});
