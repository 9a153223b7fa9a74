import type { Rubric } from "../../core/rubric/rubric.ts";
import type { Json } from "../../core/types.ts";
import type { RuleAgreement, SetAccuracy } from "./agreement.ts";
import type { CandidateCounts } from "./candidates.ts";
import type { InterpretCounts } from "./interpret.ts";
import type { MeasureCounts } from "./measure.ts";
import type { MergeCounts } from "./merge.ts";
import type { RuleExtractionSettings } from "./options.ts";

/** One rule as it was found and measured. */
export interface RuleReport {
  /** Its id in the rule set; null for a rule that was left out. */
  readonly id: string | null;
  readonly text: string;
  /** `candidate`: word for word as the stage before found it; `merge`: written by the merging model. */
  readonly stage: "candidate" | "merge";
  /** The ids of the pairs whose interpretations imply it in these words; empty for a merged one. */
  readonly pairs: readonly string[];
  /** null: no pair was held out. */
  readonly heldOut: RuleAgreement | null;
  readonly leftOut: "agreement" | "coverage" | null;
}

/** Everything that the work decided on, and nothing that depends on the day. */
export interface ExtractionReport {
  readonly report: 1;
  readonly ruleSet: { readonly name: string; readonly hash: string; readonly rules: number };
  readonly options: RuleExtractionSettings;
  readonly pairs: {
    readonly given: number;
    /** Left out: both responses are the same text. */
    readonly identical: number;
    readonly learn: number;
    readonly heldOut: number;
  };
  /** As whoever opened the models describes them. */
  readonly models: Json;
  readonly prompts: Readonly<Record<"candidates" | "interpret" | "merge" | "verdict", string>>;
  readonly stages: {
    readonly interpret: InterpretCounts;
    readonly candidates: CandidateCounts;
    readonly merge: MergeCounts;
    readonly measure: MeasureCounts | null;
  };
  readonly rules: readonly RuleReport[];
  /** Of the rule set as a whole, on the held-out pairs; where rules were left out by the same pairs, a little too good. */
  readonly set: SetAccuracy | null;
  readonly notes: readonly string[];
}

/** The rule set that a verifier scores by: each rule counts the same, and one that does not apply counts as met. */
export function ruleSetOf(
  name: string,
  rules: readonly { readonly text: string; readonly provenance: string }[],
  notApplicable: "satisfied" | "skip",
): Rubric {
  const digits = Math.max(2, String(rules.length).length);
  return {
    name,
    version: 1,
    source: "AutoRule (arXiv 2506.15651): rules extracted from preferences",
    about: "Rules for a good response, learned from what people preferred.",
    criteria: rules.map(({ text, provenance }, index) => ({
      id: `rule-${String(index + 1).padStart(digits, "0")}`,
      text,
      polarity: "positive",
      tags: [],
      provenance,
    })),
    weighting: "uniform",
    categories: {},
    denominator: "weights",
    notApplicable,
    unread: "fail",
  };
}
