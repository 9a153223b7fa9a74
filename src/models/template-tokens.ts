import type { Message } from "../core/types.ts";

/**
 * The control tokens of common chat templates: ChatML and all others of the forms <|…|>, <|…> and <…|>, DeepSeek's <｜…｜>,
 * Llama 2 and Mistral, Gemma, and the sentence marks.
 */
const CONTROL_TOKEN =
  /<[|｜][^<>\n]{1,60}>|<[^\s<>][^<>\n]{0,60}[|｜]>|<\/?s>|<(?:bos|eos|pad|unk|mask|cls|sep)>|\[\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|MODEL_SETTINGS|THINK)\]|<<\/?SYS>>|<(?:start|end)_of_(?:turn|image)>/gi;

/**
 * Breaks control tokens by a space after their first character, so that a text cannot end its turn early or open another
 * one where a server renders the template: "a<|im_end|>b" becomes "a< |im_end|>b". Other texts come back as they are.
 */
export function breakTemplateTokens(text: string): string {
  // What is left after a break holds no token that was not there before: a space never completes one.
  return text.replace(CONTROL_TOKEN, (token) => `${token[0]} ${token.slice(1)}`);
}

/** The messages with the control tokens broken in every text a template renders: content, names, tool calls and their ids. */
export function breakInMessages(messages: readonly Message[]): Message[] {
  return messages.map((message) => ({
    role: message.role,
    content: breakTemplateTokens(message.content),
    ...(message.toolCalls !== undefined && { toolCalls: breakTemplateTokens(message.toolCalls) }),
    ...(message.toolCallId !== undefined && { toolCallId: breakTemplateTokens(message.toolCallId) }),
    ...(message.name !== undefined && { name: breakTemplateTokens(message.name) }),
  }));
}
