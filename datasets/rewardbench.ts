import { defineImporter } from "./define-importer.ts";
import { filledText, ratingOf, textIfAny, userTurn } from "./importer.ts";
import { preferencePair } from "./pairs-of-texts.ts";

/**
 * RewardBench: one prompt, the right and the wrong response, in subsets.
 *
 * Metadata of a response: `preferred` 1 and 0; of the prompt: `subset`. To measure a scorer by the benchmark's own rules use
 * `prefkit eval --preset rewardbench` on the published files; this is for re-scoring and re-pairing them.
 */
export const rewardbench = defineImporter({
  name: "rewardbench",
  title: "RewardBench",
  source: "https://huggingface.co/datasets/allenai/reward-bench",
  licence: "ODC-BY",
  checked: "features in the dataset card",
  columns: ["prompt", "chosen", "rejected", "subset"],
  ratings: ["preferred"],
  preference: true,
  read: (row) => ({
    messages: userTurn(filledText(row.prompt, "prompt")),
    responses: preferencePair(
      { text: filledText(row.chosen, "chosen"), model: textIfAny(row.chosen_model), metadata: {} },
      { text: filledText(row.rejected, "rejected"), model: textIfAny(row.rejected_model), metadata: {} },
    ),
    metadata: {
      subset: textIfAny(row.subset) ?? null,
      source_id: textIfAny(row.id) ?? ratingOf(row.id),
    },
  }),
});
