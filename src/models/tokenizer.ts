import { CallFailure, PrefkitError, reasonOf } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import type { Json, JsonObject, Message } from "../core/types.ts";
import { type FolderRuntime, type ModelFolder, openModelFolder } from "./hub.ts";
import type { LocatedTurn, RenderedTurn, RenderOptions, SpanRule } from "./ports.ts";
import { chatTemplate } from "./template.ts";
import { type SpanTokenizer, spanTokenizer, type Tokenized, type TokenSpan } from "./token-spans.ts";
import { type RenderedPrompt, type TurnRenderer, turnRenderer } from "./turn.ts";

/** A model's tokenizer and chat template: what turns messages and a response into token ids and an exact span. */
export interface TurnTokenizer {
  /** The folder or hub id, as it was named. */
  readonly source: string;
  /** The commit of a hub repository; null for a folder. */
  readonly commit: string | null;
  /** sha256 of tokenizer.json. */
  readonly hash: string;
  /** sha256 of the chat template; null when there is none. */
  readonly templateHash: string | null;
  /** Texts that are read as one special token. */
  readonly specialTokens: readonly string[];
  /** In tokens, by config.json, else tokenizer_config.json; null when neither says. */
  readonly contextLength: number | null;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** Whether a text gets the BOS token in front that does not begin with it. */
  readonly addsBos: boolean;
  /** Ids that end a generated reply: generation_config.json's, the end-of-sequence token, the template's turn end. */
  readonly endIds: readonly number[];

  /**
   * The prompt up to where a reply begins. `tools`: JSON text.
   * Throws `CallFailure` "template" and "span_impossible", as `render` does.
   */
  renderPrompt(
    messages: readonly Message[],
    options?: { readonly tools?: string; readonly specialTokens?: readonly string[] },
  ): RenderedPrompt;

  /** See `LogprobModel.render`, and `turnRenderer` for the rule. */
  render(messages: readonly Message[], response: string, options: RenderOptions): RenderedTurn;

  /**
   * Token ids of a turn, and which of them are the response's: those that start at or after its first character. Never a
   * count of the prompt's tokens: each token's bytes are compared with the text's.
   *
   * `whole`: the text as one, cut at its breaks only. null when a token straddles an edge of the response, or when the
   * tokens do not spell the text (a tokenizer that normalizes). `joined`: prompt, response and turn end apart; the
   * response's tokens must spell it. Throws `CallFailure` "span_impossible" when they do not, when there is no token to
   * score, or when the response would start with the first token, which has no log-prob.
   */
  locate(turn: RenderedTurn, rule: SpanRule): LocatedTurn | null;
  /** See `LogprobModel.tokenStarts`. */
  tokenStarts(turn: Pick<RenderedTurn, "breaks" | "text">): readonly number[];

  /** Ids of a prompt that a reply is to be generated from, BOS in front where it belongs. */
  promptIds(prompt: RenderedPrompt): number[];
  /** Ids of a text; special texts in it are read as special tokens, and nothing is added. */
  encode(text: string): number[];
  /** Text of ids, special tokens written out unless told; bytes that are no whole character as U+FFFD. */
  decode(ids: readonly number[], options?: { readonly withoutSpecial?: boolean }): string;
  /** A text's id as one token; null when it is none. */
  idOf(token: string): number | null;
}

/**
 * Reads a tokenizer and chat template from a local folder (relative to the recipe's) or a hub repository: tokenizer.json
 * (required), tokenizer_config.json, special_tokens_map.json, chat_template.jinja, config.json, generation_config.json.
 *
 * Errors: those of `openModelFolder`; `io` without tokenizer.json; `damaged_file` when a file is not what it should be.
 */
export async function loadTokenizer(
  source: string,
  options: { readonly revision?: string; readonly runtime: FolderRuntime },
): Promise<TurnTokenizer> {
  const folder = await openModelFolder(source, options);
  return await tokenizerOf(folder, options.runtime.offline);
}

/** `loadTokenizer` for a folder that is open already. */
export async function tokenizerOf(folder: ModelFolder, offline = false): Promise<TurnTokenizer> {
  const bytes = await folder.read("tokenizer.json");
  if (bytes === null) {
    throw new PrefkitError(
      "io",
      `${folder.source} has no tokenizer.json${offline && folder.commit !== null ? " in the cache, and the run is offline" : ""}.`,
      "name a folder or repository that has one: transformers' save_pretrained of a fast tokenizer writes it.",
    );
  }
  const [config, map, model, generation] = await Promise.all(
    ["tokenizer_config.json", "special_tokens_map.json", "config.json", "generation_config.json"].map(
      async (file) => jsonOf(await folder.read(file), `${folder.source}/${file}`) ?? {},
    ),
  );
  const json = jsonOf(bytes, `${folder.source}/tokenizer.json`) ?? {};
  const templateText = textOf(await folder.read("chat_template.jinja")) ?? templateIn(config?.chat_template);
  return makeTokenizer({
    source: folder.source,
    commit: folder.commit,
    hash: sha256(bytes),
    json,
    config: config ?? {},
    map: map ?? {},
    model: model ?? {},
    generation: generation ?? {},
    templateText,
  });
}

interface TokenizerFiles {
  readonly source: string;
  readonly commit: string | null;
  readonly hash: string;
  readonly json: JsonObject;
  readonly config: JsonObject;
  readonly map: JsonObject;
  readonly model: JsonObject;
  readonly generation: JsonObject;
  readonly templateText: string | null;
}

function makeTokenizer(files: TokenizerFiles): TurnTokenizer {
  const { source, config, map } = files;
  const spans = readSpans(files);
  const { tokenizer } = spans;
  const bosToken = tokenText(config.bos_token) ?? tokenText(map.bos_token);
  const eosToken = tokenText(config.eos_token) ?? tokenText(map.eos_token);
  const specialTokens = specialTexts(spans, config, map);
  const template =
    files.templateText === null ? null : chatTemplate(files.templateText, { bosToken, eosToken });
  const renderer = turnRenderer(template, { specialTokens, eosToken, source });
  const idOf = (token: string): number | null => tokenizer.token_to_id(token) ?? null;
  const bosId = bosToken === null ? null : idOf(bosToken);
  const addsBos = bosId !== null && prependsBos(spans, bosId, config);
  const withBos = (ids: readonly number[]): number[] =>
    addsBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : [...ids];
  const locator = { spans, withBos, source };

  return {
    source,
    commit: files.commit,
    hash: files.hash,
    templateHash: template?.hash ?? null,
    specialTokens,
    contextLength: contextLengthOf(files.model, config),
    bosToken,
    eosToken,
    addsBos,
    get endIds() {
      return endIdsOf(files.generation, [eosToken, turnEndOf(renderer)], idOf);
    },
    renderPrompt: renderer.prompt,
    render: renderer.turn,
    locate: (turn, rule) => (rule === "whole" ? locateWhole(turn, locator) : locateJoined(turn, locator)),
    tokenStarts: ({ text, breaks }) => {
      const { spans: found } = tokenizePieces(spans, text, breaks, false);
      if (found === null) {
        throw new CallFailure("span_impossible", `the tokens of ${files.source} do not spell the text`);
      }
      let at = 0;
      let bytes = 0;
      return found.map(({ start }) => {
        while (at < text.length) {
          const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
          const width = spans.byteLength(character);
          if (bytes + width > start) break;
          bytes += width;
          at += character.length;
        }
        return at;
      });
    },
    promptIds: ({ text, breaks }) => withBos(tokenizePieces(spans, text, breaks, false).ids),
    encode: spans.ids,
    decode(ids, { withoutSpecial = false } = {}) {
      const kept = withoutSpecial ? ids.filter((id) => !spans.specialIds.has(id)) : [...ids];
      if (kept.length === 0) return "";
      return tokenizer.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    },
    idOf,
  };
}

/** The probe's end, without letting a template that refuses the probe stop what needs no template. */
function turnEndOf(renderer: TurnRenderer): string | null {
  try {
    return renderer.turnEnd();
  } catch (error) {
    if (error instanceof CallFailure) return null;
    throw error;
  }
}

function readSpans({ source, json, config }: TokenizerFiles): SpanTokenizer {
  try {
    return spanTokenizer(json, config);
  } catch (cause) {
    throw new PrefkitError(
      "damaged_file",
      `${source}/tokenizer.json cannot be used: ${reasonOf(cause)}`,
      "fetch it again, or save it again with a current transformers.",
      { cause },
    );
  }
}

interface Locator {
  readonly spans: SpanTokenizer;
  readonly source: string;
  withBos(ids: readonly number[]): number[];
}

function locateWhole(turn: RenderedTurn, { spans, withBos, source }: Locator): LocatedTurn | null {
  const tokenized = tokenizePieces(spans, turn.text, turn.breaks, false);
  if (tokenized.spans === null) return null;
  const from = spans.byteLength(turn.text.slice(0, turn.responseStart));
  const to = spans.byteLength(turn.text.slice(0, turn.responseEnd));
  if (tokenized.spans.some((token) => straddles(token, from) || straddles(token, to))) return null;
  if (swallowed(tokenized.spans, from, to)) return null;
  const first = tokenized.spans.findIndex(({ start }) => start >= from);
  const scored = first < 0 ? [] : tokenized.spans.slice(first);
  refuseSpecial(
    scored.filter(({ start }) => start < to).map(({ id }) => id),
    spans,
    source,
  );
  const ids = withBos(tokenized.ids);
  return checked(ids, ids.length - scored.length, "whole", source);
}

function straddles({ start, end }: TokenSpan, at: number): boolean {
  return start < at && at < end;
}

/** Whether bytes of [from, to) belong to no token: white space that an added token took. */
function swallowed(spans: readonly TokenSpan[], from: number, to: number): boolean {
  const covered = spans.reduce(
    (sum, { start, end }) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)),
    0,
  );
  return covered !== to - from;
}

function locateJoined(turn: RenderedTurn, { spans, withBos, source }: Locator): LocatedTurn {
  const { text, responseStart, responseEnd, breaks } = turn;
  const part = (from: number, to: number): Tokenized =>
    tokenizePieces(
      spans,
      text.slice(from, to),
      breaks.filter((at) => at > from && at < to).map((at) => at - from),
      from > 0,
    );
  const before = withBos(part(0, responseStart).ids);
  const response = part(responseStart, responseEnd);
  const whole =
    response.spans !== null &&
    !swallowed(response.spans, 0, spans.byteLength(text.slice(responseStart, responseEnd)));
  if (!whole) {
    throw new CallFailure(
      "span_impossible",
      `the tokenizer of ${source} does not keep the response's text as it is, so its tokens cannot be told exactly`,
    );
  }
  refuseSpecial(response.ids, spans, source);
  const end = part(responseEnd, text.length);
  return checked([...before, ...response.ids, ...end.ids], before.length, "joined", source);
}

function refuseSpecial(ids: readonly number[], { specialIds }: SpanTokenizer, source: string): void {
  if (!ids.some((id) => specialIds.has(id))) return;
  throw new CallFailure(
    "span_impossible",
    `the response holds a special token of ${source} that the rendering did not break; render with the special tokens of every model that reads it`,
  );
}

function checked(ids: readonly number[], start: number, rule: SpanRule, source: string): LocatedTurn {
  if (start >= ids.length) throw new CallFailure("span_impossible", "the response has no tokens");
  if (start < 1) {
    throw new CallFailure(
      "span_impossible",
      `the response starts with the first token of the text, which has no log-prob (${source} has no prompt text and no BOS)`,
    );
  }
  return { ids, start, rule };
}

/** Tokens of a text whose pieces between breaks are tokenized apart, with spans over the whole text. */
function tokenizePieces(
  spans: SpanTokenizer,
  text: string,
  breaks: readonly number[],
  continues: boolean,
): Tokenized {
  const ids: number[] = [];
  let found: TokenSpan[] | null = [];
  const edges = [0, ...breaks, text.length];
  for (let piece = 0; piece + 1 < edges.length; piece++) {
    const [from = 0, to = 0] = [edges[piece], edges[piece + 1]];
    const part = spans.tokenize(text.slice(from, to), { continues: continues || piece > 0 });
    const offset = spans.byteLength(text.slice(0, from));
    for (const id of part.ids) ids.push(id);
    if (part.spans === null) found = null;
    for (const { id, start, end } of part.spans ?? [])
      found?.push({ id, start: start + offset, end: end + offset });
  }
  return { ids, spans: found };
}

function prependsBos({ tokenizer }: SpanTokenizer, bosId: number, config: JsonObject): boolean {
  // The tokenizer class's own option wins over the file's post-processor, as in transformers.
  if (typeof config.add_bos_token === "boolean") return config.add_bos_token;
  return tokenizer.encode("a", { add_special_tokens: true }).ids[0] === bosId;
}

function specialTexts({ tokenizer }: SpanTokenizer, config: JsonObject, map: JsonObject): readonly string[] {
  const added = [...tokenizer.get_added_tokens_decoder().values()];
  const named = [config, map].flatMap((from) =>
    Object.entries(from)
      .filter(([key]) => key.endsWith("_token") || key.endsWith("special_tokens"))
      .flatMap(([, value]) => (Array.isArray(value) ? value : [value]).map((item: Json) => tokenText(item))),
  );
  const texts = [...added.filter(({ special }) => special).map(({ content }) => content), ...named];
  return [...new Set(texts.filter((text) => text !== null && text !== ""))].sort() as string[];
}

/** A special token as files write it: its text, or an object with it. */
function tokenText(value: Json | undefined): string | null {
  if (typeof value === "string") return value;
  const content = (value as { readonly content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : null;
}

/** A chat template in tokenizer_config.json: a text, or a list of named ones of which "default" is meant. */
function templateIn(value: Json | undefined): string | null {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return null;
  const named = value as readonly { readonly name?: unknown; readonly template?: unknown }[];
  const template = named.find(({ name }) => name === "default")?.template;
  return typeof template === "string" ? template : null;
}

function contextLengthOf(model: JsonObject, config: JsonObject): number | null {
  const nested = (model.text_config ?? {}) as JsonObject;
  // Tokenizers without a limit write 1e30.
  const lengths = [
    model.max_position_embeddings,
    nested.max_position_embeddings,
    model.n_positions,
    config.model_max_length,
  ];
  return (
    lengths.find(
      (length): length is number =>
        Number.isInteger(length) && (length as number) > 0 && (length as number) < 1e9,
    ) ?? null
  );
}

function endIdsOf(
  generation: JsonObject,
  tokens: readonly (string | null)[],
  idOf: (token: string) => number | null,
): readonly number[] {
  const listed = [generation.eos_token_id ?? []].flat() as readonly Json[];
  const ids = [...listed, ...tokens.map((token) => (token === null ? null : idOf(token)))];
  return [...new Set(ids.filter((id): id is number => typeof id === "number"))];
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString("utf8");
}

function jsonOf(bytes: Uint8Array | null, path: string): JsonObject | null {
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
  } catch (cause) {
    throw new PrefkitError(
      "damaged_file",
      `${path} is not JSON: ${reasonOf(cause, 120)}`,
      "fetch or save it again.",
      {
        cause,
      },
    );
  }
  throw new PrefkitError("damaged_file", `${path} is not a JSON object.`, "fetch or save it again.");
}
