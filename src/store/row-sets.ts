import { PrefkitError } from "../core/errors.ts";
import { messageRecord, pairId } from "../core/ids.ts";
import type {
  Group,
  Image,
  JsonObject,
  Message,
  MessageRole,
  Pair,
  Prompt,
  RewardedGroup,
  SampledResponse,
  Score,
  ScoreColumn,
  ScoredGroup,
  Span,
} from "../core/types.ts";
import { listOf, optional, required } from "./schema.ts";
import type { Column, ColumnType, Row, RowSet } from "./table.ts";

/** What a dataset has beyond the usual; a column that is not mapped does not exist, and then it exists in no shard. */
export interface RowExtras {
  /** A column `tools` with the tool definitions as JSON text. */
  readonly tools?: boolean;
  /** A column `images`, list<struct<bytes, path>>. An empty one would send trainers down their vision path. */
  readonly images?: boolean;
  /** Fields `tool_calls` (JSON text), `tool_call_id` and `name` in every message. */
  readonly toolMessages?: boolean;
}

/** list<struct<role, content>>: a conversation as every trainer reads it. */
function messages({ toolMessages }: RowExtras): ColumnType {
  const usual = [required("role", "string"), required("content", "string")];
  if (!toolMessages) return listOf(...usual);
  return listOf(
    ...usual,
    optional("tool_calls", "string"),
    optional("tool_call_id", "string"),
    optional("name", "string"),
  );
}

function extraColumns({ tools, images }: RowExtras): Column[] {
  return [
    ...(tools ? [optional("tools", "string")] : []),
    ...(images ? [optional("images", listOf(optional("bytes", "bytes"), optional("path", "string")))] : []),
  ];
}

/**
 * `pairs`, version 1: one row per preference pair. `chosen` and `rejected` hold only the assistant's turn;
 * `reward_margin` = score_chosen − score_rejected > 0, in units of the combined reward.
 */
export function pairsRowSet(extras: RowExtras = {}): RowSet {
  const conversation = messages(extras);
  return {
    name: "pairs",
    version: 1,
    columns: [
      required("pair_id", "string"),
      required("prompt_id", "string"),
      required("prompt", conversation),
      required("chosen", conversation),
      required("rejected", conversation),
      required("score_chosen", "double"),
      required("score_rejected", "double"),
      required("reward_margin", "double"),
      required("chosen_id", "string"),
      required("rejected_id", "string"),
      required("rule", "string"),
      required("metadata", "string"),
      ...extraColumns(extras),
    ],
  };
}

/** `groups`, version 1: one row per prompt, with its responses and their rewards (null: no reward). */
export function groupsRowSet(extras: RowExtras = {}): RowSet {
  return {
    name: "groups",
    version: 1,
    columns: [
      required("prompt_id", "string"),
      required("prompt", messages(extras)),
      optional("reference", "string"),
      required(
        "responses",
        listOf(
          required("response_id", "string"),
          required("text", "string"),
          optional("reasoning", "string"),
          required("role", "string"),
          optional("model", "string"),
          optional("finish_reason", "string"),
          optional("token_count", "int64"),
          optional("sum_logprob", "double"),
          optional("reward", "double"),
          required("metadata", "string"),
        ),
      ),
      optional("sibling_id", "string"),
      required("metadata", "string"),
      ...extraColumns(extras),
    ],
  };
}

/**
 * `scores`, version 1: one row per response and scorer. `kind` is scored, abstained or failed; `value` is null unless
 * scored, `code` is null unless failed, `why` is null only for a score without a reason.
 */
export const scoresRowSet: RowSet = {
  name: "scores",
  version: 1,
  columns: [
    required("prompt_id", "string"),
    required("response_id", "string"),
    required("name", "string"),
    required("scorer", "string"),
    required("version", "int64"),
    required("config_hash", "string"),
    required("kind", "string"),
    optional("value", "double"),
    optional("code", "string"),
    optional("why", "string"),
    optional("parts", listOf(required("name", "string"), required("value", "double"))),
    optional(
      "spans",
      listOf(
        required("start", "int64"),
        required("end", "int64"),
        optional("value", "double"),
        optional("label", "string"),
      ),
    ),
    optional("raw", "string"),
  ],
};

/** `logprobs`, version 1: what one model gave to one response. `sum_logprob` in nats over exactly its tokens. */
export const logprobsRowSet: RowSet = {
  name: "logprobs",
  version: 1,
  columns: [
    required("prompt_id", "string"),
    required("response_id", "string"),
    required("model", "string"),
    optional("template_hash", "string"),
    optional("ids_hash", "string"),
    required("token_count", "int64"),
    required("sum_logprob", "double"),
  ],
};

/** One row of `pairs`. `rule` names what made the pair, as in "best-vs-worst"; it is part of the pair's id. */
export function pairRow(prompt: Prompt, pair: Pair, rule: string, extras: RowExtras = {}): Row {
  return {
    pair_id: pairId(prompt.id, pair.chosen.id, pair.rejected.id, rule),
    prompt_id: prompt.id,
    prompt: prompt.messages.map((message) => messageRow(message, extras)),
    chosen: [{ role: "assistant", content: pair.chosen.text }],
    rejected: [{ role: "assistant", content: pair.rejected.text }],
    score_chosen: pair.chosenReward,
    score_rejected: pair.rejectedReward,
    reward_margin: pair.rewardMargin,
    chosen_id: pair.chosen.id,
    rejected_id: pair.rejected.id,
    rule,
    metadata: JSON.stringify(prompt.metadata),
    ...extraValues(prompt, extras),
  };
}

/**
 * One row of `groups`. Tool fields, tools and images that the prompt has but `extras` does not name are an error of
 * ours, not dropped in silence: the sink refuses the row.
 */
export function groupRow({ group, rewards }: Omit<RewardedGroup, "columns">, extras: RowExtras = {}): Row {
  const { prompt, responses, siblingId } = group;
  if (rewards.length !== responses.length) {
    throw new PrefkitError(
      "internal",
      `group ${prompt.id} has ${rewards.length} rewards for ${responses.length} responses.`,
      "give one reward or null per response, in response order.",
      { place: { promptId: prompt.id } },
    );
  }
  return {
    prompt_id: prompt.id,
    prompt: prompt.messages.map((message) => messageRow(message, extras)),
    reference: prompt.reference,
    responses: responses.map((response, index) => ({
      response_id: response.id,
      text: response.text,
      reasoning: response.reasoning ?? null,
      role: response.role,
      model: response.model ?? null,
      finish_reason: response.finishReason ?? null,
      token_count: response.tokenCount ?? null,
      sum_logprob: response.sumLogprob ?? null,
      reward: rewards[index] ?? null,
      metadata: JSON.stringify(response.metadata),
    })),
    sibling_id: siblingId ?? null,
    metadata: JSON.stringify(prompt.metadata),
    ...extraValues(prompt, extras),
  };
}

function messageRow(message: Message, { toolMessages }: RowExtras): Row {
  const record = messageRecord(message);
  return toolMessages ? { tool_calls: null, tool_call_id: null, name: null, ...record } : record;
}

function extraValues({ tools, images }: Prompt, extras: RowExtras): Row {
  return {
    ...(extras.tools || tools !== undefined ? { tools: tools ?? null } : {}),
    ...(extras.images || images !== undefined ? { images: images ?? null } : {}),
  };
}

/** The group of a `groups` row, with its rewards; the exact inverse of `groupRow`, apart from JSON's own limits. */
export function groupFromRow(row: Row): Pick<RewardedGroup, "group" | "rewards"> {
  const responses = row.responses as readonly Row[];
  const siblingId = row.sibling_id as string | null;
  const prompt: Prompt = {
    id: row.prompt_id as string,
    messages: (row.prompt as readonly Row[]).map(messageFromRow),
    reference: (row.reference ?? null) as string | null,
    ...present({ tools: row.tools as string | null, images: row.images as readonly Image[] | null }),
    metadata: metadataOf(row.metadata),
  };
  return {
    group: {
      prompt,
      responses: responses.map(responseFromRow),
      ...(siblingId === null || siblingId === undefined ? {} : { siblingId }),
    } satisfies Group,
    rewards: responses.map(({ reward }) => (reward ?? null) as number | null),
  };
}

function messageFromRow(row: Row): Message {
  return {
    role: row.role as MessageRole,
    content: row.content as string,
    ...present({
      toolCalls: row.tool_calls as string | null,
      toolCallId: row.tool_call_id as string | null,
      name: row.name as string | null,
    }),
  };
}

function responseFromRow(row: Row): SampledResponse {
  return {
    id: row.response_id as string,
    text: row.text as string,
    role: row.role as SampledResponse["role"],
    ...present({
      reasoning: row.reasoning as string | null,
      model: row.model as string | null,
      finishReason: row.finish_reason as string | null,
      tokenCount: row.token_count as number | null,
      sumLogprob: row.sum_logprob as number | null,
    }),
    metadata: metadataOf(row.metadata),
  };
}

function metadataOf(text: unknown): JsonObject {
  return JSON.parse(text as string) as JsonObject;
}

/** Null in a row is a field that was not given. */
function present<Fields>(fields: { readonly [Name in keyof Fields]: Fields[Name] | null }): Partial<Fields> {
  const given = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given) as Partial<Fields>;
}

/** Which scorer stands behind a recipe's key. */
export interface ScorerInfo {
  /** The scorer's own name; the column `name` is the recipe's key. */
  readonly scorer: string;
  readonly version: number;
  /** Resolved by `run.json`. */
  readonly configHash: string;
}

/**
 * The rows of `scores` for one group: scorer by scorer in the order of `columns`, each in response order. Parts keep the
 * order they were given in.
 */
export function scoreRows({ group, columns }: ScoredGroup, infoOf: (name: string) => ScorerInfo): Row[] {
  return columns.flatMap(({ name, scores }) => {
    const { scorer, version, configHash } = infoOf(name);
    return scores.map((score, index) => ({
      prompt_id: group.prompt.id,
      response_id: group.responses[index]?.id,
      name,
      scorer,
      version,
      config_hash: configHash,
      ...scoreValues(score),
    }));
  });
}

function scoreValues(score: Score): Row {
  const empty = { value: null, code: null, why: null, parts: null, spans: null, raw: null };
  switch (score.kind) {
    case "scored":
      return {
        kind: score.kind,
        ...empty,
        value: score.value,
        why: score.why ?? null,
        parts: score.parts ? Object.entries(score.parts).map(([name, value]) => ({ name, value })) : null,
        spans: score.spans ?? null,
        raw: score.raw ?? null,
      };
    case "abstained":
      return { kind: score.kind, ...empty, why: score.why };
    case "failed":
      return { kind: score.kind, ...empty, code: score.code, why: score.why };
  }
}

/** The score of a `scores` row. Throws `damaged_file` for a kind that no version has. */
export function scoreFromRow(row: Row): Score {
  const why = row.why as string;
  switch (row.kind) {
    case "scored": {
      const parts = row.parts as readonly { readonly name: string; readonly value: number }[] | null;
      return {
        kind: "scored",
        value: row.value as number,
        ...present({ why: row.why as string | null }),
        ...(parts ? { parts: Object.fromEntries(parts.map(({ name, value }) => [name, value])) } : {}),
        ...present({ spans: row.spans as readonly Span[] | null, raw: row.raw as string | null }),
      };
    }
    case "abstained":
      return { kind: "abstained", why };
    case "failed":
      return { kind: "failed", code: row.code as string, why };
    default:
      throw new PrefkitError(
        "damaged_file",
        `a score of prompt ${String(row.prompt_id)} has kind ${JSON.stringify(row.kind)}.`,
        "read it with the version of prefkit that wrote it; `prefkit check` says which files are whole.",
      );
  }
}

/**
 * The scores of one group from its rows, in any order: columns in order of first appearance, cells in the order of
 * `responseIds`. Throws `dataset_incomplete` when a cell has no row, `duplicate_id` when it has two, and
 * `dataset_incomplete` when a row belongs to no response of the group.
 */
export function scoresFromRows(rows: readonly Row[], responseIds: readonly string[]): ScoreColumn[] {
  const places = new Map(responseIds.map((id, index) => [id, index]));
  const columns = new Map<string, (Score | undefined)[]>();
  for (const row of rows) {
    const name = row.name as string;
    const place = places.get(row.response_id as string);
    if (place === undefined)
      throw cellError("dataset_incomplete", row, "belongs to no response of its group");
    const cells = columns.get(name) ?? new Array<Score | undefined>(responseIds.length).fill(undefined);
    if (cells[place]) throw cellError("duplicate_id", row, "is there twice");
    cells[place] = scoreFromRow(row);
    columns.set(name, cells);
  }
  return [...columns].map(([name, cells]) => ({
    name,
    scores: cells.map((score, index) => {
      if (score) return score;
      const cell = { name, prompt_id: rows[0]?.prompt_id, response_id: responseIds[index] };
      throw cellError("dataset_incomplete", cell, "is missing");
    }),
  }));
}

function cellError(code: "dataset_incomplete" | "duplicate_id", row: Row, problem: string): PrefkitError {
  return new PrefkitError(
    code,
    `the score "${String(row.name)}" of response ${String(row.response_id)} ${problem}.`,
    "run the recipe again on its directory: finished work is kept and what is missing is made.",
    { place: { promptId: String(row.prompt_id), scorer: String(row.name) } },
  );
}
