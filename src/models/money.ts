import type { Usage } from "./ports.ts";
import type { Price } from "./provider.ts";

/**
 * Money is counted in whole billionths of the currency, so that sums do not drift; 2^53 of them are nine million.
 * 1,000 prompt tokens and 200 output tokens at { in: 0.5, out: 1.5 } per million cost 0.0008, which is 800,000.
 */
export const UNITS = 1e9;

/** In units; never less for more tokens. */
export function costOf(price: Price, promptTokens: number, outputTokens: number): number {
  return Math.round((promptTokens * price.in + outputTokens * price.out) * (UNITS / 1e6));
}

/** What a finished call cost; null when the server did not count its tokens. */
export function costOfUsage(price: Price, { promptTokens, outputTokens }: Usage): number | null {
  return promptTokens === null || outputTokens === null ? null : costOf(price, promptTokens, outputTokens);
}
