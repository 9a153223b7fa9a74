import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkScores } from "../core/scorer.ts";
import type { Group, Needs, Score, ScoreContext, Scorer } from "../core/types.ts";
import { anyGroup, groupOf, HOSTILE_TEXTS, type ResponseSketch } from "./arbitraries.ts";

export interface ScorerContractOptions {
  /** The scorer declares that the order of responses may change its scores; then that law is left out. */
  readonly orderSensitive?: boolean;
  /** How many generated groups each law is tried on; default 50. Lower it for slow scorers. */
  readonly numRuns?: number;
  /** The seed the generated groups are drawn by, and the run's seed; default 1. */
  readonly seed?: number;
}

/**
 * Registers the laws every scorer keeps, as one vitest `describe`. Call it at the top level of a test file or inside a
 * `describe`. Groups are drawn with a fixed seed, so that a run can be repeated.
 *
 * Laws: one score per response, in order; every value finite and inside the range; two calls give equal scores; blind
 * to the order of responses; the group is never written to; hostile texts are survived; a group that lacks what the
 * scorer needs is abstained on; a signal that is already aborted ends the call.
 *
 * `arbitraryGroup` should draw groups the scorer can say something about, beside those it cannot; default `anyGroup()`.
 */
export function scorerContract(
  scorer: Scorer,
  arbitraryGroup: fc.Arbitrary<Group> = anyGroup(),
  options: ScorerContractOptions = {},
): void {
  const { orderSensitive = false, numRuns = 50, seed = 1 } = options;
  const context: ScoreContext = { signal: new AbortController().signal, seed };

  const holds = (law: (group: Group) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(arbitraryGroup, law), { seed, numRuns });

  describe(`${scorer.name} keeps the scorer contract`, () => {
    it("names itself, a version and a range", () => {
      expect(scorer.name).toMatch(/\S/);
      expect(Number.isInteger(scorer.version)).toBe(true);
      expect(scorer.range[0]).toBeLessThanOrEqual(scorer.range[1]);
    });

    it("gives one score per response, each one finite and in range, or a reason", () =>
      holds(async (group) => {
        expectSound(scorer, group, await scorer.score(group, context));
      }));

    it("gives the same scores when called again", () =>
      holds(async (group) => {
        expect(await scorer.score(group, context)).toEqual(await scorer.score(group, context));
      }));

    it.skipIf(orderSensitive)("is blind to the order of the responses", () =>
      fc.assert(
        fc.asyncProperty(withPermutation(arbitraryGroup), async ({ group, order }) => {
          const scores = await scorer.score(group, context);
          const permuted = { ...group, responses: order.map((index) => at(group.responses, index)) };
          const expected = order.map((index) => at(scores, index));
          expectAlike(await scorer.score(permuted, context), expected);
        }),
        { seed, numRuns },
      ),
    );

    it("never writes to the group", () =>
      holds(async (group) => {
        expectSound(scorer, group, await scorer.score(deepFreeze(structuredClone(group)), context));
      }));

    it("survives hostile texts", async () => {
      const together = groupOf(HOSTILE_TEXTS.map(wellEquipped), { reference: "18" });
      expectSound(scorer, together, await scorer.score(together, context));
      for (const text of HOSTILE_TEXTS) {
        const alone = groupOf([text, text].map(wellEquipped), { prompt: `${text} ?`, reference: text });
        expectSound(scorer, alone, await scorer.score(alone, context));
      }
    });

    it("accepts a group without responses", async () => {
      expect(await scorer.score(groupOf([], { reference: "18" }), context)).toEqual([]);
    });

    it.each(lackingGroups(scorer.needs))("abstains, and does not guess, without $need", async ({ group }) => {
      const scores = await scorer.score(group, context);
      expect(scores.map(({ kind }) => kind)).toEqual(group.responses.map(() => "abstained"));
    });

    it("does not hang when the signal is already aborted", async () => {
      const group = groupOf(["A: 18", "A: 26"].map(wellEquipped), { reference: "18" });
      const aborted: ScoreContext = { ...context, signal: AbortSignal.abort() };
      // Giving up is fine, and so is finishing; only a broken answer is not.
      const [outcome] = await Promise.allSettled([(async () => scorer.score(group, aborted))()]);
      if (outcome.status === "fulfilled") expectSound(scorer, group, outcome.value);
    }, 5_000);
  });
}

/** The runner's own check finds nothing to correct. */
function expectSound(scorer: Scorer, group: Group, scores: readonly Score[]): void {
  expect(scores).toHaveLength(group.responses.length);
  expect(checkScores(scorer, group, scores)).toEqual(scores);
}

/** Same kinds and codes; numbers may differ in the last bits, since sums depend on the order they are taken in. */
function expectAlike(actual: readonly Score[], expected: readonly Score[]): void {
  expect(actual.map(skeleton)).toEqual(expected.map(skeleton));
  const [actualNumbers, expectedNumbers] = [actual.flatMap(numbersOf), expected.flatMap(numbersOf)];
  actualNumbers.forEach((number, index) => {
    const other = at(expectedNumbers, index);
    expect(Math.abs(number - other)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(other)));
  });
}

function skeleton(score: Score): unknown {
  if (score.kind === "scored") {
    return { kind: score.kind, parts: Object.keys(score.parts ?? {}), spans: score.spans?.length ?? 0 };
  }
  return score.kind === "failed" ? { kind: score.kind, code: score.code } : { kind: score.kind };
}

function numbersOf(score: Score): number[] {
  return score.kind === "scored" ? [score.value, ...Object.values(score.parts ?? {})] : [];
}

function withPermutation(arbitraryGroup: fc.Arbitrary<Group>) {
  return arbitraryGroup.chain((group) => {
    const order = group.responses.map((_, index) => index);
    return fc.record({
      group: fc.constant(group),
      order: fc.shuffledSubarray(order, { minLength: order.length, maxLength: order.length }),
    });
  });
}

/** A response that has everything a scorer may ask of one. */
function wellEquipped(text: string): Exclude<ResponseSketch, string> {
  return { text, tokenCount: 7, sumLogprob: -3.5 };
}

/** For each thing the scorer needs, a group that has everything but that. */
function lackingGroups(needs: Needs = {}): { need: string; group: Group }[] {
  const count = Math.max(2, needs.minResponses ?? 0);
  const sketches = Array.from({ length: count }, (_, index) => wellEquipped(`A: ${index}`));
  const sibling = groupOf(sketches, { prompt: "What is 2 * 9?", reference: "18" });
  const without = (field: "tokenCount" | "sumLogprob"): ResponseSketch[] =>
    sketches.map(({ [field]: _, ...rest }) => rest as ResponseSketch);
  const groups: { need: string; group: Group }[] = [];
  if (needs.reference) groups.push({ need: "a reference", group: groupOf(sketches, { sibling }) });
  if (needs.tokenCounts) {
    const group = groupOf(without("tokenCount"), { reference: "18", sibling });
    groups.push({ need: "token counts", group });
  }
  if (needs.logprobs) {
    const group = groupOf(without("sumLogprob"), { reference: "18", sibling });
    groups.push({ need: "log-probs", group });
  }
  if (needs.sibling) groups.push({ need: "a sibling", group: groupOf(sketches, { reference: "18" }) });
  if ((needs.minResponses ?? 0) > 1) {
    const group = groupOf(sketches.slice(1), { reference: "18", sibling });
    groups.push({ need: "enough responses", group });
  }
  return groups;
}

/** Typed arrays cannot be frozen; they are left as they are. */
function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const child of Object.values(value)) deepFreeze(child);
    Object.freeze(value);
  }
  return value;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} among ${items.length}`);
  return item;
}
