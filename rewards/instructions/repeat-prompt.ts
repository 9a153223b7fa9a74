import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { text } from "./parameters.ts";
import { strip } from "./python-text.ts";

/** The response starts with the request, in any case, blanks around either aside. */
export const repeatPrompt = defineCheck({
  id: "combination:repeat_prompt",
  parameters: z.strictObject({ prompt_to_repeat: text }),
  check: (response, { prompt_to_repeat: request }) =>
    strip(response).toLowerCase().startsWith(strip(request).toLowerCase()),
});
