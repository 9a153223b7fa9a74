import type { Message } from "../src/core/types.ts";
import { promptMessages } from "../src/store/input/messages.ts";
import { RowProblem } from "../src/store/input/row-problem.ts";
import type { RowReading } from "../src/store/input/row-values.ts";
import type { Fields } from "../src/store/input/source.ts";
import { defineImporter } from "./define-importer.ts";
import {
  filledText,
  type LeftOut,
  listOf,
  type ResponseDraft,
  ratingOf,
  textIfAny,
  userTurn,
} from "./importer.ts";

/**
 * What distilabel's pipelines write before pairs are made: `instruction` (or `messages`), `generations`, one rating each.
 *
 * Metadata of a response: `rating` (null where the judge gave none), `rationale` where there is one. Models are read from
 * `generation_models`, or from `model_names` as older recipes call the column.
 */
export const distilabel = defineImporter({
  name: "distilabel",
  title: "distilabel (generations and ratings)",
  source: "https://distilabel.argilla.io",
  licence: "that of the dataset",
  checked: "files that a distilabel 1.5.3 pipeline wrote (TextGeneration, GroupColumns, UltraFeedback)",
  columns: ["generations", "ratings"],
  ratings: ["rating"],
  preference: false,
  read: (row, reading) => {
    const generations = listOf(row.generations, "generations");
    const ratings = listOf(row.ratings, "ratings");
    if (ratings.length !== generations.length) {
      throw new RowProblem(
        `has ${ratings.length} entries for ${generations.length} generations.`,
        "correct the row.",
        "ratings",
      );
    }
    const leftOut: LeftOut[] = [];
    const responses = generations.flatMap((generation, index): ResponseDraft[] => {
      const text = textIfAny(generation);
      if (text === undefined) {
        leftOut.push({ why: `generation ${index} has no text.`, column: "generations" });
        return [];
      }
      const model = textIfAny(entry(row.generation_models, index) ?? entry(row.model_names, index));
      const rationale = textIfAny(entry(row.rationales, index));
      return [
        {
          text,
          ...(model !== undefined && { model }),
          metadata: { rating: ratingOf(ratings[index]), ...(rationale !== undefined && { rationale }) },
        },
      ];
    });
    return { messages: promptOf(row, reading), responses, metadata: {}, leftOut };
  },
});

function entry(list: unknown, index: number): unknown {
  return Array.isArray(list) ? (list as readonly unknown[])[index] : undefined;
}

function promptOf(row: Fields, reading: RowReading): readonly Message[] {
  if (Array.isArray(row.messages)) {
    return promptMessages(row.messages, "messages", { toolMessages: false, images: false }, reading);
  }
  const system = textIfAny(row.system_prompt);
  const turns = userTurn(filledText(row.instruction, "instruction"));
  return system === undefined ? turns : [{ role: "system", content: system }, ...turns];
}
