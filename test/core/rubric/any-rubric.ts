import fc from "fast-check";
import type { Criterion, NullRule, Rubric } from "../../../src/core/rubric/rubric.ts";
import { rubricSchema } from "../../../src/core/rubric/schema.ts";

/** A rubric with the schema's defaults, from what a test is about. */
export function rubricOf(
  criteria: readonly (Partial<Criterion> | number)[],
  rules: Partial<Rubric> = {},
): Rubric {
  return rubricSchema.parse({
    name: "test",
    version: 1,
    ...rules,
    criteria: criteria.map((given, index) => ({
      id: `c${index + 1}`,
      text: `Criterion ${index + 1}.`,
      ...(typeof given === "number" ? { points: given } : given),
    })),
  });
}

const nullRule = fc.constantFrom<NullRule>("satisfied", "unsatisfied", "skip", "fail");
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((value) => /\S/.test(value));
const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,8}$/);
const scale = fc.constantFrom({ min: 1, max: 5 }, { min: 0, max: 10 }, { min: -2, max: 2 });
const CATEGORIES = { essential: 1, important: 0.7, optional: 0.3, pitfall: 0.8, none: 0 };

const criterion = fc.record(
  {
    id,
    text,
    // As a decimal of a few digits, or any double.
    points: fc.oneof(
      fc.constantFrom(5, 3, -2, 0, 0.5, -10),
      fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((value) => value + 0),
    ),
    negative: fc.boolean(),
    category: fc.constantFrom(...Object.keys(CATEGORIES)),
    weight: fc.constantFrom(0, 0.1, 1 / 3, 1, 7),
    scale: fc.option(
      fc.record(
        { range: scale, anchors: fc.dictionary(fc.constantFrom("1", "2"), text) },
        { requiredKeys: ["range"] },
      ),
      { nil: undefined },
    ),
    tags: fc.array(text, { maxLength: 2 }),
    depth: fc.nat(3),
    parentId: id,
    provenance: text,
  },
  { requiredKeys: ["id", "text", "points", "negative", "category", "weight", "tags"] },
);

/** Any rubric that the schema takes, with each of its rules. */
export function anyRubric(maxCriteria = 5): fc.Arbitrary<Rubric> {
  return fc
    .record(
      {
        name: id,
        version: fc.integer({ min: 1, max: 99 }),
        source: text,
        about: text,
        weighting: fc.constantFrom("uniform", "points", "category", "weights", "whitened-uniform"),
        denominator: fc.constantFrom("none", "weights", "positive-points"),
        ratings: fc.constantFrom("raw", "normalised"),
        notApplicable: nullRule,
        unread: nullRule,
        oneScale: fc.boolean(),
        criteria: fc.uniqueArray(criterion, {
          selector: ({ id: name }) => name,
          minLength: 1,
          maxLength: maxCriteria,
        }),
      },
      { requiredKeys: ["name", "version", "criteria", "oneScale"] },
    )
    .map(({ oneScale, ...rubric }) => ({
      ...rubric,
      categories: CATEGORIES,
      criteria: rubric.criteria.map(({ negative, scale: own, points, ...one }) => {
        const given = oneScale ? rubric.criteria[0]?.scale : own;
        return {
          ...one,
          points: points === 0 ? 0 : points,
          // What has points says by their sign whether meeting it is bad.
          ...(points === 0 && negative ? { polarity: "negative" } : {}),
          ...(given
            ? {
                scale: { ...given.range, ...(given.anchors === undefined ? {} : { anchors: given.anchors }) },
              }
            : {}),
        };
      }),
    }))
    .map((given) => rubricSchema.safeParse(given))
    .filter((result) => result.success)
    .map((result) => result.data as Rubric);
}
