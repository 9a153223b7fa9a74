import { z } from "zod";
import type { Image, Message } from "../../core/types.ts";
import { listOf, optional, required } from "../../store/schema.ts";
import type { Row } from "../../store/table.ts";
import { IMAGE_LIST, plainFault } from "../layout-support.ts";
import { IMAGE_PLACEHOLDER, type PromptRecord, placeholderFault } from "../message-rows.ts";
import type { TurnWriter } from "./turns.ts";

export const imagesOption = {
  images: z
    .enum(["leave-out", "bytes", "paths"])
    .default("leave-out")
    .describe(
      "What to do with images. leave-out: no record that has some, and no column for them. bytes: for vision models; " +
        "leaves out images given as a path alone. paths: these too, opened where the training runs.",
    ),
};

/** As `imagesOption` has them, but for `leave-out`. */
export type WrittenImages = Exclude<z.output<(typeof imagesOption)["images"]>, "leave-out">;

/** list<struct<role, content: list<struct<type, text>>>>: text and images in their order; an image has no text. */
const MESSAGE_PARTS = listOf(
  required("role", "string"),
  required("content", listOf(required("type", "string"), optional("text", "string"))),
);

/**
 * Conversations as TRL's vision trainers read them: every content a list of parts, the n-th part of type image being the n-th of
 * the row's `images`. Facts: TRL 1.13, data_utils.prepare_multimodal_messages and the vision collators of trainer/{dpo,kto}_trainer.py.
 * Rows without images have an empty list, which the collators ask for.
 */
export function imageTurns(written: WrittenImages): TurnWriter {
  return {
    type: MESSAGE_PARTS,
    extraColumns: [required("images", IMAGE_LIST)],
    fault: (record, responses) => imagesFault(record, responses, written),
    prompt: (messages) => messages.map(partsRow),
    completion: (text) => [partsRow({ role: "assistant", content: text })],
    read: (value) => (value as readonly Row[]).map(messageFromParts),
    extraValues: ({ images = [] }) => ({ images }),
  };
}

function imagesFault(
  record: PromptRecord,
  responses: readonly string[],
  written: WrittenImages,
): string | null {
  const { messages, tools, images = [] } = record;
  const plain = plainFault(messages);
  if (plain !== null) return plain;
  if (tools !== undefined) return "it has tools, which TRL's vision trainers do not render";
  if (messages.some(({ role }) => role === "developer"))
    return "it has a developer turn, a role that TRL's vision trainers refuse";
  if (messages.some(({ role, content }) => role === "tool" && content.includes(IMAGE_PLACEHOLDER)))
    return "an image stands in a tool turn, where TRL looks for none";
  if (written === "bytes" && images.some(isPathAlone))
    return "an image is a path without bytes (images=paths writes it)";
  if (images.some(({ bytes }) => bytes?.length === 0)) return "an image has no bytes";
  if (responses.some((text) => text.includes(IMAGE_PLACEHOLDER)))
    return "a response holds <image>, which some models take for the place of one";
  return placeholderFault(record);
}

function isPathAlone({ bytes }: Image): boolean {
  return bytes === null;
}

/** Parts without text are left out, but for a turn that has nothing else. */
function partsRow({ role, content }: Message): Row {
  const parts = content
    .split(IMAGE_PLACEHOLDER)
    .flatMap((text, index) => [
      ...(index === 0 ? [] : [{ type: "image", text: null }]),
      ...(text === "" ? [] : [{ type: "text", text }]),
    ]);
  return { role, content: parts.length === 0 ? [{ type: "text", text: "" }] : parts };
}

function messageFromParts({ role, content }: Row): Message {
  const texts = (content as readonly Row[]).map(({ type, text }) =>
    type === "image" ? IMAGE_PLACEHOLDER : (text as string),
  );
  return { role: role as Message["role"], content: texts.join("") };
}
