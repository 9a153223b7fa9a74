import type { Group } from "../core/types.ts";
import { compileMapping, toGroup } from "../store/input/mapping.ts";
import { ServeFault } from "./fault.ts";

/** One group of a request: what is scored, and the ids that the client knows it by. */
export interface Asked {
  readonly id: string;
  readonly group: Group;
  /** The client's own ids, in response order; unlike within the request's groups of one id. */
  readonly responseIds: readonly string[];
}

export interface RequestLimits {
  readonly maxGroups: number;
  /** Over all groups of a request. */
  readonly maxResponses: number;
  /** Of one response, its reasoning, or one message, in UTF-16 code units. */
  readonly maxTextLength: number;
}

export const DEFAULT_LIMITS: RequestLimits = {
  maxGroups: 1024,
  maxResponses: 8192,
  maxTextLength: 2_000_000,
};

export interface ScoreRequest {
  /** Read one after the other as they are taken, once: there may be a thousand, and other requests wait. */
  readonly asked: Iterable<Asked>;
  /** What the client is ready to wait, in milliseconds; null: as the server says. */
  readonly deadlineMs: number | null;
}

// The same reader as files have, under the default names: a row gives the same group, and so the same numbers, here and there.
const mapping = compileMapping({ path: "", map: { tools: "tools", toolMessages: true } }, false);

const GROUP_FIELDS = new Set(["id", "prompt", "messages", "reference", "tools", "metadata", "responses"]);

/**
 * Reads the body of `/score`: {groups: [{id?, prompt | messages, reference?, tools?, metadata?, responses: [text | {id?,
 * text, reasoning?, role?, model?, finish_reason?, token_count?, sum_logprob?, metadata?}]}], deadline_ms?}.
 *
 * Ids: a group without one has the hash of its prompt, as in files; a response without one the hash of its text and place.
 * Throws `bad_request`; about a group, naming it by its place, when it is taken.
 */
export function readScoreRequest(body: unknown, limits: RequestLimits = DEFAULT_LIMITS): ScoreRequest {
  if (!isRecord(body) || !Array.isArray(body.groups)) {
    throw badRequest(
      "the body has no list `groups`.",
      "send {groups: [{id, prompt, responses: [{id, text}]}]}.",
    );
  }
  const { groups, deadline_ms: deadlineMs = null } = body;
  if (groups.length > limits.maxGroups) {
    throw badRequest(
      `the request has ${groups.length} groups, and ${limits.maxGroups} are the most.`,
      "send fewer groups at a time.",
    );
  }
  if (
    deadlineMs !== null &&
    !(typeof deadlineMs === "number" && Number.isFinite(deadlineMs) && deadlineMs > 0)
  ) {
    throw badRequest("deadline_ms is no number above 0.", "give milliseconds, or leave it out.");
  }
  return { asked: groupsOf(groups, limits), deadlineMs };
}

function* groupsOf(groups: readonly unknown[], limits: RequestLimits): Generator<Asked> {
  const seen = new Map<string, Set<string>>();
  let responses = 0;
  for (const [index, record] of groups.entries()) {
    const where = `groups[${index}]`;
    const next = readGroup(record, where, limits);
    responses += next.responseIds.length;
    if (responses > limits.maxResponses) {
      throw badRequest(
        `the request has more than ${limits.maxResponses} responses.`,
        "send fewer groups at a time.",
      );
    }
    const ids = seen.get(next.id) ?? new Set();
    seen.set(next.id, ids);
    for (const responseId of next.responseIds) {
      if (ids.has(responseId)) {
        throw badRequest(
          `${where} has a response whose id was there before in a group of the same id.`,
          "give every response an id of its own.",
        );
      }
      ids.add(responseId);
    }
    yield next;
  }
}

/** One group, as a row of a file would be read. `where` names it in errors. */
export function readGroup(given: unknown, where: string, limits: RequestLimits): Asked {
  if (!isRecord(given)) throw badRequest(`${where} is no object.`, "write {id, prompt, responses}.");
  const unknown = Object.keys(given).find((name) => !GROUP_FIELDS.has(name));
  if (unknown !== undefined) {
    throw badRequest(
      `${where} has a field that is not known (its name has ${unknown.length} characters).`,
      `use ${[...GROUP_FIELDS].join(", ")}; facts about the prompt go into metadata.`,
    );
  }
  if (!Array.isArray(given.responses) || given.responses.length === 0) {
    throw badRequest(`${where} has no responses.`, "send at least one: {id, text}.");
  }
  if (given.responses.length > limits.maxResponses) {
    throw badRequest(
      `${where} has ${given.responses.length} responses, and ${limits.maxResponses} are the most.`,
      "send fewer.",
    );
  }
  const { messages, ...others } = given;
  const record = messages === undefined ? others : { ...others, prompt: messages };
  const row = mapping.map({ kind: "record", record, place: {}, at: 0 });
  if (row.kind === "bad") {
    const column = row.place.column === undefined ? "" : `, ${row.place.column}`;
    throw badRequest(`${where}${column}: ${withoutQuotes(row.problem)}`, withoutQuotes(row.fix));
  }
  // Ids of responses are hashes of their texts, made when first looked at: most scorers never do.
  const group = toGroup(row.draft, row.responses);
  const isTooLong = (text = ""): boolean => text.length > limits.maxTextLength;
  if (
    group.prompt.messages.some(({ content }) => isTooLong(content)) ||
    row.responses.some(({ text, reasoning }) => isTooLong(text) || isTooLong(reasoning))
  ) {
    throw badRequest(
      `${where} has a text of more than ${limits.maxTextLength} characters.`,
      "send shorter ones.",
    );
  }
  return {
    id: group.prompt.id,
    group,
    responseIds: given.responses.map(
      (response: unknown, index) => ownId(response, where, index) ?? (group.responses[index]?.id as string),
    ),
  };
}

function ownId(response: unknown, where: string, index: number): string | null {
  const id = isRecord(response) ? (response.id ?? null) : null;
  if (id === null) return null;
  if (typeof id === "string" && id !== "" && id.length <= 512) return id;
  if (typeof id === "number" && Number.isSafeInteger(id)) return String(id);
  throw badRequest(
    `${where}.responses[${index}].id is no text of 1 to 512 characters and no whole number.`,
    "give every response an id, or none.",
  );
}

/** What the readers of files quote is the sender's text, which has no place in logs. */
function withoutQuotes(text: string): string {
  return text.replace(/"[^"]*"/gs, '"…"');
}

export function badRequest(message: string, fix: string): ServeFault {
  return new ServeFault("bad_request", message, fix);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
