import { PrefkitError } from "../errors.ts";
import { faultIn, schemaFault } from "../schema-fault.ts";
import type { Rubric } from "./rubric.ts";
import { rubricSchema } from "./schema.ts";

/** One prompt's line of a file of rubrics. */
export interface PromptRubric {
  readonly promptId: string;
  /** null: this prompt has none. */
  readonly rubric: Rubric | null;
  /** From 1. */
  readonly line: number;
}

/**
 * Reads a file of rubrics by prompt: JSON Lines with at least `prompt_id` and `rubric`, as a refinement writes it.
 *
 * Throws `bad_option` with file, line and key for the first line that is none, and for a prompt that comes twice.
 */
export function parseRubricLines(text: string, file: string): PromptRubric[] {
  const found = new Map<string, PromptRubric>();
  for (const [index, line] of text.split("\n").entries()) {
    if (!/\S/.test(line)) continue;
    const one = parseLine(line, file, index + 1);
    const twin = found.get(one.promptId);
    if (twin) {
      throw new PrefkitError(
        "bad_option",
        `prompt ${one.promptId} has a rubric on line ${twin.line} already.`,
        "leave one of the two.",
        { place: { file, line: index + 1 } },
      );
    }
    found.set(one.promptId, one);
  }
  return [...found.values()];
}

function parseLine(text: string, file: string, line: number): PromptRubric {
  const fail = faultIn("bad_option", file, () => line);
  const value = fieldsOf(text);
  if (value === null) {
    throw fail(
      [],
      "this line is no JSON object.",
      "write one object per line, with `prompt_id` and `rubric`.",
    );
  }
  const { prompt_id: promptId, rubric } = value;
  if (typeof promptId !== "string" || promptId === "") {
    throw fail(["prompt_id"], "it is no text.", "write the id of the prompt that the rubric is for.");
  }
  if (rubric === null) return { promptId, rubric: null, line };
  if (rubric === undefined) throw fail(["rubric"], "it is missing.", "write the rubric, or null.");
  const result = rubricSchema.safeParse(rubric);
  if (!result.success) {
    const checked = { value: rubric, schema: rubricSchema, docs: "docs/rubrics.md", prefix: ["rubric"] };
    throw schemaFault(result.error, fail, checked);
  }
  return { promptId, rubric: result.data, line };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
