import type { Usage } from "../core/errors.ts";
import type { JsonObject, Message } from "../core/types.ts";

export type { Usage };

/** What a call listens to. Aborting stops what is in flight; the promise then rejects with `CallFailure` "cancelled". */
export interface CallContext {
  readonly signal: AbortSignal;
}

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  /** Most tokens of the reply, reasoning included. Always sent, so that what a call may cost is known before it is made. */
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
}

export interface ChatRequest {
  readonly messages: readonly Message[];
  /** JSON text of the tool definitions. */
  readonly tools?: string;
  readonly sampling: Sampling;
  /** Which of several samples of one request this is; part of the cache key, so that n samples are n entries. Default 0. */
  readonly sample?: number;
  /** Structured output: the reply's text is JSON that follows the schema, where the server has that; else it says so by failing. */
  readonly schema?: { readonly name: string; readonly schema: JsonObject };
  /** Log-probs of the reply's tokens, each with this many of the likeliest alternatives (0 to 20). */
  readonly topLogprobs?: number;
}

export interface TokenLogprob {
  readonly token: string;
  /** Natural log, in nats. */
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

export interface ChatReply {
  readonly text: string;
  /** Thinking that the server kept apart from its answer. */
  readonly reasoning?: string;
  /** As the server names it: "stop", "length", … */
  readonly finishReason: string | null;
  /** The model that answered, by its own account. */
  readonly model: string | null;
  readonly usage: Usage;
  /** One entry per token of the reply, where asked for and given. */
  readonly tokenLogprobs?: readonly TokenLogprob[];
}

/** Generates a reply to messages. Rejects with `CallFailure`. */
export interface ChatModel {
  readonly id: string;
  generate(request: ChatRequest, context: CallContext): Promise<ChatReply>;
}

/**
 * A prompt and a response as one text, the way a model is to read it, and where in it the response stands.
 * Offsets are UTF-16 code units of `text`.
 */
export interface RenderedTurn {
  /** The rendered prompt up to the response, the response, then what ends the turn (when that is counted). */
  readonly text: string;
  readonly responseStart: number;
  /** Exclusive. What stands between here and the end of `text` ends the turn: one special token, or nothing. */
  readonly responseEnd: number;
  /** Inside text that came from people or models and looks like a special token: no token may reach across these. */
  readonly breaks: readonly number[];
}

/**
 * How the tokens of a turn were made. `whole`: the text tokenized as one. `joined`: prompt, response and turn end
 * tokenized apart and joined, because in the whole text a token straddles the response's first or last character.
 */
export type SpanRule = "whole" | "joined";

/** The token ids of a turn; those of the response, with the turn end where counted, are [start, ids.length). */
export interface LocatedTurn {
  readonly ids: readonly number[];
  readonly start: number;
  readonly rule: SpanRule;
}

export interface ResponseLogprobs {
  /** One per token of the response and of the counted turn end, in order; natural log, in nats, finite, at most 0. */
  readonly tokenLogprobs: readonly number[];
  /** Per token, over the whole vocabulary, where asked for: entropy in nats, and KL(uniform ‖ p) in nats. */
  readonly entropies?: readonly number[];
  readonly selfCertainties?: readonly number[];
}

export interface LogprobContext extends CallContext {
  /** Ask for `entropies` and `selfCertainties`; only of a model that `givesDistributions`. */
  readonly distributions?: boolean;
}

/**
 * Log-probs of a given response, teacher-forced. The three steps are apart so that two models can read one rendering and
 * follow one span rule: `render` by the template of either, `locate` by each one's tokenizer, `logprobs` by each one's
 * weights. `responseLogprobs` of span.ts does all three for one model.
 */
export interface LogprobModel {
  readonly id: string;
  /** Texts that its tokenizer reads as one special token, "<|im_end|>" for instance. */
  readonly specialTokens: readonly string[];
  /** sha256 of the chat template; null when it has none, as base models have. */
  readonly templateHash: string | null;
  /** Longest turn in tokens; null when unknown. */
  readonly contextLength: number | null;
  readonly givesDistributions: boolean;
  /** Whether token ids can be sent; without them a `joined` turn is `failed: span_merged`. */
  readonly takesIds: boolean;
  /**
   * Throws `CallFailure`: "template" when the model has none or it refuses these messages, "span_impossible" when the
   * response would not stand in the text as it is.
   */
  render(messages: readonly Message[], response: string, options: RenderOptions): RenderedTurn;
  /** null when rule is `whole` and a token straddles an edge of the response. Throws `CallFailure` "span_impossible". */
  locate(turn: RenderedTurn, rule: SpanRule): LocatedTurn | null;
  /**
   * Where each token of `text` starts, in UTF-16 units, the text tokenized as `locate` does by the rule `whole`; for a token that
   * starts inside a character, where that character does. A BOS that is not in the text is not listed. Absent where a client
   * cannot tell. Throws `CallFailure` "span_impossible".
   */
  tokenStarts?(turn: Pick<RenderedTurn, "breaks" | "text">): readonly number[];
  /**
   * Rejects with `CallFailure`: "too_long", "tokens_differ" (the server counts other tokens than ours), "not_finite",
   * "no_logprobs", "span_merged", and those of every call (see call-path.ts).
   */
  logprobs(turn: RenderedTurn, located: LocatedTurn, context: LogprobContext): Promise<ResponseLogprobs>;
}

export interface RenderOptions {
  /** Whether the token that ends the turn belongs to the text (and so to the response's log-probs). */
  readonly countEnd: boolean;
  /** Special tokens, of other models too, that content must not be able to speak. Default: the model's own. */
  readonly specialTokens?: readonly string[];
  /** JSON text of the tool definitions, for templates that show them. */
  readonly tools?: string;
}

/** Gives texts vectors of one length. Rejects with `CallFailure`. */
export interface Embedder {
  readonly id: string;
  embed(texts: readonly string[], context: CallContext): Promise<readonly Float64Array[]>;
}

/** A scalar (or, for process reward models, one number per step) of how good the last assistant turn is. */
export interface RewardModel {
  readonly id: string;
  /** The raw head, no activation, unless the provider's options say otherwise. Rejects with `CallFailure`. */
  score(messages: readonly Message[], response: string, context: CallContext): Promise<RewardReply>;
}

export interface RewardReply {
  readonly value: number;
  /** Per label or per step, where the model has several. */
  readonly values: readonly { readonly label: string | null; readonly value: number }[];
}

/** The ports a scorer may ask for by name. */
export interface ModelPorts {
  readonly chat: ChatModel;
  readonly logprobs: LogprobModel;
  readonly embed: Embedder;
  readonly reward: RewardModel;
}
export type ModelPort = keyof ModelPorts;
