import { isPrefkitError } from "../../../src/core/errors.ts";
import { probeContainment } from "../../../src/core/sandbox/probe.ts";

function found(): boolean {
  try {
    probeContainment();
    return true;
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    process.stderr.write(`refused: ${error.message}\n`);
    return false;
  }
}

/** Whether programs can be contained on this machine; prints `refused` and why where they cannot. */
export const canContain: boolean = found();
