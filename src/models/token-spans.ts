import { type AddedToken, Tokenizer } from "@huggingface/tokenizers";
import type { Json, JsonObject } from "../core/types.ts";

/** A token and the bytes of the text that it stands for, in the escaped text (see `SpanTokenizer.escape`). */
export interface TokenSpan {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

export interface Tokenized {
  readonly ids: readonly number[];
  /** null when the tokens' texts do not add up to the text: the tokenizer changes it, or does not know a character. */
  readonly spans: readonly TokenSpan[] | null;
}

/** A tokenizer that can say which bytes of the text each token stands for. */
export interface SpanTokenizer {
  /**
   * Tokens of `text`, special texts read as special tokens, none added. `continues`: the text stands in the middle of a
   * longer one, so that no prefix space is put before it. Spans count from 0.
   */
  tokenize(text: string, options?: { readonly continues?: boolean }): Tokenized;
  /** The ids of `tokenize(text)`, several times faster where no span is asked for. */
  ids(text: string): number[];
  /** Length in bytes of `text` as spans count it: a SentencePiece space is as long as its sign. */
  byteLength(text: string): number;
  readonly tokenizer: Tokenizer;
  /** Ids of the special tokens. */
  readonly specialIds: ReadonlySet<number>;
}

/**
 * Wraps a tokenizer.json.
 *
 * The text is cut at added tokens, as every tokenizer of this kind does; each section is tokenized and then spelled out
 * again from its tokens (byte-level alphabet, or SentencePiece signs with byte fallback, or plain), and only if that is the
 * section, byte for byte, are the spans given. Tolerated are the prefix space that some tokenizers put before a section,
 * which has no width in the text, and white space that an added token swallows (lstrip, rstrip).
 */
export function spanTokenizer(json: JsonObject, config: JsonObject): SpanTokenizer {
  const tokenizer = new Tokenizer(json, config);
  const bareJson = withoutPrefix(json);
  const hasPrefix = JSON.stringify(bareJson.parts) !== JSON.stringify(partsOf(json));
  let bare: Tokenizer | undefined;
  const bareTokenizer = (): Tokenizer => {
    bare ??= hasPrefix ? new Tokenizer({ ...json, ...bareJson.parts }, config) : tokenizer;
    return bare;
  };
  const added = new Map(
    [...tokenizer.get_added_tokens_decoder().values()].map((token) => [token.content, token]),
  );
  // Tokens that are looked for in normalized text come back as their normalized selves.
  const { normalizer } = tokenizer;
  const byString = new Map(added);
  for (const token of added.values()) {
    if (token.normalized && normalizer !== null) byString.set(normalizer.normalize(token.content), token);
  }
  const cut = sectionCutter(
    [...added.values()].filter(({ normalized }) => !normalized || json.normalizer == null),
  );
  const spelling = spellingOf(json);
  const firstOnly = mentions(partsOf(json), "prepend_scheme", "first");

  const sectionTokens = (section: string, isStart: boolean, continues: boolean): string[] => {
    const plain = isStart ? continues : firstOnly;
    return (plain ? bareTokenizer() : tokenizer).tokenize(section, { add_special_tokens: false });
  };

  /** A section's text without the white space that its neighbours swallow, and how much was cut off in front. */
  const keptOf = (
    sections: readonly Section[],
    index: number,
  ): { readonly text: string; readonly from: number } =>
    trimmed(
      sections[index]?.text ?? "",
      sections[index - 1]?.token?.rstrip === true,
      sections[index + 1]?.token?.lstrip === true,
    );

  return {
    tokenizer,
    ids(text) {
      const sections = cut(text);
      return sections.flatMap(({ token }, index) => {
        if (token !== null) return token.id;
        const kept = keptOf(sections, index).text;
        if (kept === "") return [];
        return sectionTokens(kept, index === 0, false).map((given) => idOf(tokenizer, byString, given));
      });
    },
    specialIds: new Set([...added.values()].filter(({ special }) => special).map(({ id }) => id)),
    byteLength: (text) => Buffer.byteLength(spelling.escape(text)),
    tokenize(text, { continues = false } = {}) {
      const ids: number[] = [];
      let spans: TokenSpan[] | null = [];
      let at = 0;
      const sections = cut(text);
      for (const [index, { text: section, token }] of sections.entries()) {
        const width = Buffer.byteLength(spelling.escape(section));
        if (token !== null) {
          ids.push(token.id);
          spans?.push({ id: token.id, start: at, end: at + width });
          at += width;
          continue;
        }
        const kept = keptOf(sections, index);
        const skipped = Buffer.byteLength(spelling.escape(section.slice(0, kept.from)));
        if (kept.text !== "") {
          const tokens = sectionTokens(kept.text, index === 0, continues);
          const start = ids.length;
          for (const given of tokens) ids.push(idOf(tokenizer, byString, given));
          const widths = alignedWidths(
            tokens.map((given) => (byString.has(given) ? Buffer.from(given) : spelling.bytes(given))),
            Buffer.from(spelling.escape(kept.text)),
            spelling.prefix,
          );
          if (widths === null) spans = null;
          let position = at + skipped;
          for (const [order, width] of (widths ?? []).entries()) {
            spans?.push({ id: ids[start + order] ?? -1, start: position, end: position + width });
            position += width;
          }
        }
        at += width;
      }
      return { ids, spans };
    },
  };
}

/** The id as the tokenizer's own `encode` gives it; the unknown token's where it has none. */
function idOf(tokenizer: Tokenizer, added: ReadonlyMap<string, AddedToken>, token: string): number {
  const id = added.get(token)?.id ?? tokenizer.token_to_id(token) ?? tokenizer.model?.unk_token_id;
  if (id === undefined) throw new RangeError("the tokenizer gave a token that is not in its vocabulary.");
  return id;
}

/** How many bytes of the section each token stands for; null when the tokens do not spell it. */
function alignedWidths(
  tokens: readonly Uint8Array[],
  section: Buffer,
  prefix: Buffer | null,
): number[] | null {
  const spelled = Buffer.concat(tokens);
  const widths = tokens.map((bytes) => bytes.length);
  if (spelled.equals(section)) return widths;
  if (prefix === null || !spelled.equals(Buffer.concat([prefix, section]))) return null;
  // The prefix space belongs to the first token and has no width in the text.
  const [first = 0, ...others] = widths;
  return first < prefix.length ? null : [first - prefix.length, ...others];
}

function trimmed(
  section: string,
  left: boolean,
  right: boolean,
): { readonly text: string; readonly from: number } {
  const start = left ? section.trimStart() : section;
  return { text: right ? start.trimEnd() : start, from: section.length - start.length };
}

interface Section {
  readonly text: string;
  /** The added token that the section is; null between them. */
  readonly token: AddedToken | null;
}

/** Cuts a text at the given added tokens: leftmost, then longest. */
function sectionCutter(tokens: readonly AddedToken[]): (text: string) => Section[] {
  const byText = new Map(
    tokens.filter(({ content }) => content !== "").map((token) => [token.content, token]),
  );
  if (byText.size === 0) return (text) => (text === "" ? [] : [{ text, token: null }]);
  const escaped = [...byText.keys()]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  // Split with a capture: what stands between tokens is at even places, tokens at odd ones.
  const pattern = new RegExp(`(${escaped.join("|")})`);
  return (text) =>
    text
      .split(pattern)
      .map((part, place) => ({ text: part, token: place % 2 === 1 ? (byText.get(part) ?? null) : null }))
      .filter((section) => section.text !== "");
}

interface Spelling {
  /** The text in the signs that tokens are written in, one code unit for each. */
  escape(text: string): string;
  bytes(token: string): Uint8Array;
  /** What a prefix space is written as; null where a token's text is its own. */
  readonly prefix: Buffer | null;
}

const METASPACE = "\u2581";

function spellingOf(json: JsonObject): Spelling {
  const parts = [json.decoder ?? null, json.pre_tokenizer ?? null];
  if (mentions(parts, "type", "ByteLevel")) {
    return { escape: (text) => text, bytes: byteLevelBytes, prefix: Buffer.from(" ") };
  }
  const all = [...parts, json.normalizer ?? null];
  const isMetaspace = mentions(all, "type", "Metaspace") || JSON.stringify(all).includes(METASPACE);
  if (!isMetaspace) return { escape: (text) => text, bytes: (token) => Buffer.from(token), prefix: null };
  const byteFallback = (json.model as JsonObject | undefined)?.byte_fallback === true;
  return {
    escape: (text) => text.replaceAll(" ", METASPACE),
    bytes: (token) => {
      const byte = byteFallback ? /^<0x([0-9A-F]{2})>$/.exec(token)?.[1] : undefined;
      return byte === undefined ? Buffer.from(token) : Uint8Array.of(Number.parseInt(byte, 16));
    },
    prefix: Buffer.from(METASPACE),
  };
}

/** The byte-level alphabet of GPT-2: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and on. */
const BYTE_OF_SIGN: ReadonlyMap<string, number> = (() => {
  const signs = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable =
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
    signs.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return signs;
})();

function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const sign of token) {
    const byte = BYTE_OF_SIGN.get(sign);
    // Not of the alphabet: an unknown token, which then does not spell the text.
    if (byte === undefined) return Buffer.from(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Whether an object with this value under this key stands anywhere in `value`. */
function mentions(value: Json, key: string, expected: string): boolean {
  if (value === null || typeof value !== "object") return false;
  if (Array.isArray(value)) return value.some((item: Json) => mentions(item, key, expected));
  const object = value as JsonObject;
  return object[key] === expected || Object.values(object).some((inner) => mentions(inner, key, expected));
}

function partsOf(json: JsonObject): { readonly normalizer: Json; readonly pre_tokenizer: Json } {
  return { normalizer: json.normalizer ?? null, pre_tokenizer: json.pre_tokenizer ?? null };
}

/** The parts of a tokenizer.json without whatever puts a space before a text. */
function withoutPrefix(json: JsonObject) {
  const { normalizer, pre_tokenizer } = partsOf(json);
  return { parts: { normalizer: bareStep(normalizer), pre_tokenizer: bareStep(pre_tokenizer) } };
}

function bareStep(step: Json): Json {
  if (step === null || typeof step !== "object" || Array.isArray(step)) return step;
  const object = step as JsonObject;
  if (object.type === "Prepend") return null;
  if (object.type === "Metaspace" && object.prepend_scheme !== "never")
    return { ...object, prepend_scheme: "never", add_prefix_space: false };
  if (object.type === "ByteLevel" && object.add_prefix_space === true)
    return { ...object, add_prefix_space: false };
  if (object.type !== "Sequence") return step;
  const inner = (name: string): JsonObject =>
    Array.isArray(object[name])
      ? { [name]: (object[name] as readonly Json[]).map(bareStep).filter((kept) => kept !== null) }
      : {};
  return { ...object, ...inner("normalizers"), ...inner("pretokenizers") };
}
