import fc from "fast-check";
import type { JsonObject, ResponseRole, Score } from "../../src/core/types.ts";
import type { Transform } from "../../src/shaping/transform.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { scoreColumn } from "../../src/testing/rewarded-group.ts";
import { anyTransformCase, type TransformCase } from "../../src/testing/transform-contract.ts";

type Values = readonly (number | null)[];

export interface CaseOptions {
  readonly roles?: readonly ResponseRole[];
  readonly texts?: readonly string[];
  /** Null: not known. */
  readonly tokens?: Values;
  /** Values per score column; null is an abstained cell. */
  readonly columns?: Readonly<Record<string, Values | readonly Score[]>>;
  /** Of the prompt. */
  readonly metadata?: JsonObject;
  /** Of each response. */
  readonly responseMetadata?: readonly JsonObject[];
}

/** A transform's case with all that a transform may look at. */
export function caseOf(values: Values, options: CaseOptions = {}): TransformCase {
  const { roles = [], texts = [], tokens = [], columns = {}, metadata = {}, responseMetadata = [] } = options;
  const sketches = values.map((_, index) => {
    const tokenCount = tokens[index] ?? null;
    return {
      text: texts[index] ?? `answer ${index + 1}`,
      role: roles[index] ?? ("candidate" as const),
      metadata: responseMetadata[index] ?? {},
      ...(tokenCount === null ? {} : { tokenCount }),
    };
  });
  return {
    values,
    group: groupOf(sketches, { metadata }),
    scores: Object.entries(columns).map(([name, cells]) =>
      isValues(cells) ? scoreColumn(name, cells) : { name, scores: cells },
    ),
  };
}

export function applyIn(transform: Transform, values: Values, options: CaseOptions = {}): (number | null)[] {
  const { group, scores } = caseOf(values, options);
  return transform.apply(values, { group, scores });
}

/** What candidates get beside baselines of these values. */
export function besideBaselines(transform: Transform, values: Values, baselines: Values): (number | null)[] {
  const roles = [...values.map(() => "candidate" as const), ...baselines.map(() => "baseline" as const)];
  return applyIn(transform, [...values, ...baselines], { roles }).slice(0, values.length);
}

/** Any case, whose responses have token counts or not. */
export function anyCaseWithTokens(): fc.Arbitrary<TransformCase> {
  return fc
    .tuple(
      anyTransformCase(),
      fc.array(fc.option(fc.nat({ max: 2000 }), { freq: 4 }), { minLength: 8, maxLength: 8 }),
    )
    .map(([given, counts]) => ({
      ...given,
      group: {
        ...given.group,
        responses: given.group.responses.map((response, index) => {
          const tokenCount = counts[index] ?? null;
          return tokenCount === null ? response : { ...response, tokenCount };
        }),
      },
    }));
}

/** Any case, with the values of its score columns, and by choice its own, brought to [low, high]. */
export function anyCaseWithin(
  [low, high]: readonly [number, number],
  own = false,
): fc.Arbitrary<TransformCase> {
  const squeeze = (value: number): number => low + ((high - low) * (Math.abs(value) % 1000)) / 1000;
  return anyTransformCase().map((given) => ({
    ...given,
    values: own ? given.values.map((value) => (value === null ? null : squeeze(value))) : given.values,
    scores: given.scores.map(({ name, scores }) => ({
      name,
      scores: scores.map((score) =>
        score.kind === "scored" ? { ...score, value: squeeze(score.value) } : score,
      ),
    })),
  }));
}

function isValues(cells: Values | readonly Score[]): cells is Values {
  return cells.every((cell: number | null | Score) => cell === null || typeof cell === "number");
}
