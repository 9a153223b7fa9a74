import { JSON_LIST_FORM, readJsonList } from "../json-list.ts";
import { type AskCounts, type StageSetup, stageAsker } from "./asking.ts";
import { inParallel } from "./in-parallel.ts";
import type { RulePair } from "./pairs.ts";
import { candidateMessages, type Interpretation } from "./prompts.ts";

/** Which text of an interpretation rules are taken from. */
export type RuleSource = "both" | "explanation" | "reasoning";

export interface CandidateCounts extends AskCounts {
  /** Lists that could not be read, in all their tries: those examples contribute no rule. The same as `unread`. */
  readonly extractParseFailures: number;
  /** Empty lists: those examples imply no rule. */
  readonly empty: number;
  /** Interpretations without the text that rules were to be taken from, where the other one was taken. */
  readonly fellBack: number;
  /** Candidate rules, and different ones among them. */
  readonly candidates: number;
  readonly distinct: number;
}

/** A candidate rule and the pairs whose interpretations imply it. */
export interface Candidate {
  readonly text: string;
  readonly pairs: readonly string[];
}

/** The rules that interpretations imply, each once, in the order of their first appearance. */
export async function findCandidates(
  pairs: readonly RulePair[],
  interpretations: readonly (Interpretation | null)[],
  source: RuleSource,
  setup: StageSetup,
): Promise<{ readonly found: readonly Candidate[]; readonly counts: CandidateCounts }> {
  const asker = stageAsker("candidates", setup);
  let fellBack = 0;
  const lists = await inParallel(interpretations, setup.pace, async (interpretation) => {
    if (interpretation === null) return null;
    const { texts, isFallback } = textsOf(interpretation, source);
    if (isFallback) fellBack += 1;
    const list = await asker.ask<readonly string[]>({
      request: { messages: candidateMessages(texts), sampling: setup.sampling },
      read: ({ text }) => readJsonList(text),
      form: JSON_LIST_FORM,
    });
    setup.onDone();
    return list;
  });
  asker.checkFailures();
  const byText = new Map<string, string[]>();
  for (const [index, list] of lists.entries()) {
    for (const text of new Set(list ?? [])) {
      const from = byText.get(text) ?? [];
      byText.set(text, from);
      from.push(pairs[index]?.id ?? "");
    }
  }
  const counts = asker.counts();
  return {
    found: [...byText].map(([text, from]) => ({ text, pairs: from })),
    counts: {
      ...counts,
      extractParseFailures: counts.unread,
      empty: lists.filter((list) => list?.length === 0).length,
      fellBack,
      candidates: lists.reduce((sum, list) => sum + (list?.length ?? 0), 0),
      distinct: byText.size,
    },
  };
}

/** The texts that are there of those asked for; the other one where the one asked for is missing. */
function textsOf(
  { reasoning, explanation }: Interpretation,
  source: RuleSource,
): { readonly texts: Readonly<Record<string, string>>; readonly isFallback: boolean } {
  const has = { reasoning: reasoning !== "", explanation: explanation !== "" };
  if (source === "both") {
    return {
      texts: { ...(has.reasoning && { reasoning }), ...(has.explanation && { explanation }) },
      isFallback: !has.reasoning || !has.explanation,
    };
  }
  const other = source === "reasoning" ? "explanation" : "reasoning";
  const taken = has[source] ? source : other;
  return {
    texts: { analysis: taken === "reasoning" ? reasoning : explanation },
    isFallback: taken !== source,
  };
}
