import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, text } from "./parameters.ts";
import { pythonPattern } from "./python-pattern.ts";
import { countMatches, SPACE, strip } from "./python-text.ts";

/** At least so many heads like "Section 1": the word as given, then a number. */
export const multipleSections = defineCheck({
  id: "detectable_format:multiple_sections",
  parameters: z.strictObject({ section_spliter: text, num_sections: count }),
  check: (response, { section_spliter, num_sections: wanted }) => {
    const around = (word: string) => `[${SPACE}]?${word}[${SPACE}]?\\p{Nd}+[${SPACE}]?`;
    return countMatches(response, pythonPattern(strip(section_spliter), "g", around)) >= wanted;
  },
});
