/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export type MessageRole = "system" | "developer" | "user" | "assistant" | "tool";

/** One turn. Tool fields exist only when the input maps them; `toolCalls` is JSON text, as trainers read it. */
export interface Message {
  readonly role: MessageRole;
  readonly content: string;
  readonly toolCalls?: string;
  readonly toolCallId?: string;
  readonly name?: string;
}

/** An image that the prompt's text refers to by placeholder; at least one of the two fields is set. */
export interface Image {
  readonly bytes: Uint8Array | null;
  readonly path: string | null;
}

export interface Prompt {
  readonly id: string;
  /** Ends with a user or tool turn; a system turn stands only first. */
  readonly messages: readonly Message[];
  /** The gold answer; null when there is none. */
  readonly reference: string | null;
  /** JSON text of the tool definitions; only when mapped. */
  readonly tools?: string;
  readonly images?: readonly Image[];
  readonly metadata: JsonObject;
}

/** A `candidate` is scored and paired; a `baseline` is scored and referred to (as PAR does), never paired. */
export type ResponseRole = "candidate" | "baseline";

/** One answer to a prompt. Not called `Response`: Node has a global of that name. */
export interface SampledResponse {
  readonly id: string;
  readonly text: string;
  /** Thinking that the model kept apart from its answer. */
  readonly reasoning?: string;
  readonly role: ResponseRole;
  readonly model?: string;
  /** As servers name it: "stop", "length", … */
  readonly finishReason?: string;
  /** In tokens of the policy's tokenizer. */
  readonly tokenCount?: number;
  /** Natural log, in nats, over exactly the response's tokens. */
  readonly sumLogprob?: number;
  readonly metadata: JsonObject;
}

/** A prompt and its responses: the unit every scorer, transform and pair builder sees. */
export interface Group {
  readonly prompt: Prompt;
  readonly responses: readonly SampledResponse[];
  /** The id of the twin (a rephrased prompt), when there is one; the twin stands next to this group. */
  readonly siblingId?: string;
  /** The twin itself, where the runner has it at hand. */
  readonly sibling?: Omit<Group, "sibling">;
}

/** A marked part of the response: a step, a sentence, a phase. Offsets count Unicode code points; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly value: number | null;
  readonly label: string | null;
}

export interface Scored {
  readonly kind: "scored";
  /** Always finite, always inside the scorer's range. */
  readonly value: number;
  /** Why this value; a fault of the response starts with its code, as in "no_answer: no final answer found". */
  readonly why?: string;
  readonly parts?: Readonly<Record<string, number>>;
  readonly spans?: readonly Span[];
  /** The judge's reply, when the recipe says to keep it. */
  readonly raw?: string;
}

/** The scorer has nothing to say about this response, and says why. */
export interface Abstained {
  readonly kind: "abstained";
  readonly why: string;
}

/** Our trouble, never a number: a timeout, an unread verdict, an unreadable reference, a lost connection. */
export interface Failed {
  readonly kind: "failed";
  /** snake_case and stable: "timeout", "threw", "not_finite", "out_of_range", "wrong_length", … */
  readonly code: string;
  readonly why: string;
}

export type Score = Scored | Abstained | Failed;

/** What a scorer cannot work without. Checked when a run is planned; a group that lacks it is abstained on. */
export interface Needs {
  readonly reference?: true;
  readonly minResponses?: number;
  readonly tokenCounts?: true;
  readonly logprobs?: true;
  readonly sibling?: true;
}

export interface ScoreContext {
  /** Aborts when the scorer's time is up or the run is cancelled. */
  readonly signal: AbortSignal;
  /** The run's seed. Derive randomness by `randomFor(seed, …)`, so that it depends on the group and not on the order. */
  readonly seed: number;
}

/**
 * Reads a group and gives one score per response, in response order.
 * May throw: the runner turns that into `failed: threw` for each cell of the group.
 */
export interface Scorer {
  readonly name: string;
  /** Changes whenever numbers can change. */
  readonly version: number;
  /** Closed interval of the values; either end may be infinite. */
  readonly range: readonly [min: number, max: number];
  readonly needs?: Needs;
  score(group: Group, context: ScoreContext): readonly Score[] | Promise<readonly Score[]>;
}

/** One scorer's scores for one group, under the recipe's key for that scorer. */
export interface ScoreColumn {
  readonly name: string;
  readonly scores: readonly Score[];
}

/** A group with all its scores, and, after the combine step, one reward per response (null: no reward). */
export interface ScoredGroup {
  readonly group: Group;
  readonly columns: readonly ScoreColumn[];
}

export interface RewardedGroup extends ScoredGroup {
  readonly rewards: readonly (number | null)[];
}

/** Chosen is better than rejected, by `rewardMargin` > 0 in units of the combined reward. */
export interface Pair {
  readonly chosen: SampledResponse;
  readonly rejected: SampledResponse;
  readonly chosenReward: number;
  readonly rejectedReward: number;
  readonly rewardMargin: number;
}
