import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Group, Json, ScoreColumn } from "../core/types.ts";
import type { Transform, TransformContext } from "../shaping/transform.ts";
import { anyRewardedGroup, deepFreeze } from "./rewarded-group.ts";

/** What one call of a transform gets, without the run's numbers. */
export interface TransformCase {
  readonly values: readonly (number | null)[];
  readonly group: Group;
  readonly scores: readonly ScoreColumn[];
}

export interface TransformContractOptions {
  /** How many generated cases each law is tried on; default 50. */
  readonly numRuns?: number;
  /** The seed the cases are drawn by; default 1. */
  readonly seed?: number;
}

/** Any case: ties, missing values, baselines, a group without responses; values within ±1000. */
export function anyTransformCase(): fc.Arbitrary<TransformCase> {
  return anyRewardedGroup().map(({ group, columns, rewards }) => ({
    values: rewards,
    group,
    scores: columns,
  }));
}

/**
 * Registers the laws every transform keeps, as one vitest `describe`; cases are drawn with a fixed seed.
 *
 * Laws: one value per response; null stays null; values are finite or null; nothing it is given is written to; two
 * calls agree; permuted responses give permuted values; with `perResponse`, a response alone has the value it has in its group. For a per-run transform also: sums are JSON and survive being
 * written; joining two shards' sums gives the sums over both, within 1e-9; joining with the empty sums changes nothing.
 *
 * A per-run transform is applied with the statistics of a run that holds the case among others.
 */
export function transformContract(
  transform: Transform,
  cases: fc.Arbitrary<TransformCase> = anyTransformCase(),
  options: TransformContractOptions = {},
): void {
  const { numRuns = 50, seed = 1 } = options;
  const settings = { seed, numRuns };
  const apply = (given: TransformCase, others: readonly TransformCase[] = []): (number | null)[] =>
    transform.apply(given.values, contextOf(transform, given, others));

  describe(`${transform.name} keeps the transform contract`, () => {
    it("names itself and a version", () => {
      expect(transform.name).toMatch(/\S/);
      expect(Number.isInteger(transform.version)).toBe(true);
    });

    it("gives one value per response, finite or null, and keeps null where there was null", () => {
      fc.assert(
        fc.property(cases, fc.array(cases, { maxLength: 3 }), (given, others) => {
          const after = apply(given, others);
          expect(after).toHaveLength(given.values.length);
          for (const [index, value] of after.entries()) {
            if (given.values[index] === null) expect(value).toBeNull();
            if (value !== null) expect(value).toSatisfy(Number.isFinite);
          }
        }),
        settings,
      );
    });

    it("writes to nothing that it is given, and gives the same values when called again", () => {
      fc.assert(
        fc.property(cases, (given) => {
          const context = deepFreeze(contextOf(transform, structuredClone(given), []));
          const values = deepFreeze([...given.values]);
          const first = transform.apply(values, context);
          expect(transform.apply(values, context)).toEqual(first);
        }),
        settings,
      );
    });

    it("gives permuted values for permuted responses", () => {
      fc.assert(
        fc.property(withOrder(cases), ({ given, order }) => {
          const expected = apply(given);
          expectClose(apply(permuted(given, order)), reorder(expected, order));
        }),
        settings,
      );
    });

    if (transform.perResponse) {
      it("gives a response alone the value that it has in its group, as it says", () => {
        fc.assert(
          fc.property(cases, (given) => {
            const context = contextOf(transform, given, []);
            const alone = given.values.flatMap((_, index) => {
              const { values, group, scores } = permuted(given, [index]);
              return transform.apply(values, { ...context, group, scores });
            });
            expectClose(alone, apply(given));
          }),
          settings,
        );
      });
    }

    const { statistics } = transform;
    if (!statistics) return;
    const gather = (sums: Json, run: readonly TransformCase[]): Json =>
      run.reduce(
        (before, { values, group, scores }) => statistics.add(before, values, { group, scores }),
        sums,
      );
    const runs = fc.array(cases, { maxLength: 4 });

    it("gathers sums that survive being written as JSON, and writes to nothing while it does", () => {
      fc.assert(
        fc.property(runs, (run) => {
          const sums = gather(
            deepFreeze(structuredClone(statistics.empty)),
            deepFreeze(structuredClone(run)),
          );
          expectClose(JSON.parse(JSON.stringify(sums)), sums);
        }),
        settings,
      );
    });

    it("joins the sums of two shards to the sums over both", () => {
      fc.assert(
        fc.property(runs, runs, (first, second) => {
          const joined = statistics.join(gather(statistics.empty, first), gather(statistics.empty, second));
          expectClose(joined, gather(statistics.empty, [...first, ...second]));
        }),
        settings,
      );
    });

    it("leaves sums as they are when they are joined with the empty ones", () => {
      fc.assert(
        fc.property(runs, (run) => {
          const sums = gather(statistics.empty, run);
          expect(statistics.join(statistics.empty, sums)).toEqual(sums);
          expect(statistics.join(sums, statistics.empty)).toEqual(sums);
        }),
        settings,
      );
    });
  });
}

function contextOf(
  { statistics }: Transform,
  given: TransformCase,
  others: readonly TransformCase[],
): TransformContext {
  const { group, scores } = given;
  if (!statistics) return { group, scores };
  const run = [given, ...others].reduce(
    (sums: Json, each) => statistics.add(sums, each.values, { group: each.group, scores: each.scores }),
    statistics.empty,
  );
  return { group, scores, run };
}

interface Ordered {
  readonly given: TransformCase;
  readonly order: readonly number[];
}

function withOrder(cases: fc.Arbitrary<TransformCase>): fc.Arbitrary<Ordered> {
  return cases.chain((given) => {
    const places = given.values.map((_, index) => index);
    return fc.shuffledSubarray(places, { minLength: places.length }).map((order) => ({ given, order }));
  });
}

function permuted({ values, group, scores }: TransformCase, order: readonly number[]): TransformCase {
  return {
    values: reorder(values, order),
    group: { ...group, responses: reorder(group.responses, order) },
    scores: scores.map((column) => ({ ...column, scores: reorder(column.scores, order) })),
  };
}

function reorder<T>(items: readonly T[], order: readonly number[]): T[] {
  return order.flatMap((index) => items.slice(index, index + 1));
}

/** Equal JSON, numbers within 1e-9 of the larger one, or of 1. */
function expectClose(got: Json, expected: Json): void {
  expect(got, "same JSON within 1e-9").toSatisfy((value: Json) => close(value, expected));
}

function close(a: Json, b: Json): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [ofA, ofB] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    ofA.length === ofB.size &&
    ofA.every(([key, held]) => ofB.has(key) && close(held, ofB.get(key) ?? null))
  );
}
