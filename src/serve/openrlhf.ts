import { ServeFault } from "./fault.ts";
import type { Outcome } from "./gather.ts";
import { type Asked, badRequest, isRecord, type RequestLimits, readGroup } from "./request.ts";

/** How OpenRLHF's requests are read and answered. */
export interface OpenrlhfOptions {
  /**
   * Texts that end a turn in the model's template. OpenRLHF decodes with special tokens, so answers end with one; they are
   * cut off. Default: those of the common templates.
   */
  readonly turnEnds?: readonly string[];
  /**
   * text: a label is the reference answer. row: it is JSON text of {id?, prompt?, reference?, tools?, metadata?}, as the
   * export writes it, so that scorers see messages instead of the rendered prompt. Default: text.
   */
  readonly labels?: "text" | "row";
  /** The number that an unscored response gets. null, the default: the request is answered with 503, never with a 0. */
  readonly unscored?: number | null;
}

export const TURN_ENDS: readonly string[] = [
  "<|im_end|>",
  "<|eot_id|>",
  "<|end_of_text|>",
  "<|endoftext|>",
  "<|end|>",
  "<|return|>",
  "<end_of_turn>",
  "<eos>",
  "</s>",
  "<｜end▁of▁sentence｜>",
];

/** Texts that some tokenizers put before a prompt. */
const STARTS = ["<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<｜begin▁of▁sentence｜>"];

/**
 * Reads the body of `/get_reward`: {query, prompts, labels}, lists of one length, each query being prompt and response as
 * decoded. Empty lists are fine: with several servers OpenRLHF sends them to all but the first.
 *
 * Samples are read as they are taken, once. Throws `bad_request` when a query does not start with its prompt: what is the
 * response then is anybody's guess.
 */
export function readOpenrlhf(
  body: unknown,
  options: OpenrlhfOptions,
  limits: RequestLimits,
): Iterable<Asked> {
  if (!isRecord(body)) throw badRequest("the body is no object.", SHAPE);
  const queries = texts(body.query, "query");
  const prompts = texts(body.prompts ?? [], "prompts");
  const labels = labelTexts(body.labels ?? []);
  if (queries.length > limits.maxResponses) {
    throw badRequest(
      `there are ${queries.length} queries, and ${limits.maxResponses} are the most.`,
      "send fewer.",
    );
  }
  if (prompts.length !== queries.length || (labels.length > 0 && labels.length !== queries.length)) {
    throw badRequest(
      `there are ${queries.length} queries, ${prompts.length} prompts and ${labels.length} labels.`,
      SHAPE,
    );
  }
  return samplesOf({ queries, prompts, labels }, options, limits);
}

interface Lists {
  readonly queries: readonly string[];
  readonly prompts: readonly string[];
  readonly labels: readonly string[];
}

function* samplesOf(
  { queries, prompts, labels }: Lists,
  { turnEnds = TURN_ENDS, labels: form = "text" }: OpenrlhfOptions,
  limits: RequestLimits,
): Generator<Asked> {
  for (const [index, query] of queries.entries()) {
    const prompt = prompts[index] ?? "";
    const text = withoutEnds(responseIn(query, prompt, index), turnEnds);
    const row = form === "row" ? labelRow(labels[index] ?? "", index) : labelText(labels[index] ?? "");
    yield readGroup({ prompt, ...row, responses: [{ id: String(index), text }] }, `query[${index}]`, limits);
  }
}

export interface OpenrlhfAnswer {
  readonly rewards: readonly number[];
  /** What dynamic filtering looks at: the rewards. */
  readonly scores: readonly number[];
  readonly extra_logs: { readonly unscored?: readonly number[] };
}

/** Throws `unscored` when a response has no reward and no number was declared for that. */
export function openrlhfAnswer(
  outcomes: readonly Outcome[],
  { unscored = null }: OpenrlhfOptions,
): OpenrlhfAnswer {
  if (outcomes.length === 0) return { rewards: [], scores: [], extra_logs: {} };
  const given = outcomes.flatMap(({ rewards }) => rewards);
  const rewards = given.map((reward, index) => {
    if (reward !== null) return reward;
    if (unscored === null) {
      throw new ServeFault(
        "unscored",
        `response ${index} has no reward: ${reasons(outcomes[index])}.`,
        "send it again; or start the server with --unscored NUMBER to say what such a response shall get.",
        1,
      );
    }
    return unscored;
  });
  return {
    rewards,
    scores: rewards,
    extra_logs: { unscored: given.map((reward) => (reward === null ? 1 : 0)) },
  };
}

const SHAPE = "send {query, prompts, labels}: lists of texts, all of one length.";

function reasons(outcome: Outcome | undefined): string {
  const cells = (outcome?.columns ?? []).flatMap(({ name, scores: [score] }) =>
    score === undefined || score.kind === "scored"
      ? []
      : [`${name} ${score.kind === "failed" ? `failed (${score.code})` : `abstained (${score.why})`}`],
  );
  if (outcome?.problem) cells.push(outcome.problem.replace(/\.$/, ""));
  return cells.join(", ") || "the reward's transforms gave none";
}

function responseIn(query: string, prompt: string, index: number): string {
  if (query.startsWith(prompt)) return query.slice(prompt.length);
  for (const start of STARTS) {
    if (query.startsWith(start + prompt)) return query.slice(start.length + prompt.length);
    // The other way round: the prompt was rendered with a start that decoding left out.
    if (prompt.startsWith(start) && query.startsWith(prompt.slice(start.length)))
      return query.slice(prompt.length - start.length);
  }
  throw badRequest(
    `query[${index}] does not start with prompts[${index}].`,
    "send the prompt as it was rendered, and the query decoded with special tokens kept.",
  );
}

function withoutEnds(text: string, turnEnds: readonly string[]): string {
  let rest = text;
  for (;;) {
    const trimmed = rest.trimEnd();
    const end = turnEnds.find((token) => token !== "" && trimmed.endsWith(token));
    if (end === undefined) return rest;
    rest = trimmed.slice(0, trimmed.length - end.length);
  }
}

function labelText(label: string): { readonly reference?: string } {
  return label === "" ? {} : { reference: label };
}

const ROW_FIELDS = ["id", "prompt", "messages", "reference", "tools", "metadata"];

function labelRow(label: string, index: number): Readonly<Record<string, unknown>> {
  if (label === "") return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(label);
  } catch {
    parsed = null;
  }
  if (!isRecord(parsed) || Object.keys(parsed).some((name) => !ROW_FIELDS.includes(name))) {
    throw badRequest(
      `labels[${index}] is no JSON object with fields of ${ROW_FIELDS.join(", ")}.`,
      "export the prompts with `--option labels=row`, or start the server with --labels text.",
    );
  }
  return parsed;
}

function texts(value: unknown, name: string): readonly string[] {
  const list = typeof value === "string" ? [value] : value;
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list as string[];
  throw badRequest(`${name} is no list of texts.`, SHAPE);
}

/** Labels may be missing (null) or numbers: a column of the dataset. */
function labelTexts(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((label: unknown, index) => {
    if (label === null) return "";
    if (typeof label === "string") return label;
    if (typeof label === "boolean") return String(label);
    // As in files: an integer beyond 2^53 has been rounded on its way.
    if (typeof label === "number" && (!Number.isInteger(label) || Number.isSafeInteger(label)))
      return String(label);
    if (isRecord(label)) return JSON.stringify(label);
    throw badRequest(`labels[${index}] is no text.`, SHAPE);
  });
}
