import { isPrefkitError } from "../../src/core/errors.ts";

/** The code of the PrefkitError that `work` throws. */
export function errorCodeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isPrefkitError(error)) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}
