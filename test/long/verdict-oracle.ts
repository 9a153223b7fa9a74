import { parseDocument } from "yaml";
import type { ChatReply } from "../../src/models/ports.ts";

/** What a reply says, by the rules that the judges' pages give, read here by hand; null: nothing that may be read. */
export type Oracle = (reply: Said) => unknown;
export type Said = Pick<ChatReply, "finishReason" | "text">;
type Read<Given> = (given: Given) => unknown;

const UNFINISHED = ["length", "content_filter", "refusal", "max_tokens", "abort", "error", "SAFETY"];
const QUOTES = `"'“”‘’„«»`;
/** What may stand before a name or a mark, and after a mark. No `>` and no `~`: those quote and strike out. */
const BEFORE = `*_\`#+-–•(${QUOTES}`;
const AFTER = `*_\`.。．!)${QUOTES}`;
const AFTER_ON_LINES = `${AFTER},;`;
const BREAKS = "\n\r\u2028\u2029";
const LABELS = "verdict answer rating ratings score scores ranking choice decision judgment judgement".split(
  " ",
);

function isSpace(letter: string): boolean {
  return letter.trim() === "";
}

function withoutStart(line: string, letters: string): string {
  let at = 0;
  while (at < line.length && (isSpace(line[at] ?? "") || letters.includes(line[at] ?? ""))) at += 1;
  return line.slice(at);
}

function withoutEnd(line: string, letters: string): string {
  let end = line.length;
  while (end > 0 && (isSpace(line[end - 1] ?? "") || letters.includes(line[end - 1] ?? ""))) end -= 1;
  return line.slice(0, end);
}

/** The lines after all thinking, up to the last one that is more than a rule or a fence; null while thinking is open. */
function answerLines(text: string): readonly string[] | null {
  const lower = text.toLowerCase();
  const ends = ["</think>", "</thinking>"].map((tag) => [lower.lastIndexOf(tag), tag.length] as const);
  const [at, length] = ends.sort(([one], [other]) => other - one)[0] ?? [-1, 0];
  const lines: string[] = [""];
  for (const letter of at < 0 ? text : text.slice(at + length)) {
    if (BREAKS.includes(letter)) lines.push("");
    else lines[lines.length - 1] += letter;
  }
  const opens = (line: string): boolean => {
    const start = line.trimStart().toLowerCase();
    return start.startsWith("<think>") || start.startsWith("<thinking>");
  };
  if (lines.some(opens)) return null;
  while (lines.length > 0 && withoutStart(lines.at(-1) ?? "", "`*_~-") === "") lines.pop();
  return lines;
}

/** What stands in the double brackets that are all of this text; null where it is anything else. */
function markAlone(text: string): string | null {
  if (!text.startsWith("[[") || !text.endsWith("]]")) return null;
  const inside = text.slice(2, -2);
  return text.length < 4 || [..."[]|"].some((letter) => inside.includes(letter)) ? null : inside.trim();
}

/** `Final verdict:`, without what stands around it. */
function isLabel(text: string): boolean {
  const words = text.toLowerCase().split(/\s+/);
  const noun = words.pop() ?? "";
  return (
    LABELS.includes(noun) &&
    words.length <= 3 &&
    words.every((word) => ["my", "the", "final", "overall"].includes(word))
  );
}

/** One verdict, alone on the last line. */
export function markOracle(read: Read<string>): Oracle {
  return ({ text, finishReason }) => {
    if (UNFINISHED.includes(finishReason ?? "")) return null;
    const line = withoutEnd(withoutStart(answerLines(text)?.at(-1) ?? "", BEFORE), AFTER);
    const colon = [...line].findIndex((letter) => ":：=".includes(letter));
    const label = colon < 0 ? "" : withoutEnd(line.slice(0, colon), BEFORE);
    const mark = markAlone(isLabel(label) ? withoutStart(line.slice(colon + 1), BEFORE) : line);
    return mark === null ? null : read(mark);
  };
}

/** `name: [[Yes]]` for each name in the unbroken block of such lines at the end, each once or alike. */
export function linesOracle(names: readonly string[], read: Read<string>): Oracle {
  return ({ text, finishReason }) => {
    const lines = UNFINISHED.includes(finishReason ?? "") ? null : answerLines(text);
    const found = new Map<string, unknown>();
    for (const line of lines?.toReversed() ?? []) {
      if (line.trim() === "") continue;
      const [name, mark] = named(line);
      if (mark === null || !names.includes(name)) break;
      const answer = read(mark);
      if (answer === null || (found.has(name) && found.get(name) !== answer)) return null;
      found.set(name, answer);
    }
    return found.size < names.length ? null : names.map((name) => found.get(name)).join(" ");
  };
}

function named(line: string): readonly [name: string, mark: string | null] {
  let start = withoutStart(line, BEFORE.replaceAll("(", ""));
  const [number = "", ...rest] = start.split(/[.)]\s/);
  if (rest.length > 0 && isWhole(number)) start = withoutStart(start.slice(number.length + 1), BEFORE);
  const colon = start.search(/[:：]/);
  const around = `*_\`"'`;
  const mark = withoutEnd(withoutStart(start.slice(colon + 1), around), AFTER_ON_LINES);
  return [withoutEnd(start.slice(0, Math.max(0, colon)), around), colon < 0 ? null : markAlone(mark)];
}

/** An object of JSON, of exactly these keys, each once. */
export function jsonOracle(keys: readonly string[], read: Read<Readonly<Record<string, unknown>>>): Oracle {
  return ({ text, finishReason }) => {
    if (UNFINISHED.includes(finishReason ?? "")) return null;
    const json = withoutFence(withoutThinking(text.trim()).trim());
    let given: unknown;
    try {
      given = JSON.parse(json);
    } catch {
      return null;
    }
    // YAML's parser says which keys stand twice; all JSON is YAML.
    const { errors } = parseDocument(json, { uniqueKeys: true });
    if (errors.some(({ code }) => code === "DUPLICATE_KEY")) return null;
    const fields = exactly(given, keys);
    return fields === null ? null : read(fields);
  };
}

/** The given value where it is an object of exactly these keys. */
export function exactly(given: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> | null {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return null;
  const held = Object.keys(given).sort().join();
  return held === [...keys].sort().join() ? (given as Readonly<Record<string, unknown>>) : null;
}

/** The verdict of an object of reasons and verdict. */
export function reasoned(given: unknown, read: Read<string>): unknown {
  const fields = exactly(given, ["reasons", "verdict"]);
  if (typeof fields?.reasons !== "string" || typeof fields.verdict !== "string") return null;
  return read(fields.verdict);
}

function withoutThinking(text: string): string {
  const lower = text.toLowerCase();
  const ends = ["</think>", "</thinking>"]
    .map((tag) => [lower.indexOf(tag), tag.length] as const)
    .filter(([at]) => at >= 0)
    .sort(([one], [other]) => one - other);
  const [first] = ends;
  return first === undefined || text.startsWith("{") || text.startsWith("`")
    ? text
    : text.slice(first[0] + first[1]);
}

function withoutFence(text: string): string {
  const lines = text.split("\n");
  const opening = (lines[0] ?? "").trimEnd().toLowerCase();
  if (lines.length < 2 || !["```", "```json"].includes(opening) || !text.endsWith("```")) return text;
  return lines.slice(1).join("\n").slice(0, -3);
}

export function wordOracle(words: Readonly<Record<string, unknown>>): Read<string> {
  return (word) => (Object.hasOwn(words, word.toLowerCase()) ? words[word.toLowerCase()] : null);
}

function isWhole(word: string): boolean {
  const digits = word.startsWith("-") ? word.slice(1) : word;
  return digits !== "" && [...digits].every((digit) => "0123456789".includes(digit));
}

/** A whole number of the scale, perhaps with its maximum; `words` are others that may be said. */
export function ratingOracle(
  min: number,
  max: number,
  words: Readonly<Record<string, unknown>> = {},
): Read<string> {
  return (word) => {
    const [rating = "", of, ...more] = word.split("/").map((part) => part.trim());
    if (more.length > 0 || !isWhole(rating) || (of !== undefined && !(isWhole(of) && Number(of) === max)))
      return wordOracle(words)(word);
    const value = Number(rating);
    return value >= min && value <= max ? value : null;
  };
}

/** The numbers of a list, joined by commas. */
export function listOracle(kind: "ranking" | "ratings", count: number): Read<readonly string[]> {
  return (list) => {
    if (list.length !== count || !list.every(isWhole)) return null;
    const values = list.map(Number);
    const [min, max] = kind === "ratings" ? [1, 10] : [1, count];
    if (values.some((value) => value < min || value > max)) return null;
    if (kind === "ranking" && values.some((value, at) => values.indexOf(value) !== at)) return null;
    return values.join();
  };
}
