import type { CompatibilityMode } from "./mode.ts";
import { collapse, strip } from "./python-text.ts";

/**
 * Search-R1's exact match: what the last `<answer>…</answer>` holds and the gold answer are equal without case, punctuation,
 * articles and extra blanks. More than ten opening or closing tags divide the reward by four. The reference is the answer, or a
 * JSON list of accepted answers.
 *
 * Source: Jin et al. 2025, Search-R1; verl, `verl/utils/reward_score/search_r1_like_qa_em.py`, `compute_score`.
 */
export const searchR1: CompatibilityMode = {
  range: [0, 1],
  wrong: 0,
  prepare: (reference) => reference,
  grade: (response, gold) => {
    const extracted = lastTagged(response);
    if (extracted === null) return { value: 0, extracted };
    const answer = normalise(extracted);
    if (!accepted(gold).some((one) => normalise(one) === answer)) return { value: 0, extracted };
    const tags = Math.max(response.split("<answer>").length, response.split("</answer>").length) - 1;
    return tags > 10
      ? { value: 0.25, extracted, note: "more than ten answer tags" }
      : { value: 1, extracted };
  },
};

/** The last match of `<answer>(.*?)</answer>`: it begins at the first tag behind the match before. */
function lastTagged(text: string): string | null {
  let last: string | null = null;
  for (let from = 0; ; ) {
    const start = text.indexOf("<answer>", from);
    const end = start < 0 ? -1 : text.indexOf("</answer>", start);
    if (end < 0) return last === null ? null : strip(last);
    last = text.slice(start + "<answer>".length, end);
    from = end + "</answer>".length;
  }
}

function accepted(gold: string): readonly string[] {
  if (!gold.startsWith("[")) return [gold];
  try {
    const list: unknown = JSON.parse(gold);
    return Array.isArray(list) && list.every((one) => typeof one === "string") ? list : [gold];
  } catch (error) {
    if (error instanceof SyntaxError) return [gold]; // an answer that begins with a bracket
    throw error;
  }
}

const PUNCTUATION = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;
/** Python's `\b`: letters, digits and "_" of any script are words. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

function normalise(text: string): string {
  return collapse(text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLES, " "));
}
