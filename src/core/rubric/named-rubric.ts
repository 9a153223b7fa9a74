import { readFileSync } from "node:fs";
import { ioError, PrefkitError } from "../errors.ts";
import { suggestion } from "../nearest.ts";
import { isPath } from "../paths.ts";
import { parseRubric } from "./load-rubric.ts";
import type { Rubric } from "./rubric.ts";

/** An option that takes the name of a ready rubric or the path of a file. */
export interface RubricOption {
  /** As errors name it: `rubric-judge: rubric`. */
  readonly label: string;
  /** What it takes: "rubric", "rule set". */
  readonly what: string;
  /** The files of the ready ones, by name. */
  readonly ready: Readonly<Record<string, URL>>;
  /** A path that shows how one is written. */
  readonly samplePath: string;
}

/**
 * The rubric that an option names, read at once, since a scorer is made at once.
 *
 * Throws: `bad_option` for a name that is not ready, a file that does not exist, and what is no rubric (with file, line and key);
 * `io` for a file that cannot be read.
 */
export function namedRubric(given: string, option: RubricOption): Rubric {
  return parseRubric(readNamedFile(isPath(given) ? given : readyFile(given, option), given, option), given);
}

/** The text of a file; errors call it `given`. Throws `bad_option` for one that does not exist, `io` for one that cannot be read. */
export function readNamedFile(
  file: string | URL,
  given: string,
  { label }: Pick<RubricOption, "label">,
): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw ioError("read", given, cause);
    throw new PrefkitError("bad_option", `${label}: there is no file ${given}.`, "check the path.", {
      cause,
    });
  }
}

function readyFile(given: string, { label, what, ready, samplePath }: RubricOption): URL {
  // `toString` is no rubric.
  const file = Object.hasOwn(ready, given) ? ready[given] : undefined;
  if (file) return file;
  throw new PrefkitError(
    "bad_option",
    `${label}: there is no ready ${what} "${given}".`,
    `${suggestion(given, Object.keys(ready))} A file of your own is written \`${samplePath}\`.`,
  );
}
