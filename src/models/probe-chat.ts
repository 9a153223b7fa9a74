import { type CallFailure, isCallFailure } from "../core/errors.ts";
import { jsonOrNull } from "../core/json.ts";
import { finding } from "./http-provider.ts";
import type { CallContext, ChatModel, ChatReply, ChatRequest } from "./ports.ts";
import type { Finding } from "./provider.ts";
import { fieldsOf } from "./wire.ts";

/** A question whose answer takes more than the few tokens it is given. */
const COUNTING: ChatRequest = {
  messages: [{ role: "user", content: "Count from 1 to 200, with a comma between the numbers." }],
  sampling: { maxTokens: 16, temperature: 1, seed: 7 },
};

const SCHEMA: NonNullable<ChatRequest["schema"]> = {
  name: "answer",
  schema: {
    type: "object",
    properties: { answer: { type: "integer" } },
    required: ["answer"],
    additionalProperties: false,
  },
};

/** Looks at a chat endpoint with three short calls: reachable, usage, the limit of output tokens, the seed, structured output. */
export async function probeChat(model: ChatModel, context: CallContext): Promise<readonly Finding[]> {
  const first = await outcomeOf(model.generate(COUNTING, context));
  if (isCallFailure(first)) return [unreachable(first)];
  const findings: Finding[] = [
    finding("reachable", "good", `answers as ${first.model ?? "an unnamed model"}`, null, first.model),
    usageFinding(first),
    limitFinding(first),
  ];
  // The second sample of a seed one lower carries the same seed, and is another entry of the cache.
  const again = await outcomeOf(
    model.generate({ ...COUNTING, sample: 1, sampling: { ...COUNTING.sampling, seed: 6 } }, context),
  );
  if (isCallFailure(again)) {
    findings.push(finding("deterministic", "warn", `a second call failed: ${again.message}`, null));
  } else if (again.text === first.text && (again.reasoning ?? "") === (first.reasoning ?? "")) {
    findings.push(finding("deterministic", "good", "one seed gave one text, twice", null, true));
  } else {
    const fix = "rely on the cache for equal replies: finished calls are never asked again.";
    findings.push(finding("deterministic", "warn", "one seed gave two texts", fix, false));
  }
  findings.push(await structuredFinding(model, context));
  return findings;
}

export async function outcomeOf<T>(promise: Promise<T>): Promise<T | CallFailure> {
  try {
    return await promise;
  } catch (error) {
    if (isCallFailure(error) && error.code !== "cancelled") return error;
    throw error;
  }
}

const FIXES: Partial<Record<CallFailure["code"], string>> = {
  connection: "start the server, or correct baseUrl.",
  unauthorized: "set the key that this server knows (key or keyEnv).",
  timeout: "raise timeoutMs, or look at what the server is doing.",
  wrong_model: "correct the model's name, or say what it is called with expectModel.",
  bad_request: "look at what the server said: a wrong model name and a wrong path are the usual causes.",
  rate_limited: "wait, or lower requestsPerMinute.",
  overloaded: "wait until the model is loaded.",
  not_cached: "run doctor without --offline.",
};

export function unreachable(failure: CallFailure): Finding {
  const fix = FIXES[failure.code] ?? "look at the server's log.";
  return finding("reachable", "bad", `${failure.code}: ${failure.message}`, fix);
}

function usageFinding({ usage }: ChatReply): Finding {
  if (usage.promptTokens !== null && usage.outputTokens !== null) {
    return finding("usage", "good", `counts tokens (${usage.promptTokens} in, ${usage.outputTokens} out)`);
  }
  const fix = "count on spending being over-stated: each call counts as its upper bound.";
  return finding("usage", "warn", "does not say how many tokens a call took", fix);
}

function limitFinding({ usage, finishReason }: ChatReply): Finding {
  const tokens = usage.outputTokens;
  if ((tokens !== null && tokens > 16) || (tokens === null && finishReason !== "length")) {
    const found = `was given 16 tokens and wrote ${tokens ?? "an unknown number"}, ending with ${finishReason}`;
    return finding("max_tokens", "warn", found, "try the other maxTokensField.");
  }
  return finding("max_tokens", "good", `stopped within 16 tokens (${finishReason})`);
}

async function structuredFinding(model: ChatModel, context: CallContext): Promise<Finding> {
  const reply = await outcomeOf(
    model.generate(
      {
        messages: [{ role: "user", content: "What is 2 + 3? Answer as JSON with the field answer." }],
        sampling: { maxTokens: 1024, temperature: 0 },
        schema: SCHEMA,
      },
      context,
    ),
  );
  const fix = "use scorers that read plain text from this model.";
  if (isCallFailure(reply)) {
    const found = `structured output failed: ${reply.code}: ${reply.message}`;
    return finding("structured_output", "warn", found, fix, false);
  }
  const { answer } = fieldsOf(jsonOrNull(reply.text));
  return Number.isInteger(answer)
    ? finding("structured_output", "good", "follows a JSON schema", null, true)
    : finding("structured_output", "warn", "does not follow a JSON schema", fix, false);
}
