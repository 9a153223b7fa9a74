import { PrefkitError } from "../core/errors.ts";

/** The section `scorers` that --scorer stands for: "a,./mine.mjs#b" -> { a: { use: "a" }, b: { use: "./mine.mjs#b" } }. */
export function namedScorers(text: string): Readonly<Record<string, { readonly use: string }>> {
  const names = text.split(",").map((name) => name.trim());
  const scorers = Object.fromEntries(names.map((use) => [keyOf(use), { use }]));
  if (!names.includes("") && Object.keys(scorers).length === names.length) return scorers;
  throw new PrefkitError(
    "bad_option",
    `--scorer got "${text}".`,
    "name each scorer once, separated by commas.",
  );
}

/** "./mine.mjs#brevity" -> "brevity"; a name of ours is its own key. */
function keyOf(use: string): string {
  const [path = "", name] = use.split("#", 2);
  return name ?? path.replace(/^.*\//, "").replace(/\.[cm]?[jt]s$/, "");
}
