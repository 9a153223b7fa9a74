import { CallFailure } from "../core/errors.ts";
import { contentHash, sha256 } from "../core/ids.ts";
import { randomFor } from "../core/random.ts";
import type { Message } from "../core/types.ts";
import type {
  CallContext,
  ChatModel,
  ChatReply,
  ChatRequest,
  Embedder,
  LocatedTurn,
  LogprobModel,
  RenderedTurn,
  ResponseLogprobs,
  RewardModel,
  RewardReply,
} from "../models/ports.ts";
import { breaksIn } from "../models/untrusted.ts";

/** A fake that remembers what it was asked, in order. */
export type Recorded<Model, Call> = Model & { readonly calls: readonly Call[] };

function unlessAborted({ signal }: CallContext): void {
  if (signal.aborted) throw new CallFailure("cancelled", "the call was stopped before it was made");
}

export interface FakeChatOptions {
  /** Default "fake-chat". */
  readonly id?: string;
  /**
   * What to answer: one text for every request, a list of texts given out in turn (the last one again when they run out), or
   * a function of the request and of how many came before it. Default: a text that names a hash of the request, so that equal
   * requests get equal replies and others do not.
   */
  readonly reply?:
    | string
    | readonly string[]
    | ((
        request: ChatRequest,
        index: number,
      ) => string | Partial<ChatReply> | Promise<string | Partial<ChatReply>>);
}

/**
 * A chat model in memory.
 *
 *   const judge = fakeChatModel({ reply: ({ messages }) => (messages[0]?.content.includes("18") ? "yes" : "no") });
 *
 * Usage counts code points: of the messages' contents, and of the reply.
 */
export function fakeChatModel(options: FakeChatOptions = {}): Recorded<ChatModel, ChatRequest> {
  const { id = "fake-chat", reply } = options;
  const calls: ChatRequest[] = [];
  return {
    id,
    calls,
    async generate(request, context) {
      unlessAborted(context);
      const index = calls.push(request) - 1;
      const said = await answerTo(request, index, reply);
      const given = typeof said === "string" ? { text: said } : said;
      const text = given.text ?? "";
      return {
        finishReason: "stop",
        model: id,
        usage: {
          promptTokens: request.messages.reduce((sum, { content }) => sum + [...content].length, 0),
          outputTokens: [...text].length,
        },
        ...given,
        text,
      };
    },
  };
}

function answerTo(request: ChatRequest, index: number, reply: FakeChatOptions["reply"]) {
  if (reply === undefined) return `reply ${contentHash(request).slice(0, 8)}`;
  if (typeof reply === "string") return reply;
  if (typeof reply === "function") return reply(request, index);
  return reply[Math.min(index, reply.length - 1)] ?? "";
}

/** Where a token stands when its log-prob is asked for. */
export interface FakeToken {
  /** The token's text. */
  readonly token: string;
  readonly id: number;
  /** Its index among `ids`. */
  readonly position: number;
  /** All ids of the turn. */
  readonly ids: readonly number[];
  readonly turn: RenderedTurn;
}

export interface FakeLogprobOptions {
  /** Default "fake-logprob". */
  readonly id?: string;
  /** Natural log, in nats. Default: a number in (−6, −0.01) that depends on the token and on all tokens before it. */
  readonly logprob?: (token: FakeToken) => number;
  /** Entropy and KL(uniform ‖ p) per token, in nats; with it, the model `givesDistributions`. */
  readonly distribution?: (token: FakeToken) => { readonly entropy: number; readonly selfCertainty: number };
  /**
   * Texts of several characters that are one token wherever they stand, as merges of a real tokenizer are. One that reaches
   * from the prompt into the response makes `locate` by the rule `whole` give null. Default: none; every code point is a token.
   */
  readonly merges?: readonly string[];
  /** Default: "<|turn|>" and "<|end|>", of which the second ends a turn. Others may be added. */
  readonly specialTokens?: readonly string[];
  /** false: a base model, whose `render` throws `template`. Default true. */
  readonly template?: boolean;
  /** In tokens; default null. */
  readonly contextLength?: number | null;
  /** Default true. */
  readonly takesIds?: boolean;
}

/** What one call of a fake log-prob model was given. */
export interface FakeLogprobCall {
  readonly turn: RenderedTurn;
  readonly located: LocatedTurn;
}

const TURN = "<|turn|>";
const END = "<|end|>";
/** Ids of special tokens and merges start above those of code points. */
const FIRST_SPECIAL = 0x110000;

/**
 * A log-prob model in memory, with a tokenizer and chat template of its own that keep every rule of the port: special tokens
 * in content are broken, and spans are exact.
 *
 * A turn is "<|turn|>role\ncontent<|end|>" for each message, "<|turn|>assistant\n", the response, and "<|end|>" where counted.
 * Worked: with `logprob: () => -0.5`, the response "ab" has tokenLogprobs [-0.5, -0.5], and one more with the end counted.
 */
export function fakeLogprobModel(options: FakeLogprobOptions = {}): Recorded<LogprobModel, FakeLogprobCall> {
  const { id = "fake-logprob", merges = [], template = true, contextLength = null } = options;
  const { logprob = defaultLogprob, distribution, takesIds = true } = options;
  const specialTokens = [...new Set([TURN, END, ...(options.specialTokens ?? [])])].sort();
  const vocabulary = [...specialTokens, ...merges];
  const longestFirst = [...vocabulary].sort((a, b) => b.length - a.length);
  const calls: FakeLogprobCall[] = [];

  const tokenize = (turn: RenderedTurn, from: number, to: number): FakePiece[] => {
    const edges = [from, ...turn.breaks.filter((at) => at > from && at < to), to];
    const pieces: FakePiece[] = [];
    for (let index = 0; index + 1 < edges.length; index++) {
      let at = edges[index] ?? 0;
      const end = edges[index + 1] ?? 0;
      while (at < end) {
        const known = longestFirst.find((text) => at + text.length <= end && turn.text.startsWith(text, at));
        const code = turn.text.codePointAt(at) ?? 0;
        const text = known ?? String.fromCodePoint(code);
        const token = known === undefined ? code : FIRST_SPECIAL + vocabulary.indexOf(known);
        pieces.push({ id: token, start: at, end: at + text.length });
        at += text.length;
      }
    }
    return pieces;
  };

  const textOf = (token: number): string =>
    token < FIRST_SPECIAL ? String.fromCodePoint(token) : (vocabulary[token - FIRST_SPECIAL] ?? "");

  return {
    id,
    calls,
    specialTokens,
    templateHash: template ? sha256(`${TURN}role\ncontent${END}`) : null,
    contextLength,
    givesDistributions: distribution !== undefined,
    takesIds,
    render(messages, response, { countEnd, specialTokens: foreign = specialTokens }) {
      if (!template) throw new CallFailure("template", `${id} has no chat template`);
      return renderFake(messages, response, countEnd, foreign);
    },
    locate(turn, rule) {
      const { responseStart, responseEnd, text } = turn;
      const straddles = ({ start, end }: FakePiece): boolean =>
        (start < responseStart && responseStart < end) || (start < responseEnd && responseEnd < end);
      const whole = tokenize(turn, 0, text.length);
      if (rule === "whole" && whole.some(straddles)) return null;
      const pieces =
        rule === "whole"
          ? whole
          : [
              ...tokenize(turn, 0, responseStart),
              ...tokenize(turn, responseStart, responseEnd),
              ...tokenize(turn, responseEnd, text.length),
            ];
      const start = pieces.filter((piece) => piece.start < responseStart).length;
      if (start === 0 || start === pieces.length) {
        throw new CallFailure("span_impossible", `${id} finds no token to score`);
      }
      return { ids: pieces.map((piece) => piece.id), start, rule };
    },
    async logprobs(turn, located, context): Promise<ResponseLogprobs> {
      unlessAborted(context);
      calls.push({ turn, located });
      const { ids, start, rule } = located;
      if (contextLength !== null && ids.length > contextLength) {
        throw new CallFailure(
          "too_long",
          `${ids.length} tokens, and the context of ${id} is ${contextLength}`,
        );
      }
      if (!takesIds && rule === "joined") throw new CallFailure("span_merged", `${id} takes no token ids`);
      const tokens = ids.slice(start).map((token, index): FakeToken => {
        return { token: textOf(token), id: token, position: start + index, ids, turn };
      });
      const tokenLogprobs = tokens.map(logprob);
      if (!tokenLogprobs.every((value) => Number.isFinite(value) && value <= 0)) {
        throw new CallFailure("not_finite", `${id} was told to give ${tokenLogprobs.join(", ")}`);
      }
      if (!context.distributions) return { tokenLogprobs };
      if (!distribution) throw new CallFailure("no_logprobs", `${id} gives no distributions`);
      const distributions = tokens.map(distribution);
      return {
        tokenLogprobs,
        entropies: distributions.map(({ entropy }) => entropy),
        selfCertainties: distributions.map(({ selfCertainty }) => selfCertainty),
      };
    },
  };
}

interface FakePiece {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Depends on the token and on all before it, by a running hash, so that long texts cost no more than their length. */
function defaultLogprob({ ids, position }: FakeToken): number {
  let states = prefixes.get(ids);
  if (states === undefined) {
    let state = 0x811c9dc5;
    // FNV-1a over the ids, and one round of mixing: neighbours are far apart.
    states = Uint32Array.from(ids, (id) => {
      state = Math.imul(state ^ id, 0x01000193) >>> 0;
      return Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    });
    prefixes.set(ids, states);
  }
  return -0.01 - (5.99 * (states[position] ?? 0)) / 0x100000000;
}

const prefixes = new WeakMap<readonly number[], Uint32Array>();

function renderFake(
  messages: readonly Message[],
  response: string,
  countEnd: boolean,
  specialTokens: readonly string[],
): RenderedTurn {
  let text = "";
  const breaks: number[] = [];
  const content = (added: string): void => {
    for (const at of breaksIn(added, specialTokens) ?? []) breaks.push(text.length + at);
    text += added;
  };
  for (const message of messages) {
    text += `${TURN}${message.role}\n`;
    content(message.content);
    text += END;
  }
  text += `${TURN}assistant\n`;
  const responseStart = text.length;
  content(response);
  const responseEnd = text.length;
  return { text: text + (countEnd ? END : ""), responseStart, responseEnd, breaks };
}

export interface FakeEmbedderOptions {
  /** Default "fake-embedder". */
  readonly id?: string;
  /** Numbers per vector; default 8. */
  readonly dimension?: number;
  /** The vector of a text. Default: a unit vector drawn by the text's hash: equal texts are equal, others unrelated. */
  readonly vector?: (text: string) => readonly number[];
}

/** An embedder in memory. A call is the list of texts it was given. */
export function fakeEmbedder(options: FakeEmbedderOptions = {}): Recorded<Embedder, readonly string[]> {
  const { id = "fake-embedder", dimension = 8 } = options;
  const { vector = (text: string) => unitVector(text, dimension) } = options;
  const calls: (readonly string[])[] = [];
  return {
    id,
    calls,
    async embed(texts, context) {
      unlessAborted(context);
      calls.push([...texts]);
      return texts.map((text) => Float64Array.from(vector(text)));
    },
  };
}

function unitVector(text: string, dimension: number): number[] {
  const random = randomFor(0, "fake embedding", text.toWellFormed());
  const numbers = Array.from({ length: dimension }, () => random.uniform() * 2 - 1);
  const length = Math.hypot(...numbers);
  return numbers.map((number) => number / length);
}

export interface FakeRewardCall {
  readonly messages: readonly Message[];
  readonly response: string;
}

export interface FakeRewardOptions {
  /** Default "fake-reward". */
  readonly id?: string;
  /** The value, or the whole reply. Default: the response's length in code points. */
  readonly value?: (messages: readonly Message[], response: string) => number | RewardReply;
}

/** A reward model in memory. */
export function fakeRewardModel(options: FakeRewardOptions = {}): Recorded<RewardModel, FakeRewardCall> {
  const { id = "fake-reward", value = (_, response) => [...response].length } = options;
  const calls: FakeRewardCall[] = [];
  return {
    id,
    calls,
    async score(messages, response, context) {
      unlessAborted(context);
      calls.push({ messages, response });
      const given = value(messages, response);
      const reply = typeof given === "number" ? { value: given, values: [] } : given;
      if (!Number.isFinite(reply.value)) throw new CallFailure("not_finite", `${id} was told ${reply.value}`);
      return reply;
    },
  };
}
