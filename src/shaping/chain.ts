import { PrefkitError } from "../core/errors.ts";
import type { ScoredGroup } from "../core/types.ts";
import type { RunNumbers, Term } from "./plan.ts";
import type { Transform, TransformContext } from "./transform.ts";
import type { Values } from "./values.ts";

/** Where a per-run transform's numbers stand in `RunNumbers`. */
export function runKey(termIndex: number, transformIndex: number): string {
  return `${termIndex}.${transformIndex}`;
}

/** One scorer's values in response order; null where a cell is abstained, failed or missing. */
export function valuesOf({ group, columns }: ScoredGroup, name: string): (number | null)[] {
  const column = columns.find((candidate) => candidate.name === name);
  return group.responses.map((_, index) => {
    const score = column?.scores[index];
    return score?.kind === "scored" ? score.value : null;
  });
}

/** The term's values after its first `count` transforms. */
export function transformed(
  term: Term,
  termIndex: number,
  count: number,
  scored: ScoredGroup,
  run: RunNumbers,
): Values {
  let values: Values = valuesOf(scored, term.score);
  for (const [index, transform] of term.transforms.slice(0, count).entries()) {
    const numbers = run[runKey(termIndex, index)];
    if (transform.statistics && numbers === undefined) {
      throw new PrefkitError(
        "need_unmet",
        `term "${term.score}": transform ${transform.name} works on the whole run, and the run's statistics are not given.`,
        "give the frozen statistics of a finished run (run.json keeps them).",
        { place: { promptId: scored.group.prompt.id } },
      );
    }
    const context = { ...contextOf(scored), ...(numbers === undefined ? {} : { run: numbers }) };
    values = checked(values, transform.apply(values, context), transform, term, scored);
  }
  return values;
}

/** What a transform sees beside the values. */
export function contextOf({ group, columns }: ScoredGroup): Omit<TransformContext, "run"> {
  return { group, scores: columns };
}

/** Holds a transform to its contract: same length, no number out of nothing, only finite numbers. */
function checked(
  before: Values,
  after: Values,
  transform: Transform,
  term: Term,
  scored: ScoredGroup,
): Values {
  const who = `term "${term.score}": transform ${transform.name}`;
  const options = { place: { promptId: scored.group.prompt.id } };
  if (after.length !== before.length) {
    throw new PrefkitError(
      "contract_broken",
      `${who} gave ${after.length} values for ${before.length} responses.`,
      "return one value per response; `transformContract` tests this.",
      options,
    );
  }
  for (const [index, value] of after.entries()) {
    if (value === null) continue;
    if (before[index] === null) {
      throw new PrefkitError(
        "contract_broken",
        `${who} gave ${value} for response ${index + 1}, which has no value.`,
        "keep null where there is null; `transformContract` tests this.",
        options,
      );
    }
    if (!Number.isFinite(value)) {
      throw new PrefkitError(
        "not_finite",
        `${who} gave ${value} for response ${index + 1}, which had ${before[index]}.`,
        "check the transform's options and the range of the score.",
        options,
      );
    }
  }
  return after;
}
