import { isCallFailure } from "../../core/errors.ts";
import type { Json, Message } from "../../core/types.ts";
import { type ChatTemplate, templateMessage } from "../../models/template.ts";
import type { ColumnType, Row, RowSet } from "../../store/table.ts";
import { IMAGE_PLACEHOLDER } from "../message-rows.ts";
import type { ExportedExample } from "../trainer-adapter.ts";
import { type Finding, finding } from "./problems.ts";
import type { TextCheck } from "./texts.ts";

/** How many images a row has: every layout that writes some has them in a column of that name. */
export function imagesIn({ images }: Row): number {
  return Array.isArray(images) ? images.length : 0;
}

/** Whether a layout writes contents as lists of parts, text and images, which `examples` gives as text with `<image>`. */
export function writesParts({ columns }: RowSet): boolean {
  return columns.some(({ type }) => type.kind === "list" && hasListContent(type.element));
}

function hasListContent(turn: ColumnType): boolean {
  return (
    turn.kind === "struct" && turn.fields.some(({ name, type }) => name === "content" && type.kind === "list")
  );
}

/** Text with `<image>` as the texts between the images. */
export function textsOf(content: string): readonly string[] {
  return content.split(IMAGE_PLACEHOLDER);
}

/** A message as vision templates read it: every content a list of parts. */
export function partsMessage(message: Message): Json {
  const parts: Json[] = textsOf(message.content).flatMap((text, index) => [
    ...(index === 0 ? [] : [{ type: "image" }]),
    ...(text === "" ? [] : [{ type: "text", text }]),
  ]);
  const content = parts.length === 0 ? [{ type: "text", text: "" }] : parts;
  return { ...(templateMessage(message) as { readonly [key: string]: Json }), content };
}

/** Looks at the prompt's texts between its images: `<image>` is no text there, though many tokenizers have a token for it. */
export function besideImages(checkText: TextCheck): TextCheck {
  return (text, column) => {
    if (!column.startsWith("prompt")) return checkText(text, column);
    for (const part of textsOf(text)) {
      const found = checkText(part, column);
      if (found !== null) return found;
    }
    return null;
  };
}

/** A prompt whose places for images are not as many as the row's images: vision trainers stop at it. */
export function placesFindings({ prompt }: ExportedExample, images: number): Finding[] {
  const contents = typeof prompt === "string" ? [prompt] : prompt.map(({ content }) => content);
  const places = contents.reduce((sum, content) => sum + textsOf(content).length - 1, 0);
  return places === images
    ? []
    : [finding("unreadable_row", "images", `are ${images}, and the prompt has ${places} places for them`)];
}

/** Whether a template is one of a vision model. */
export interface PartsSupport {
  /** Why the template cannot render lists of parts, or null when it can. */
  readonly refusal: string | null;
  /** It writes something where an image stands. */
  readonly showsImages: boolean;
}

/** No template writes it by itself. */
const WORD = "Xylograph";

/** Asks a template to render a turn of a text, and one of an image and the text. */
export function partsSupport(template: ChatTemplate): PartsSupport {
  const render = (content: string): string =>
    template.render([partsMessage({ role: "user", content })], { generationPrompt: false });
  try {
    const plain = render(WORD);
    // A template of a text model writes the list as it stands.
    if (/["']type["']/.test(plain) || !plain.includes(WORD))
      return {
        refusal: "the template is of a text model: it does not read contents that are lists of parts",
        showsImages: false,
      };
    return { refusal: null, showsImages: render(`${IMAGE_PLACEHOLDER}${WORD}`) !== plain };
  } catch (error) {
    if (!isCallFailure(error)) throw error;
    return { refusal: error.message, showsImages: false };
  }
}
