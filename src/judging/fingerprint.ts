import { contentHash } from "../core/ids.ts";
import { ENGLISH_PATTERNS, FOREIGN_PATTERNS } from "./verdict-patterns.ts";

/** For a judge's `ScorerDefinition.fingerprint`: a hash of its texts, and of the patterns that count verdict-like text. */
export function judgeFingerprint(texts: unknown): string {
  const patterns = [...ENGLISH_PATTERNS, ...FOREIGN_PATTERNS].map(({ kind, pattern }) => [
    kind,
    pattern.source,
    pattern.flags,
  ]);
  return contentHash({ texts, patterns }).slice(0, 16);
}
