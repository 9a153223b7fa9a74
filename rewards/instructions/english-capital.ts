import { defineCheck } from "./instruction-check.ts";
import { detectLanguage, languageLibrary } from "./language.ts";
import { none } from "./parameters.ts";
import { isUpper } from "./python-text.ts";

/** English, and no small letter. */
export const englishCapital = defineCheck({
  id: "change_case:english_capital",
  parameters: none,
  library: languageLibrary,
  check: (response) => isUpper(response) && (detectLanguage(response) ?? "en") === "en",
});
