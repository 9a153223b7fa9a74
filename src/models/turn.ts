import { CallFailure } from "../core/errors.ts";
import type { Json, Message } from "../core/types.ts";
import type { RenderedTurn, RenderOptions } from "./ports.ts";
import { type ChatTemplate, parsedJson, templateMessage } from "./template.ts";
import { breaksIn, mapStrings, unusedMark, withMarks, withoutMarks } from "./untrusted.ts";

/** A prompt as text, with the breaks that keep its content from speaking special tokens. See `RenderedTurn`. */
export interface RenderedPrompt {
  readonly text: string;
  readonly breaks: readonly number[];
}

export interface TurnRenderer {
  prompt(
    messages: readonly Message[],
    options?: { readonly tools?: string; readonly specialTokens?: readonly string[] },
  ): RenderedPrompt;
  turn(messages: readonly Message[], response: string, options: RenderOptions): RenderedTurn;
  /** The special token that ends an assistant's turn; null when there is none. */
  turnEnd(): string | null;
}

/** What stands in for a response when we look at how the template treats one: a word, which no template trims. */
const PROBE = "prefkit7probe";
const PROBE_PROMPT: readonly Json[] = [{ role: "user", content: "a" }];

/**
 * Renders turns as a policy that generates from the template's prompt would have produced them.
 *
 *   text = template(messages, add_generation_prompt) + injected + response + end
 *
 * The response never goes through the template, which may trim it, cut reasoning out of it or put text into it. `injected`
 * is what the template itself puts between its generation prompt and an answer (Llama 2: a space; Qwen 3: an empty think
 * block), found with a probe; a response that opens with the same tag brings its own, and nothing is injected. `end` is the
 * first special token that the template writes after an answer, else the end-of-sequence token; what the template writes
 * around it (a newline, mostly) is not the policy's.
 */
export function turnRenderer(
  template: ChatTemplate | null,
  own: {
    readonly specialTokens: readonly string[];
    readonly eosToken: string | null;
    readonly source: string;
  },
): TurnRenderer {
  let probed: { readonly injected: string; readonly end: string | null } | undefined;
  const probe = (): { readonly injected: string; readonly end: string | null } => {
    probed ??= probeOf(templateOf(template, own.source), own);
    return probed;
  };
  const prompt: TurnRenderer["prompt"] = (messages, { tools, specialTokens = own.specialTokens } = {}) =>
    renderPrompt(templateOf(template, own.source), messages, tools, specialTokens);
  return {
    prompt,
    turnEnd: () => (template === null ? own.eosToken : probe().end),
    turn(messages, response, { countEnd, tools, specialTokens = own.specialTokens }) {
      const before = prompt(messages, { specialTokens, ...(tools === undefined ? {} : { tools }) });
      const { injected, end } = probe();
      if (countEnd && end === null) {
        throw new CallFailure(
          "template",
          `the template of ${own.source} has no token that ends a turn, and its tokenizer has no end-of-sequence token`,
        );
      }
      const opening = /^<[^<>]*>/.exec(injected.trimStart())?.[0];
      const between = opening !== undefined && response.trimStart().startsWith(opening) ? "" : injected;
      const responseStart = before.text.length + between.length;
      const inside = contentBreaks(response, specialTokens).map((at) => at + responseStart);
      return {
        text: before.text + between + response + (countEnd ? (end ?? "") : ""),
        responseStart,
        responseEnd: responseStart + response.length,
        breaks: [...before.breaks, ...inside],
      };
    },
  };
}

function templateOf(template: ChatTemplate | null, source: string): ChatTemplate {
  if (template !== null) return template;
  throw new CallFailure(
    "template",
    `${source} has no chat template: render with another model's template, or put chat_template.jinja in its folder`,
  );
}

function probeOf(
  template: ChatTemplate,
  {
    specialTokens,
    eosToken,
  }: { readonly specialTokens: readonly string[]; readonly eosToken: string | null },
) {
  const whole = template.render([...PROBE_PROMPT, { role: "assistant", content: PROBE }], {
    generationPrompt: false,
  });
  const at = whole.lastIndexOf(PROBE);
  // A template that writes no answers, only prompts for them.
  if (at < 0) return { injected: "", end: eosToken };
  const opening = template.render(PROBE_PROMPT, { generationPrompt: true });
  const injected = whole.startsWith(opening) && opening.length <= at ? whole.slice(opening.length, at) : "";
  return { injected, end: firstOf(whole.slice(at + PROBE.length), specialTokens) ?? eosToken };
}

/** The special token that stands first in `text`, the longest of those that start there; null when there is none. */
function firstOf(text: string, specialTokens: readonly string[]): string | null {
  let best: { readonly at: number; readonly token: string } | null = null;
  for (const token of specialTokens) {
    const at = token === "" ? -1 : text.indexOf(token);
    if (at < 0) continue;
    if (best === null || at < best.at || (at === best.at && token.length > best.token.length))
      best = { at, token };
  }
  return best?.token ?? null;
}

function contentBreaks(text: string, specialTokens: readonly string[]): number[] {
  const breaks = breaksIn(text, specialTokens);
  if (breaks === null) {
    throw new CallFailure(
      "span_impossible",
      "the text holds a special token of one character, which cannot be told apart",
    );
  }
  return breaks;
}

/**
 * Content must not be able to speak special tokens, so each one in it gets a mark inside, which is taken out of the
 * rendering again and leaves a break. A rendering that is not the unmarked one then (a template that searches or escapes
 * content) would put the breaks elsewhere: `span_impossible`.
 */
function renderPrompt(
  template: ChatTemplate,
  messages: readonly Message[],
  tools: string | undefined,
  specialTokens: readonly string[],
): RenderedPrompt {
  const content = messages.map(templateMessage);
  const definitions = tools === undefined ? null : parsedJson(tools, "tools");
  const render = (change: (text: string) => string): string =>
    template.render(
      content.map((message) => mapStrings(message, change)),
      { generationPrompt: true, tools: mapStrings(definitions, change) },
    );
  const texts: string[] = [];
  const text = render((given) => {
    texts.push(given);
    return given;
  });
  if (!texts.some((given) => contentBreaks(given, specialTokens).length > 0)) return { text, breaks: [] };
  const mark = unusedMark([...texts, ...specialTokens, template.text, text]);
  const marked =
    mark === null ? null : render((given) => withMarks(given, contentBreaks(given, specialTokens), mark));
  const found = marked === null || mark === null ? null : withoutMarks(marked, mark);
  if (found === null || found.text !== text) {
    throw new CallFailure(
      "span_impossible",
      "the prompt holds a special token's text, and the chat template changes its content where that stands",
    );
  }
  return found;
}
