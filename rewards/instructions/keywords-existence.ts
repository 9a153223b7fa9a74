import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { pythonPattern } from "./python-pattern.ts";

/** Every keyword occurs. Keywords are regular expressions, in any case, and may stand inside words: "cat" in "Catalog". */
export const keywordsExistence = defineCheck({
  id: "keywords:existence",
  parameters: z.strictObject({ keywords: z.array(text).min(1) }),
  check: (response, { keywords }) => keywords.every((keyword) => pythonPattern(keyword, "i").test(response)),
});
