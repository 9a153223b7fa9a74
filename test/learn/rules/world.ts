import type { RulePair } from "../../../src/learn/rules/pairs.ts";
import type { ChatReply, ChatRequest } from "../../../src/models/ports.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";

/**
 * A world in which preferences have three known reasons. By pair i: the chosen response cites a source; is short for even i,
 * and long for odd i, the rejected one the other way round; greets where i is a multiple of 3, as the rejected one does.
 */
export function pairOf(index: number): RulePair {
  const isEven = index % 2 === 0;
  const greets = index % 3 === 0 ? "Hello! " : "";
  const body = (short: boolean): string => (short ? "Short." : "Long and winding.");
  return {
    id: `pair-${String(index).padStart(3, "0")}`,
    prompt: { messages: [{ role: "user", content: `Question ${index}?` }] },
    chosen: `${greets}${body(isEven)} Source: a book, page ${index}.`,
    rejected: `${greets}${body(!isEven)} Trust me, number ${index}.`,
  };
}

export const pairsOf = (count: number): RulePair[] =>
  Array.from({ length: count }, (_, index) => pairOf(index));

export const stageOf = ({ messages }: ChatRequest): "candidates" | "interpret" | "measure" | "merge" => {
  const text = messages[0]?.content ?? "";
  if (text.startsWith("Two responses")) return "interpret";
  if (text.startsWith("An analysis")) return "candidates";
  return text.startsWith("Rules for good") ? "merge" : "measure";
};

/** The sections of a question, by label. */
export function sectionsOf({ messages }: ChatRequest): Record<string, string> {
  const found = (messages[0]?.content ?? "").matchAll(
    /\[\[([^|\]]+)\|([0-9a-f]{24})\]\]\n([\s\S]*?)\n\[\[end of \1\|\2\]\]/g,
  );
  return Object.fromEntries([...found].map(([, label = "", , text = ""]) => [label, text]));
}

export const RULES = [
  "The response cites a source.",
  "The response is short.",
  "The response greets the reader.",
];

/** What each stage rightly answers. */
export function answerOf(request: ChatRequest): string | Partial<ChatReply> {
  const sections = sectionsOf(request);
  switch (stageOf(request)) {
    case "interpret": {
      const shown = /Response ([AB]) was preferred/.exec(request.messages[0]?.content ?? "")?.[1];
      const preferred = sections[`response ${shown}`] ?? "";
      const number = /\d+/.exec(preferred)?.[0];
      return {
        reasoning: `Thinking about ${number}: ${preferred}`,
        text: `Explained ${number}: ${preferred}`,
      };
    }
    case "candidates": {
      const text = Object.values(sections).join(" ");
      const number = Number(/(?:about|Explained) (\d+)/.exec(text)?.[1]);
      return JSON.stringify([
        ...(text.includes("Source") ? [RULES[0]] : []),
        ...(text.includes("Short")
          ? ["The response is short!", RULES[1]].slice(number % 4 === 0 ? 0 : 1)
          : []),
        ...(text.includes("Hello") ? [RULES[2]] : []),
      ]);
    }
    case "merge": {
      const rules = JSON.parse(sections.rules ?? "[]") as string[];
      return `These say the same twice.\n${JSON.stringify([...new Set(rules.map((rule) => rule.replace("!", ".")))])}`;
    }
    case "measure": {
      const { response = "", rule = "" } = sections;
      const isMet = rule.includes("source")
        ? response.includes("Source")
        : rule.includes("short")
          ? response.includes("Short")
          : response.includes("Hello");
      return `It is so.\n[[${isMet ? "Yes" : "No"}]]`;
    }
  }
}

/** A model that plays all three parts. `instead` may answer first; undefined leaves it to `answerOf`. */
export function worldModel(
  instead: (request: ChatRequest, index: number) => string | Partial<ChatReply> | undefined = () => undefined,
) {
  return fakeChatModel({
    id: "world",
    reply: (request, index) => instead(request, index) ?? answerOf(request),
  });
}
