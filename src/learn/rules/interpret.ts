import { randomFor } from "../../core/random.ts";
import { type AskCounts, type StageSetup, stageAsker } from "./asking.ts";
import { inParallel } from "./in-parallel.ts";
import type { RuleExtractionSettings } from "./options.ts";
import type { RulePair } from "./pairs.ts";
import { type Interpretation, interpretMessages, readInterpretation } from "./prompts.ts";

export interface InterpretCounts extends AskCounts {
  readonly read: number;
  /** Of these, how many came without a reasoning trace. */
  readonly withoutReasoning: number;
  /** Pairs whose preferred response was shown first. */
  readonly preferredFirst: number;
}

/**
 * Asks why people preferred the chosen responses; null where nothing was said. Which response stands first, a coin decides, by
 * seed and pair: AutoRule's released code always shows the chosen one first.
 */
export async function interpretPairs(
  pairs: readonly RulePair[],
  { seed, maxChars }: Pick<RuleExtractionSettings, "maxChars" | "seed">,
  setup: StageSetup,
): Promise<{ readonly found: readonly (Interpretation | null)[]; readonly counts: InterpretCounts }> {
  const asker = stageAsker("interpret", setup);
  const isFirst = pairs.map(({ id }) => randomFor(seed, "rules order", id).below(2) === 0);
  const found = await inParallel(pairs, setup.pace, async ({ id, prompt, chosen, rejected }, index) => {
    const first = isFirst[index] === true;
    const shown = first ? ([chosen, rejected] as const) : ([rejected, chosen] as const);
    const sampling = { ...setup.sampling, seed: randomFor(seed, "rules interpret", id).below(2 ** 31) };
    const answer = await asker.ask<{ readonly reasoning: string; readonly explanation: string }>({
      request: { messages: interpretMessages(prompt, shown, first ? "A" : "B", maxChars), sampling },
      read: readInterpretation,
      form: "Explain in one or two paragraphs why that response was preferred.",
    });
    setup.onDone();
    return answer;
  });
  asker.checkFailures();
  const read = found.filter((answer) => answer !== null);
  return {
    found,
    counts: {
      ...asker.counts(),
      read: read.length,
      withoutReasoning: read.filter(({ reasoning }) => reasoning === "").length,
      preferredFirst: isFirst.filter(Boolean).length,
    },
  };
}
