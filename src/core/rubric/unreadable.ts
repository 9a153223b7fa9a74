import { PrefkitError, reasonOf } from "../errors.ts";

/** For a path that is there and cannot be read, where no work was begun that could be gone on with. */
export function unreadable(path: string, cause: unknown): PrefkitError {
  return new PrefkitError(
    "io",
    `could not read ${path}: ${reasonOf(cause)}.`,
    "check that it is a file, and that you may read it.",
    { cause },
  );
}
