import type { SampledResponse } from "../core/types.ts";

/** Candidates stand for what the policy sampled; a baseline is another's answer, and no rollout. */
export function isCandidate({ role }: SampledResponse): boolean {
  return role === "candidate";
}
