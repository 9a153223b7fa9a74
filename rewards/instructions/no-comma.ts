import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";

/** No "," anywhere, in numbers neither; other scripts' commas are allowed. */
export const noComma = defineCheck({
  id: "punctuation:no_comma",
  parameters: none,
  check: (response) => !response.includes(","),
});
