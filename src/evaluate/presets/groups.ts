import { meanOf } from "../bootstrap.ts";
import { rocAuc } from "../correlation.ts";
import { type GoldItem, known, sampleOf, topShare } from "../gold.ts";
import { CHOSEN_REJECTED, flagsOf, type Layout } from "../layout.ts";
import { metric, type Preset } from "./preset.ts";

const layout: Layout = {
  prompt: "prompt",
  id: ["id", "prompt_id"],
  subset: ["subset", "domain"],
  // Where there is no list of flags, two lists say the same: the right ones and the wrong ones.
  responses: (columns) => (isFlagged(columns) ? ["responses"] : CHOSEN_REJECTED.responses(columns)),
  labels: (columns) => (isFlagged(columns) ? ["correct"] : []),
  read: (group, labels) =>
    "correct" in labels
      ? flagsOf(labels.correct, group.responses.length, "correct")
      : CHOSEN_REJECTED.read(group, labels),
};

function isFlagged(columns: ReadonlySet<string>): boolean {
  return columns.has("responses") || !columns.has("chosen");
}

/** Gold groups: rows {prompt, responses, correct}. */
export const groups: Preset = {
  name: "groups",
  protocol:
    "Rows {prompt, responses, correct: [true, false, …]}. An item earns the share of right responses among those with the highest score. Prompts whose responses are all right, or all wrong, are apart.",
  layout,
  judge: ({ correct }, { scores }) => topShare(correct, scores),
  metrics: ({ items, results, judgements, interval }) => {
    const judged = items.flatMap((item, index) =>
      judgements[index]?.credit === null ? [] : [{ item, index }],
    );
    const chance = judged.map(({ item }) => shareRight(item));
    const ordered = sampleOf(
      judged.map(({ index }) => index),
      (place) => rocAuc(known(results.scores[place] ?? []), items[place]?.correct ?? []),
    );
    return [
      metric({
        key: "ordered",
        label: "right above wrong, within a prompt",
        value: meanOf(ordered.values),
        interval: interval(ordered, "ordered"),
        items: ordered.values.length,
        note: "mean over prompts of the share of (right, wrong) pairs with the right one higher, a tie one half",
      }),
      metric({
        key: "chance",
        label: "by chance",
        value: meanOf(chance),
        items: chance.length,
        note: "accuracy of a scorer that picks blindly",
      }),
    ];
  },
};

function shareRight({ correct }: GoldItem): number {
  return correct.filter((is) => is).length / correct.length;
}
