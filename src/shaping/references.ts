import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/types.ts";
import type { Transform, TransformContext } from "./transform.ts";
import { mapScored, type Values } from "./values.ts";

export const referenceFieldOption = z
  .string()
  .min(1)
  .exactOptional()
  .describe(
    "Metadata key of a list of reference rewards, in the response or else in the prompt; without it, the baselines' values.",
  );

/** The options of every transform that compares a value with reference responses. */
export const referenceOptions = {
  references: z
    .int()
    .positive()
    .default(10)
    .describe("How many references count at most; the published default is 10."),
  referenceField: referenceFieldOption,
};

/** The options of a curve that is taken of the distances to references, or of the values themselves. */
export const curveOptions = {
  relative: z
    .boolean()
    .default(true)
    .describe("Compare with reference responses; false takes the value as it is."),
  ...referenceOptions,
};

interface ReferenceOptions {
  readonly references: number;
  readonly referenceField?: string;
}

/**
 * What each response's value is compared with: the values that the group's baselines have in this very term, or, with
 * `referenceField`, a list of numbers in the metadata of the response, or else of the prompt.
 *
 * Order: a list keeps its own. Baselines stand in the order of their ids, so that shuffling a group changes nothing; an
 *        id is a hash, so which of them are the first M is fixed, and says nothing about them.
 * Null:  a baseline or list entry without a value is no reference. A response may have none: an empty list.
 * Throws: `bad_row` when the metadata hold something else than numbers and nulls under that key.
 */
export function referencesOf(
  transform: string,
  values: Values,
  { group }: TransformContext,
  field: string | undefined,
): readonly (readonly number[])[] {
  if (field !== undefined) {
    const place = { promptId: group.prompt.id };
    return group.responses.map(({ metadata }) =>
      numbersIn(transform, field, listIn(metadata, field) ?? listIn(group.prompt.metadata, field), place),
    );
  }
  const baselines = group.responses
    .map(({ id, role }, index) => ({ id, role, value: values[index] ?? null }))
    .filter(({ role }) => role === "baseline")
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap(({ value }) => (value === null ? [] : [value]));
  return group.responses.map(() => baselines);
}

/**
 * A transform that is the mean of one formula over the references:
 *
 *   y = (1 / M) * sum over the first M references of formula(x - reference)
 *
 * A response without any reference becomes null. A baseline is treated like any other response: its own value is among
 * its references, where the difference is 0.
 */
export function relativeTransform(
  name: string,
  { references, referenceField }: ReferenceOptions,
  formula: (difference: number) => number,
): Transform {
  return {
    name,
    version: 1,
    apply: (values, context) => {
      const lists = referencesOf(name, values, context, referenceField);
      return values.map((x, index) => {
        const list = (lists[index] ?? []).slice(0, references);
        return x === null || list.length === 0
          ? null
          : meanOf(list.map((reference) => formula(x - reference)));
      });
    },
  };
}

/** A formula taken of the distances to the references, or, not relative, of the values themselves. */
export function curve(
  name: string,
  { relative, ...references }: ReferenceOptions & { readonly relative: boolean },
  formula: (x: number) => number,
): Transform {
  if (relative) return relativeTransform(name, references, formula);
  return { name, version: 1, perResponse: true, apply: (values) => mapScored(values, formula) };
}

/** Of a list that is not empty. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function listIn(metadata: JsonObject, field: string): Json | undefined {
  return Object.hasOwn(metadata, field) ? (metadata[field] ?? undefined) : undefined;
}

function numbersIn(
  transform: string,
  field: string,
  list: Json | undefined,
  place: { readonly promptId: string },
): readonly number[] {
  if (list === undefined) return [];
  const entries: readonly Json[] | null = Array.isArray(list) ? list : null;
  if (entries?.every((entry) => entry === null || typeof entry === "number")) {
    return entries.filter((entry) => typeof entry === "number");
  }
  throw new PrefkitError(
    "bad_row",
    `${transform}: metadata "${field}" is not a list of numbers.`,
    "map a list of reference rewards there, or name another key as referenceField.",
    { place },
  );
}
