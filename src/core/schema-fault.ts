import type { z } from "zod";
import { type ErrorCode, PrefkitError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { LineOf } from "./yaml-source.ts";

export type Fault = (path: readonly PropertyKey[], problem: string, fix: string) => PrefkitError;

/** Makes errors that name file, line and key. */
export function faultIn(code: ErrorCode, file: string, line: LineOf): Fault {
  return (path, problem, fix) => {
    const at = line(path);
    const key = formatPath(path);
    return new PrefkitError(code, key === "" ? problem : `${key}: ${problem}`, fix, {
      place: { file, ...(at === undefined ? {} : { line: at }) },
    });
  };
}

/** What was checked: the value as written, where it stands, the schema, and the page that says what may stand there. */
export interface Checked {
  readonly value: unknown;
  readonly schema: unknown;
  readonly docs: string;
  readonly prefix?: readonly PropertyKey[];
}

/**
 * The first fault that a schema found, as an error with place and fix. A custom issue says its fix in `params.fix`, and
 * its message is a sentence of its own.
 */
export function schemaFault(error: z.ZodError, fail: Fault, checked: Checked): PrefkitError {
  const { value, schema, docs, prefix = [] } = checked;
  // A mistyped key is also a missing one; the typo says more.
  const first = error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0];
  const issue = deepest(first as z.core.$ZodIssue);
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const guess = nearest(key, knownKeys(schema, issue.path));
    return fail(
      [...path, key],
      "unknown key.",
      guess === null ? `remove it; ${docs} lists every key.` : `did you mean "${guess}"?`,
    );
  }
  if (issue.code === "custom" && typeof issue.params?.fix === "string") {
    return fail(path, issue.message, issue.params.fix);
  }
  if (issue.code === "invalid_key") {
    // A key's own fault says what a key may be.
    const inner = issue.issues[0]?.message ?? issue.message;
    return fail(path, `the key ${describe(issue.path.at(-1))} cannot stand here.`, `${inner}.`);
  }
  const got = describe(valueAt(value, issue.path));
  return fail(path, `${issue.message}; got ${got}.`, `see ${docs} for what may stand here.`);
}

/** Keys a strict object would have taken, as far as zod tells; empty when it does not. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  let inner = schema;
  for (const step of path) inner = childOf(unwrap(inner), step);
  const shape = (unwrap(inner) as { shape?: object } | undefined)?.shape;
  return shape ? Object.keys(shape) : [];
}

type Definition = { readonly innerType?: unknown; readonly in?: unknown };

/** Without the wrappers of defaults and options, and of a pipe the end that reads. */
function unwrap(schema: unknown): unknown {
  let current = schema as { readonly def?: Definition } | undefined;
  for (;;) {
    const inner = current?.def?.innerType ?? current?.def?.in;
    if (!inner) return current;
    current = inner as typeof current;
  }
}

function childOf(schema: unknown, step: PropertyKey): unknown {
  const given =
    (schema as { shape?: Record<PropertyKey, unknown>; def?: Record<string, unknown> } | undefined) ?? {};
  return given.shape?.[step] ?? given.def?.element ?? given.def?.valueType;
}

/** Of a union's branches, the issue that went deepest says most about what was meant. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap((branch) => branch.map((found) => deepest(found)))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (!inner || inner.path.length === 0) return issue;
  return { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue;
}

/** What stands at a path of plain data; undefined when nothing does. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[step] : undefined,
    value,
  );
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // It holds itself, or a big integer.
    return Array.isArray(value) ? "a list" : `a ${typeof value}`;
  }
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );
}
