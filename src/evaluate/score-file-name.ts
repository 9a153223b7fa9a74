import { basename } from "node:path";
import { sha256 } from "../core/ids.ts";

/** File systems allow 255 bytes; the ending and some room are left. */
const MAX_BYTES = 200;
const HASH = 12;

/**
 * The name of a scorer's file of scores, without its ending: the scorer's name percent-encoded, so that it is plain ASCII
 * and no path, whatever the name. One that would grow longer than 200 bytes is cut and told apart by a hash.
 *
 * Worked: "s p/2" -> "s%20p%2F2".
 */
export function scoreFileName(scorer: string): string {
  const encoded = encodedName(scorer);
  if (encoded.length <= MAX_BYTES) return encoded;
  // Not within an escape.
  const head = encoded.slice(0, MAX_BYTES - HASH - 1).replace(/%[0-9A-F]?$/, "");
  return `${head}~${sha256(scorer).slice(0, HASH)}`;
}

/** The scorer's name in a results file's: without folder and ending, and decoded where it is encoded as above. */
export function scorerOfFile(path: string): string {
  const name = basename(path).replace(/(\.[a-z]+)?(\.gz)?$/i, "");
  const decoded = decodedName(name);
  return decoded !== null && encodedName(decoded) === name ? decoded : name;
}

/** As encodeURIComponent, and what it leaves though a glob or a file system reads more into it. */
function encodedName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** null: not percent-encoded. */
function decodedName(name: string): string | null {
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
