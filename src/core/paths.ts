import { isAbsolute } from "node:path";

/** Where an option takes a name or a file: what starts with "." or is absolute is a path, any other text a name. */
export function isPath(text: string): boolean {
  return text.startsWith(".") || isAbsolute(text);
}
