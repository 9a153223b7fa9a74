import { z } from "zod";
import { defineCheck } from "./instruction-check.ts";
import { count } from "./parameters.ts";

/** Ours. One list of exactly so many lines "1. …", "2. …" (or "1)"), in order, and no other numbered line. */
export const prefkitNumberedList = defineCheck({
  id: "prefkit:numbered_list",
  parameters: z.strictObject({ num_items: count }),
  check: (response, { num_items: wanted }) => {
    const numbers = [...response.matchAll(/^[ \t]*(\d{1,9})[.)][ \t]+\S/gm)].map(([, number]) =>
      Number(number),
    );
    return numbers.length === wanted && numbers.every((number, index) => number === index + 1);
  },
});
