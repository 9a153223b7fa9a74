import { PrefkitError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/types.ts";

const SECRET = /(^|_)(token|key|apikey|auth|authorization|passwd)$|password|secret|credential/;

/** Names of a tokenizer's own tokens, which are no secret. */
const SPECIAL_TOKEN = /^(eos|bos|pad|unk|sep|cls|mask|image|video|audio)_token$/;

/**
 * Throws `bad_option` for a field that by its name, at any depth, is to hold a token, key or password, and for a URL with a
 * password: the settings are printed, and stand in config.json. true, false and null say only where to look and are taken.
 */
export function refuseSecrets(set: JsonObject): void {
  for (const [name, value] of Object.entries(set)) {
    const found = secretIn(name, value);
    if (found === null) continue;
    // The value is not shown.
    throw new PrefkitError(
      "bad_option",
      `--set got ${found}, which holds a token, key or password, and settings are written to config.json.`,
      "leave it out and give it in the environment, as HF_TOKEN for the Hugging Face hub.",
    );
  }
}

/** The dotted name of the first secret at or under `value`, or null. */
function secretIn(name: string, value: Json): string | null {
  if (value === null || typeof value === "boolean") return null;
  const last = (name.split(".").at(-1) ?? "").replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  const plain = last.replaceAll("-", "_");
  if (SECRET.test(plain) && !SPECIAL_TOKEN.test(plain)) return name;
  if (typeof value === "string") return hasPassword(value) ? name : null;
  if (typeof value === "number") return null;
  // What stands in a list has the list's own name.
  const parts = Array.isArray(value)
    ? value.map((part) => [name, part] as const)
    : Object.entries(value).map(([key, part]) => [`${name}.${key}`, part] as const);
  for (const [key, part] of parts) {
    const found = secretIn(key, part);
    if (found !== null) return found;
  }
  return null;
}

function hasPassword(text: string): boolean {
  if (!text.includes("://") || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== "" || password !== "";
}
