import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { pythonPattern } from "./python-pattern.ts";
import { SPACE, strip } from "./python-text.ts";

const KNOWN: ReadonlyMap<string, RegExp> = new Map([
  ["P.S.", new RegExp(`p\\.[${SPACE}]?s\\.`, "u")],
  ["P.P.S", new RegExp(`p\\.[${SPACE}]?p\\.[${SPACE}]?s`, "u")],
]);

/** The marker occurs, in any case, anywhere: "P. S." will do for "P.S.", "PS:" will not. */
export const postscript = defineCheck({
  id: "detectable_content:postscript",
  parameters: z.strictObject({ postscript_marker: text }),
  check: (response, { postscript_marker }) => {
    const marker = strip(postscript_marker);
    return (KNOWN.get(marker) ?? pythonPattern(marker.toLowerCase(), "")).test(response.toLowerCase());
  },
});
