import type { ScorerDefinition } from "../src/core/scorer.ts";
import { definition as autoruleDefinition } from "./autorule.ts";
import { definition as coRewardDefinition } from "./co-reward.ts";
import { definition as codeTestsDefinition } from "./code-tests.ts";
import { definition as containsDefinition } from "./contains.ts";
import { definition as entropyDefinition } from "./entropy.ts";
import { definition as exactMatchDefinition } from "./exact-match.ts";
import { definition as formatTagsDefinition } from "./format-tags.ts";
import { definition as instructionChecksDefinition } from "./instruction-checks.ts";
import { definition as jsonSchemaDefinition } from "./json-schema.ts";
import { definition as listwiseJudgeDefinition } from "./listwise-judge.ts";
import { definition as logDensityRatioDefinition } from "./log-density-ratio.ts";
import { definition as majorityVoteDefinition } from "./majority-vote.ts";
import { definition as mathAnswerDefinition } from "./math-answer.ts";
import { definition as overlongPenaltyDefinition } from "./overlong-penalty.ts";
import { definition as pairwiseJudgeDefinition } from "./pairwise-judge.ts";
import { definition as precomputedDefinition } from "./precomputed.ts";
import { definition as processRewardDefinition } from "./process-reward.ts";
import { definition as regexDefinition } from "./regex.ts";
import { definition as repetitionPenaltyDefinition } from "./repetition-penalty.ts";
import { definition as rubricJudgeDefinition } from "./rubric-judge.ts";
import { definition as selfCertaintyDefinition } from "./self-certainty.ts";

/** Every scorer a recipe may name. A new scorer is a file beside this one and a line here. */
export const scorers: Readonly<Record<string, ScorerDefinition>> = {
  autorule: autoruleDefinition,
  "co-reward": coRewardDefinition,
  "code-tests": codeTestsDefinition,
  contains: containsDefinition,
  entropy: entropyDefinition,
  "exact-match": exactMatchDefinition,
  "format-tags": formatTagsDefinition,
  "instruction-checks": instructionChecksDefinition,
  "json-schema": jsonSchemaDefinition,
  "listwise-judge": listwiseJudgeDefinition,
  "log-density-ratio": logDensityRatioDefinition,
  "majority-vote": majorityVoteDefinition,
  "math-answer": mathAnswerDefinition,
  "overlong-penalty": overlongPenaltyDefinition,
  "pairwise-judge": pairwiseJudgeDefinition,
  precomputed: precomputedDefinition,
  "process-reward": processRewardDefinition,
  regex: regexDefinition,
  "repetition-penalty": repetitionPenaltyDefinition,
  "rubric-judge": rubricJudgeDefinition,
  "self-certainty": selfCertaintyDefinition,
};

/** Where threads find this list. */
export const scorersModule: string = import.meta.url;

export { autorule } from "./autorule.ts";
export { coReward } from "./co-reward.ts";
export { codeTests } from "./code-tests.ts";
export { contains } from "./contains.ts";
export { entropy } from "./entropy.ts";
export { exactMatch } from "./exact-match.ts";
export { formatTags } from "./format-tags.ts";
export { instructionChecks } from "./instruction-checks.ts";
export { jsonSchema } from "./json-schema.ts";
export { listwiseJudge } from "./listwise-judge.ts";
export { logDensityRatio } from "./log-density-ratio.ts";
export { majorityVote } from "./majority-vote.ts";
export { mathAnswer } from "./math-answer.ts";
export { overlongPenalty } from "./overlong-penalty.ts";
export { pairwiseJudge } from "./pairwise-judge.ts";
export { precomputed } from "./precomputed.ts";
export { processReward } from "./process-reward.ts";
export { regex } from "./regex.ts";
export { repetitionPenalty } from "./repetition-penalty.ts";
export { rubricJudge } from "./rubric-judge.ts";
export { type ReadyRubricName, readyRubric, readyRubrics } from "./rubrics/index.ts";
export { selfCertainty } from "./self-certainty.ts";
