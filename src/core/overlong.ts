/**
 * The soft overlong punishment of a response: 0 up to `maxTokens - rampTokens`, -1 from `maxTokens` on, linear between.
 *
 * Source: Yu et al. 2025, "DAPO", arXiv 2503.14476, eq. 13.
 * Worked: maxTokens 100, rampTokens 20, 90 tokens -> -(90 - 80) / 20 = -0.5.
 */
export function overlongPunishment(
  tokens: number,
  { maxTokens, rampTokens }: { readonly maxTokens: number; readonly rampTokens: number },
): number {
  const overshoot = tokens - (maxTokens - rampTokens);
  return overshoot <= 0 ? 0 : Math.max(-1, -overshoot / rampTokens);
}
