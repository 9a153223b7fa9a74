import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";
import { isBlank, strip } from "./python-text.ts";

/** Exactly two different non-blank parts around `******`; blank is allowed only first and last. */
export const twoResponses = defineCheck({
  id: "combination:two_responses",
  parameters: none,
  check: (response) => {
    const parts = response.split("******");
    if (parts.slice(1, -1).some(isBlank)) return false;
    const [first, second, ...others] = parts.map(strip).filter((part) => part !== "");
    return first !== undefined && second !== undefined && others.length === 0 && first !== second;
  },
});
