import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";
import { isBlank } from "./python-text.ts";

/** Some line holds a non-blank <<title>>. */
export const title = defineCheck({
  id: "detectable_format:title",
  parameters: none,
  check: (response) => response.split("\n").some(hasTitle),
});

/** From the first "<<" to the last ">>", with something between that is not only blanks and brackets of its ends. */
function hasTitle(line: string): boolean {
  const [start, end] = [line.indexOf("<<"), line.lastIndexOf(">>")];
  if (start < 0 || end < start + 3) return false;
  const inside = line.slice(start, end).replace(/^<+/, "");
  let last = inside.length;
  while (last > 0 && inside.charAt(last - 1) === ">") last--;
  return !isBlank(inside.slice(0, last));
}
