import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { pythonPattern } from "./python-pattern.ts";
import { BOUNDARY, WORD } from "./python-text.ts";

/** None of the words occurs, in any case. Unlike `keywords:existence` whole words only: "cat" is not in "Catalog". */
export const keywordsForbiddenWords = defineCheck({
  id: "keywords:forbidden_words",
  parameters: z.strictObject({ forbidden_words: z.array(text).min(1) }),
  check: (response, { forbidden_words: words }) =>
    !words.some((word) =>
      pythonPattern(word, "i", (pattern, isLiteral) =>
        isLiteral ? apart(pattern) : `${BOUNDARY}${pattern}${BOUNDARY}`,
      ).test(response),
    ),
});

/** No boundary of a word is beside a sign: "C++" stands alone where no letter or digit touches it. */
function apart(literal: string): string {
  return `(?<![${WORD}])${literal}(?![${WORD}])`;
}
