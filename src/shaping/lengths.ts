import { z } from "zod";
import type { SampledResponse } from "../core/types.ts";

export const lengthUnitOption = z
  .enum(["tokens", "characters"])
  .default("tokens")
  .describe(
    "What length counts: the policy's tokens, which the input must give, or Unicode characters of the text.",
  );

/** Null when tokens are asked for and not known: characters are not tokens, so nothing is guessed. */
export function lengthOf(
  { text, tokenCount }: SampledResponse,
  unit: "tokens" | "characters",
): number | null {
  if (unit === "tokens") return tokenCount ?? null;
  return [...text].length;
}
