import { z } from "zod";
import { CallFailure, isCallFailure } from "../core/errors.ts";
import type { Json, JsonObject, Message } from "../core/types.ts";
import type { CallPath } from "./call-path.ts";
import { directPath } from "./direct-path.ts";
import { type HttpModelOptions, httpModelFields } from "./http-options.ts";
import { finding, openSeat } from "./http-provider.ts";
import type { CallContext, RewardReply } from "./ports.ts";
import { outcomeOf, unreachable } from "./probe-chat.ts";
import type { Finding, ModelProvider } from "./provider.ts";
import {
  type RewardInput,
  rewardInputFields,
  rewardModel,
  type TextReader,
  textReader,
} from "./reward-text.ts";
import { breakInMessages } from "./template-tokens.ts";
import { fieldsOf, itemsOf, wireMessage, wireUsage } from "./wire.ts";

const APIS = ["classify", "pooling", "score", "sglang-classify"] as const;

export interface RewardServerOptions extends HttpModelOptions, Omit<RewardInput, "input"> {
  readonly api: (typeof APIS)[number];
  readonly input: "messages" | "template" | "response";
  readonly index?: number | undefined;
  readonly activation: boolean;
  readonly extraBody: JsonObject;
}

const options = z.strictObject({
  ...httpModelFields,
  ...rewardInputFields,
  api: z
    .enum(APIS)
    .default("classify")
    .describe("The server's route: vLLM's classify, pooling or score, or SGLang's classify."),
  input: z
    .enum(["messages", "template", "response"])
    .default("messages")
    .describe(
      "What the model reads: messages by the server's template, or text by ours, or the response alone.",
    ),
  index: z
    .int()
    .min(0)
    .optional()
    .describe("Which class or column is the value, where the model has several."),
  activation: z
    .boolean()
    .default(false)
    .describe("Let the server apply its activation; default: raw values."),
  extraBody: z
    .record(z.string(), z.json() as z.ZodType<Json>)
    .default({})
    .describe("Further fields of the request body. Part of the cache key."),
});

const ROUTES: Readonly<Record<RewardServerOptions["api"], string>> = {
  classify: "/classify",
  pooling: "/pooling",
  score: "/score",
  "sglang-classify": "/classify",
};

/**
 * Reward models on a server: vLLM with `--runner pooling` (POST /classify, /pooling, /score) and SGLang with `--is-embedding`
 * (POST /classify).
 *
 * classify: the raw score of the class (`index` where there are several). pooling: the number at `index` of one vector, or of the
 * last token's row when there is a row per token (`values` then has one per token). score: a cross encoder's score of the prompt's
 * texts, joined by blank lines, and the response. Tried against recorded shapes.
 */
export const provider: ModelProvider<RewardServerOptions> = {
  name: "reward-server",
  summary: "Reward models on vLLM (classify, pooling, score) and SGLang (classify).",
  ports: ["reward"],
  options,
  async open(given, settings, runtime) {
    const { api, model } = given;
    // These two read one text, so the template must be ours.
    const input = api === "sglang-classify" && given.input === "messages" ? "template" : given.input;
    const reader =
      input === "messages" || api === "score" ? null : await textReader({ ...given, input }, runtime);
    const address = { ...given, baseUrl: given.baseUrl?.replace(/\/v1\/*$/, "") };
    const defaults = { provider: "reward-server", baseUrl: null, keyEnv: "VLLM_API_KEY" };
    const determining = { api, index: given.index ?? null, reader: reader?.identity ?? null };
    const { id, http, endpoint, identity } = await openSeat(
      address,
      defaults,
      settings,
      runtime,
      determining,
    );
    const route = ROUTES[api];
    const over = (path: CallPath) =>
      rewardModel({
        ...{ id, endpoint, path, api: route },
        body: (messages, response) => ({
          model,
          ...bodyOf(given, reader, messages, response),
          ...given.extraBody,
        }),
        post: (body, signal) => http.post(route, body, signal),
        read: (json) => ({ reply: readReward(id, json, given), usage: usageOf(json) }),
      });
    const reward = over(runtime.path);
    return {
      ports: { reward },
      identity,
      probe: (context) => probeReward(over(directPath(settings, runtime)), context),
      close: () => http.close(),
    };
  },
};

function bodyOf(
  { api, activation }: RewardServerOptions,
  reader: TextReader | null,
  messages: readonly Message[],
  response: string,
): JsonObject {
  const answer: Message = { role: "assistant", content: response };
  const safe = breakInMessages([...messages, answer]);
  if (api === "score") {
    const before = safe.slice(0, -1).map(({ content }) => content);
    return {
      text_1: before.join("\n\n").toWellFormed(),
      text_2: (safe.at(-1)?.content ?? "").toWellFormed(),
      use_activation: activation,
    };
  }
  if (api === "sglang-classify") return { text: reader?.text(messages, response) ?? "" };
  const read: JsonObject =
    reader === null
      ? { messages: safe.map(wireMessage) }
      : { input: reader.text(messages, response), add_special_tokens: false };
  return api === "classify" ? { ...read, use_activation: activation } : { ...read, encoding_format: "float" };
}

function usageOf(json: unknown) {
  const meta = fieldsOf(fieldsOf(itemsOf(json)[0]).meta_info);
  const usage = wireUsage({ usage: fieldsOf(json).usage ?? meta });
  return { ...usage, outputTokens: 0 };
}

function readReward(where: string, json: unknown, { api, index }: RewardServerOptions): RewardReply {
  const item = fieldsOf(
    api === "sglang-classify" ? (Array.isArray(json) ? json[0] : json) : itemsOf(fieldsOf(json).data)[0],
  );
  const given = {
    classify: item.probs,
    pooling: item.data,
    score: item.score,
    "sglang-classify": item.embedding,
  }[api];
  const rows = Array.isArray(given) ? (given as unknown[]) : given === undefined ? [] : [given];
  if (rows.length === 0) throw new CallFailure("bad_reply", `${where} sent no value`);
  const perToken = Array.isArray(rows[0]);
  const values = (perToken ? rows.map((row) => column(where, itemsOf(row), index)) : rows).map((value) =>
    finite(where, value),
  );
  const value = perToken ? values.at(-1) : finite(where, column(where, values, index));
  if (value === undefined) throw new CallFailure("bad_reply", `${where} sent no value`);
  return { value, values: values.map((one) => ({ label: null, value: one })) };
}

function column(where: string, values: readonly unknown[], index: number | undefined): unknown {
  if (values.length > 1 && index === undefined) {
    throw new CallFailure(
      "bad_request",
      `${where} gives ${values.length} values: say which one counts with index`,
    );
  }
  if (values.length <= (index ?? 0)) {
    throw new CallFailure(
      "bad_request",
      `${where} gives ${values.length} values, and index is ${index ?? 0}`,
    );
  }
  return values[index ?? 0];
}

function finite(where: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const got = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
  throw new CallFailure("not_finite", `${where} gave ${got} as a value`);
}

async function probeReward(
  model: ReturnType<typeof rewardModel>,
  context: CallContext,
): Promise<readonly Finding[]> {
  const question: readonly Message[] = [{ role: "user", content: "What is 2 + 3?" }];
  const good = await outcomeOf(model.score(question, "2 + 3 is 5.", context));
  if (isCallFailure(good)) return [unreachable(good)];
  const again = await outcomeOf(model.score(question, "2 + 3 is 5.", context));
  const other = await outcomeOf(model.score(question, "Bananas.", context));
  const findings = [finding("reachable", "good", `gives ${good.value} to a right answer`)];
  if (isCallFailure(again) || isCallFailure(other)) return findings;
  findings.push(
    again.value === good.value
      ? finding("deterministic", "good", "one value, asked twice", null, true)
      : finding("deterministic", "warn", `${good.value} and ${again.value}, asked twice`, null, false),
    other.value === good.value
      ? finding(
          "reward_differs",
          "bad",
          `gives ${good.value} to a right answer and to nonsense`,
          "check that the model is a reward model, and which input, api and index it needs.",
        )
      : finding("reward_differs", "good", `gives ${other.value} to nonsense`),
  );
  return findings;
}
