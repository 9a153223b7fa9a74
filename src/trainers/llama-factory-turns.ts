import type { Message, MessageRole } from "../core/types.ts";
import type { Row } from "../store/table.ts";
import { alternationFault, toolCallsOf, toolCallsText, writtenCalls } from "./tool-turns.ts";

/** Why LLaMA-Factory's converter would skip a prompt, or make another of it; null when it does neither. */
export function turnsFault(messages: readonly Message[]): string | null {
  const [first] = messages;
  if (first?.role === "system" && first.content === "")
    return "its system turn is empty, and LLaMA-Factory would put its template's own there";
  const fault = alternationFault(messages);
  if (fault !== null) return fault;
  const callers = messages.filter(({ toolCalls }) => toolCalls !== undefined);
  if (callers.some((message) => toolCallsOf(message) === null))
    return "its tool calls are not in OpenAI's form";
  return callers.some(({ content }) => content !== "")
    ? "a turn has both text and tool calls, and LLaMA-Factory keeps one of them"
    : null;
}

/** A conversation without a `turnsFault`: calls as the role function_call with JSON text. Ids of calls go: order says which. */
export function conversationRows(messages: readonly Message[]): Row[] {
  return messages.map((message) => {
    const made = message.toolCalls === undefined ? null : toolCallsOf(message);
    return made === null
      ? { role: message.role, content: message.content }
      : { role: "function_call", content: JSON.stringify(made) };
  });
}

/** Written turns, read back. */
export function conversationFrom(turns: unknown): readonly Message[] {
  return (turns as readonly Row[]).map(({ role, content }) =>
    role === "function_call"
      ? { role: "assistant", content: "", toolCalls: toolCallsText(writtenCalls(content as string)) }
      : { role: role as MessageRole, content: content as string },
  );
}
