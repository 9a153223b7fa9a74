/** Levenshtein distance between two short names. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The candidate a mistyped name most likely meant; null when none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const given = name.slice(0, 60).toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(given, candidate.slice(0, 60).toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** "write one of a, b, c", with a guess first when one is near. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const guess = nearest(name, candidates);
  const list = candidates.join(", ");
  return guess === null ? `write one of: ${list}.` : `did you mean "${guess}"? Known: ${list}.`;
}
