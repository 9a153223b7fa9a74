import type { PairRecord, SourceFacts } from "../../src/trainers/trainer-adapter.ts";

/** A pair for a test: one user turn, margin 1.5. */
export function pairOf(changes: Partial<PairRecord> = {}): PairRecord {
  return {
    pairId: "pair-1",
    promptId: "prompt-1",
    prompt: [{ role: "user", content: "What is 40 + 2?" }],
    chosen: [{ role: "assistant", content: "A: 42" }],
    rejected: [{ role: "assistant", content: "A: 41" }],
    chosenReward: 2,
    rejectedReward: 0.5,
    rewardMargin: 1.5,
    chosenId: "response-1",
    rejectedId: "response-2",
    metadata: {},
    ...changes,
  };
}

export const NO_EXTRAS: SourceFacts = { extras: {}, scores: [] };

export const SEVERAL_TURNS = [
  { role: "system", content: "Be terse." },
  { role: "user", content: "Hello." },
  { role: "assistant", content: "Hi." },
  { role: "user", content: "What is 40 + 2?" },
] as const;
