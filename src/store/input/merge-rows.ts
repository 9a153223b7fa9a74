import type { ErrorPlace } from "../../core/errors.ts";
import { contentId, type MappedRow, type PromptDraft, toGroup } from "./mapping.ts";
import type { ResponseDraft } from "./responses.ts";
import type { BadRow, GroupRow } from "./types.ts";

/** A group whose rows are still coming in. */
export interface OpenGroup {
  readonly key: string;
  readonly draft: PromptDraft;
  readonly responses: ResponseDraft[];
  readonly place: ErrorPlace;
  readonly at: number;
  replacedSurrogates: number;
}

/** A row that starts a group gives it its prompt, reference, id and metadata. */
export function openGroup(row: MappedRow): OpenGroup {
  const { draft, place, at, replacedSurrogates } = row;
  return { key: row.key ?? "", draft, responses: [...row.responses], place, at, replacedSurrogates };
}

/** Adds a later row's responses; a row whose prompt is another one is bad and adds nothing. */
export function addRow(group: OpenGroup, row: MappedRow): BadRow | null {
  if (!samePrompt(group.draft, row.draft)) {
    return {
      kind: "bad",
      problem: `the row's prompt differs from that of its group, which starts at ${inWords(group.place)}.`,
      fix: "give rows with the same key the same prompt, or group by another field.",
      place: row.place,
    };
  }
  group.responses.push(...row.responses);
  group.replacedSurrogates += row.replacedSurrogates;
  return null;
}

export function closeGroup(group: OpenGroup, file: number): GroupRow {
  return {
    kind: "group",
    group: toGroup(group.draft, group.responses),
    place: group.place,
    position: { file, at: group.at },
    replacedSurrogates: group.replacedSurrogates,
  };
}

function samePrompt({ prompt: a }: PromptDraft, { prompt: b }: PromptDraft): boolean {
  // Most prompts are one message of text, and are compared as they are; hashes are for the rest.
  return isOneText(a) && isOneText(b)
    ? a.messages[0]?.content === b.messages[0]?.content
    : contentId(a) === contentId(b);
}

function isOneText({ messages, tools, images }: PromptDraft["prompt"]): boolean {
  return messages.length === 1 && messages[0]?.role === "user" && tools === undefined && images === undefined;
}

export function inWords({ file, line, row }: ErrorPlace): string {
  return line !== undefined ? `${file}:${line}` : `${file}, row ${row}`;
}
