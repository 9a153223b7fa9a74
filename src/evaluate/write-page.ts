import { dirname, join } from "node:path";
import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import { type Files, nodeFiles } from "../core/files.ts";
import { isReportPage } from "./html/index.ts";
import { REPORT } from "./write-report.ts";

/** Holds the whole of a page's head down to the line that names its maker. */
const HEAD = 1024;

/**
 * Refuses a path for the page that could not be written, or would replace something else than an earlier page; to be asked
 * before anything is paid. `out`: the report's directory, which is made when it is written; null: none.
 * Throws `bad_option`, and `io` where the disk cannot be looked at.
 */
export async function checkPage(path: string, out: string | null, files: Files = nodeFiles): Promise<void> {
  const refuse = (problem: string): PrefkitError =>
    new PrefkitError(
      "bad_option",
      `--html ${path} ${problem}.`,
      "name a new file, or an earlier page of prefkit eval.",
    );
  if (out !== null && (path === out || path === join(out, REPORT))) throw refuse("is where --out writes");
  const parent = dirname(path);
  if (parent !== out && (await unless("ENOTDIR", () => files.list(parent))) === null)
    throw refuse(`is in ${parent}, which is no directory`);
  if (!(await unless("ENOTDIR", () => files.exists(path)))) return;
  const head = await unless("EISDIR", () => headOf(path, files));
  if (head === null) throw refuse("is a directory");
  if (!isReportPage(head)) throw refuse("is a file that prefkit eval has not written");
}

async function headOf(path: string, files: Files): Promise<string> {
  const reader = await files.open(path);
  try {
    return new TextDecoder().decode(await reader.read(0, HEAD));
  } finally {
    await reader.close();
  }
}

/** null where the system says just this. */
async function unless<Value>(code: string, work: () => Promise<Value>): Promise<Value | null> {
  try {
    return await work();
  } catch (error) {
    const cause = isPrefkitError(error) ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === code) return null;
    throw error;
  }
}
