import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { PrefkitError } from "../core/errors.ts";

/**
 * Whether an `authorization` header carries the token: as a bearer, or as the password of a URL (`http://any:TOKEN@host`),
 * for trainers that can only be given a URL. Takes as long for a wrong token as for the right one.
 */
export function carriesToken(header: string | undefined, token: string): boolean {
  if (header === undefined) return false;
  const [scheme = "", value = ""] = header.split(/ +/, 2);
  if (scheme.toLowerCase() === "bearer") return equalTexts(value, token);
  if (scheme.toLowerCase() !== "basic") return false;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  return equalTexts(decoded.slice(decoded.indexOf(":") + 1), token);
}

function equalTexts(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Whether only this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (plain === "localhost" || plain === "::1") return true;
  return isIP(plain) === 4 && plain.startsWith("127.");
}

/** Throws `missing_key` for a server that others can reach without a token, and `bad_option` for a token nobody can send. */
export function checkToken(host: string, token: string | null): void {
  if (token === null && !isLoopback(host)) {
    throw new PrefkitError(
      "missing_key",
      `--host ${host} lets other machines in, and PREFKIT_SERVE_TOKEN is not set.`,
      "set PREFKIT_SERVE_TOKEN to a secret of your own (for server and trainer alike), or leave --host out.",
    );
  }
  if (token !== null && !/^[\x21-\x7e]{8,}$/.test(token)) {
    throw new PrefkitError(
      "bad_option",
      "PREFKIT_SERVE_TOKEN is shorter than 8 characters, or has characters that a header cannot carry.",
      "use at least 8 letters and digits, as `openssl rand -hex 24` prints them.",
    );
  }
}
