import { describe, expect, it } from "vitest";
import type { InstructionCheck } from "../../../rewards/instructions/instruction-check.ts";
import type { Prompt } from "../../../src/core/types.ts";

const prompt: Prompt = { id: "p", messages: [], reference: null, metadata: {} };

/** Whether one text follows, with the parameters read as the scorer reads them. */
export function follows<P>(check: InstructionCheck<P>, response: string, kwargs: object = {}): boolean {
  return check.check(response, check.parameters.parse(kwargs), prompt);
}

export type Row = readonly [response: string, kwargs: object, followed: boolean, note: string];

/** One test per row; both outcomes must be among them. */
export function describeCheck<P>(check: InstructionCheck<P>, rows: readonly Row[]): void {
  describe(check.id, () => {
    it.each(rows)("%j with %j is %s: %s", (response, kwargs, followed) => {
      expect(follows(check, response, kwargs)).toBe(followed);
    });

    it("is tried with texts that follow and texts that do not", () => {
      expect(new Set(rows.map(([, , followed]) => followed))).toEqual(new Set([true, false]));
    });
  });
}

/** The parameters are refused, and the problem is at the key. */
export function refuses<P>(check: InstructionCheck<P>, kwargs: object, key: string): void {
  it(`${check.id} refuses ${JSON.stringify(kwargs)}`, () => {
    const { error } = check.parameters.safeParse(kwargs);
    expect(
      error?.issues.map(({ path, ...issue }) => ("keys" in issue ? issue.keys : path).join(".")),
    ).toContain(key);
  });
}
