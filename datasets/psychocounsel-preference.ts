import type { JsonObject } from "../src/core/types.ts";
import type { Fields } from "../src/store/input/source.ts";
import { defineImporter } from "./define-importer.ts";
import { filledText, ratingOf, textIfAny, userTurn } from "./importer.ts";
import { preferencePair } from "./pairs-of-texts.ts";

const PRINCIPLES = [
  "empathy",
  "relevance",
  "clarity",
  "safety",
  "exploration",
  "autonomy",
  "staging",
] as const;

/**
 * PsychoCounsel-Preference: pairs of answers to what a client says, each rated from 1 to 5 on seven principles.
 *
 * Metadata of a response: `ratings` (the seven principles), `sum` (7 to 35; null when one is missing): pairs were made where
 * the sums differ by at least 7. `preferred` 1 and 0. A preferred answer may still have the lower rating on one principle,
 * safety among them.
 */
export const psychocounselPreference = defineImporter({
  name: "psychocounsel-preference",
  title: "PsychoCounsel-Preference",
  source: "https://huggingface.co/datasets/Psychotherapy-LLM/PsychoCounsel-Preference",
  licence: "CC-BY-NC-4.0",
  checked: "features in the dataset card",
  columns: ["question", "chosen", "rejected", ...PRINCIPLES.map((name) => `chosen_${name}_rating`)],
  ratings: ["ratings.*", "sum", "preferred"],
  preference: true,
  read: (row) => ({
    messages: userTurn(filledText(row.question, "question")),
    responses: preferencePair(side(row, "chosen"), side(row, "rejected")),
    metadata: { source_id: textIfAny(row.ID) ?? null, pref_id: ratingOf(row.prefID) },
  }),
});

function side(row: Fields, name: "chosen" | "rejected") {
  const ratings = PRINCIPLES.map((principle) => ratingOf(row[`${name}_${principle}_rating`]));
  const known = ratings.filter((rating) => rating !== null);
  const metadata: JsonObject = {
    ratings: Object.fromEntries(PRINCIPLES.map((principle, index) => [principle, ratings[index] ?? null])),
    sum: known.length === ratings.length ? known.reduce((sum, rating) => sum + rating, 0) : null,
  };
  return { text: filledText(row[name], name), model: textIfAny(row[`${name}_model`]), metadata };
}
