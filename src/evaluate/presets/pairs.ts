import { meanOf } from "../bootstrap.ts";
import { sampleOf, strictly } from "../gold.ts";
import { ONE_AGAINST_ONE } from "../layout.ts";
import { metric, type Preset } from "./preset.ts";

/** Gold pairs: rows {prompt, chosen, rejected}. */
export const pairs: Preset = {
  name: "pairs",
  protocol:
    "Rows {prompt, chosen, rejected, subset?}. A pair is correct when the chosen response has strictly the higher score; a tie earns nothing.",
  layout: { ...ONE_AGAINST_ONE, id: ["id", "pair_id", "prompt_id"], subset: ["subset", "domain"] },
  judge: ({ correct }, { scores }) => strictly(correct, scores),
  metrics: ({ judgements, interval }) => {
    const halves = sampleOf(judgements.keys(), (place) => {
      const { outcome, credit = null } = judgements[place] ?? {};
      return outcome === "tie" ? 0.5 : credit;
    });
    const decided = sampleOf(judgements.keys(), (place) => {
      const outcome = judgements[place]?.outcome;
      if (outcome !== "correct" && outcome !== "wrong") return null;
      return outcome === "correct" ? 1 : 0;
    });
    return [
      metric({
        key: "decided",
        label: "accuracy without ties",
        value: meanOf(decided.values),
        interval: interval(decided, "decided"),
        items: decided.values.length,
        note: "correct / (correct + wrong)",
      }),
      metric({
        key: "half-ties",
        label: "accuracy with a tie as one half",
        value: meanOf(halves.values),
        interval: interval(halves, "half-ties"),
        items: halves.values.length,
        note: "what a coin would make of the ties",
      }),
    ];
  },
};
