import { defineImporter } from "./define-importer.ts";
import { ratingOf, textIfAny } from "./importer.ts";
import { conversation, preferencePair, splitConversations } from "./pairs-of-texts.ts";

/**
 * The pairs of distilabel's FormatTextGenerationDPO and FormatChatGenerationDPO: chosen and rejected are whole conversations.
 *
 * Metadata of a response: `rating`, `preferred` 1 and 0; null where both ratings are equal, since distilabel makes such pairs
 * too.
 */
export const distilabelDpo = defineImporter({
  name: "distilabel-dpo",
  title: "distilabel (pairs)",
  source: "https://distilabel.argilla.io",
  licence: "that of the dataset",
  checked: "files that distilabel 1.5.3's FormatTextGenerationDPO wrote; FormatChatGenerationDPO by its code",
  columns: ["chosen", "rejected", "chosen_rating", "rejected_rating"],
  ratings: ["rating", "preferred"],
  preference: true,
  read: (row, reading) => {
    const { messages, chosen, rejected } = splitConversations(
      conversation(row.chosen, "chosen"),
      conversation(row.rejected, "rejected"),
      reading,
    );
    const ratings = [ratingOf(row.chosen_rating), ratingOf(row.rejected_rating)] as const;
    return {
      messages,
      responses: preferencePair(
        { text: chosen, model: textIfAny(row.chosen_model), metadata: { rating: ratings[0] } },
        { text: rejected, model: textIfAny(row.rejected_model), metadata: { rating: ratings[1] } },
        ratings[0] === null || ratings[0] !== ratings[1],
      ),
      metadata: { source_id: textIfAny(row.prompt_id) ?? null },
    };
  },
});
