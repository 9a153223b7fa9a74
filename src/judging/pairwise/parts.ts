/** Named numbers in a score of a pairwise judge, from which `orderBias` measures the judge over a dataset. */
export const PARTS = {
  wins: "wins",
  ties: "ties",
  losses: "losses",
  comparisons: "comparisons",
  unread: "unread",
  ambiguous: "ambiguous",
  firstWins: "first_wins",
  firstTies: "first_ties",
  firstLosses: "first_losses",
  low: "low",
  high: "high",
  canary: "canary",
} as const;

/**
 * The part that holds what the judge said of a response that stood first, against the response at `place` in the group: 1 won, 0
 * tied, −1 lost, the mean over samples.
 */
export function firstAgainst(place: number): string {
  return `as_first_vs_${place}`;
}
