import type { Message } from "../core/types.ts";
import { plainFault } from "./layout-support.ts";

const MARK = "<extra_id_1>";
const BEFORE = { user: `\n${MARK}User\n`, assistant: `\n${MARK}Assistant\n` } as const;

/**
 * A conversation as HelpSteer2 writes one: the first user turn as it is, each later turn after a line with its role's mark.
 * Null for one that it cannot hold: a system or tool turn, two turns of one role, or a text with the mark in it.
 */
export function joinedTurns(messages: readonly Message[]): string | null {
  if (messages.length % 2 === 0 || plainFault(messages) !== null) return null;
  const parts: string[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    const expected = index % 2 === 0 ? "user" : "assistant";
    if (role !== expected || content.includes(MARK)) return null;
    parts.push(index === 0 ? content : BEFORE[expected], ...(index === 0 ? [] : [content]));
  }
  return parts.join("");
}

/** The inverse of `joinedTurns`. */
export function splitTurns(text: string): readonly Message[] {
  const turns = text.split(/\n<extra_id_1>(?:User|Assistant)\n/);
  return turns.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
}
