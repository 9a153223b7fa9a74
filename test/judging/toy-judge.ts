import { sha256 } from "../../src/core/ids.ts";
import { randomFor } from "../../src/core/random.ts";
import type { ChatRequest } from "../../src/models/ports.ts";
import { fakeChatModel } from "../../src/testing/fake-model.ts";

export interface ToyOptions {
  /** How good a text is; equal numbers are a tie. Default: the first number in it. */
  readonly quality?: (text: string) => number;
  /** How often it answers for the first slot whatever the texts. */
  readonly positionBias?: number;
  /** How often it answers for the longer text whatever the rest. */
  readonly lengthBias?: number;
  /** How often its answer cannot be read; drawn anew for each try. */
  readonly unread?: number;
  readonly seed?: number;
}

/** The text of a section of a judge's prompt. */
export function sectionOf({ messages }: ChatRequest, label: string): string {
  const content = messages[0]?.content ?? "";
  const found = new RegExp(
    `\\[\\[${label}\\|([0-9a-f]{24})\\]\\]\\n([\\s\\S]*?)\\n\\[\\[end of ${label}\\|\\1\\]\\]`,
  ).exec(content);
  if (!found) throw new Error(`no section ${label}`);
  return found[2] ?? "";
}

export const firstNumber = (text: string): number => Number(/-?\d+/.exec(text)?.[0] ?? 0);

/** A pairwise judge with planted faults, the same for the same request. */
export function toyJudge(options: ToyOptions = {}) {
  const { quality = firstNumber, positionBias = 0, lengthBias = 0, unread = 0, seed = 0 } = options;
  return fakeChatModel({
    reply: (request) => {
      const chance = randomFor(seed, "toy", sha256(JSON.stringify(request)));
      const [a, b] = [sectionOf(request, "response A"), sectionOf(request, "response B")];
      if (chance.uniform() < unread) return chance.pick(["I cannot say.", "", "[[A]] or [[B]]", "[[D]]"]);
      if (chance.uniform() < positionBias) return "The first.\n[[A]]";
      if (chance.uniform() < lengthBias) return a.length >= b.length ? "Longer.\n[[A]]" : "Longer.\n[[B]]";
      const difference = quality(a) - quality(b);
      return difference === 0 ? "Alike.\n[[C]]" : `Reasons.\n[[${difference > 0 ? "A" : "B"}]]`;
    },
  });
}
