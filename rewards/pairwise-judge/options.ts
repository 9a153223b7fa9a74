import { z } from "zod";
import { guardFields } from "../../src/judging/guard.ts";
import { RECONCILE_RULES } from "../../src/judging/pairwise/reconcile.ts";

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
    judge: z.string().min(1).exactOptional().describe("The recipe's name of a chat model."),
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
    output: z
      .enum(["text", "json"])
      .default("text")
      .describe("A verdict in marked text, or structured output of the server."),
    tries: z
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe("How often an answer that cannot be read is asked for."),
    temperature: z.number().min(0).max(2).exactOptional().describe("Default 0; with several samples 1."),
    maxTokens: z.int().min(1).default(2048).describe("Most tokens of one reply."),
    maxChars: z
      .int()
      .min(1)
      .exactOptional()
      .describe("Longest conversation that is shown; the middle of a longer one is left out."),
    canaries: z
      .strictObject({
        share: z.number().min(0).max(1).describe("Share of the prompts beside which a canary is judged."),
        seed: z.int().default(0).describe("Draws which prompts have one."),
      })
      .exactOptional()
      .describe("Pairs with a known answer, judged beside the prompts to watch the judge."),
    hidden: guardFields.hidden.describe("Hidden characters are taken out, or only counted."),
    onVerdictLike: guardFields.onVerdictLike.describe(
      "What happens to a response that holds verdicts or orders to the judge.",
    ),
  })
  .refine(({ samples, temperature }) => samples === 1 || temperature !== 0, {
    message: "samples at temperature 0 are all the same: leave temperature out, or ask for one sample",
    path: ["samples"],
  })
  .refine(({ criteria, rubric }) => criteria === undefined || rubric === undefined, {
    message: "criteria and rubric both say what to judge by: give one of them",
    path: ["criteria"],
  });

export type Settings = z.output<typeof optionsSchema>;
export type PairwiseJudgeOptions = z.input<typeof optionsSchema>;

export function temperatureOf({ temperature, samples }: Pick<Settings, "samples" | "temperature">): number {
  return temperature ?? (samples === 1 ? 0 : 1);
}
