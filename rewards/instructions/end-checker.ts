import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { strip, stripCharacter } from "./python-text.ts";

/** The response ends with the phrase, in any case; blanks and then double quotes around the response aside. */
export const endChecker = defineCheck({
  id: "startend:end_checker",
  parameters: z.strictObject({ end_phrase: text }),
  check: (response, { end_phrase: phrase }) =>
    stripCharacter(strip(response), '"').toLowerCase().endsWith(strip(phrase).toLowerCase()),
});
