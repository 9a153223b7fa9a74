import type { Message } from "../../core/types.ts";
import type { ExportedExample, Turns } from "../trainer-adapter.ts";
import { type Finding, finding } from "./problems.ts";
import type { TextCheck } from "./texts.ts";

const ROLES: ReadonlySet<string> = new Set(["system", "developer", "user", "assistant", "tool"]);

/** A prompt of fewer characters than this may well begin a response by chance ("Hello"). */
const SHORTEST_REPEATED = 20;

interface Side {
  readonly name: string;
  readonly turns: Turns;
}

/** The responses of an example, with the names by which problems call them. */
export function sidesOf(example: ExportedExample): readonly Side[] {
  switch (example.kind) {
    case "preference":
      return [
        { name: "chosen", turns: example.chosen },
        { name: "rejected", turns: example.rejected },
      ];
    case "unpaired":
      return [{ name: "completion", turns: example.completion }];
    case "prompt":
    case "stepwise":
      return [];
  }
}

/** What is wrong with an example before any template or tokenizer reads it. */
export function conversationFindings(example: ExportedExample, checkText: TextCheck): Finding[] {
  const sides = sidesOf(example);
  const found = [...promptFindings(example.prompt), ...textFindings(example.prompt, "prompt", checkText)];
  for (const { name, turns } of sides) {
    if (typeof turns !== typeof example.prompt) {
      found.push(
        finding("mixed_turns", name, `is ${formOf(turns)}, and the prompt is ${formOf(example.prompt)}`),
      );
    }
    found.push(...sideFindings(turns, name, example.prompt), ...textFindings(turns, name, checkText));
  }
  const [chosen, rejected] = sides;
  if (chosen && rejected && !isEmpty(chosen.turns) && sameTurns(chosen.turns, rejected.turns)) {
    found.push(finding("equal_sides", rejected.name, "is the same as chosen"));
  }
  if (example.kind === "stepwise") found.push(...stepFindings(example, checkText));
  return found;
}

function promptFindings(prompt: Turns): Finding[] {
  const bad = (kind: Finding["kind"], problem: string, at = ""): Finding =>
    finding(kind, `prompt${at}`, problem);
  if (isEmpty(prompt))
    return [bad("empty_turn", typeof prompt === "string" ? "has no text" : "has no turn with text")];
  if (typeof prompt === "string") return [];
  const found = prompt.flatMap((message, index) => {
    const at = `[${index}]`;
    if (!ROLES.has(message.role)) return [bad("unknown_role", `has the role ${shown(message.role)}`, at)];
    if (index > 0 && (message.role === "system" || message.role === "developer")) {
      return [bad("roles_out_of_order", `is a ${message.role} turn, which only comes first`, at)];
    }
    return isEmptyTurn(message) ? [bad("empty_turn", "has no text", at)] : [];
  });
  const last = prompt.at(-1)?.role ?? "";
  if (last === "assistant") found.push(bad("assistant_prefill", "ends with an assistant's turn"));
  else if (last !== "user" && last !== "tool" && ROLES.has(last)) {
    found.push(bad("roles_out_of_order", `ends with a ${last} turn`));
  }
  return found;
}

function sideFindings(side: Turns, name: string, prompt: Turns): Finding[] {
  if (isEmpty(side)) return [finding("empty_side", name, "has no text")];
  const asked =
    typeof prompt === "string" ? prompt : (prompt.findLast(({ role }) => role === "user")?.content ?? "");
  const opening = typeof side === "string" ? side : (side[0]?.content ?? "");
  const copied = copiedPrompt(opening, asked.trim(), name);
  if (typeof side === "string") return present(copied);
  const found: Finding[] = [];
  for (const [index, { role }] of side.entries()) {
    if (!ROLES.has(role))
      found.push(finding("unknown_role", `${name}[${index}]`, `has the role ${shown(role)}`));
  }
  const repeated = side.some(({ role, content }) => role === "user" && content === asked);
  if (repeated) found.push(finding("prompt_in_response", name, "holds the prompt's turn"));
  else if (copied !== null) found.push(copied);
  else if (side.some(({ role }) => role === "user" || role === "system" || role === "developer")) {
    found.push(
      finding("not_assistant", name, `holds a ${side.find(({ role }) => role !== "assistant")?.role} turn`),
    );
  } else if (side[0]?.role === "tool" || side.at(-1)?.role === "tool") {
    found.push(finding("not_assistant", name, "does not begin and end with the assistant"));
  }
  return found;
}

/** How a user's turn opens in text: `Human: `, `### Instruction:`, `**User**: `. */
const USER_LABEL = /^\W{0,8}(?:human|user|instruction)[^\w\n]{0,4}[:\n]\s*/iu;

/**
 * The prompt's text at the beginning of a response. With the label of a turn before it, it is the turn that was copied; alone it
 * may be the answer, as where a function is to be completed.
 */
function copiedPrompt(text: string, asked: string, name: string): Finding | null {
  if (asked.length < SHORTEST_REPEATED) return null;
  const label = USER_LABEL.exec(text)?.[0] ?? "";
  const isTurn =
    label !== "" &&
    (text.trimStart().startsWith(asked) || text.slice(label.length).trimStart().startsWith(asked));
  if (isTurn) return finding("prompt_in_response", name, "begins with the prompt as a turn");
  if (!text.trimStart().startsWith(asked)) return null;
  return finding("begins_with_prompt", name, "begins with the prompt's text");
}

function stepFindings(
  { completions, labels }: Extract<ExportedExample, { readonly kind: "stepwise" }>,
  checkText: TextCheck,
): Finding[] {
  const found: Finding[] = [];
  if (completions.length === 0) found.push(finding("steps_and_labels", "completions", "has no steps"));
  if (completions.length !== labels.length) {
    found.push(finding("steps_and_labels", "labels", `has ${labels.length} for ${completions.length} steps`));
  }
  for (const [index, step] of completions.entries()) {
    const column = `completions[${index}]`;
    if (step.trim() === "") found.push(finding("empty_side", column, "has no text"));
    const inText = checkText(step, column);
    if (inText) found.push(inText);
  }
  return found;
}

function textFindings(turns: Turns, name: string, checkText: TextCheck): Finding[] {
  if (typeof turns === "string") return present(checkText(turns, name));
  return turns.flatMap(({ content }, index) => present(checkText(content, `${name}[${index}].content`)));
}

function present(found: Finding | null): Finding[] {
  return found === null ? [] : [found];
}

function isEmpty(turns: Turns): boolean {
  return typeof turns === "string" ? turns.trim() === "" : turns.every(isEmptyTurn);
}

/** An assistant's turn of tool calls needs no text. */
function isEmptyTurn({ content, toolCalls }: Message): boolean {
  return content.trim() === "" && toolCalls === undefined;
}

function sameTurns(a: Turns, b: Turns): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return (
    a.length === b.length &&
    a.every((message, index) => {
      const other = b[index];
      return (
        message.role === other?.role &&
        message.content === other.content &&
        message.toolCalls === other.toolCalls
      );
    })
  );
}

function formOf(turns: Turns): string {
  return typeof turns === "string" ? "text" : "a conversation";
}

function shown(role: string): string {
  return JSON.stringify(role.length <= 30 ? role : `${role.slice(0, 29)}…`);
}
