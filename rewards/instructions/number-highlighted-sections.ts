import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count } from "./parameters.ts";
import { isBlank } from "./python-text.ts";

/** At least so many non-blank parts in `*…*` or `**…**`, each on one line. */
export const numberHighlightedSections = defineCheck({
  id: "detectable_format:number_highlighted_sections",
  parameters: z.strictObject({ num_highlights: count }),
  check: (response, { num_highlights: wanted }) =>
    filled(response, /\*([^\n*]*)\*/gu) + filled(response, /\*\*([^\n*]*)\*\*/gu) >= wanted,
});

function filled(response: string, highlight: RegExp): number {
  return [...response.matchAll(highlight)].filter(([, inside = ""]) => !isBlank(inside)).length;
}
