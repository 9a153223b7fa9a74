import { CallFailure } from "../../src/core/errors.ts";
import { scored } from "../../src/core/scorer.ts";
import type { Message, Scored, Span } from "../../src/core/types.ts";
import type { CallContext, LocatedTurn, LogprobModel, RenderedTurn } from "../../src/models/ports.ts";
import { cutPrompt, cutResponse } from "./cut.ts";

export interface TwoModels {
  readonly strong: LogprobModel;
  readonly weak: LogprobModel;
}

/** As in `LogDensityRatioOptions`, defaults filled. */
export interface RatioOptions {
  readonly normalization: "bytes" | "sum" | "tokens";
  readonly template: "own" | "strong";
  readonly countEnd: boolean;
  readonly perToken: boolean;
  readonly maxPromptTokens?: number;
  readonly maxResponseTokens?: number;
  /** JSON text of the prompt's tool definitions. */
  readonly tools?: string;
}

/** One model and what it reads. */
interface Side {
  readonly model: LogprobModel;
  readonly turn: RenderedTurn;
}

/**
 * The ratio of one response, both models given the same text and span rule; see `logDensityRatio` for parts and spans.
 * Rejects with `CallFailure`: of the strong model's call where both fail.
 */
export async function ratioOf(
  { strong, weak }: TwoModels,
  messages: readonly Message[],
  response: string,
  options: RatioOptions,
  { signal }: CallContext,
): Promise<Scored> {
  const rendered = renderBoth({ strong, weak }, messages, response, options);
  const sides: readonly [Side, Side] = [
    { model: strong, turn: rendered.strong },
    { model: weak, turn: rendered.weak },
  ];
  const [own, other] = locateBoth(sides);
  if (own.rule === "joined" && !(strong.takesIds && weak.takesIds)) {
    const id = strong.takesIds ? weak.id : strong.id;
    throw new CallFailure(
      "span_merged",
      `a token straddles the response's edge, and ${id} takes no token ids`,
    );
  }
  // Both are waited for, so that no call is under way when the cell is done and the same one is blamed each time.
  const replies = await Promise.allSettled([
    strong.logprobs(rendered.strong, own, { signal }),
    weak.logprobs(rendered.weak, other, { signal }),
  ]);
  for (const reply of replies) if (reply.status === "rejected") throw reply.reason;
  const [a, b] = replies.map((reply) => (reply.status === "fulfilled" ? reply.value.tokenLogprobs : []));
  const strongLogprobs = checkedLogprobs(strong, own, a ?? []);
  const weakLogprobs = checkedLogprobs(weak, other, b ?? []);

  const sumStrong = sum(strongLogprobs);
  const sumWeak = sum(weakLogprobs);
  const { responseStart, responseEnd, text } = rendered.strong;
  const bytes = Buffer.byteLength(text.slice(responseStart, responseEnd));
  const divisor = { sum: 1, tokens: Math.max(1, strongLogprobs.length), bytes }[options.normalization];
  const ratios = strongLogprobs.map((logprob, index) => logprob - (weakLogprobs[index] ?? 0));
  const isShared = own.rule === "whole" && sameTokens(own, other);
  return scored((sumStrong - sumWeak) / divisor, {
    parts: {
      sum_strong: sumStrong,
      sum_weak: sumWeak,
      tokens_strong: strongLogprobs.length,
      tokens_weak: weakLogprobs.length,
      bytes,
      span_joined: own.rule === "joined" ? 1 : 0,
      truncated: rendered.truncated ? 1 : 0,
    },
    ...(options.perToken && isShared ? { spans: tokenSpans(strong, rendered.strong, ratios) } : {}),
  });
}

/** What both models read. What is cut is cut once, on the text, so that nothing is cut for one of them alone. */
function renderBoth(
  { strong, weak }: TwoModels,
  messages: readonly Message[],
  response: string,
  { template, countEnd, maxPromptTokens, maxResponseTokens, tools }: RatioOptions,
): { readonly strong: RenderedTurn; readonly weak: RenderedTurn; readonly truncated: boolean } {
  const specialTokens = [...new Set([...strong.specialTokens, ...weak.specialTokens])].sort();
  const shown = { specialTokens, ...(tools === undefined ? {} : { tools }) };
  const whole = strong.render(messages, response, { countEnd, ...shown });
  const kept = maxResponseTokens === undefined ? response : cutResponse(strong, whole, maxResponseTokens);
  const isCut = kept !== response;
  // The turn of a cut response does not end where the cut is, so its end is not counted.
  const how = { countEnd: countEnd && !isCut, ...shown };
  const turn = isCut ? strong.render(messages, kept, how) : whole;
  const mine = maxPromptTokens === undefined ? turn : cutPrompt(strong, turn, maxPromptTokens);
  const theirs = template === "strong" ? mine : weak.render(messages, kept, how);
  for (const { text, responseStart, responseEnd } of [mine, theirs]) {
    if (text.slice(responseStart, responseEnd) === kept) continue;
    throw new CallFailure("span_impossible", "the response does not stand in the rendered text as it is");
  }
  return { strong: mine, weak: theirs, truncated: isCut || mine !== turn };
}

/** The response's tokens by one rule for both: as they stand in the whole text, else joined where either cannot tell. */
function locateBoth([one, other]: readonly [Side, Side]): readonly [LocatedTurn, LocatedTurn] {
  const [first, second] = [one, other].map(({ model, turn }) => model.locate(turn, "whole"));
  return first && second ? [first, second] : [joined(one), joined(other)];
}

function joined({ model, turn }: Side): LocatedTurn {
  const located = model.locate(turn, "joined");
  if (located !== null) return located;
  throw new CallFailure("span_impossible", `${model.id} cannot tell the response's tokens`);
}

/** One finite number per token, or `CallFailure`. */
function checkedLogprobs(
  { id }: LogprobModel,
  { ids, start }: LocatedTurn,
  logprobs: readonly number[],
): readonly number[] {
  if (logprobs.length !== ids.length - start) {
    throw new CallFailure(
      "tokens_differ",
      `${id} gave ${logprobs.length} log-probs for ${ids.length - start} tokens`,
    );
  }
  if (!logprobs.every(Number.isFinite)) {
    throw new CallFailure("not_finite", `${id} gave a log-prob that is no finite number`);
  }
  return logprobs;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function sameTokens(one: LocatedTurn, other: LocatedTurn): boolean {
  const [ids, others] = [one, other].map(({ ids, start }) => ids.slice(start));
  return ids?.length === others?.length && (ids?.every((id, index) => id === others?.[index]) ?? false);
}

/** A span per token, in code points of the response; the turn's end is an empty one behind it, labelled `end`. */
function tokenSpans(strong: LogprobModel, turn: RenderedTurn, ratios: readonly number[]): readonly Span[] {
  const { text, responseStart, responseEnd } = turn;
  const starts = (strong.tokenStarts?.(turn) ?? []).filter((at) => at >= responseStart);
  if (starts.length !== ratios.length) return [];
  let at = responseStart;
  let points = 0;
  const offset = (to: number): number => {
    points += [...text.slice(at, Math.min(to, responseEnd))].length;
    at = Math.max(at, Math.min(to, responseEnd));
    return points;
  };
  const edges = [...starts, responseEnd].map(offset);
  return ratios.map((value, index) => ({
    start: edges[index] ?? 0,
    end: edges[index + 1] ?? 0,
    value,
    label: (starts[index] ?? 0) >= responseEnd ? "end" : null,
  }));
}
