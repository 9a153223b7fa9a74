import { changesValue, readNumber, sameNumber } from "./number.ts";
import { normaliseAnswer } from "./text.ts";

/** How much of a text around a value may belong to it. */
const REACH = 80;

/** "not 5", "isn't 5", "cannot be 5", "anything but 5"; not "he lost some, but 5 are left". */
const DENIED =
  /(?:\b(?:not|never|neither|nor|cannot|(?<!,\s)but|except|excluding|without|other than|rather than|instead of)|n['’]t)(?:\s+(?:be|equal|equal to|the number|just|simply))?\s+(?:\p{L}\w{0,5}\s*=)?\W*$/iu;
/** "5 is incorrect", "5 is not right", "5? No". */
const REFUSED =
  /^\W{0,6}(?:(?:is|was|are|would be|seems?)\s+(?:\w+ly\s+)?(?:not|never|incorrect|wrong|false|invalid|impossible|too)\b|(?:isn|wasn|aren|can|won|doesn)['’]t\b|cannot\b|can not\b|(?:no(?=[,.!?]|$|\s+wait)|nope|wrong|incorrect|not (?:really|quite|right|correct))\b)/i;
/** An operator in words, or half of a ratio, a range, an interval or a list. */
const HALF_BEFORE =
  /(?:\b(?:plus|times|multiplied by|divided by|roots? of|out of|power of|logarithm of|log of|factorial of|modulo|between|sum of|product of|difference of|versus|vs\.?)|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|fifty|hundred)\s+(?:and|or)|(?:\d|\bpi|π|\b[a-z]|\))[\s$]+(?:over|minus|by)|\d[\s$]*\s(?:in|to|:|or|and)|(?:\d|%|percent|half|third|quarter|fraction)\s+of|\d\s*,(?:\s*(?:or|and))?)[\s*$(]*$/i;
const HALF_AFTER =
  /^[\s*$)]*(?:(?:plus|minus|over|squared|cubed|choose|divided|multiplied|to the power|and (?:a|an|one|two|three)\s+(?:half|halves|quarters?|thirds?|fifths?|eighths?|tenths?))\b|(?:or|and|to|versus|vs\.?)\s+[\W]*\d|:\s*\d)/i;
const OR_IN_WORDS = /^[\s*$)]*(?:or|and)\s+(\p{L}+)/iu;
/** A scale; other words that change a number ("18 more", "5 times", "12 or so") are everyday prose. */
const SCALE_AFTER =
  /^[\s*$)]*-?\s*(?:hundreds?|thousands?|[mb]illions?|(?:tr|quadr|quint)illions?|dozens?|lakhs?|crores?|grand|gross|score|halves|thirds|fourths|quarters|fifths|sixths|sevenths|eighths|ninths|tenths|hundredths|thousandths|millionths|billionths|fold|factorial|permille|ppm|percent|%|\\%)(?!\p{L})/iu;

/**
 * Whether a value in running text is only a piece of what is said there: it is denied ("not 5", "5 is wrong"), or an
 * operator, a scale or another half of it stands beside it ("2x plus 5", "5 dozen", "4 or 5", "1 in 5").
 */
export function isPiece(text: string, start: number, end: number): boolean {
  const before = lineBefore(text, start);
  const after = text.slice(end, end + REACH).split("\n", 1)[0] ?? "";
  if (DENIED.test(before) || HALF_BEFORE.test(before)) return true;
  if (/(?<=\S\s*)(?:^|\s)[-–]\s+$/.test(before) || /\b(?:minus|negative)[\s*$]+$/i.test(before)) return true;
  if (REFUSED.test(after) || HALF_AFTER.test(after) || SCALE_AFTER.test(after)) return true;
  const other = OR_IN_WORDS.exec(after)?.[1];
  return other !== undefined && readNumber(other) !== null;
}

const BOX_DENIED = /(?:\b(?:not|never|cannot)(?: be)?|n['’]t(?: be)?|\\neq?|≠)[\s$({[\\]*$/i;
const BOX_REFUSED =
  /^[\s$)}\]\\]*(?:(?:is|was|would be) (?:incorrect|wrong|false|impossible|not (?:right|correct|the (?:right |correct |final )?answer))|(?:isn|wasn)['’]t (?:right|correct|the (?:right |correct |final )?answer))\b/i;

/** Whether a box is denied where it stands: "not \boxed{5}", "x \neq \boxed{5}", "\boxed{5} is wrong". */
export function isBoxDenied(text: string, start: number, end: number): boolean {
  return BOX_DENIED.test(lineBefore(text, start)) || BOX_REFUSED.test(text.slice(end, end + REACH));
}

/** Whether "minus" or "negative" before a number is its sign: "the result is negative 5"; null: "10 minus 5" is a calculation. */
export function signWord(text: string, start: number): number | null {
  const before = lineBefore(text, start);
  const match = /(?:^|\s)(?:negative|minus)[\s*$]+$/i.exec(before);
  if (match === null) return null;
  const earlier = before.slice(0, match.index);
  const isSign = /(?:^|\b(?:is|are|was|be|get|gets|got|gives|equals|becomes|to|of)|[=:])[\s*$]*$/i.test(
    earlier,
  );
  return isSign && !HALF_BEFORE.test(`${earlier} `) ? start - before.length + match.index : null;
}

function lineBefore(text: string, start: number): string {
  const before = text.slice(Math.max(0, start - REACH), start);
  return before.slice(before.lastIndexOf("\n") + 1);
}

const HEDGE =
  /^(?:but|if|rather|actually)\b|\b(?:or|alternatively|maybe|perhaps|possibl[ey]|probably|not|also|could|might|may|versus|vs)\b/i;
const WORKING =
  /^(?:see|from|since|because|using|by|rounded|step|eq)\b|\d[^\d]{0,20}(?:\s[-+*/×·÷=]|\b(?:minus|plus|times|each|per|at))\s|\d[-+*/×·÷^=]\$?\d/i;

/** Whether what stands in brackets behind a value names another one: "5 (or 6)"; not "5 (or five)", "5 (see step 2)". */
export function namesAnother(head: string, aside: string): boolean {
  const words = aside.replace(/^[\s(]+|[\s).]+$/g, "");
  const value = words.replace(
    /^(?:(?:or|i\.e\.|that is|namely|equivalently|which is|equals?|about)[\s,]+|=\s*)+/i,
    "",
  );
  const [one, other] = [readNumber(normaliseAnswer(head)), readNumber(normaliseAnswer(value))];
  if (other !== null) return one === null || !sameNumber(one, other, { tolerance: 0, percent: "distinct" });
  if (HEDGE.test(words)) return true;
  return changesValue(words) && !WORKING.test(words);
}

/** The last "the answer is not 5". A later answer that is announced is found before anyone asks. */
const DENIED_ANSWER =
  /\b(?:answers?|solutions?|results?)\s{1,4}(?:(?:is|are|was|can|could|should|would|must)\s{1,4}(?:[a-z]{1,12}\s{1,4})?(?:not|never)|cannot|(?:is|are|was|ca|could|should|would)n['’]t)\b[^.\n]{0,40}[\d\\$]/gi;

/** Where the last "the answer is not 5" stands; -1 when there is none. */
export function deniedAnswer(text: string): number {
  if (!/not|n['’]t/.test(text)) return -1;
  let last = -1;
  for (const { index } of text.matchAll(DENIED_ANSWER)) last = index;
  return last;
}
