import { RowProblem } from "../src/store/input/row-problem.ts";
import type { Fields } from "../src/store/input/source.ts";
import { defineImporter } from "./define-importer.ts";
import { helpsteer2Messages } from "./helpsteer2-turns.ts";
import { filledText, requiredRating, textIfAny } from "./importer.ts";
import { preferencePair } from "./pairs-of-texts.ts";

/**
 * HelpSteer2-Preference: which of two responses people prefer, and how much, from −3 (the first, by far) to 3 (the second).
 *
 * The preferred response stands first. Metadata of a response: `strength`, |preference_strength| (1 to 3) for the preferred
 * one and 0 for the other, so that a difference of strengths is the published strength; `preferred` 1 and 0. At 0 nobody is
 * preferred: `preferred` is null and both strengths are 0. Strengths that are no whole number from −3 to 3 are left out.
 * `published_as`, 1 or 2: the statement in the prompt's metadata speaks of "@Response 1" and "@Response 2".
 */
export const helpsteer2Preference = defineImporter({
  name: "helpsteer2-preference",
  title: "HelpSteer2-Preference",
  source: "https://huggingface.co/datasets/nvidia/HelpSteer2 (preference/preference.jsonl.gz)",
  licence: "CC-BY-4.0",
  checked: "preference section of the dataset card; a row of preference.jsonl.gz",
  columns: ["prompt", "response_1", "response_2", "preference_strength"],
  ratings: ["strength", "preferred"],
  preference: true,
  read: (row) => {
    const strength = requiredRating(row.preference_strength, "preference_strength");
    if (!Number.isInteger(strength) || Math.abs(strength) > 3) {
      throw new RowProblem("is no whole number from -3 to 3.", "leave the row out.", "preference_strength");
    }
    const [first, second] = [sideOf(row, 1), sideOf(row, 2)];
    const [better, worse] = strength > 0 ? [second, first] : [first, second];
    return {
      messages: helpsteer2Messages(row.prompt),
      responses: preferencePair(
        { text: better.text, metadata: { strength: Math.abs(strength), published_as: better.place } },
        { text: worse.text, metadata: { strength: 0, published_as: worse.place } },
        strength !== 0,
      ),
      metadata: {
        split: textIfAny(row.split) ?? null,
        preference_statement: textIfAny(row.preference_statement) ?? null,
      },
    };
  },
});

function sideOf(row: Fields, place: 1 | 2) {
  const column = `response_${place}`;
  return { text: filledText(row[column], column), place };
}
