import { PrefkitError } from "../../src/core/errors.ts";
import { suggestion } from "../../src/core/nearest.ts";
import { loadRubric } from "../../src/core/rubric/load-rubric.ts";
import type { Rubric } from "../../src/core/rubric/rubric.ts";

const NAMES = [
  "code-review",
  "factuality",
  "harmlessness",
  "health-points",
  "helpfulness",
  "honesty",
  "instruction-following",
  "psychocounsel",
  "rubrics-as-rewards",
  "ultrafeedback",
  "writing-quality",
] as const;

export type ReadyRubricName = (typeof NAMES)[number];

/** The files of the rubrics that come with the package, by name. A new one is a file beside this and a line above. */
export const readyRubrics: Readonly<Record<ReadyRubricName, URL>> = Object.fromEntries(
  NAMES.map((name) => [name, new URL(`./${name}.yaml`, import.meta.url)]),
) as Record<ReadyRubricName, URL>;

/** Reads one of them. Throws `unknown_name` for a name that is not among them. */
export async function readyRubric(name: string): Promise<Rubric> {
  const found = NAMES.find((known) => known === name);
  if (found !== undefined) return loadRubric(readyRubrics[found]);
  throw new PrefkitError("unknown_name", `there is no ready rubric "${name}".`, suggestion(name, NAMES));
}
