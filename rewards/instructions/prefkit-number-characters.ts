import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count, holds, relation } from "./parameters.ts";
import { strip } from "./python-text.ts";

/** Ours. How many characters there are, in Unicode code points, blanks around the response aside. */
export const prefkitNumberCharacters = defineCheck({
  id: "prefkit:number_characters",
  parameters: z.strictObject({ num_characters: count, relation }),
  check: (response, { num_characters: threshold, relation }) =>
    holds(strip(response).match(/./gsu)?.length ?? 0, relation, threshold),
});
