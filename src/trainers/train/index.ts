export type { Metrics, TrainEvent, TrainLog } from "./events.ts";
export { launchCommand, shellLine } from "./launch.ts";
export { checkInputs, checkTraining, plannedTrainer } from "./prepare.ts";
export {
  checkPython,
  findPython,
  installCommands,
  installPython,
  TRAIN_REQUIREMENTS,
} from "./python.ts";
export { type ReferenceOptions, referenceLogprobs } from "./reference-logprobs.ts";
export { idsHash } from "./reference-table.ts";
export { lookAtRun } from "./run-directory.ts";
export {
  METHOD_DEFAULTS,
  type PlannedTraining,
  parseSet,
  planTraining,
  TRAIN_METHODS,
  type TrainMethod,
  type TrainSettings,
} from "./settings.ts";
export { type GivenReference, type TrainOptions, type TrainOutcome, train } from "./train.ts";
export { kindFor } from "./training-data.ts";
