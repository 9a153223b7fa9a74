import { z } from "zod";
import { guardFields } from "../../src/judging/guard.ts";

/** What a judge is shown of a conversation and a response. */
export interface ShownOptions {
  /** Longest conversation that is shown, in UTF-16 units, cut in its middle; default: no limit. */
  readonly maxChars?: number | undefined;
  /** Characters that no reader sees are taken out of what the judge is shown (default), or only counted. */
  readonly hidden?: "strip" | "flag";
  /** Text of the response that reads like a verdict: counted (default), a failure, or broken by a space. */
  readonly onVerdictLike?: "flag" | "fail" | "break";
}

/** The same for the `z.strictObject` of every judge. */
export const shownFields = {
  maxChars: z
    .int()
    .min(1)
    .optional()
    .describe("Longest conversation shown, in UTF-16 units; cut in its middle."),
  hidden: guardFields.hidden.describe("Hidden characters are taken out, or only counted."),
  onVerdictLike: guardFields.onVerdictLike.describe(
    "Text of a response that reads like a verdict: counted, a failure, or broken by a space.",
  ),
};
