import type { ExportedFacts } from "../trainer-adapter.ts";

/**
 * Whether a split named validation or test has rows to evaluate on: `datasets` knows these names in a folder's file names, and no
 * others but train.
 */
export function evaluationSplit({ rows }: Pick<ExportedFacts, "rows">): string | null {
  return ["validation", "test"].find((name) => (rows[name] ?? 0) > 0) ?? null;
}
