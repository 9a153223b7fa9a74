import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { parseRubric } from "../core/rubric/load-rubric.ts";
import type { Rubric } from "../core/rubric/rubric.ts";
import { parseRubricLines } from "../core/rubric/rubric-lines.ts";
import { unreadable } from "../core/rubric/unreadable.ts";

/** A rubric, and the prompt it is for; null where a file holds a single one. */
export interface Named {
  readonly promptId: string | null;
  readonly rubric: Rubric | null;
}

/** The rubrics of a file: JSON Lines hold one per prompt, YAML holds one. Throws `bad_option` with file, line and key, also for a file that holds none; `io`. */
export async function rubricsIn(file: string, directory: string): Promise<readonly Named[]> {
  const path = resolve(directory, file);
  const text = await textOf(path);
  if (path.endsWith(".jsonl")) {
    const lines = parseRubricLines(text, file);
    if (lines.length > 0) return lines;
    const fix = "give a file with one line per prompt, as `prefkit rubric refine` writes it.";
    throw new PrefkitError("bad_option", `${file} holds no rubric.`, fix);
  }
  return [{ promptId: null, rubric: parseRubric(text, file) }];
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(path, cause);
    throw new PrefkitError("bad_option", `there is no file ${path}.`, "check the path.", { cause });
  }
}
