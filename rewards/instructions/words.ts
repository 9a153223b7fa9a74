import { SPACE, splitAtSpaces, WORD } from "./python-text.ts";
import { sentences } from "./sentences.ts";

/**
 * Splits a text into words and marks as NLTK's `word_tokenize` does: by sentence, then by the rules of the Penn Treebank
 * as NLTK has extended them (Unicode quotes, dashes, "cannot", "gonna"). Tokens are in NLTK's notation: “"” becomes ``
 * or ''.
 */
export function words(text: string): readonly string[] {
  return sentences(text).flatMap(sentenceWords);
}

type Rule = readonly [pattern: RegExp, replacement: string];

const STARTING_QUOTES: readonly Rule[] = [
  [/([«“‘„]|`+)/gu, " $1 "],
  [/^"/u, "``"],
  [/(``)/gu, " $1 "],
  [/([ ([{<])("|'{2})/gu, "$1 `` "],
  [new RegExp(`(?<![${WORD}])(')(?!(?:re|ve|ll|m|t|s|d|n)(?![${WORD}]))(?=[${WORD}])`, "giu"), "$1 "],
];

const PUNCTUATION: readonly Rule[] = [
  // The lookahead with its backreference takes the whole run at once, so that a long one is not tried again and again.
  [new RegExp(`([^.])(\\.)(?=([\\])}>"'»”’ ]*))\\3[${SPACE}]*$`, "u"), "$1 $2 $3 "],
  [/([:,])([^\p{Nd}])/gu, " $1 $2"],
  [/([:,])$/u, " $1 "],
  [/\.{2,}/gu, " $& "],
  [/[;@#$%&]/gu, " $& "],
  [/[\u2012-\u2015]/gu, " $& "],
  [new RegExp(`([^.])(\\.)([\\])}>"']*)[${SPACE}]*$`, "u"), "$1 $2$3 "],
  [/[?!]/gu, " $& "],
  [/([^'])' /gu, "$1 ' "],
  [/[*]/gu, " $& "],
];

const ENDING_QUOTES: readonly Rule[] = [
  [/([»”’])/gu, " $1 "],
  [/''/gu, " '' "],
  [/"/gu, " '' "],
  [new RegExp(`[${SPACE}]+`, "gu"), " "],
  [/([^' ])('[sS]|'[mM]|'[dD]|') /gu, "$1 $2 "],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /gu, "$1 $2 "],
];

const CONTRACTIONS: readonly Rule[] = [
  ...["(can)(not)", "(d)('ye)", "(gim)(me)", "(gon)(na)", "(got)(ta)", "(lem)(me)", "(more)('n)"].map(
    (pair): Rule => [new RegExp(`(?<![${WORD}])${pair}(?![${WORD}])`, "giu"), " $1 $2 "],
  ),
  [new RegExp(`(?<![${WORD}])(wan)(na)(?=[${SPACE}])`, "giu"), " $1 $2 "],
  ...["('t)(is)", "('t)(was)"].map((pair): Rule => [new RegExp(` ${pair}(?![${WORD}])`, "giu"), " $1 $2 "]),
];

const apply = (text: string, rules: readonly Rule[]): string =>
  rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text);

function sentenceWords(sentence: string): string[] {
  const opened = apply(sentence, [...STARTING_QUOTES, ...PUNCTUATION]);
  const padded = ` ${opened.replace(/[\][(){}<>]/g, " $& ").replace(/--/g, " -- ")} `;
  return splitAtSpaces(apply(padded, [...ENDING_QUOTES, ...CONTRACTIONS]));
}
