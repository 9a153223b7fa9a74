import { messageRecord, responseIds, sha256 } from "../src/core/ids.ts";
import type { Group, Message } from "../src/core/types.ts";
import { RowProblem } from "../src/store/input/row-problem.ts";
import { type GroupDraft, type Importer, type ImporterDefinition, newReading } from "./importer.ts";

/** Makes an importer from what reads one row. */
export function defineImporter({ read, joinsNeighbours = false, ...facts }: ImporterDefinition): Importer {
  return {
    ...facts,
    joinsNeighbours,
    rows: (row) => {
      try {
        const { leftOut = [], ...draft } = read(row, newReading());
        if (draft.responses.length === 0)
          return { groups: [], leftOut: [...leftOut, { why: "no response is left." }] };
        return { groups: [groupOf(draft)], leftOut };
      } catch (error) {
        if (!(error instanceof RowProblem)) throw error;
        const { message: why, column } = error;
        return { groups: [], leftOut: [column === undefined ? { why } : { why, column }] };
      }
    },
  };
}

/**
 * The group with its ids. A prompt may stand in several rows of a dataset, each with other responses, so the id is a hash of
 * the messages and of the responses' texts; the dataset's own id is in the metadata as `source_id`.
 */
export function groupOf({ messages, reference = null, responses, metadata }: GroupDraft): Group {
  const texts = responses.map(({ text }) => text);
  const id = groupHash(messages, texts);
  const ids = responseIds(id, texts);
  return {
    prompt: { id, messages, reference, metadata },
    responses: responses.map((response, index) => ({ id: ids[index] ?? "", role: "candidate", ...response })),
  };
}

/** All keys of what is hashed, in the order of the canonical form. */
const HASHED = ["messages", "responses", "content", "name", "role", "tool_call_id", "tool_calls"];

/**
 * The `contentHash` of {messages, responses}. Of texts JSON.stringify writes the canonical form already, once it is told the keys'
 * order, at half the cost, which was the largest part of an import.
 */
export function groupHash(messages: readonly Message[], texts: readonly string[]): string {
  const hashed = { messages: messages.map(messageRecord), responses: texts };
  return sha256(JSON.stringify(hashed, HASHED)).slice(0, 32);
}

/** Two neighbours with the same prompt as one group, the responses in order. */
export function joined(first: Group, second: Group): Group {
  const { messages, reference, metadata } = first.prompt;
  const responses = [...first.responses, ...second.responses].map(({ text, model, metadata: own }) => ({
    text,
    ...(model !== undefined && { model }),
    metadata: own,
  }));
  return groupOf({ messages, reference, metadata, responses });
}
