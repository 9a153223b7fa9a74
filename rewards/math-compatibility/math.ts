import { isEquivalent } from "./math-strings.ts";
import type { CompatibilityMode, Grade } from "./mode.ts";

/**
 * The MATH scorer: the content of the last `\boxed`, compared with the gold answer as normalised text.
 *
 * Source: Hendrycks et al. 2021, MATH, `is_equiv`, `last_boxed_only_string`, `remove_boxed`, as in verl,
 *         `verl/utils/reward_score/math_reward.py`; `examples/data_preprocess/math_dataset.py` for the gold answer.
 * There, anything that raises is printed and scored 0: an `\fbox`, a `\boxed` that something else than a brace or a blank
 * follows. Here it is 0 as well, and the note says so.
 */
export const math: CompatibilityMode = {
  range: [0, 1],
  wrong: 0,
  prepare: (reference) => {
    if (!/\\(?:boxed|fbox)/.test(reference)) return reference;
    const box = lastBox(reference);
    return box === null ? null : withoutBox(box);
  },
  grade: (response, gold): Grade => {
    const box = lastBox(response);
    if (box === null) return { value: 0, extracted: null };
    const extracted = withoutBox(box);
    if (extracted === null)
      return { value: 0, extracted: null, note: "the reference code raises on this box" };
    const { equal, isRaw } = isEquivalent(extracted, gold);
    const note = "the reference's normaliser raises, so the texts are compared as they are";
    return { value: equal ? 1 : 0, extracted, ...(isRaw ? { note } : {}) };
  },
};

/** `last_boxed_only_string`: the box with its command; null when there is none or it is never closed. */
function lastBox(text: string): string | null {
  const spaced = text.lastIndexOf("\\boxed ");
  if (spaced >= 0) return `\\boxed ${text.slice(spaced + "\\boxed ".length).split("$", 1)[0] ?? ""}`;
  const boxed = text.lastIndexOf("\\boxed");
  const start = boxed >= 0 ? boxed : text.lastIndexOf("\\fbox");
  if (start < 0) return null;
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    if (text[index] === "{") depth += 1;
    if (text[index] !== "}") continue;
    depth -= 1;
    if (depth === 0) return text.slice(start, index + 1);
  }
  return null;
}

/** `remove_boxed`; null where it raises. */
function withoutBox(box: string): string | null {
  if (box.startsWith("\\boxed ")) return box.slice("\\boxed ".length);
  return box.startsWith("\\boxed{") ? box.slice("\\boxed{".length, -1) : null;
}
