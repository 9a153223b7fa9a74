import { rubricHash } from "../../core/rubric/load-rubric.ts";
import type { Rubric } from "../../core/rubric/rubric.ts";
import type { Json } from "../../core/types.ts";
import { RULE_PROMPT_HASH } from "../../judging/rule-verdict.ts";
import type { ChatModel } from "../../models/ports.ts";
import type { Memo } from "../memo.ts";
import { type RuleAgreement, ruleAgreement, setAccuracy } from "./agreement.ts";
import type { StageSetup } from "./asking.ts";
import { type Candidate, findCandidates } from "./candidates.ts";
import type { Pace } from "./in-parallel.ts";
import { interpretPairs } from "./interpret.ts";
import { judgeRules, type RuleVerdicts } from "./measure.ts";
import { mergeRules } from "./merge.ts";
import {
  type RuleExtractionOptions,
  type RuleExtractionSettings,
  ruleExtractionSettings,
} from "./options.ts";
import { type DrawnPairs, drawPairs, type RulePair } from "./pairs.ts";
import { PROMPT_HASHES } from "./prompts.ts";
import { requireCandidates, requirePairs, requireRules } from "./require.ts";
import { type ExtractionReport, type RuleReport, ruleSetOf } from "./rule-set.ts";

export interface RuleModels {
  /** Says why people preferred what they preferred; one that keeps its reasoning apart serves best. */
  readonly reasoner: ChatModel;
  /** Takes rules out of that, and merges them. Default: the reasoner. */
  readonly extractor?: ChatModel;
  /** Judges held-out responses by the rules. */
  readonly verifier: ChatModel;
  /** What stands in the report for them. Default: their ids. */
  readonly description?: Json;
}

export type RuleStage = "candidates" | "interpret" | "measure" | "merge";

export interface ExtractionSetup extends Partial<Pace> {
  /** Keeps what the stages find, so that the same work goes on where it was ended. */
  readonly memo: Memo;
  /** Before a stage begins with `done` 0, and after each of its items; `total` null: not known. */
  readonly onProgress?: (stage: RuleStage, done: number, total: number | null) => void;
}

export interface RuleExtraction {
  readonly ruleSet: Rubric;
  readonly report: ExtractionReport;
}

/**
 * Learns rules from preferences: why was each chosen response preferred (interpret), which rules does that imply (candidates),
 * which of them say the same (merge), and how well do they tell chosen from rejected responses that nothing was learned from
 * (measure)?
 *
 * Source: AutoRule (arXiv 2506.15651) and its released code; differences are listed in docs/rules.md.
 * Same pairs, options, models and replies: the same rule set and report, however often it was ended on the way.
 *
 * Answers that cannot be read are asked for again and then counted, and nothing is made of them; a merge without a usable
 * answer leaves the rules un-merged, with a note.
 * Throws `empty_input` when there is no pair, or no rule came out; `failed_budget_exceeded` when more than a tenth of a stage's
 * calls failed; `CallFailure` "budget", "cancelled" or "not_cached" when the work is ended; `bad_option`; those of the memo.
 */
export async function extractRules(
  pairs: Iterable<RulePair>,
  models: RuleModels,
  options: RuleExtractionOptions,
  setup: ExtractionSetup,
): Promise<RuleExtraction> {
  const draw = drawPairs(ruleExtractionSettings(options));
  for (const pair of pairs) draw.add(pair);
  return extractFromDrawn(draw.result(), models, options, setup);
}

/** The same from pairs that were drawn before. */
export async function extractFromDrawn(
  drawn: DrawnPairs,
  models: RuleModels,
  options: RuleExtractionOptions,
  { memo, onProgress, signal = new AbortController().signal, stop, concurrency = 64 }: ExtractionSetup,
): Promise<RuleExtraction> {
  const settings = ruleExtractionSettings(options);
  const { learn, heldOut } = drawn;
  requirePairs(drawn);
  const { temperature, maxTokens, tries, verdictTokens } = settings;
  const stage = (name: RuleStage, model: ChatModel, total: number | null): StageSetup => {
    let done = 0;
    onProgress?.(name, done, total);
    const onDone = (): void => onProgress?.(name, ++done, total);
    return {
      model,
      sampling: { ...(temperature !== null && { temperature }), maxTokens },
      tries,
      memo,
      pace: { signal, stop, concurrency },
      onDone,
    };
  };
  const extractor = models.extractor ?? models.reasoner;

  const interpreted = await interpretPairs(
    learn,
    settings,
    stage("interpret", models.reasoner, learn.length),
  );
  const candidates = await findCandidates(
    learn,
    interpreted.found,
    settings.source,
    stage("candidates", extractor, interpreted.counts.read),
  );
  requireCandidates(candidates.found, interpreted.counts, candidates.counts);
  const merged = await mergeRules(
    candidates.found.map(({ text }) => text),
    settings.mergeCharacters,
    stage("merge", extractor, null),
  );
  const judged =
    heldOut.length === 0
      ? null
      : await judgeRules(
          merged.rules,
          heldOut,
          {
            conciseClause: settings.conciseClause,
            parse: "strict",
            offersNA: true,
            maxChars: settings.maxChars,
            temperature: temperature === null ? null : 0,
            maxTokens: verdictTokens,
          },
          stage("measure", models.verifier, 2 * heldOut.length * merged.rules.length),
        );

  const measured = merged.rules.map((text, index) =>
    measureRule(text, judged?.verdicts[index] ?? null, candidates.found, settings),
  );
  const kept = measured.filter(({ leftOut }) => leftOut === null);
  requireRules(kept, measured, settings);
  const ruleSet = ruleSetOf(settings.name, kept.map(withProvenance), settings.notApplicable);
  let next = 0;
  const rules = measured.map((rule) =>
    rule.leftOut === null ? { ...rule, id: ruleSet.criteria[next++]?.id ?? null } : rule,
  );
  const verdicts = judged?.verdicts.filter((_, index) => measured[index]?.leftOut === null) ?? [];
  return {
    ruleSet,
    report: {
      report: 1,
      ruleSet: { name: ruleSet.name, hash: rubricHash(ruleSet), rules: kept.length },
      options: settings,
      pairs: {
        given: drawn.given,
        identical: drawn.identical,
        learn: learn.length,
        heldOut: heldOut.length,
      },
      models: models.description ?? {
        reasoner: models.reasoner.id,
        extractor: extractor.id,
        verifier: models.verifier.id,
      },
      prompts: { ...PROMPT_HASHES, verdict: RULE_PROMPT_HASH },
      stages: {
        interpret: interpreted.counts,
        candidates: candidates.counts,
        merge: merged.counts,
        measure: judged?.counts ?? null,
      },
      rules,
      set: judged === null ? null : setAccuracy(ruleSet, byPair(verdicts, heldOut.length)),
      notes: merged.notes,
    },
  };
}

/** All that decides what is asked, for the memo: what is left out of a set afterwards is not part of it. */
export function extractionWork(drawn: DrawnPairs, models: Json, options: RuleExtractionOptions): Json {
  const {
    minAgreement: _,
    minCoverage: __,
    name: ___,
    maxChars,
    ...settings
  } = ruleExtractionSettings(options);
  const ids = (pairs: readonly RulePair[]): string[] => pairs.map(({ id }) => id);
  return {
    learn: ids(drawn.learn),
    heldOut: ids(drawn.heldOut),
    models,
    settings: { ...settings, ...(maxChars !== undefined && { maxChars }) },
    prompts: { ...PROMPT_HASHES, verdict: RULE_PROMPT_HASH },
  };
}

type Measured = Omit<RuleReport, "id"> & { readonly id: null };

function measureRule(
  text: string,
  verdicts: RuleVerdicts | null,
  candidates: readonly Candidate[],
  { notApplicable, minAgreement, minCoverage }: RuleExtractionSettings,
): Measured {
  const origin = candidates.find((candidate) => candidate.text === text);
  const heldOut =
    verdicts &&
    ruleAgreement(
      verdicts.chosen.map((verdict, pair) => [verdict, verdicts.rejected[pair] ?? null]),
      notApplicable,
    );
  const below = (figure: keyof RuleAgreement & ("agreement" | "coverage"), least: number | null): boolean =>
    least !== null && (heldOut?.[figure] ?? -1) < least;
  return {
    id: null,
    text,
    stage: origin ? "candidate" : "merge",
    pairs: origin?.pairs ?? [],
    heldOut,
    leftOut: below("agreement", minAgreement)
      ? "agreement"
      : below("coverage", minCoverage)
        ? "coverage"
        : null,
  };
}

function withProvenance({ text, stage, pairs }: Measured): { text: string; provenance: string } {
  const from = pairs.length === 1 ? "1 interpretation" : `${pairs.length} interpretations`;
  return { text, provenance: stage === "merge" ? "merged from several" : `as found in ${from}` };
}

function byPair(rules: readonly RuleVerdicts[], pairs: number): RuleVerdicts[] {
  return Array.from({ length: pairs }, (_, pair) => ({
    chosen: rules.map(({ chosen }) => chosen[pair] ?? null),
    rejected: rules.map(({ rejected }) => rejected[pair] ?? null),
  }));
}
