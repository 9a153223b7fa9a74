import type { Message, Prompt } from "../core/types.ts";
import type { Envelope } from "./envelope.ts";

export interface ConversationOptions {
  /** Longest conversation that is shown, in UTF-16 units; what is too much goes from its middle. Default: no limit. */
  readonly maxChars?: number | undefined;
  /** Whether characters that no reader sees are taken out. Default `strip`. */
  readonly hidden?: "flag" | "strip";
}

/** Every text of a prompt that a judge is shown, for the envelope: the turns, and the tools. */
export function conversationTexts({
  messages,
  tools,
}: Pick<Prompt, "messages" | "tools">): readonly string[] {
  return [...messages.map(textOf), ...(tools === undefined ? [] : [tools])];
}

/**
 * The turns of a conversation, each between marks of its own, so that no turn can speak for another; its tools first.
 *
 * Where it is longer than `maxChars`, the first and the last half of these are kept, and a line says how much is missing:
 * inside a turn that is cut, or between turns where whole ones are left out. Nothing but the conversation is ever cut.
 *
 * Example: turns "abcdef" and "ghij" with maxChars 4 -> "ab", "[4 characters left out]", "[2 characters left out]", "ij".
 */
export function sealedConversation(
  envelope: Envelope,
  { messages, tools }: Pick<Prompt, "messages" | "tools">,
  { maxChars = Infinity, hidden = "strip" }: ConversationOptions = {},
): string {
  const total = messages.reduce((sum, message) => sum + textOf(message).length, 0);
  const head = total <= maxChars ? total : Math.ceil(maxChars / 2);
  const tail = total <= maxChars ? total : total - Math.floor(maxChars / 2);
  const sections = tools === undefined ? [] : [envelope.seal("tools", tools, { hidden })];
  let start = 0;
  let missing = 0;
  const flush = (): void => {
    if (missing > 0) sections.push(leftOut(missing));
    missing = 0;
  };
  messages.forEach((message, index) => {
    const text = textOf(message);
    const before = sliced(text, 0, head - start);
    const after = sliced(text, Math.max(tail - start, before.length), text.length);
    start += text.length;
    const lost = text.length - before.length - after.length;
    if (lost > 0 && lost === text.length) {
      missing += lost;
      return;
    }
    flush();
    const shown = lost > 0 ? [before, leftOut(lost), after].filter((part) => part !== "").join("\n") : text;
    sections.push(envelope.seal(`turn ${index + 1} ${message.role}`, shown, { hidden }));
  });
  flush();
  return sections.join("\n\n");
}

function textOf({ content, toolCalls }: Message): string {
  return [...(content === "" ? [] : [content]), ...(toolCalls === undefined ? [] : [toolCalls])].join("\n");
}

function leftOut(count: number): string {
  return `[${count} characters left out]`;
}

/** `text.slice` within its bounds that never halves a character. */
function sliced(text: string, from: number, to: number): string {
  return text.slice(whole(text, from), whole(text, to));
}

function whole(text: string, at: number): number {
  const place = Math.min(Math.max(at, 0), text.length);
  return /^[\udc00-\udfff]/.test(text.slice(place, place + 1)) && place > 0 ? place - 1 : place;
}
