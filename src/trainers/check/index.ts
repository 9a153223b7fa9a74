export {
  checkExport,
  type ExportCheck,
  type ExportCheckOptions,
  type ExportCheckProgress,
} from "./check-export.ts";
export type { ExportLengths } from "./check-rows.ts";
export type { LengthSummary, MethodFates, RowPlace } from "./lengths.ts";
export {
  EXPORT_PROBLEMS,
  type ExportProblem,
  type ExportProblemCount,
  type ExportProblemKind,
} from "./problems.ts";
export { loadTrainerTokenizer, type TrainerTokenizer } from "./rendering.ts";
