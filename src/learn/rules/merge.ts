import type { Reading } from "../../judging/ask.ts";
import { JSON_LIST_FORM, readJsonList } from "../json-list.ts";
import { type AskCounts, type StageSetup, stageAsker } from "./asking.ts";
import { inParallel } from "./in-parallel.ts";
import { mergeMessages } from "./prompts.ts";

export interface MergeCounts extends AskCounts {
  /** Rounds of merging: more than one where the rules do not fit in one question. */
  readonly rounds: number;
  readonly from: number;
  readonly to: number;
  /** Questions without an answer that could be used; what they held went on as it was. */
  readonly fellBack: number;
}

export interface Merged {
  readonly rules: readonly string[];
  readonly counts: MergeCounts;
  /** What whoever reads the result must know. */
  readonly notes: readonly string[];
}

/**
 * Unites rules that say the same, by one question; where they are longer than `mostCharacters` together, by one for each batch,
 * and again over what these leave, for as long as that makes them fewer.
 *
 * An answer is no answer when it is empty or longer than what was asked: then the rules go on un-merged, and a note says so.
 * Never an empty set.
 */
export async function mergeRules(
  candidates: readonly string[],
  mostCharacters: number,
  setup: StageSetup,
): Promise<Merged> {
  const asker = stageAsker("merge", setup);
  const notes: string[] = [];
  let rules = candidates;
  let rounds = 0;
  let fellBack = 0;
  for (let done = rules.length < 2; !done; ) {
    const batches = inBatches(rules, mostCharacters);
    rounds += 1;
    const lists = await inParallel(batches, setup.pace, async (batch) => {
      if (batch.length === 1) return batch;
      const merged = await asker.ask<readonly string[]>({
        request: { messages: mergeMessages(batch), sampling: setup.sampling },
        read: ({ text }) => readMerged(text, batch.length),
        form: JSON_LIST_FORM,
      });
      if (merged === null) fellBack += 1;
      return merged;
    });
    asker.checkFailures();
    const next = [...new Set(lists.flatMap((list, index) => list ?? batches[index] ?? []))];
    const hasShrunk = next.length < rules.length;
    done = batches.length === 1 || !hasShrunk;
    if (!hasShrunk && batches.length > 1) {
      notes.push(
        `Merging in ${batches.length} batches made the ${next.length} rules no fewer, and was ended.`,
      );
    }
    rules = next;
    setup.onDone();
  }
  if (fellBack > 0) {
    notes.push(
      `${fellBack} of ${asker.counts().asked} questions to merge rules had no usable answer: the rules they held are not merged, and some may say the same.`,
    );
  }
  return {
    rules,
    counts: { ...asker.counts(), rounds, from: candidates.length, to: rules.length, fellBack },
    notes,
  };
}

function readMerged(text: string, given: number): Reading<readonly string[]> {
  const reading = readJsonList(text);
  if (reading.kind === "unread") return reading;
  if (reading.answer.length === 0) return { kind: "unread", why: "it leaves no rule" };
  if (reading.answer.length <= given) return reading;
  return { kind: "unread", why: `it has ${reading.answer.length} rules, and was given ${given}` };
}

/** In order, each as long as fits; one that fits nowhere stands alone. */
function inBatches(rules: readonly string[], mostCharacters: number): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let room = 0;
  for (const rule of rules) {
    const batch = batches.at(-1);
    if (batch && rule.length <= room) batch.push(rule);
    else {
      batches.push([rule]);
      room = mostCharacters;
    }
    room -= rule.length;
  }
  return batches;
}
