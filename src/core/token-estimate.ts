import type { Message } from "./types.ts";

/** About how many tokens a text has: one for every four UTF-16 units. Only for estimates that are called so. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** The same for messages, with four tokens for what a chat template puts around each. */
export function messageTokens(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + estimateTokens(content) + 4, 0);
}
