export type { Metrics, TrainEvent, TrainLog } from "./events.ts";
export { installCommands, installPython } from "./install.ts";
export { launchCommand } from "./launch.ts";
export { checkInputs, checkTraining, plannedTrainer } from "./prepare.ts";
export { checkPython, findPython, TRAIN_REQUIREMENTS } from "./python.ts";
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
export { shellLine } from "./shell-line.ts";
export { type GivenReference, type TrainOptions, type TrainOutcome, train } from "./train.ts";
export { kindFor } from "./training-data.ts";
