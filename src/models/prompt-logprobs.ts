import { z } from "zod";
import { CallFailure } from "../core/errors.ts";
import type { JsonObject } from "../core/types.ts";
import type { CallPath, Sent } from "./call-path.ts";
import type { HttpReply } from "./http.ts";
import type { Seat } from "./http-provider.ts";
import type { LocatedTurn, LogprobModel, RenderedTurn, Usage } from "./ports.ts";
import type { ModelRuntime } from "./provider.ts";
import { loadTokenizer, type TurnTokenizer } from "./tokenizer.ts";
import { fieldsOf, readCounted, requireModel, textOf } from "./wire.ts";

/** What every log-prob provider takes besides the address. */
export interface PromptLogprobOptions {
  readonly model: string;
  readonly tokenizer?: string | undefined;
  readonly revision?: string | undefined;
  readonly scoreBody: JsonObject;
}

export const promptLogprobFields = {
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe("The folder or hub repository of the model's tokenizer; default: the model's name."),
  revision: z.string().min(1).optional().describe("A branch, tag or commit of the tokenizer's repository."),
  scoreBody: z
    .record(z.string(), z.json() as z.ZodType<JsonObject[string]>)
    .default({})
    .describe("Further fields of scoring requests. Part of the cache key."),
};

/** The tokenizer that the options name, and what of it determines the answers. */
export async function tokenizerFor(
  { model, tokenizer, revision }: PromptLogprobOptions,
  runtime: ModelRuntime,
): Promise<{ readonly tokenizer: TurnTokenizer; readonly determining: JsonObject }> {
  const loaded = await loadTokenizer(tokenizer ?? model, {
    ...(revision !== undefined && { revision }),
    runtime,
  });
  return {
    tokenizer: loaded,
    determining: { tokenizer: loaded.hash, template: loaded.templateHash, revision: revision ?? null },
  };
}

/** How one kind of server is asked for the log-probs of a given text, and how its answer is read. */
export interface PromptScoring {
  /** The route, also the name of the API in the cache key. */
  readonly api: string;
  readonly takesIds: boolean;
  /** Output tokens the server makes although none is needed. */
  readonly outputTokens: number;
  body(turn: RenderedTurn, located: LocatedTurn): JsonObject;
  /** Log-probs of the tokens from `located.start` on; throws `CallFailure`. */
  read(json: unknown, located: LocatedTurn): readonly unknown[];
  usage(json: unknown): Usage;
}

export interface ScoringSeat extends Pick<Seat, "id" | "http" | "endpoint"> {
  readonly path: CallPath;
  readonly tokenizer: TurnTokenizer;
  readonly scoring: PromptScoring;
  readonly model: string;
  readonly expectModel: string | undefined;
}

/** A log-prob model behind a server that can be asked for the log-probs of a given text. */
export function promptLogprobModel(seat: ScoringSeat): LogprobModel {
  const { id, http, endpoint, path, tokenizer, scoring } = seat;
  return {
    id,
    specialTokens: tokenizer.specialTokens,
    templateHash: tokenizer.templateHash,
    contextLength: tokenizer.contextLength,
    givesDistributions: false,
    takesIds: scoring.takesIds,
    render: tokenizer.render,
    locate: tokenizer.locate,
    tokenStarts: tokenizer.tokenStarts,
    async logprobs(turn, located, context) {
      refuseUnfit(seat, turn, located, context.distributions === true);
      const body = scoring.body(turn, located);
      const { ids, start } = located;
      return path.call<{ readonly tokenLogprobs: number[] }>(
        endpoint,
        {
          request: { api: scoring.api, body, start },
          promptTokens: ids.length,
          maxOutputTokens: scoring.outputTokens,
          async send(signal) {
            const reply: HttpReply = await http.post(scoring.api, body, signal);
            requireModel(id, textOf(fieldsOf(reply.json).model), seat.model, seat.expectModel);
            const usage = scoring.usage(reply.json);
            const values = readCounted(usage, () => scoring.read(reply.json, located));
            return sentLogprobs(id, values, ids.length - start, usage, reply);
          },
        },
        context,
      );
    },
  };
}

function refuseUnfit(
  { id, tokenizer, scoring }: ScoringSeat,
  turn: RenderedTurn,
  { ids, start, rule }: LocatedTurn,
  distributions: boolean,
): void {
  if (distributions) throw new CallFailure("no_logprobs", `${id} gives no distributions over the vocabulary`);
  if (start < 1 || start >= ids.length) {
    throw new CallFailure(
      "span_impossible",
      `${id} got a span [${start}, ${ids.length}) without a token to score`,
    );
  }
  if (tokenizer.contextLength !== null && ids.length > tokenizer.contextLength) {
    throw new CallFailure(
      "too_long",
      `the turn has ${ids.length} tokens and the context of ${id} ${tokenizer.contextLength}`,
    );
  }
  if (scoring.takesIds) return;
  if (rule === "joined") {
    throw new CallFailure(
      "span_merged",
      `a token straddles the response's edge, and ${id} takes text alone; vllm, sglang and fireworks take token ids`,
    );
  }
  if (turn.breaks.length > 0) {
    throw new CallFailure(
      "span_impossible",
      `the text holds what looks like a special token, and ${id}, which takes text alone, would read it as one`,
    );
  }
}

/** A server's word for an impossible token; not a number to average. */
const IMPOSSIBLE = -9999;
/** Rounding of 16-bit and 32-bit sums puts certain tokens a little above 0. */
const ROUNDING = 1e-3;

function sentLogprobs(
  where: string,
  values: readonly unknown[],
  expected: number,
  usage: Usage,
  { limits }: HttpReply,
): Sent<{ readonly tokenLogprobs: number[] }> {
  if (values.length !== expected)
    throw tokensDiffer(where, `${values.length} positions`, `${expected} tokens`);
  const tokenLogprobs = values.map((value, position) => {
    if (typeof value !== "number" || !(value > IMPOSSIBLE) || !(value <= ROUNDING)) {
      const got = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
      throw new CallFailure(
        "not_finite",
        `${where} gave ${got} as the log-prob of token ${position + 1} of ${expected} of the response`,
      );
    }
    return Math.min(0, value);
  });
  return { reply: { tokenLogprobs }, usage, ...(limits && { limits }) };
}

export function tokensDiffer(where: string, got: string, expected: string): CallFailure {
  return new CallFailure(
    "tokens_differ",
    `${where} counted ${got} where our tokenizer has ${expected}: its tokenizer is another one, or it adds a BOS token; name the server's tokenizer with tokenizer and revision`,
  );
}

export function noLogprobs(where: string, found: string): CallFailure {
  return new CallFailure(
    "no_logprobs",
    `${where} ${found}; servers that give log-probs of a given text: vLLM, SGLang, TGI, Together, Fireworks`,
  );
}

/** Throws `tokens_differ` at the first id that is not ours. */
export function requireIds(where: string, given: readonly unknown[], ids: readonly number[]): void {
  if (given.length !== ids.length) {
    throw tokensDiffer(where, `${given.length} tokens`, `${ids.length}`);
  }
  const at = ids.findIndex((id, index) => given[index] !== id);
  if (at >= 0) throw tokensDiffer(where, `token ${String(given[at])} at ${at}`, `token ${ids[at]}`);
}
