import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { strip } from "./python-text.ts";

/** Ours. The response starts with the phrase, in any case, blanks before it aside. */
export const prefkitStartPhrase = defineCheck({
  id: "prefkit:start_phrase",
  parameters: z.strictObject({ start_phrase: text }),
  check: (response, { start_phrase: phrase }) =>
    strip(response).toLowerCase().startsWith(strip(phrase).toLowerCase()),
});
