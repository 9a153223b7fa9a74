import { CallFailure, type CallFailureCode } from "../core/errors.ts";
import type { ChatModel, Embedder, LogprobModel, RewardModel } from "../models/ports.ts";

export interface FailingModelOptions {
  /** Which calls fail, counted from 1; or a rule. Every other call goes through to the model. */
  readonly failAt: number | readonly number[] | ((call: number) => boolean);
  /** Default "server_error". */
  readonly code?: CallFailureCode;
  /** What the failure says; default: which call it was. */
  readonly why?: string;
}

/** A model that counts its calls, so that a test can make each of them fail in turn. */
export type Counted<Model> = Model & { readonly callCount: number };

/** A chat model whose chosen calls fail. */
export function failingChatModel(model: ChatModel, options: FailingModelOptions): Counted<ChatModel> {
  const calls = counter(options);
  return {
    id: model.id,
    get callCount() {
      return calls.count;
    },
    generate: (request, context) => calls.through(() => model.generate(request, context)),
  };
}

/** A log-prob model whose chosen calls of `logprobs` fail; `render` and `locate` are the model's own. */
export function failingLogprobModel(
  model: LogprobModel,
  options: FailingModelOptions,
): Counted<LogprobModel> {
  const calls = counter(options);
  const { id, specialTokens, templateHash, contextLength, givesDistributions, takesIds } = model;
  return {
    ...{ id, specialTokens, templateHash, contextLength, givesDistributions, takesIds },
    get callCount() {
      return calls.count;
    },
    render: (messages, response, how) => model.render(messages, response, how),
    locate: (turn, rule) => model.locate(turn, rule),
    ...(model.tokenStarts ? { tokenStarts: (turn) => model.tokenStarts?.(turn) ?? [] } : {}),
    logprobs: (turn, located, context) => calls.through(() => model.logprobs(turn, located, context)),
  };
}

/** An embedder whose chosen calls fail. */
export function failingEmbedder(model: Embedder, options: FailingModelOptions): Counted<Embedder> {
  const calls = counter(options);
  return {
    id: model.id,
    get callCount() {
      return calls.count;
    },
    embed: (texts, context) => calls.through(() => model.embed(texts, context)),
  };
}

/** A reward model whose chosen calls fail. */
export function failingRewardModel(model: RewardModel, options: FailingModelOptions): Counted<RewardModel> {
  const calls = counter(options);
  return {
    id: model.id,
    get callCount() {
      return calls.count;
    },
    score: (messages, response, context) => calls.through(() => model.score(messages, response, context)),
  };
}

function counter({ failAt, code = "server_error", why }: FailingModelOptions) {
  const fails =
    typeof failAt === "function" ? failAt : (call: number): boolean => [failAt].flat().includes(call);
  let count = 0;
  return {
    get count() {
      return count;
    },
    async through<T>(work: () => Promise<T>): Promise<T> {
      count += 1;
      if (fails(count)) throw new CallFailure(code, why ?? `call ${count} was made to fail`);
      return work();
    },
  };
}
