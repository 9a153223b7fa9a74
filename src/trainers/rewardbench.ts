import { z } from "zod";
import type { Json } from "../core/types.ts";
import { optional, required } from "../store/schema.ts";
import { defineLayout, extrasFault, noRow, oneRow, onlyText, singleTurnText } from "./layout-support.ts";
import type { PairLayout, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * RewardBench's layout of gold pairs: `id`, `prompt`, `chosen`, `chosen_model`, `rejected`, `rejected_model`, `subset`, all texts.
 *
 * Facts: the features of the allenai/reward-bench dataset card; its own `id` is a number, ours is the pair's id. The models are
 * null: the pairs of a dataset do not say which models answered. Shape-tested and loaded by `datasets`.
 */
export const rewardbench: TrainerAdapter = {
  name: "rewardbench",
  title: "RewardBench",
  layouts: {
    preference: defineLayout({
      summary: "gold pairs in RewardBench's columns, to measure other reward models on.",
      options: z.strictObject({
        subset: z.string().min(1).default("prefkit").describe("The subset of rows whose prompt names none."),
        subsetField: z
          .string()
          .min(1)
          .default("subset")
          .describe("The field of the prompts' metadata that names their subset."),
      }),
      create: ({ subset, subsetField }): PairLayout => ({
        from: "pairs",
        format: "parquet",
        rowSet: {
          name: "rewardbench-preference",
          version: 1,
          columns: [
            required("id", "string"),
            required("prompt", "string"),
            required("chosen", "string"),
            optional("chosen_model", "string"),
            required("rejected", "string"),
            optional("rejected_model", "string"),
            required("subset", "string"),
          ],
        },
        rows: (pair) => {
          const turn = singleTurnText(pair.prompt);
          if ("why" in turn) return noRow(pair.pairId, turn.why);
          const fault = extrasFault(pair);
          if (fault !== null) return noRow(pair.pairId, fault);
          return oneRow({
            id: pair.pairId,
            prompt: turn.text,
            chosen: onlyText(pair.chosen),
            chosen_model: null,
            rejected: onlyText(pair.rejected),
            rejected_model: null,
            subset: named(pair.metadata[subsetField]) ?? subset,
          });
        },
        examples: ({ prompt, chosen, rejected }) => [
          {
            kind: "preference",
            prompt: prompt as string,
            chosen: chosen as string,
            rejected: rejected as string,
          },
        ],
        lengthRules: [],
        companions: () => [],
      }),
    }),
  },
};

function named(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
