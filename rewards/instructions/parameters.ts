import { z } from "zod";

/** A count or threshold. The reference draws one at random where it is 0 or absent; here 0 is 0, and absent is refused. */
export const count = z.int().min(0);

export const relation = z.enum(["less than", "at least"]);

export type Relation = z.infer<typeof relation>;

/** "less than" is <, "at least" is >=. */
export function holds(found: number, how: Relation, threshold: number): boolean {
  return how === "less than" ? found < threshold : found >= threshold;
}

/** A text with something in it. */
export const text = z.string().min(1);

/** For instructions that take no parameters. */
export const none = z.strictObject({});
