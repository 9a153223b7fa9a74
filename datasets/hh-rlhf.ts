import type { Message } from "../src/core/types.ts";
import { RowProblem } from "../src/store/input/row-problem.ts";
import { defineImporter } from "./define-importer.ts";
import { filledText } from "./importer.ts";
import { preferencePair, splitConversations } from "./pairs-of-texts.ts";

const TURN = /\n\n(Human|Assistant):[ \t]?/;

/**
 * Anthropic's HH-RLHF: two transcripts that people compared, "\n\nHuman: … \n\nAssistant: …".
 *
 * The turns that both share are the prompt. A row is left out when a transcript does not begin with the human, has the same
 * speaker twice in a row, holds an empty turn, or when the two part before their last turn.
 * Metadata of a response: `preferred` 1 and 0. The red-team files have another layout and are not read.
 */
export const hhRlhf = defineImporter({
  name: "hh-rlhf",
  title: "HH-RLHF",
  source: "https://huggingface.co/datasets/Anthropic/hh-rlhf",
  licence: "MIT",
  checked: "harmless-base/test.jsonl.gz of github.com/anthropics/hh-rlhf (2,312 rows), read whole",
  columns: ["chosen", "rejected"],
  ratings: ["preferred"],
  preference: true,
  read: (row, reading) => {
    const { messages, chosen, rejected } = splitConversations(
      transcript(row.chosen, "chosen"),
      transcript(row.rejected, "rejected"),
      reading,
    );
    return {
      messages,
      responses: preferencePair({ text: chosen, metadata: {} }, { text: rejected, metadata: {} }),
      metadata: {},
    };
  },
});

function transcript(value: unknown, column: string): readonly Message[] {
  const [before = "", ...parts] = filledText(value, column).split(TURN);
  if (before.trim() !== "" || parts[0] !== "Human") {
    throw new RowProblem('the transcript does not begin with "\\n\\nHuman:".', "leave the row out.", column);
  }
  const turns: Message[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const role = parts[at] === "Human" ? "user" : "assistant";
    const content = (parts[at + 1] ?? "").trim();
    if (content === "") throw new RowProblem("a turn is empty.", "leave the row out.", column);
    if (role === turns.at(-1)?.role) {
      throw new RowProblem("the same speaker has two turns in a row.", "leave the row out.", column);
    }
    turns.push({ role, content });
  }
  return turns;
}
