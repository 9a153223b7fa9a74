import { PrefkitError } from "../core/errors.ts";
import { suggestion } from "../core/nearest.ts";
import type { Score } from "../core/types.ts";
import type { TransformContext } from "./transform.ts";

/**
 * The raw scores, in response order, of another column that a transform looks at.
 * Throws `unknown_name` when there is none of that name: a misspelt column is not a missing score.
 */
export function columnOf(
  transform: string,
  name: string,
  { group, scores }: TransformContext,
): readonly Score[] {
  const column = scores.find((candidate) => candidate.name === name);
  if (column) return column.scores;
  throw new PrefkitError(
    "unknown_name",
    `${transform}: there is no score column "${name}".`,
    scores.length === 0
      ? "give the scores of the group."
      : suggestion(
          name,
          scores.map((candidate) => candidate.name),
        ),
    { place: { promptId: group.prompt.id } },
  );
}

/** The value of a scored cell, or one of its parts; null where there is none. */
export function valueIn(score: Score | undefined, part?: string): number | null {
  if (score?.kind !== "scored") return null;
  if (part === undefined) return score.value;
  const { parts = {} } = score;
  return Object.hasOwn(parts, part) ? (parts[part] ?? null) : null;
}

/**
 * Throws `bad_option` when a value that is there lies outside the range that a formula is made for: then the recipe
 * names a score of another scale.
 */
export function requireRange(
  what: string,
  value: number | null,
  [min, max]: readonly [number, number],
  { group }: TransformContext,
  fix: string,
): void {
  if (value === null || (value >= min && value <= max)) return;
  throw new PrefkitError("bad_option", `${what} is ${value}, outside [${min}, ${max}].`, fix, {
    place: { promptId: group.prompt.id },
  });
}
