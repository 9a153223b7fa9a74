import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count } from "./parameters.ts";
import { SPACE } from "./python-text.ts";

const DASH = new RegExp(`^[${SPACE}]*-`, "u");
const STAR = new RegExp(`^[${SPACE}]*\\*([^*]|$)`, "u");

/**
 * Exactly so many lines that start with `-`, or with one `*`; "- " and "-5" alike, `**bold**` not. As in the reference,
 * a bare `*` takes the next line for its own text, so that this one is not looked at for stars, and is no bullet at the
 * very end.
 */
export const numberBulletLists = defineCheck({
  id: "detectable_format:number_bullet_lists",
  parameters: z.strictObject({ num_bullets: count }),
  check: (response, { num_bullets: wanted }) => {
    const lines = response.split("\n");
    return countStars(lines) + lines.filter((line) => DASH.test(line)).length === wanted;
  },
});

function countStars(lines: readonly string[]): number {
  let found = 0;
  for (let index = 0; index < lines.length; index++) {
    const star = STAR.exec(lines[index] ?? "");
    if (star === null) continue;
    if (star[1] !== "") found++;
    else if (index + 1 < lines.length) {
      found++;
      index++;
    }
  }
  return found;
}
