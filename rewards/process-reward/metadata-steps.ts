import { describeJson, isJsonList, metadataAt } from "../../src/core/metadata.ts";
import { abstained, failed } from "../../src/core/scorer.ts";
import type { StepRange } from "../../src/core/steps.ts";
import { codePointOffsets } from "../../src/core/steps-offsets.ts";
import type { Abstained, Failed, Json, JsonObject, SampledResponse } from "../../src/core/types.ts";

export interface MetadataStepsOptions {
  readonly field: string;
  readonly stepsField: string | undefined;
  readonly split: (text: string) => readonly StepRange[];
}

export interface ValuedSteps {
  readonly steps: readonly StepRange[];
  readonly values: readonly number[];
}

/**
 * Step values that are already in a response's metadata, and the steps they belong to: those whose texts stand beside them,
 * found in order in the response, else those the response is split into. true is 1, false is 0.
 *
 * Abstains where a list or one of its values is absent or null. Fails: `not_a_list`, `not_a_number`, `steps_differ` when a
 * step's text is not in the response behind the one before.
 */
export function metadataSteps(
  { text, metadata }: SampledResponse,
  { field, stepsField, split }: MetadataStepsOptions,
): ValuedSteps | Abstained | Failed {
  const values = listAt(metadata, field);
  if ("kind" in values) return values;
  const numbers: number[] = [];
  for (const [index, value] of values.list.entries()) {
    const number = typeof value === "boolean" ? Number(value) : value;
    const which = `metadata "${field}", step ${index + 1},`;
    if (number === null) return abstained(`${which} is null`);
    if (typeof number !== "number") return failed("not_a_number", `${which} is ${describeJson(number)}`);
    numbers.push(number);
  }
  if (stepsField === undefined) return { steps: split(text), values: numbers };
  const texts = listAt(metadata, stepsField);
  if ("kind" in texts) return texts;
  const steps = located(text, texts.list, stepsField);
  return "kind" in steps ? steps : { steps, values: numbers };
}

/** Where the given texts stand in the response, in code points; white space around them does not count. */
function located(text: string, given: readonly Json[], field: string): readonly StepRange[] | Failed {
  const units: number[] = [];
  let from = 0;
  for (const [index, step] of given.entries()) {
    const which = `metadata "${field}", step ${index + 1},`;
    if (typeof step !== "string")
      return failed("steps_differ", `${which} is ${describeJson(step)}, not text`);
    const wanted = step.trim();
    const start = text.indexOf(wanted, from);
    if (wanted === "" || start < 0) {
      const why = wanted === "" ? "is blank" : "is not in the response behind the step before";
      return failed("steps_differ", `${which} ${why}`);
    }
    from = start + wanted.length;
    units.push(start, from);
  }
  const points = codePointOffsets(text, units);
  return given.map((_, index) => ({ start: points[2 * index] ?? 0, end: points[2 * index + 1] ?? 0 }));
}

function listAt(
  metadata: JsonObject,
  field: string,
): { readonly list: readonly Json[] } | Abstained | Failed {
  const found = metadataAt(metadata, field);
  if (found === undefined || found === null) {
    return abstained(`metadata "${field}" is ${found === null ? "null" : "absent"}`);
  }
  return isJsonList(found)
    ? { list: found }
    : failed("not_a_list", `metadata "${field}" is ${describeJson(found)}, not a list`);
}
