import { z } from "zod";
import { RECONCILE_RULES } from "../../src/judging/pairwise/reconcile.ts";
import { comparingFields, namesOneBasis, ONE_BASIS } from "../support/comparing-options.ts";

const planSchema = z
  .discriminatedUnion("use", [
    z.strictObject({ use: z.literal("all-pairs") }),
    z.strictObject({
      use: z.literal("round-robin"),
      opponents: z.int().min(2).max(1024).describe("How many others each response meets."),
    }),
    z.strictObject({ use: z.literal("baseline") }),
    z.strictObject({
      use: z.literal("swiss"),
      rounds: z.int().min(1).max(1024).exactOptional().describe("Default: ⌈log2 n⌉."),
    }),
  ])
  .default({ use: "all-pairs" });

export const optionsSchema = z
  .strictObject({
    ...comparingFields,
    orders: z
      .enum(["both", "random", "one"])
      .default("both")
      .describe("Each comparison in both orders, in one that a seeded coin decides, or as the group stands."),
    reconcile: z
      .enum(RECONCILE_RULES)
      .default("strict")
      .describe("How verdicts become a comparison's result."),
    onUnread: z
      .enum(["fail", "other-order"])
      .default("fail")
      .describe("When one of two orders cannot be read: no result, or the other order's."),
    samples: z.int().min(1).max(64).default(1).describe("Verdicts per order."),
    ties: z.boolean().default(true).describe("Whether the judge may say that neither is better."),
    plan: planSchema.describe("Which responses meet."),
    score: z
      .enum(["bradley-terry", "win-rate"])
      .default("bradley-terry")
      .describe("How comparisons become scores."),
    prior: z
      .number()
      .min(0.01)
      .max(100)
      .default(0.5)
      .describe("Bradley–Terry: wins added to either side of each pair compared."),
    output: z
      .enum(["text", "json"])
      .default("text")
      .describe("A verdict in marked text, or structured output of the server."),
    temperature: z
      .number()
      .min(0)
      .max(2)
      .nullable()
      .exactOptional()
      .describe("Default 0; with several samples 1. null sends none."),
    maxTokens: z.int().min(1).default(2048).describe("Most tokens of one reply."),
    canaries: z
      .strictObject({
        share: z.number().min(0).max(1).describe("Share of the prompts beside which a canary is judged."),
        seed: z.int().default(0).describe("Draws which prompts have one."),
      })
      .exactOptional()
      .describe("Pairs with a known answer, judged beside the prompts to watch the judge."),
  })
  .refine(({ samples, temperature }) => samples === 1 || temperature !== 0, {
    message: "samples at temperature 0 are all the same: leave temperature out, or ask for one sample",
    path: ["samples"],
  })
  .refine(namesOneBasis, ONE_BASIS);

export type Settings = z.output<typeof optionsSchema>;
export type PairwiseJudgeOptions = z.input<typeof optionsSchema>;

/** null: none is sent. */
export function temperatureOf({
  temperature,
  samples,
}: Pick<Settings, "samples" | "temperature">): number | null {
  if (temperature !== undefined) return temperature;
  return samples === 1 ? 0 : 1;
}
