export type { Metrics, TrainEvent, TrainLog } from "./events.ts";
export { launchCommand, shellLine } from "./launch.ts";
export {
  checkPython,
  findPython,
  installPython,
  TRAIN_REQUIREMENTS,
} from "./python.ts";
export { type ReferenceOptions, referenceLogprobs } from "./reference-logprobs.ts";
export { idsHash } from "./reference-table.ts";
export {
  METHOD_DEFAULTS,
  type PlannedTraining,
  parseSet,
  planTraining,
  TRAIN_METHODS,
  type TrainMethod,
  type TrainSettings,
} from "./settings.ts";
export { checkTraining, type TrainOptions, type TrainOutcome, train } from "./train.ts";
export { isExport, kindFor } from "./training-data.ts";
