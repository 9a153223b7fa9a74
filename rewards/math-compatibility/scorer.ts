import { failed, perGroup, scored } from "../../src/core/scorer.ts";
import type { SampledResponse, Score, Scorer } from "../../src/core/types.ts";
import { COMPATIBILITY_MODES, type CompatibilityName } from "./index.ts";
import { type CompatibilityMode, MAX_GOLD_LENGTH } from "./mode.ts";

/**
 * A scorer that gives the very numbers of another toolkit's checker. `why` names the mode and the answer it took.
 *
 * Parts:  `truncated` 1 when the finish reason is "length".
 * Fails with `unreadable_reference` where the toolkit's preparation of the gold answer raises, and for gold answers of more
 *         than `MAX_GOLD_LENGTH` characters.
 */
export function compatibleScorer(name: string, version: number, modeName: CompatibilityName): Scorer {
  const mode: CompatibilityMode = COMPATIBILITY_MODES[modeName];
  const traits = { name, version, range: mode.range, needs: { reference: true } } as const;
  const judge = (response: SampledResponse, gold: string): Score => {
    const { value, extracted, note } = mode.grade(response.text, gold);
    const what = extracted === null ? "" : `${quoted(extracted)}, `;
    const verdict =
      value !== mode.wrong ? `equal: ${what}` : extracted === null ? "no_answer: " : `different: ${what}`;
    const why = `${verdict}by ${modeName}${note === undefined ? "" : ` (${note})`}`;
    return scored(value, { why, parts: { truncated: Number(response.finishReason === "length") } });
  };
  return perGroup(traits, ({ prompt, responses }) => {
    const reference = prompt.reference ?? "";
    const gold = reference.length > 100 * MAX_GOLD_LENGTH ? null : mode.prepare(reference);
    return gold === null || gold.length > MAX_GOLD_LENGTH
      ? responses.map(() =>
          failed("unreadable_reference", `${modeName} finds no answer in ${quoted(reference)}`),
        )
      : responses.map((response) => judge(response, gold));
  });
}

/** For messages: one line, at most sixty characters. */
export function quoted(text: string): string {
  const line = text.slice(0, 1_000).trim().replace(/\s+/g, " ");
  return `"${line.length <= 60 ? line : `${line.slice(0, 59)}…`}"`;
}
