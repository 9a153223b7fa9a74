import { boxes, type Candidate } from "./boxed.ts";
import { isFormula, isNumber } from "./extract-bare.ts";
import { deniedAnswer, namesAnother } from "./extract-context.ts";

/** Every closed `<answer>…</answer>`, read by `read`; the first may have been opened in the prompt. */
export function taggedAnswers(text: string, read: (inside: string) => string): readonly Candidate[] {
  const found: Candidate[] = [];
  if (!text.includes("</")) return found;
  let start = 0;
  for (const { 0: tag, index } of text.matchAll(/<\/?answer>/gi)) {
    const end = index + tag.length;
    if (tag[1] !== "/") {
      start = end;
    } else if (start >= 0) {
      found.push({ start, end, text: read(text.slice(start, index)) });
      start = -1;
    }
  }
  return found;
}

/** `#### x` on each line: a number or a formula anywhere, anything on the last line. */
export function hashLines(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  const lineEnd = lineEndFinder(text);
  for (let hashes = text.indexOf("####"); hashes >= 0; ) {
    const start = endOfRun(text, hashes, "#");
    const next = text.indexOf("####", start);
    const line = lineEnd(start);
    if (start - hashes === 4) {
      const end = next < 0 ? line : Math.min(line, next);
      const content = text.slice(start, end);
      if (isLastLine(text, line) || isBareAnswer(content)) found.push({ start, end, text: refined(content) });
    }
    hashes = next;
  }
  return found;
}

const ANSWER_LINE =
  /^[ \t>*_#|-]{0,12}(?:(?:(?:the|my|our|final|correct)[ \t]{1,4}){0,3}ans(?:wer)?[ \t*_]{0,6}(?:[:：]|$)|A:)/gim;

/** Lines that begin with "A:" or "(Final) answer:"; below a heading of that name, the next line or formula. */
export function answerLines(text: string): readonly Candidate[] {
  const found: Candidate[] = [];
  if (!/ans|A:/i.test(text)) return found;
  const lineEnd = lineEndFinder(text);
  let isChoice: boolean | null = null;
  for (const { 0: head, index } of text.matchAll(ANSWER_LINE)) {
    const after = index + head.length;
    const line = lineEnd(after);
    if (/ans/i.test(head)) {
      const end = pastEnvironment(text, after, line, lineEnd);
      const content = text.slice(after, end);
      if (/[\p{L}\d]/u.test(content)) found.push({ start: after, end, text: refined(content) });
      else found.push(...below(text, after, lineEnd));
      continue;
    }
    isChoice ??= text.includes("B:") && /^[ \t]*B:/m.test(text);
    if (isChoice || !head.endsWith("A:")) continue;
    const content = text.slice(after, line);
    if (isLastLine(text, line) || isBareAnswer(content)) {
      const answer = refined(content);
      // Several sentences are the worked solution that few-shot prompts put behind "A:".
      if (!/[.?!]\s+\p{L}/u.test(answer)) found.push({ start: after, end: line, text: answer });
    }
  }
  return found;
}

const LONGEST_ENVIRONMENT = 1_000;

/** The end of a line, or, when a LaTeX environment is open there, of the line that closes it. */
function pastEnvironment(
  text: string,
  start: number,
  end: number,
  lineEnd: (from: number) => number,
): number {
  // Of a longer line nothing is an answer, and many markers on it would be quadratic work.
  if (end - start > LONGEST_ENVIRONMENT) return end;
  const content = text.slice(start, end);
  if (content.lastIndexOf("\\begin{") <= content.lastIndexOf("\\end{")) return end;
  const closing = text.slice(end, end + LONGEST_ENVIRONMENT).indexOf("\\end{");
  return closing < 0 ? end : lineEnd(end + closing);
}

/** What stands below a heading: display math as a whole, else the next line that says something. */
function below(text: string, from: number, lineEnd: (from: number) => number): readonly Candidate[] {
  const mark = /[^\s*_:]/g;
  mark.lastIndex = from;
  const start = mark.exec(text)?.index ?? text.length;
  const display = displayAt(text, start);
  if (display !== null) return [display];
  const word = /[\p{L}\d]/gu;
  word.lastIndex = start;
  const place = word.exec(text)?.index;
  if (place === undefined) return [];
  const lineStart = Math.max(text.lastIndexOf("\n", place) + 1, from);
  const end = lineEnd(place);
  const content = text.slice(lineStart, end);
  return ANSWER_LINE_HEAD.test(content) ? [] : [{ start: lineStart, end, text: refined(content) }];
}

const ANSWER_LINE_HEAD = new RegExp(ANSWER_LINE.source, "i");

/** "$$…$$" or "\[…\]" that begins at `start`, within the next thousand characters or so. */
function displayAt(text: string, start: number): Candidate | null {
  const opening = text.startsWith("$$", start) ? "$$" : text.startsWith("\\[", start) ? "\\[" : null;
  if (opening === null) return null;
  const window = text.slice(start + 2, start + 1_100);
  const length = window.indexOf(opening === "$$" ? "$$" : "\\]");
  if (length < 0) return null;
  return { start, end: start + length + 4, text: window.slice(0, length) };
}

const ANSWER_IS =
  /\b(?:answers?|(?:correct|right|best) (?:option|choice))(?:\s{1,4}(?:to|for)\s[^.\n:=]{1,60}?)?(?:\s{1,4}(?:is|are|was|would be|will be|should be|must be|equals)\b|\s{0,4}(?=[:：=]))\s{0,4}[:：=]?\s{0,8}/gi;
/** A comma ends the sentence before a word, unless the word goes on with the list or names a value. */
const SENTENCE_END =
  /(?<!\b(?:i\.e|e\.g))[.?!](?=\s|$)|,\s+(?!(?:and|or)\s+(?:\P{L}|\p{L}(?!\p{L}))|\p{L}+\s*=)(?=\p{L}{2})|\s(?:because|since|where|which|as)\s/gu;
/** "the answer is found by …" announces no answer. */
const NO_ANSWER =
  /^(?:\w{1,12}ly\s+)?(?:found|obtained|computed|calculated|determined|not|in|by|to|below|above|as)\b/i;

const ELSEWHERE = /\s(?:above|below)\W*$/i;

/** "the answer is x", x up to the end of the sentence; display math as a whole. Also "Option C is correct", "I choose C". */
export function answerIs(text: string): readonly Candidate[] {
  if (!/answer|option|choice|choose|pick|select/i.test(text)) return [];
  const matches = [...text.matchAll(ANSWER_IS)];
  const lineEnd = lineEndFinder(text);
  const announced = matches.flatMap((match, index): readonly Candidate[] => {
    const start = match.index + match[0].length;
    const display = displayAt(text, start);
    if (display !== null) return [display];
    const line = pastEnvironment(text, start, lineEnd(start), lineEnd);
    const end = Math.min(line, matches[index + 1]?.index ?? text.length);
    const content = withAlternative(text.slice(start, end));
    if (NO_ANSWER.test(content) || ELSEWHERE.test(content.slice(-40))) return [];
    const said = restated(content.replace(FILLERS, ""));
    return [{ start, end: start + content.length, text: withoutAside(said) }];
  });
  const chosen = [...text.matchAll(CHOSEN)].map(({ 0: all, 1: letter = "", index }) => {
    const end = index + all.length;
    return { start: end - letter.length, end, text: letter };
  });
  return chosen.length === 0
    ? announced
    : [...announced, ...chosen].sort((one, other) => one.start - other.start);
}

/** Of "5 dozen, i.e. 60", 60; of "0.5, i.e. 1/2", either; two other numbers stay together, and are no answer. */
function restated(content: string): string {
  if (content.length > 1_000) return content;
  const [head = "", value] = content.split(/,?\s+i\.e\.,?\s+/);
  return value !== undefined && isBareAnswer(value) && (!isBareAnswer(head) || !namesAnother(head, value))
    ? value
    : content;
}

/** "Option C is correct." at the beginning of a sentence, and "I choose C." at the end of one. */
const CHOSEN =
  /(?:(?:^|[.:!\n]\s{0,4})(?:(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),? )?(?:[Oo]ption|[Cc]hoice|[Aa]nswer) (?=\(?[A-J]\)? is (?:the )?(?:correct|right|best)\b(?! (?:or|and)\b))|\bI (?:would )?(?:choose|pick|select) (?:(?:option|choice|answer) )?(?=\(?[A-J]\)?\s*(?:[.!]\s*)?(?:$|\n)))(\(?[A-J]\)?)/g;

const FILLERS =
  /^\s*(?:(?:therefore|thus|then|hence|simply|just|exactly|precisely|indeed|clearly|obviously|certainly|definitely|evidently|actually|equal to|given by|approximately|about|roughly)[\s,:]+|(?:option|choice)\s+(?=\W?[A-Z]\b))+/i;

/** The sentence, and the next one when it names another value: "B. Or C." is no answer of one. */
function withAlternative(line: string): string {
  const first = sentence(line);
  const other = ALTERNATIVE.exec(line.slice(first.length, first.length + 60));
  return other === null ? first : line.slice(0, first.length + other[0].length);
}

const ALTERNATIVE =
  /^[,;]\s+(?:not (?:really|quite|right|correct)|wrong|incorrect|no,? wait)\b|^[.?!;,]\s+(?:(?:or|maybe|perhaps|possibly|probably|even|alternatively|actually|no(?=[,.!:;])|nope|wait|oops|sorry|correction|scratch that)\b[\s,.:!—-]{1,4}){1,3}(?:(?:it|that|this)(?:['’]s| is| was| should be| must be) )?(?:[$(\\-]{0,3}\d[\d.,]*|\(?[A-J]\b\)?)/i;

/** Up to the end of the sentence; what stands in brackets or in leading math ends none. */
function sentence(line: string): string {
  SENTENCE_END.lastIndex = mathEnd(line);
  let depth = 0;
  let seen = 0;
  let first: number | null = null;
  for (let end = SENTENCE_END.exec(line); end !== null; end = SENTENCE_END.exec(line)) {
    first ??= end.index;
    for (; seen < end.index; seen++) {
      if ("([{".includes(line[seen] ?? " ")) depth += 1;
      if (")]}".includes(line[seen] ?? " ")) depth -= 1;
    }
    if (depth <= 0) return line.slice(0, end.index);
  }
  return line.slice(0, first ?? line.length); // brackets that never match bind nothing
}

const ASIDE = /\s\((?!mod|base)(?=[^()]*\p{L}{2})[^()]*\)[\s.]*$/iu;

/** "5 (or five)" says 5, "5 (or 6)" does not; "(see above: 5)" may have lost its opening bracket. */
function withoutAside(content: string): string {
  if (content.length > 1_000) return content;
  const aside = ASIDE.exec(content)?.[0] ?? "";
  const head = content.slice(0, content.length - aside.length);
  if (aside !== "" && isBareAnswer(head) && !namesAnother(head, aside)) return head;
  return content.includes("(") || content.includes("[") ? content : content.replace(/\)[\s.]*$/, "");
}

/** Where the math that the line begins with ends: a period inside it ends no sentence. */
function mathEnd(line: string): number {
  const pair = line.startsWith("$") ? "$" : line.startsWith("\\(") ? "\\)" : null;
  if (pair === null) return 0;
  const end = line.indexOf(pair, pair.length);
  return end < 0 ? 0 : end + pair.length;
}

const STATEMENT =
  /^\s*(?:the|so|it|this|that|there|therefore|thus|hence|he|she|they|we|i)\b[^.=\n]{0,200}?\b(?:is|are|equals|gives|be)\s+(.+)$/is;

/** Of "The final answer is 5." or "5. That is because …" behind a marker, 5; any other content stays as it is. */
function refined(content: string): string {
  if (content.length > 1_000 || !/\p{L}/u.test(content)) return content;
  const inner = answerIs(content).at(-1);
  if (inner !== undefined && inner.text.trim() !== "") return inner.text;
  const said = STATEMENT.exec(content)?.[1];
  if (said !== undefined && isBareAnswer(said)) return said;
  const [first = ""] = content.split(/(?<=[.?!])\s+(?=\p{L})|\s(?=because\s|since\s)/u, 1);
  return withoutAside(isBareAnswer(first) ? first : content);
}

function isBareAnswer(content: string): boolean {
  const hasDigit = /\d/.test(content);
  if (!hasDigit && !/\p{L}{3}/u.test(content)) return false; // a number in words has three letters
  return isNumber(content) || (hasDigit && isFormula(content));
}

/** Whether nothing but blanks stands behind `end`. */
function isLastLine(text: string, end: number): boolean {
  const rest = /\S/g;
  rest.lastIndex = end;
  return !rest.test(text);
}

/** Ends of lines, each line searched once: an end that is known serves every place before it and behind its search. */
function lineEndFinder(text: string): (from: number) => number {
  let searched = { from: 0, end: -1 };
  return (from) => {
    if (from < searched.from || from > searched.end) {
      const end = text.indexOf("\n", from);
      searched = { from, end: end < 0 ? text.length : end };
    }
    return searched.end;
  };
}

function endOfRun(text: string, from: number, character: string): number {
  let end = from;
  while (text[end] === character) end += 1;
  return end;
}

const OPEN_END =
  /(?:####|\banswers?\s{1,4}(?:is|are)|\banswers?[\s*_]{0,6}[:：]|\n[ \t>*_#-]{0,12}(?:the |final ){0,2}answer)[\s*_:：]*$/i;

/**
 * Whether the text announces an answer and has none: a box that is empty or never closed, a tag that is never closed, a
 * marker at the very end, or an answer that is only denied ("the answer is not 5"). The rest is working, and no rule that
 * reads the end may take a number from there.
 */
export function isAnswerMissing(text: string): boolean {
  if (OPEN_END.test(text.slice(-200)) || isTagOpen(text) || deniedAnswer(text) >= 0) return true;
  return /\\(?:boxed|fbox)/.test(text) && boxes(text).every((box) => box.text.trim() === "");
}

function isTagOpen(text: string): boolean {
  const opened = text.lastIndexOf("<answer>");
  return opened >= 0 && text.indexOf("</answer>", opened) < 0;
}
