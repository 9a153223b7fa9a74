import { isCallFailure } from "../core/errors.ts";
import { finding } from "./http-provider.ts";
import type { CallContext, LocatedTurn, LogprobModel, RenderedTurn } from "./ports.ts";
import { outcomeOf, unreachable } from "./probe-chat.ts";
import type { Finding } from "./provider.ts";

/** Two words that each take few tokens; the second is scored. */
const SHORT = plainTurn("Hello", " world");
const SENTENCES = [
  plainTurn("The capital of France is", " Paris, on the river Seine."),
  plainTurn("2 + 2 =", " 4"),
  plainTurn("Once upon a time", ", there was a king who had three daughters and no crown."),
  plainTurn("Water boils at", " 100 degrees Celsius."),
];

/** Differences up to this many nats come of the order of sums alone. */
const SAME = 1e-6;
/** Above this, numbers would depend on what else is being scored. */
const TOLERABLE = 0.01;

/**
 * Looks at a log-prob endpoint: reachable, log-probs of a given text, BOS, the same answer twice and beside others, context,
 * template. `serverContext`: the longest turn by the server's own account; null when it does not say.
 */
export async function probeLogprobs(
  model: LogprobModel,
  serverContext: number | null,
  context: CallContext,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const score = async (turn: RenderedTurn) => outcomeOf(scored(model, turn, context));
  const first = await score(SHORT);
  if (isCallFailure(first)) {
    if (first.code === "no_logprobs" || first.code === "not_finite") {
      findings.push(
        finding("reachable", "good", "answers"),
        finding(
          "prompt_logprobs",
          "bad",
          `${first.code}: ${first.message}`,
          "score with a server that gives log-probs of a given text: vLLM, SGLang, TGI, Together or Fireworks.",
          false,
        ),
      );
    } else if (first.code === "tokens_differ") {
      findings.push(
        finding("reachable", "good", "answers"),
        finding(
          "bos",
          "bad",
          `counts other tokens than our tokenizer: ${first.message}`,
          "name the server's own tokenizer with tokenizer and revision, and start the server without adding a BOS token.",
          false,
        ),
      );
    } else findings.push(unreachable(first));
    return findings;
  }
  findings.push(
    finding("reachable", "good", "answers"),
    finding(
      "prompt_logprobs",
      "good",
      `gives log-probs of a given text (" world" after "Hello": ${sum(first)})`,
      null,
      true,
    ),
    finding("bos", "good", "counts the same tokens as our tokenizer, and adds none", null, true),
  );
  findings.push(...(await steadiness(score)), contextFinding(model, serverContext), templateFinding(model));
  return findings;
}

type Outcome = Awaited<ReturnType<typeof outcomeOf<readonly number[]>>>;

async function steadiness(score: (turn: RenderedTurn) => Promise<Outcome>): Promise<Finding[]> {
  const [one = SHORT] = SENTENCES;
  const alone = await score(one);
  const again = await score(one);
  const beside = await Promise.all([...SENTENCES.slice(1), one].map(score));
  const last = beside[beside.length - 1] ?? again;
  const failure = [alone, again, ...beside].find(isCallFailure);
  if (failure)
    return [
      finding("deterministic", "bad", `${failure.code}: ${failure.message}`, "look at the server's log."),
    ];
  return [
    comparison("deterministic", "asked twice", alone, again),
    comparison("batch_equal", "asked beside others", alone, last),
  ];
}

function comparison(check: string, how: string, one: Outcome, other: Outcome): Finding {
  const difference = largestDifference(one, other);
  if (difference <= SAME) return finding(check, "good", `the same log-probs when ${how}`, null, true);
  const found = `log-probs differ by up to ${difference.toPrecision(2)} nats when ${how}`;
  const fix =
    "start the server without prefix caching and with fp32 or batch-invariant kernels where it has them; density ratios subtract numbers that are nearly equal.";
  return finding(check, difference <= TOLERABLE ? "warn" : "bad", found, fix, false);
}

function largestDifference(one: Outcome, other: Outcome): number {
  if (isCallFailure(one) || isCallFailure(other)) return Number.POSITIVE_INFINITY;
  return Math.max(...one.map((value, index) => Math.abs(value - (other[index] ?? Number.NaN))));
}

function contextFinding({ contextLength }: LogprobModel, serverContext: number | null): Finding {
  if (serverContext === null) {
    return finding("context", "warn", "the server does not say how long a turn may be", null, contextLength);
  }
  if (contextLength !== null && serverContext < contextLength) {
    const found = `the server takes ${serverContext} tokens, the model ${contextLength}`;
    return finding(
      "context",
      "warn",
      found,
      "longer turns fail with too_long; raise the server's limit.",
      serverContext,
    );
  }
  return finding("context", "good", `takes turns of up to ${serverContext} tokens`, null, serverContext);
}

function templateFinding({ templateHash }: LogprobModel): Finding {
  return templateHash === null
    ? finding(
        "template",
        "warn",
        "has no chat template",
        "render with another model's template (template: strong).",
        null,
      )
    : finding("template", "good", "has a chat template", null, templateHash);
}

async function scored(
  model: LogprobModel,
  turn: RenderedTurn,
  context: CallContext,
): Promise<readonly number[]> {
  const located: LocatedTurn | null =
    model.locate(turn, "whole") ?? (model.takesIds ? model.locate(turn, "joined") : null);
  // A text that cannot be cut is no fault of the server's; there is nothing to compare then.
  if (located === null) return [];
  return (await model.logprobs(turn, located, context)).tokenLogprobs;
}

function sum(values: readonly number[] | Error): string {
  return Array.isArray(values)
    ? (values as number[]).reduce((total, value) => total + value, 0).toFixed(4)
    : "?";
}

function plainTurn(prompt: string, response: string): RenderedTurn {
  const text = prompt + response;
  return { text, responseStart: prompt.length, responseEnd: text.length, breaks: [] };
}
