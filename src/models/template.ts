import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { CallFailure, reasonOf } from "../core/errors.ts";
import { sha256 } from "../core/ids.ts";
import type { Json, Message } from "../core/types.ts";

export interface ChatTemplate {
  /** sha256 of its text. */
  readonly hash: string;
  readonly text: string;
  /** Throws `CallFailure` "template" when the template refuses the messages or cannot be read. */
  render(
    messages: readonly Json[],
    options: { readonly generationPrompt: boolean; readonly tools?: Json },
  ): string;
}

export interface TemplateTokens {
  readonly bosToken: string | null;
  readonly eosToken: string | null;
}

/** A chat template of the Hugging Face kind, with the globals that transformers gives it. */
export function chatTemplate(text: string, { bosToken, eosToken }: TemplateTokens): ChatTemplate {
  let program: ReturnType<typeof parse> | undefined;
  return {
    hash: sha256(text),
    text,
    render(messages, { generationPrompt, tools }) {
      try {
        program ??= parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }));
        const environment = new Environment();
        const names: Record<string, unknown> = {
          ...GLOBALS,
          bos_token: bosToken ?? "",
          eos_token: eosToken ?? "",
          messages,
          tools: tools ?? null,
          documents: null,
          add_generation_prompt: generationPrompt,
        };
        for (const [name, value] of Object.entries(names)) environment.set(name, value);
        return String(new Interpreter(environment).run(program).value);
      } catch (cause) {
        throw new CallFailure("template", `the chat template refused the messages: ${reasonOf(cause)}`, {
          cause,
        });
      }
    },
  };
}

const GLOBALS: Record<string, unknown> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: (start: number, stop?: number, step = 1): number[] => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    if (step === 0) throw new Error("range() got step 0.");
    const length = Math.max(0, Math.ceil((to - from) / step));
    return Array.from({ length }, (_, index) => from + index * step);
  },
  raise_exception: (message: unknown): never => {
    throw new Error(String(message));
  },
  strftime_now: (format: unknown): string =>
    String(format).replace(/%[YymdbBHMSjeAa%]/g, (code) => FIXED_DATE[code] ?? code),
};

/**
 * What templates that print today's date are told the date is, or the same messages would be other bytes tomorrow: the date
 * that the Llama 3 templates fall back to.
 */
const FIXED_DATE: Record<string, string> = {
  "%Y": "2024",
  "%y": "24",
  "%m": "07",
  "%d": "26",
  "%e": "26",
  "%j": "208",
  "%b": "Jul",
  "%B": "July",
  "%a": "Fri",
  "%A": "Friday",
  "%H": "00",
  "%M": "00",
  "%S": "00",
  "%%": "%",
};

/**
 * A message as templates read it. Tool calls are JSON text with us and a list for the template, with arguments as an object
 * where they are JSON text themselves, as servers do it.
 */
export function templateMessage(message: Message): Json {
  return {
    role: message.role,
    content: message.content,
    ...(message.toolCalls === undefined
      ? {}
      : { tool_calls: withParsedArguments(parsedJson(message.toolCalls, "tool_calls")) }),
    ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
    ...(message.name === undefined ? {} : { name: message.name }),
  };
}

/** JSON text of a row (tool calls, tool definitions) as a value. Throws `CallFailure` "template" when it is not JSON. */
export function parsedJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new CallFailure("template", `${what} is not JSON: ${reasonOf(cause, 120)}`, { cause });
  }
}

function withParsedArguments(value: Json): Json {
  if (Array.isArray(value)) return value.map(withParsedArguments);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === "function" ? withArguments(inner) : inner]),
  );
}

function withArguments(call: Json): Json {
  if (call === null || typeof call !== "object" || Array.isArray(call)) return call;
  const { arguments: given } = call as { readonly arguments?: Json };
  if (typeof given !== "string" || !/^\s*[{[]/.test(given)) return call;
  return { ...call, arguments: parsedJson(given, "a tool call's arguments") };
}
