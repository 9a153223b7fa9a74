import { defineImporter } from "./define-importer.ts";
import { helpsteer2Messages } from "./helpsteer2-turns.ts";
import { filledText, requiredRating } from "./importer.ts";

const ATTRIBUTES = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"] as const;

/**
 * HelpSteer2's ratings: one response per row, the responses to a prompt one after the other, each attribute from 0 to 4.
 *
 * Metadata of a response: the five attributes. In `disagreements/` each is a list of the annotators' ratings; those rows are
 * left out.
 */
export const helpsteer2 = defineImporter({
  name: "helpsteer2",
  title: "HelpSteer2 (ratings)",
  source: "https://huggingface.co/datasets/nvidia/HelpSteer2",
  licence: "CC-BY-4.0",
  checked: "features, example and turn markers in the dataset card; rows as the hub serves them",
  columns: ["prompt", "response", ...ATTRIBUTES],
  ratings: ATTRIBUTES,
  preference: false,
  joinsNeighbours: true,
  read: (row) => ({
    messages: helpsteer2Messages(row.prompt),
    responses: [
      {
        text: filledText(row.response, "response"),
        metadata: Object.fromEntries(ATTRIBUTES.map((name) => [name, requiredRating(row[name], name)])),
      },
    ],
    metadata: {},
  }),
});
