import type { RefineInput } from "../../../src/learn/rubric/steps.ts";
import type { Pace } from "../../../src/learn/rules/in-parallel.ts";
import type { ChatModel, ChatReply, ChatRequest } from "../../../src/models/ports.ts";
import { fakeChatModel, type Recorded } from "../../../src/testing/fake-model.ts";

export type Stage = "propose" | "decompose" | "vote" | "redundancy" | "conflict" | "weights";

/** What is true of criteria and responses, and what a proposer would say. */
export interface World {
  readonly proposed: readonly string[];
  readonly children: Readonly<Record<string, readonly string[]>>;
  /** Texts of the responses that meet a criterion. */
  readonly met: Readonly<Record<string, readonly string[]>>;
  /** Criteria that are redundant, or contradict, beside any other. */
  readonly redundant?: readonly string[];
  readonly conflicts?: readonly string[];
  readonly weights?: readonly number[];
}

/** A section of a question, by its label; null when there is none. */
export function section(content: string, label: string): string | null {
  const found = new RegExp(
    `\\[\\[${label}\\|([0-9a-f]{24})\\]\\]\\n([\\s\\S]*?)\\n\\[\\[end of ${label}\\|\\1\\]\\]`,
  );
  return found.exec(content)?.[2] ?? null;
}

export function stageOf(content: string): Stage {
  if (section(content, "new criterion") !== null)
    return content.includes("Is it redundant?") ? "redundancy" : "conflict";
  if (section(content, "criterion") !== null)
    return section(content, "response") === null ? "decompose" : "vote";
  return section(content, "criteria") === null ? "propose" : "weights";
}

/** What a well-behaved model says to a question. */
export function answer(world: World, content: string): string {
  const says = (yes: boolean): string => `Looking at it closely.\n[[${yes ? "Yes" : "No"}]]`;
  const criterion = section(content, "criterion") ?? "";
  const added = section(content, "new criterion") ?? "";
  switch (stageOf(content)) {
    case "propose":
      return `These:\n${JSON.stringify(world.proposed)}`;
    case "decompose":
      return `Two:\n${JSON.stringify(world.children[criterion] ?? [])}`;
    case "vote":
      return says((world.met[criterion] ?? []).includes(section(content, "response") ?? ""));
    case "redundancy":
      return says((world.redundant ?? []).includes(added));
    case "conflict":
      return says((world.conflicts ?? []).includes(added));
    case "weights":
      return `The first.\n${JSON.stringify(world.weights ?? [])}`;
  }
}

export interface Script {
  /** Another reply than the world's, by what is asked and which call of all this is; undefined: the world's. */
  readonly instead?: (
    stage: Stage,
    content: string,
    request: ChatRequest,
    call: number,
  ) => string | undefined;
}

export interface Scripted {
  readonly models: { readonly proposer: ChatModel; readonly judge: ChatModel };
  /** All calls, in order. */
  readonly calls: readonly ChatRequest[];
}

/** One model behind both roles, as the calls are told apart by what is asked. */
export function scripted(world: World, { instead }: Script = {}): Scripted {
  const model: Recorded<ChatModel, ChatRequest> = fakeChatModel({
    id: "scripted",
    reply: (request, call): string | Partial<ChatReply> => {
      const content = request.messages[0]?.content ?? "";
      return instead?.(stageOf(content), content, request, call) ?? answer(world, content);
    },
  });
  return { models: { proposer: model, judge: model }, calls: model.calls };
}

export const pace: Pace = { signal: new AbortController().signal, concurrency: 4 };

/**
 * Four responses. Of the proposed, "A" is met by all and taken apart into "A1" and "A2", and "A2", met by three, into "A2a"
 * and "A2b". "B", "A1" and "A2a" remain, with the votes (columns) 1100, 1100, 1010: the matrix X of vectors D and E.
 */
export const WORLD: World = {
  proposed: ["A", "B", "C", "D", "E", " b. "],
  children: { A: ["A1", "A2"], A2: ["A2a", "A2b"] },
  met: {
    A: ["r0", "r1", "r2", "r3"],
    A1: ["r0", "r1"],
    A2: ["r0", "r1", "r2"],
    A2a: ["r0", "r2"],
    B: ["r0", "r1", "strong"],
    C: ["r2"],
    D: ["r3", "weak"],
    E: ["r0"],
  },
  redundant: ["C"],
  conflicts: ["E"],
};

export const INPUT: RefineInput = {
  prompt: { id: "tower", messages: [{ role: "user", content: "How tall is the tower?" }] },
  responses: ["r0", "r1", "r2", "r3"].map((text) => ({ text })),
  references: { strong: "strong", weak: "weak" },
};
