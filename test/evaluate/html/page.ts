/** One tag of a page: its name and the names of its attributes. */
export interface Tag {
  readonly name: string;
  readonly kind: "open" | "close";
  readonly attributes: Readonly<Record<string, string>>;
}

const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*="[^"<>]*")*)\s*(\/?)>/g;
const VOID = new Set(["meta"]);

/**
 * The tags of a page, read more strictly than a browser does: every "<" must begin a tag with quoted attributes, every tag
 * must be closed in order, and outside of tags there is no ">" and no quote that is not text.
 */
export function tagsOf(page: string): Tag[] {
  const body = page.replace(/^<!doctype html>\n/, "").replace(/<style>[^<]*<\/style>/, "");
  const rest = body.replace(TAG, "");
  const stray = /[<>]/.exec(rest);
  if (stray)
    throw new Error(`stray ${stray[0]} near ${rest.slice(Math.max(0, stray.index - 60), stray.index + 60)}`);
  const open: string[] = [];
  const tags: Tag[] = [];
  for (const [, slash, name = "", attributes = "", selfClosing] of body.matchAll(TAG)) {
    if (slash === "/") {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}>`);
      tags.push({ name, kind: "close", attributes: {} });
      continue;
    }
    if (selfClosing !== "/" && !VOID.has(name)) open.push(name);
    tags.push({
      name,
      kind: "open",
      attributes: Object.fromEntries(
        [...attributes.matchAll(/([a-zA-Z][a-zA-Z0-9-]*)="([^"]*)"/g)].map(([, key = "", value = ""]) => [
          key,
          value,
        ]),
      ),
    });
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(", ")}`);
  return tags;
}

/** The page without its texts and the values of its attributes. */
export function skeletonOf(page: string): string[] {
  return tagsOf(page).map(
    ({ name, kind, attributes }) =>
      `${kind === "close" ? "/" : ""}${name} ${Object.keys(attributes).join(" ")}`,
  );
}

/** What a reader sees, each tag as a space. */
export function textOf(page: string): string {
  return page
    .replace(/<style>[^<]*<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&#96;/g, "`")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ");
}
