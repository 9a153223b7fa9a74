import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { detectLanguage, LANGUAGE_CODES, languageLibrary } from "./language.ts";

/** The response is in the language, by its ISO 639-1 code. A text without letters of any language follows. */
export const responseLanguage = defineCheck({
  id: "language:response_language",
  parameters: z.strictObject({ language: z.enum(LANGUAGE_CODES) }),
  library: languageLibrary,
  check: (response, { language }) => {
    const found = detectLanguage(response);
    return found === null || found === (language.startsWith("zh") ? "zh" : language);
  },
});
