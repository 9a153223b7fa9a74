import { PrefkitError } from "../../core/errors.ts";
import type { Candidate } from "./candidates.ts";
import type { RuleExtractionSettings } from "./options.ts";
import type { DrawnPairs } from "./pairs.ts";
import type { RuleReport } from "./rule-set.ts";

export function requirePairs({ learn, heldOut, given, identical }: DrawnPairs): void {
  if (learn.length > 0) return;
  if (given === 0) {
    throw new PrefkitError(
      "empty_input",
      "there are no preferences.",
      "give rows {prompt, chosen, rejected}.",
    );
  }
  throw new PrefkitError(
    "empty_input",
    `of ${given} preferences none is left to learn from: ${identical} have two equal responses, ${heldOut.length} are held out.`,
    "give more preferences, hold out fewer, or take another seed.",
  );
}

export function requireCandidates(
  candidates: readonly Candidate[],
  interpret: { readonly asked: number; readonly read: number },
  lists: { readonly asked: number; readonly unread: number; readonly empty: number },
): void {
  if (candidates.length > 0) return;
  throw new PrefkitError(
    "empty_input",
    `no rule came out of ${interpret.asked} preferences: ${interpret.read} were interpreted; of ${lists.asked} lists of rules ${lists.unread} could not be read and ${lists.empty} are empty.`,
    "take a stronger reasoner or extractor, more pairs, or another source.",
  );
}

export function requireRules(
  kept: readonly unknown[],
  measured: readonly Pick<RuleReport, "heldOut">[],
  { minAgreement, minCoverage }: RuleExtractionSettings,
): void {
  if (kept.length > 0) return;
  const best = Math.max(...measured.map(({ heldOut }) => heldOut?.agreement ?? 0));
  throw new PrefkitError(
    "empty_input",
    `none of ${measured.length} rules has an agreement of at least ${minAgreement ?? 0} and a coverage of at least ${minCoverage ?? 0} on the held-out pairs; the best agreement is ${best.toFixed(3)}.`,
    "lower the limits; what was asked is kept and not asked again.",
  );
}
