import { expect } from "vitest";

/** Same nulls, and the same numbers to so many decimals. */
export function expectValues(
  got: readonly (number | null)[],
  expected: readonly (number | null)[],
  decimals = 9,
): void {
  expect(got).toEqual(expected.map((value) => (value === null ? null : expect.closeTo(value, decimals))));
}
