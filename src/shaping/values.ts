/** One term's values within a group: one per response, null where the response has none. */
export type Values = readonly (number | null)[];

/** Applies a formula to the values that are there; a null stays null. */
export function mapScored(values: Values, formula: (value: number) => number): (number | null)[] {
  return values.map((value) => (value === null ? null : formula(value)));
}

/** The values that are there, in order. */
export function scoredValues(values: Values): number[] {
  return values.filter((value) => value !== null);
}
