import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";
import { strip } from "./python-text.ts";

/** The first and the last character are straight double quotes, and not one and the same. */
export const quotation = defineCheck({
  id: "startend:quotation",
  parameters: none,
  check: (response) => {
    const text = strip(response);
    return text.length > 1 && text.startsWith('"') && text.endsWith('"');
  },
});
