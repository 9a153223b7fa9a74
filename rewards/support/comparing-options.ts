import { z } from "zod";
import { shownFields } from "./shown-options.ts";

/** Options of every judge that compares responses; spread into its `z.strictObject`. */
export const comparingFields = {
  judge: z.string().min(1).exactOptional().describe("The recipe's name of a chat model."),
  criteria: z.string().trim().min(1).exactOptional().describe("What to judge by, in words."),
  rubric: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Judge by a rubric\'s criteria: a ready one by name, or a file (a path starts with ".").'),
  useReference: z
    .enum(["auto", "never"])
    .default("auto")
    .describe("Show the judge the reference where there is one."),
  tries: z.int().min(1).max(10).default(3).describe("How often an answer that cannot be read is asked for."),
  ...shownFields,
};

/** For the schema's `refine`: whether at most one of the two is given. */
export const namesOneBasis = ({
  criteria,
  rubric,
}: {
  readonly criteria?: string;
  readonly rubric?: string;
}): boolean => criteria === undefined || rubric === undefined;

export const ONE_BASIS = {
  message: "criteria and rubric both say what to judge by: give one of them",
  path: ["criteria"],
};
