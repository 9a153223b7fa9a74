import { z } from "zod";
import { jsonOrNull } from "../core/json.ts";
import type { Message } from "../core/types.ts";

/** One call of a tool, whatever the field names around it. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

const call = z.object({
  name: z.string().min(1),
  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]),
});
const calls = z
  .array(z.union([z.object({ function: call }).transform((wrapped) => wrapped.function), call]))
  .min(1);

/** The calls of an assistant turn in the form of OpenAI's API, arguments as JSON text or as an object; null for any other form. */
export function toolCallsOf({ toolCalls }: Message): readonly ToolCall[] | null {
  const parsed = calls.safeParse(jsonOrNull(toolCalls ?? ""));
  if (!parsed.success) return null;
  const made = parsed.data.map(({ name, arguments: given }) => ({
    name,
    arguments: typeof given === "string" ? jsonOrNull(given) : given,
  }));
  return made.every(isToolCall) ? made : null;
}

/** Calls as they stand in an assistant turn: the form that `toolCallsOf` reads. */
export function toolCallsText(made: readonly ToolCall[]): string {
  return JSON.stringify(made.map((one) => ({ type: "function", function: one })));
}

/** The calls of a written turn: one, or a list. Our own text, so anything else is a fault that `JSON.parse` or the caller shows. */
export function writtenCalls(content: string): readonly ToolCall[] {
  const value = JSON.parse(content) as ToolCall | readonly ToolCall[];
  return Array.isArray(value) ? (value as readonly ToolCall[]) : [value as ToolCall];
}

function isToolCall(made: { readonly name: string; readonly arguments: unknown }): made is ToolCall {
  return typeof made.arguments === "object" && made.arguments !== null && !Array.isArray(made.arguments);
}

/** Why a conversation cannot be written as turns that user and assistant take alternately, or null when it can. */
export function alternationFault(messages: readonly Message[]): string | null {
  const [first, ...rest] = messages;
  const turns = first?.role === "system" ? rest : messages;
  if (turns.some(({ role }) => role === "developer"))
    return "it has a developer turn, a role that the trainer does not know";
  if (turns.some(({ role, name }) => role !== "tool" && name !== undefined))
    return "a turn has a name, which this layout has no place for";
  const alternates = turns.every(({ role }, index) => (role === "assistant") === (index % 2 === 1));
  return alternates ? null : "its turns do not alternate between user (or tool) and assistant";
}
