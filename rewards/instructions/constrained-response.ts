import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";

const ANSWERS = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

/** One of three fixed sentences stands somewhere in the response. */
export const constrainedResponse = defineCheck({
  id: "detectable_format:constrained_response",
  parameters: none,
  check: (response) => ANSWERS.some((answer) => response.includes(answer)),
});
