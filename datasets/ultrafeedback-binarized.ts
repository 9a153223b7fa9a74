import { defineImporter } from "./define-importer.ts";
import { ratingOf, textIfAny } from "./importer.ts";
import { conversation, preferencePair, splitConversations } from "./pairs-of-texts.ts";

/**
 * UltraFeedback as the H4 team made pairs of it: chosen and rejected are whole conversations that share their first turns.
 *
 * Metadata of a response: `score` (UltraFeedback's overall score, 1 to 10), `preferred` (1 and 0). Where both scores are
 * equal the side was drawn by chance: `preferred` is null.
 */
export const ultrafeedbackBinarized = defineImporter({
  name: "ultrafeedback-binarized",
  title: "UltraFeedback Binarized",
  source: "https://huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized",
  licence: "MIT",
  checked: "features in the dataset card; a row as the hub serves it",
  columns: ["chosen", "rejected", "score_chosen", "score_rejected"],
  ratings: ["score", "preferred"],
  preference: true,
  read: (row, reading) => {
    const { messages, chosen, rejected } = splitConversations(
      conversation(row.chosen, "chosen"),
      conversation(row.rejected, "rejected"),
      reading,
    );
    const scores = [ratingOf(row.score_chosen), ratingOf(row.score_rejected)] as const;
    return {
      messages,
      responses: preferencePair(
        { text: chosen, metadata: { score: scores[0] } },
        { text: rejected, metadata: { score: scores[1] } },
        scores[0] === null || scores[0] !== scores[1],
      ),
      metadata: { source_id: textIfAny(row.prompt_id) ?? null },
    };
  },
});
