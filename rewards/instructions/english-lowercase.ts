import { defineCheck } from "./instruction-check.ts";
import { detectLanguage, languageLibrary } from "./language.ts";
import { none } from "./parameters.ts";
import { isLower } from "./python-text.ts";

/** English, and no capital letter. */
export const englishLowercase = defineCheck({
  id: "change_case:english_lowercase",
  parameters: none,
  library: languageLibrary,
  check: (response) => isLower(response) && (detectLanguage(response) ?? "en") === "en",
});
