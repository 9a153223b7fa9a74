import type { ExportedFacts } from "../trainer-adapter.ts";

/** The split to evaluate on: validation, or else test, when it has rows; no split of another name is meant for that. */
export function evaluationSplit({ rows }: Pick<ExportedFacts, "rows">): string | null {
  return ["validation", "test"].find((name) => (rows[name] ?? 0) > 0) ?? null;
}
