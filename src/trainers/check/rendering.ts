import { isCallFailure, PrefkitError, reasonOf } from "../../core/errors.ts";
import type { Message } from "../../core/types.ts";
import { type FolderRuntime, openModelFolder } from "../../models/hub.ts";
import { type ChatTemplate, chatTemplate, parsedJson, templateMessage } from "../../models/template.ts";
import { type TurnTokenizer, tokenizerOf } from "../../models/tokenizer.ts";
import type { ExampleLengths, ExportedExample, LengthRule, Turns } from "../trainer-adapter.ts";
import { sidesOf } from "./conversations.ts";
import { partsMessage, textsOf as textsBesideImages } from "./image-rows.ts";
import { type Finding, finding } from "./problems.ts";

/**
 * A model's tokenizer, and its template as trainers use it: whole conversations, content and all, as one text. (The model
 * ports render a prompt alone and keep content from speaking special tokens; trainers do not.)
 */
export interface TrainerTokenizer {
  readonly tokens: TurnTokenizer;
  readonly template: ChatTemplate | null;
  /** What the template writes before an assistant's turn; null when it writes nothing that can be told. */
  readonly opening: string | null;
  /** A question and an answer as the template writes them; null where it writes none. */
  readonly sample: string | null;
  readonly bosId: number | null;
  readonly eosId: number | null;
  /** Ids that end a turn. */
  readonly endIds: ReadonlySet<number>;
}

/** Errors: those of `loadTokenizer`. */
export async function loadTrainerTokenizer(
  source: string,
  { revision, runtime }: { readonly revision?: string; readonly runtime: FolderRuntime },
): Promise<TrainerTokenizer> {
  const folder = await openModelFolder(source, { ...(revision !== undefined && { revision }), runtime });
  const tokens = await tokenizerOf(folder, runtime.offline);
  const text = await templateText(folder);
  const template = text === null ? null : chatTemplate(text, tokens);
  const idOf = (token: string | null): number | null => (token === null ? null : tokens.idOf(token));
  return {
    tokens,
    template,
    opening: template === null ? null : openingOf(template),
    sample: template === null ? null : sampleOf(template),
    bosId: idOf(tokens.bosToken),
    eosId: idOf(tokens.eosToken),
    endIds: new Set(tokens.endIds),
  };
}

async function templateText(folder: Awaited<ReturnType<typeof openModelFolder>>): Promise<string | null> {
  const own = await folder.read("chat_template.jinja");
  if (own !== null) return Buffer.from(own).toString("utf8");
  const config = await folder.read("tokenizer_config.json");
  // `tokenizerOf` has read it already, so it is JSON.
  const given =
    config === null
      ? null
      : (JSON.parse(Buffer.from(config).toString("utf8")) as { chat_template?: unknown });
  if (typeof given?.chat_template === "string") return given.chat_template;
  const named: readonly { readonly name?: unknown; readonly template?: unknown }[] = Array.isArray(
    given?.chat_template,
  )
    ? given.chat_template
    : [];
  const text = named.find(({ name }) => name === "default")?.template;
  return typeof text === "string" ? text : null;
}

function openingOf(template: ChatTemplate): string | null {
  try {
    const messages: Message[] = [{ role: "user", content: "a" }];
    const closed = renderSample(template, messages, false);
    const open = renderSample(template, messages, true);
    return open.startsWith(closed) && open.length > closed.length ? open.slice(closed.length) : null;
  } catch (error) {
    // A template that refuses even this refuses the rows too, where it is reported.
    if (isCallFailure(error)) return null;
    throw error;
  }
}

function sampleOf(template: ChatTemplate): string | null {
  const messages: Message[] = [
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ];
  try {
    return renderSample(template, messages, false);
  } catch (error) {
    if (isCallFailure(error)) return null;
    throw error;
  }
}

/** As texts, or as lists of parts under a template that takes nothing else. */
function renderSample(
  template: ChatTemplate,
  messages: readonly Message[],
  generationPrompt: boolean,
): string {
  try {
    return template.render(messages.map(templateMessage), { generationPrompt });
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    return template.render(messages.map(partsMessage), { generationPrompt });
  }
}

/** An example as the trainer tokenizes it. */
export interface RenderedExample {
  readonly prompt: readonly number[];
  /** Of conversations: the texts whose tokens `prompt` and `wholes` are; none of texts, which no template changes. */
  readonly texts: { readonly prompt: string; readonly wholes: readonly string[] } | null;
  /** Prompt and response as one, for each side. */
  readonly wholes: readonly (readonly number[])[];
}

/**
 * Renders and tokenizes as trainers do: the prompt with the generation prompt, and prompt and response together without it;
 * texts are put one behind the other. Steps are joined as TRL's PRM trainer does, each with a newline's tokens behind it.
 * `asParts`: contents are lists of parts for the template, `<image>` the place of an image.
 * `refused`: why the template cannot render it.
 *
 * Throws `bad_option` for a conversation when the tokenizer has no chat template.
 */
export function renderExample(
  example: ExportedExample,
  { tokens, template }: TrainerTokenizer,
  asParts = false,
): RenderedExample | { readonly refused: Finding } {
  const messageOf = asParts ? partsMessage : templateMessage;
  const text = (turns: readonly Message[], generationPrompt: boolean): string => {
    if (template === null) throw noTemplate(tokens.source);
    return template.render(turns.map(messageOf), {
      generationPrompt,
      ...(example.tools === undefined ? {} : { tools: parsedJson(example.tools, "tools") }),
    });
  };
  const written = (prompt: Turns, side: Turns | null): string => {
    if (typeof prompt === "string") return side === null ? prompt : prompt + textOf(side);
    return side === null ? text(prompt, true) : text([...prompt, ...messagesOf(side)], false);
  };
  try {
    const promptText = written(example.prompt, null);
    const prompt = tokens.encode(promptText);
    if (example.kind === "stepwise") {
      const steps = example.completions.flatMap((step) => [...tokens.encode(step), ...tokens.encode("\n")]);
      return { prompt, wholes: [[...prompt, ...steps]], texts: textsOf(example, promptText, []) };
    }
    const wholes = sidesOf(example).map(({ turns }) => written(example.prompt, turns));
    return {
      prompt,
      wholes: wholes.map((whole) => tokens.encode(whole)),
      texts: textsOf(example, promptText, wholes),
    };
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    return { refused: finding("template_refused", null, reasonOf(error)) };
  }
}

function textsOf(
  { prompt }: ExportedExample,
  promptText: string,
  wholes: readonly string[],
): RenderedExample["texts"] {
  return typeof prompt === "string" ? null : { prompt: promptText, wholes };
}

/**
 * What the template made of the texts: text that it dropped, and two sides that differ in the row and no longer in what is
 * trained on, as when a template strips reasoning or white space. `found`: what the row itself is known for already.
 */
export function templateFindings(
  example: ExportedExample,
  { wholes, texts }: RenderedExample,
  found: readonly Finding[],
  asParts = false,
): Finding[] {
  const isHeld = asParts ? holdsBesideImages : holds;
  const own: Finding[] = [];
  const known = found.some(({ kind }) => kind === "equal_sides" || kind === "empty_side");
  if (example.kind === "preference" && !known && sameIds(wholes[0], wholes[1])) {
    own.push(finding("equal_sides", "rejected", "has the same tokens as chosen once it is rendered"));
  }
  if (texts === null) return own;
  // Templates leave reasoning out of earlier answers, and write tools' results as JSON: both are meant so.
  const asked = typeof example.prompt === "string" ? [] : example.prompt;
  for (const [index, { role, content }] of asked.entries()) {
    if (role === "assistant" || role === "tool" || isHeld(texts.prompt, content)) continue;
    own.push(
      finding("text_lost", `prompt[${index}]`, `has text that the template drops from a ${role} turn`),
    );
  }
  for (const [side, { name, turns }] of sidesOf(example).entries()) {
    const last = messagesOf(turns).findLast(({ role }) => role === "assistant");
    if (last === undefined || holds(texts.wholes[side] ?? "", last.content)) continue;
    own.push(finding("text_lost", name, "has text that the template drops"));
  }
  return own;
}

function sameIds(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && a.length === b?.length && a.every((id, at) => id === b[at]);
}

/** White space apart: templates trim, and some put a line between reasoning and answer. */
function holds(rendered: string, text: string): boolean {
  if (rendered.includes(text.trim())) return true;
  return rendered.replace(/\s+/g, "").includes(text.replace(/\s+/g, ""));
}

/** As `holds`, for text in which `<image>` is the place of an image. */
function holdsBesideImages(rendered: string, text: string): boolean {
  return textsBesideImages(text).every((part) => holds(rendered, part));
}

/** What is wrong with an example's tokens. `rules`: a missing end that every method adds itself is none. */
export function tokenFindings(
  example: ExportedExample,
  { prompt, wholes }: RenderedExample,
  tokenizer: TrainerTokenizer,
  rules: readonly LengthRule[],
): Finding[] {
  const found: Finding[] = [];
  const { tokens, bosId } = tokenizer;
  const adds =
    typeof example.prompt === "string" &&
    tokens.addsBos &&
    rules.some((rule) => rule.adds?.bos === "tokenizer");
  if (bosId !== null && prompt[0] === bosId && (adds || prompt[1] === bosId)) {
    found.push(
      finding("doubled_bos", "prompt", "begins with the BOS token, and another one is put before it"),
    );
  }
  if (example.kind === "stepwise") return found;
  // Text that no method is known to train on (a benchmark's layout) has no end to miss.
  const isText = typeof example.prompt === "string";
  const trainersEnd = rules.every((rule) => rule.adds?.eos === true) && (rules.length > 0 || isText);
  for (const [index, { name }] of sidesOf(example).entries()) {
    const whole = wholes[index] ?? [];
    const same = prompt.findIndex((id, at) => whole[at] !== id);
    if (same >= 0) {
      found.push(
        finding(
          "prompt_not_prefix",
          name,
          `differs from the prompt's tokens from token ${same} of ${prompt.length} on`,
        ),
      );
    } else if (whole.length <= prompt.length) {
      found.push(finding("no_response_tokens", name, "has no tokens behind the prompt's"));
    }
    if (!trainersEnd && !endsTurn(whole, tokenizer)) {
      found.push(finding("no_turn_end", name, "does not end with a token that ends a turn"));
    }
  }
  return found;
}

/** Whether the last token that is no white space ends a turn. */
function endsTurn(ids: readonly number[], { tokens, endIds }: TrainerTokenizer): boolean {
  for (let at = ids.length - 1; at >= 0; at--) {
    const id = ids[at] as number;
    if (endIds.has(id)) return true;
    if (tokens.decode([id]).trim() !== "") return false;
  }
  return false;
}

/** Token counts as the rule's method has them, with what it adds. */
export function lengthsFor(
  rule: LengthRule,
  { prompt, wholes }: RenderedExample,
  { tokens, bosId, eosId }: TrainerTokenizer,
): ExampleLengths {
  const { bos, eos = false } = rule.adds ?? {};
  const front =
    bosId !== null && ((bos === "always" && prompt[0] !== bosId) || (bos === "tokenizer" && tokens.addsBos))
      ? 1
      : 0;
  return {
    prompt: prompt.length + front,
    responses: wholes.map(
      (whole) =>
        Math.max(0, whole.length - prompt.length) + (eos && eosId !== null && whole.at(-1) !== eosId ? 1 : 0),
    ),
  };
}

function textOf(turns: Turns): string {
  return typeof turns === "string" ? turns : turns.map(({ content }) => content).join("");
}

function messagesOf(turns: Turns): readonly Message[] {
  return typeof turns === "string" ? [{ role: "assistant", content: turns }] : turns;
}

function noTemplate(source: string): PrefkitError {
  return new PrefkitError(
    "bad_option",
    `${source} has no chat template, and the export holds conversations.`,
    "name the tokenizer of the instruct model, or put the chat_template.jinja that you train with into its folder.",
  );
}
