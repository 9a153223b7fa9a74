import { PrefkitError } from "../../core/errors.ts";
import { isFields } from "./row-problem.ts";
import type { Fields } from "./source.ts";

/** A dotted path, compiled once. */
export interface FieldPath {
  readonly path: string;
  /** The value; undefined when there is no such field, null when the field or one on the way to it is null. */
  read(record: Fields): unknown;
  /** Whether the path can lead into the top-level column. */
  startsAt(column: string): boolean;
}

/**
 * Compiles a path. `a.b` reads field b of field a, `a.0` the first element of a list, `a.*.b` the list of b over all
 * elements of a. A column named "a.b" itself is preferred. Throws `bad_recipe` for an empty path or an empty step.
 */
export function compilePath(path: string): FieldPath {
  const steps = path.split(".");
  if (steps.some((step) => step === "")) {
    throw new PrefkitError(
      "bad_recipe",
      `input.map has the path "${path}", which has an empty step.`,
      "write field names separated by single dots, as in small.solution.",
    );
  }
  const startsAt = (column: string) => column === path || column === steps[0];
  if (steps.length === 1) return { path, startsAt, read: (record) => own(record, path) };
  return {
    path,
    startsAt,
    read: (record) => (Object.hasOwn(record, path) ? record[path] : walk(record, steps, 0)),
  };
}

// Own fields only: "constructor" or "__proto__" must not find what every object inherits.
function own(record: Fields, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function walk(value: unknown, steps: readonly string[], from: number): unknown {
  let here = value;
  for (let index = from; index < steps.length; index++) {
    const step = steps[index] as string;
    if (here === null) return null;
    if (Array.isArray(here)) {
      if (step === "*") return everyElement(here, steps, index + 1);
      here = /^\d+$/.test(step) ? here[Number(step)] : undefined;
    } else {
      here = isFields(here) ? own(here, step) : undefined;
    }
    if (here === undefined) return undefined;
  }
  return here;
}

function everyElement(list: readonly unknown[], steps: readonly string[], from: number): unknown {
  const found = list.map((element) => walk(element, steps, from));
  return found.length > 0 && found.every((element) => element === undefined) ? undefined : found;
}
