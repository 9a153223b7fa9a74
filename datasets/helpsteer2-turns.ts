import type { Message } from "../src/core/types.ts";
import { RowProblem } from "../src/store/input/row-problem.ts";
import { filledText } from "./importer.ts";

const MARKER = /\n<extra_id_1>(Assistant|User)\n/;

/**
 * HelpSteer2's prompt as messages. Turns after the first begin with a line "<extra_id_1>Assistant" or "<extra_id_1>User"; they
 * take turns, and the user has the last word.
 */
export function helpsteer2Messages(value: unknown): readonly Message[] {
  const parts = filledText(value, "prompt").split(MARKER);
  const messages: Message[] = [{ role: "user", content: parts[0] ?? "" }];
  for (let at = 1; at < parts.length; at += 2) {
    messages.push({ role: parts[at] === "User" ? "user" : "assistant", content: parts[at + 1] ?? "" });
  }
  const inTurn = messages.every(({ role }, index) => role === (index % 2 === 0 ? "user" : "assistant"));
  if (inTurn && messages.length % 2 === 1 && messages.every(({ content }) => content.trim() !== ""))
    return messages;
  throw new RowProblem(
    "the turns are not user, assistant, …, user with text in each.",
    "leave the row out.",
    "prompt",
  );
}
