/** prefkit as a library. Scorers by name are in "prefkit/rewards", contracts and fakes for tests in "prefkit/testing". */

export { type ImportOptions, type ImportSummary, importFiles } from "../datasets/import-files.ts";
export type { GroupDraft, ImportedRow, Importer } from "../datasets/importer.ts";
export { importerNamed, importers } from "../datasets/index.ts";
export type { ShardSlice } from "./annotate/journal.ts";
export { type LoadedRecipe, loadRecipe, parseRecipe, recipeFromCode } from "./annotate/load-recipe.ts";
export { merge } from "./annotate/merge.ts";
export type { Plan } from "./annotate/plan.ts";
// Running a recipe.
export { defineRecipe, type Recipe, type RecipeInput } from "./annotate/recipe.ts";
export { type FinishChange, finishOf, type RecombineOptions, recombine } from "./annotate/recombine.ts";
export type { Catalog } from "./annotate/resolve-scorer.ts";
export { tableRows } from "./annotate/rework.ts";
export { type RunOptions, type RunOutcome, run } from "./annotate/run.ts";
export { memoryScoreCache, openScoreCache, type ScoreCache } from "./annotate/score-cache.ts";
export type { RunPhase, RunStatus, ScorerStatus } from "./annotate/status.ts";
export { type CallEstimate, type Validation, validate } from "./annotate/validate.ts";
export { catalog } from "./catalog.ts";
export {
  type AutoevalsFunction,
  type EvaliteScorer,
  type ForeignOptions,
  type FunctionOptions,
  fromAutoevals,
  fromEvalite,
  fromFunction,
  type GroupFunction,
  type PlainInput,
  type PlainScore,
  type ResponseFunction,
} from "./core/adapters.ts";
export {
  CALL_FAILURES,
  CallFailure,
  type CallFailureCode,
  ERROR_CODES,
  type ErrorCode,
  type ErrorPlace,
  exitCodeOf,
  isCallFailure,
  isPrefkitError,
  PrefkitError,
} from "./core/errors.ts";
// Datasets on disk.
export { type FileReader, type Files, type FileWriter, nodeFiles } from "./core/files.ts";
export { contentHash, pairId, promptId, responseIds } from "./core/ids.ts";
export { overlongPunishment } from "./core/overlong.ts";
export { hashUnit, type Random, randomFor } from "./core/random.ts";
// Rubrics.
export { loadRubric, parseRubric, rubricHash, writeRubric } from "./core/rubric/load-rubric.ts";
export type {
  Criterion,
  CriterionVerdict,
  Denominator,
  NullRule,
  Rubric,
  Scale,
  Weighting,
} from "./core/rubric/rubric.ts";
export { parseRubricLines } from "./core/rubric/rubric-lines.ts";
export { rubricSchema } from "./core/rubric/schema.ts";
export { rubricRange, scoreRubric } from "./core/rubric/score-rubric.ts";
export { type VoteWeights, type WeightOptions, whitenedUniformWeights } from "./core/rubric/weights.ts";
// Making a scorer.
export {
  abstained,
  defineScorer,
  failed,
  failedCall,
  type ModelNeed,
  type PartSummary,
  type PlannedCalls,
  parseOptions,
  perGroup,
  perResponse,
  type ScorerDefinition,
  type ScorerFacts,
  scored,
} from "./core/scorer.ts";
// Steps of a response.
export { rangeTexts, type StepOptions, type StepRange, splitSteps } from "./core/steps.ts";
export { aggregateSteps, STEP_AGGREGATES, type StepAggregate } from "./core/steps-aggregate.ts";
// Words: prompts, responses, groups, scores, pairs.
export type {
  Abstained,
  Failed,
  Group,
  Image,
  Json,
  JsonObject,
  Message,
  MessageRole,
  Needs,
  Pair,
  Prompt,
  ResponseRole,
  RewardedGroup,
  SampledResponse,
  Score,
  ScoreColumn,
  ScoreContext,
  Scored,
  ScoredGroup,
  Scorer,
  Span,
} from "./core/types.ts";
export { VERSION } from "./core/version.ts";
// Agreement between judges, and measuring scorers against gold labels.
export { type AlphaScale, cohenKappa, krippendorffAlpha } from "./evaluate/agreement.ts";
export { type Assessment, assess } from "./evaluate/assess.ts";
export { percentileInterval, resampledMeans } from "./evaluate/bootstrap.ts";
export { type EvaluateOptions, type EvaluateOutcome, evaluate } from "./evaluate/evaluate.ts";
// Comparing scorers on gold pairs.
export { type GoldOptions, openGoldPairs } from "./evaluate/gold-pairs.ts";
export { htmlReport } from "./evaluate/html/index.ts";
export { type PickOptions, type PickOutcome, pick } from "./evaluate/pick.ts";
export { pickModels } from "./evaluate/pick-models.ts";
export type { EvalReport, PresetName, ScorerReport } from "./evaluate/report.ts";
// Models.
// Showing a judge what others wrote.
export { CANARIES, type Canary, canaryFor } from "./judging/canaries.ts";
export { type Envelope, envelope } from "./judging/envelope.ts";
export { type Guarded, type GuardOptions, guarded } from "./judging/guard.ts";
export { visibleText } from "./judging/hidden-text.ts";
export { type VerdictLike, verdictLike } from "./judging/verdict-like.ts";
// Rubrics and rules that are learned.
export { type Memo, memoryMemo, openMemo } from "./learn/memo.ts";
export { decideByRubric, type RubricDecision } from "./learn/rubric/decide.ts";
export type { RefineOptions } from "./learn/rubric/options.ts";
export { type RefinedRubric, refineRubric } from "./learn/rubric/refine-rubric.ts";
export type { RuleAgreement, SetAccuracy } from "./learn/rules/agreement.ts";
export {
  type ExtractionSetup,
  extractRules,
  type RuleExtraction,
  type RuleModels,
} from "./learn/rules/extract-rules.ts";
export type { RuleExtractionOptions } from "./learn/rules/options.ts";
export type { RulePair } from "./learn/rules/pairs.ts";
export { type Budget, createBudget } from "./models/budget.ts";
export {
  type Call,
  type CallPath,
  type CallPathOptions,
  createCallPath,
  type Endpoint,
  type RunningCallPath,
  type Sent,
} from "./models/call-path.ts";
export { type Claims, openClaims } from "./models/claims.ts";
export { providers } from "./models/index.ts";
export { openLimitStore } from "./models/limit-store.ts";
export type {
  CallContext,
  ChatModel,
  ChatReply,
  ChatRequest,
  Embedder,
  LocatedTurn,
  LogprobContext,
  LogprobModel,
  ModelPort,
  ModelPorts,
  RenderedTurn,
  RenderOptions,
  ResponseLogprobs,
  RewardModel,
  RewardReply,
  Sampling,
  SpanRule,
  TokenLogprob,
  Usage,
} from "./models/ports.ts";
export type {
  EndpointSettings,
  Finding,
  ModelHandle,
  ModelProvider,
  ModelRuntime,
  Price,
} from "./models/provider.ts";
export { recordedReplies } from "./models/recorded-replies.ts";
export { memoryReplyCache, openReplyCache, type ReplyCache } from "./models/reply-cache.ts";
export { responseLogprobs } from "./models/span.ts";
export { loadTokenizer, type TurnTokenizer } from "./models/tokenizer.ts";
export type { ModelUsage } from "./models/usage.ts";
export { type AllPairsOptions, allPairs } from "./pairs/all-pairs.ts";
export { type BestVsRandomOptions, bestVsRandom } from "./pairs/best-vs-random.ts";
export { type BestVsWorstOptions, bestVsWorst } from "./pairs/best-vs-worst.ts";
// Rewards to pairs.
export { pairBuilders } from "./pairs/index.ts";
export type {
  NoPairReason,
  PairBuilder,
  PairBuilderDefinition,
  PairContext,
  PairResult,
} from "./pairs/pair-builder.ts";
export { type PassVsFailOptions, passVsFail } from "./pairs/pass-vs-fail.ts";
export { type RatingGapOptions, ratingGap } from "./pairs/rating-gap.ts";
export { type TopKVsBottomKOptions, topKVsBottomK } from "./pairs/top-k-vs-bottom-k.ts";
// Rewards over HTTP.
export { openRewarder, type Rewarded, type Rewarder, type RewarderOptions } from "./serve/rewarder.ts";
export { type RewardServer, type ServerOptions, startServer } from "./serve/server.ts";
export { type AdvantageTransformOptions, advantage } from "./shaping/advantage.ts";
export {
  ADVANTAGE_CONVENTIONS,
  ADVANTAGE_METHODS,
  type AdvantageConvention,
  type AdvantageConventionName,
  type AdvantageMethod,
  type AdvantageOptions,
  groupAdvantages,
} from "./shaping/advantages.ts";
export { type AffineOptions, affine } from "./shaping/affine.ts";
export { type ArctanOptions, arctan } from "./shaping/arctan.ts";
export { type AspectsOptions, aspects } from "./shaping/aspects.ts";
export { type CenteredOptions, centered } from "./shaping/centered.ts";
export { type ClipOptions, clip } from "./shaping/clip.ts";
// Scores to rewards.
export {
  type Combined,
  type CombinePlan,
  combine,
  combinePlan,
  type Gate,
  gatherAll,
  type OnUnscored,
  type RunNumbers,
  type Term,
} from "./shaping/combine.ts";
export { type ConcisenessRewardInput, type CrfOptions, concisenessReward, crf } from "./shaping/crf.ts";
export { type DeviationClipOptions, deviationClip } from "./shaping/deviation-clip.ts";
export { type FittedPolynomialOptions, fittedPolynomial } from "./shaping/fitted-polynomial.ts";
export { type HybridOptions, hybrid } from "./shaping/hybrid.ts";
export { transforms } from "./shaping/index.ts";
export { type LengthPenaltyOptions, lengthPenalty } from "./shaping/length-penalty.ts";
export { type LogSigmoidCenteredOptions, logSigmoidCentered } from "./shaping/log-sigmoid-centered.ts";
export { type MinMaxOptions, minMax } from "./shaping/min-max.ts";
export { type OverallRepairOptions, overallRepair } from "./shaping/overall-repair.ts";
export { type ParOptions, par } from "./shaping/par.ts";
export {
  NO_RUNNING_STATISTICS,
  type RunningMethod,
  type RunningStatistics,
  shapeRunning,
  updateRunning,
} from "./shaping/par-running-statistics.ts";
export {
  PROCESS_MODES,
  type ProcessMode,
  type ProcessShapingOptions,
  processShaping,
  returnsToGo,
  type ShapedSteps,
  type ShapeOptions,
  shapeProcessRewards,
} from "./shaping/process-shaping.ts";
export { type RankOptions, rank } from "./shaping/rank.ts";
export { type RelativeLengthOptions, relativeLength } from "./shaping/relative-length.ts";
export { type SigmoidOptions, sigmoid } from "./shaping/sigmoid.ts";
export { type SoftOverlongOptions, softOverlong } from "./shaping/soft-overlong.ts";
export { type StandardizeOptions, standardize } from "./shaping/standardize.ts";
export { type TanhOptions, tanh } from "./shaping/tanh.ts";
export type {
  ColumnRead,
  RunStatistics,
  Transform,
  TransformContext,
  TransformDefinition,
} from "./shaping/transform.ts";
export { createArrowSink, fromArrow, readArrow, toArrow } from "./store/arrow.ts";
export { openInput } from "./store/input/index.ts";
export type {
  BadRow,
  FieldMap,
  GroupRow,
  Input,
  InputFile,
  InputFormat,
  InputRow,
  InputSpec,
  Position,
  ResponseMap,
} from "./store/input/types.ts";
export {
  type DatasetSummary,
  type FileEntry,
  type Manifest,
  readManifest,
  type ScorerSummary,
  type TableName,
} from "./store/manifest.ts";
export { openParquet, openTable, type ParquetTable, type ReadOptions } from "./store/parquet-reader.ts";
export { createParquetSink, type ParquetSinkOptions } from "./store/parquet-sink.ts";
export {
  groupFromRow,
  groupRow,
  groupsRowSet,
  logprobsRowSet,
  pairRow,
  pairsRowSet,
  type RowExtras,
  type ScorerInfo,
  scoreFromRow,
  scoreRows,
  scoresFromRows,
  scoresRowSet,
} from "./store/row-sets.ts";
export { listOf, optional, required } from "./store/schema.ts";
export type { Codec, Column, ColumnType, Row, RowSet, TableSink, WrittenFile } from "./store/table.ts";
// Rows for trainers, what they make of them, and public layouts.
export * from "./trainers/check/index.ts";
export { exportDataset, layoutFor } from "./trainers/export-dataset.ts";
export { type ExportManifest, readExportManifest } from "./trainers/export-manifest.ts";
export { trainerNamed, trainers } from "./trainers/index.ts";
export * from "./trainers/losses/index.ts";
export {
  type LeftOutResponse,
  type ProcessRow,
  type ProcessRowOptions,
  type ProcessRows,
  processRows,
  streamProcessRows,
} from "./trainers/process-rows.ts";
export { rewardClientSource } from "./trainers/reward-client.ts";
export {
  checkTraining,
  type GivenReference,
  METHOD_DEFAULTS,
  type Metrics,
  type PlannedTraining,
  planTraining,
  type ReferenceOptions,
  referenceLogprobs,
  TRAIN_METHODS,
  type TrainEvent,
  type TrainLog,
  type TrainMethod,
  type TrainOptions,
  type TrainOutcome,
  type TrainSettings,
  train,
} from "./trainers/train/index.ts";
export type * from "./trainers/trainer-adapter.ts";
