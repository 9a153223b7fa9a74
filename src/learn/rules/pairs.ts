import { promptId } from "../../core/ids.ts";
import { hashUnit } from "../../core/random.ts";
import type { Prompt } from "../../core/types.ts";

/** A response that people preferred to another one. */
export interface RulePair {
  /** Unique. */
  readonly id: string;
  readonly prompt: Pick<Prompt, "messages" | "tools">;
  readonly chosen: string;
  readonly rejected: string;
}

export interface DrawOptions {
  /** Pairs to learn from, at most. */
  readonly pairs: number;
  /** Pairs to measure on, at most. */
  readonly heldOut: number;
  readonly seed: number;
}

export interface DrawnPairs {
  readonly learn: readonly RulePair[];
  readonly heldOut: readonly RulePair[];
  /** Pairs that were added. */
  readonly given: number;
  /** Left out: both responses are the same text. */
  readonly identical: number;
}

/** Takes pairs one by one and keeps no more than will be used. */
export interface PairDraw {
  add(pair: RulePair): void;
  result(): DrawnPairs;
}

/**
 * Draws the pairs to learn from and those to measure on. On which side a prompt stands depends on the seed and its messages, and
 * which pairs of a side are drawn on the seed and their ids: not on the order of the pairs, nor on how many there are. No prompt is
 * on both sides: pairs whose messages are equal stand on the same one, whatever ids their rows have.
 *
 * The share held out is heldOut / (pairs + heldOut), a third with 256 and 128; of few pairs, all are used.
 */
export function drawPairs({ pairs, heldOut, seed }: DrawOptions): PairDraw {
  const share = pairs + heldOut === 0 ? 0 : heldOut / (pairs + heldOut);
  const sides = { learn: lowest(pairs), heldOut: lowest(heldOut) };
  let given = 0;
  let identical = 0;
  return {
    add(pair) {
      given += 1;
      if (pair.chosen === pair.rejected) {
        identical += 1;
        return;
      }
      const side = hashUnit(seed, "rules held out", messagesId(pair)) < share ? "heldOut" : "learn";
      sides[side].add(hashUnit(seed, "rules drawn", pair.id), pair);
    },
    result: () => ({ learn: sides.learn.result(), heldOut: sides.heldOut.result(), given, identical }),
  };
}

/** The same for the same conversation. Half of a surrogate pair, which canonical JSON refuses, is as good as any other. */
function messagesId({ prompt }: RulePair): string {
  const messages = prompt.messages.map((message) => ({
    ...message,
    content: message.content.toWellFormed(),
  }));
  return promptId({ messages });
}

/** Keeps the pairs with the lowest ranks, each id once. */
function lowest(count: number) {
  let kept: { readonly rank: number; readonly pair: RulePair }[] = [];
  const cut = (): void => {
    kept.sort((a, b) => a.rank - b.rank || (a.pair.id < b.pair.id ? -1 : 1));
    kept = kept.filter(({ pair }, index) => pair.id !== kept[index - 1]?.pair.id).slice(0, count);
  };
  return {
    add(rank: number, pair: RulePair) {
      kept.push({ rank, pair });
      if (kept.length > 2 * count + 100) cut();
    },
    result(): readonly RulePair[] {
      cut();
      return kept.map(({ pair }) => pair);
    },
  };
}
