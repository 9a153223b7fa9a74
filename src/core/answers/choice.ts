import type { Verdict } from "./compare.ts";

/** "(B)", "B.", "B) 12", "(B) 12", "Option B", "\textbf{(B)}\ 12"; a letter from A to J. */
const CHOICE =
  /^(?:(?:option|choice|answer)[\s:]*)?(?:\(([A-J])\)|\[([A-J])\]|([A-J])(?:[).:]|$))[\s:.]*(.*)$/is;

export interface Choice {
  readonly letter: string;
  /** What stands behind the letter; "" when nothing does. */
  readonly content: string;
}

/**
 * Reads an answer to a multiple-choice question. `text` is normalised and may have lost its brackets: "B", "b", "B) 12".
 * Null when more than one choice is named.
 */
export function readChoice(text: string): Choice | null {
  const match = CHOICE.exec(text);
  if (match === null) return null;
  const letter = (match[1] ?? match[2] ?? match[3] ?? "").toUpperCase();
  const content = match[4] ?? "";
  return OTHER_CHOICE.test(content) || /^(?:and|or|,)|\b(?:and|or) \(?[a-j]\b/i.test(content)
    ? null
    : { letter, content };
}

/** A letter that stands for a choice of its own: "(C)", "C.", "C, D", "A is right too"; not "A tree". */
const OTHER_CHOICE = /\([A-J]\)|(?:^|[\s,])[A-J](?:[).,;]|$|\s+(?:is|are|and|or|also|too|as)\b)/;

/** The reference decides whether this is a choice: it must be a capital letter from A to J, perhaps with its text. */
export function compareChoices(gold: Choice | null, given: Choice | null, isChosen: boolean): Verdict {
  if (gold === null || given === null || !isChosen) return "unknown";
  return gold.letter === given.letter ? "equal" : "different";
}
