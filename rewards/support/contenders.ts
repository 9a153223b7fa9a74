import type { Group, Prompt } from "../../src/core/types.ts";
import { type Flags, type GuardOptions, guarded } from "../../src/judging/guard.ts";
import { visibleText } from "../../src/judging/hidden-text.ts";
import type { Player } from "../../src/judging/tournament.ts";

/** A text of a group, with all the responses that have it: they are judged once and scored alike. */
export interface Contender extends Player {
  /** Places in the group, ascending. */
  readonly places: readonly number[];
  /** The id of the first of them. */
  readonly id: string;
  /** The text as the judge may see it. */
  readonly shown: string;
  readonly flags: Flags;
}

export interface Field {
  readonly contenders: readonly Contender[];
  /** With `onVerdictLike: fail`: texts that read like a verdict, and are not compared. */
  readonly refused: readonly Contender[];
}

/** The different texts of a group, in order of appearance; `look` says how each is looked at. */
export function fieldOf({ responses }: Group, options: GuardOptions, look = guarded): Field {
  const places = new Map<string, number[]>();
  for (const [place, { text }] of responses.entries()) {
    const known = places.get(text);
    if (known) known.push(place);
    else places.set(text, [place]);
  }
  const all = [...places].map(([text, own]): Contender => {
    const members = own.map((place) => responses[place]);
    const { text: shown, hidden, verdictLike } = look(text, options);
    return {
      places: own,
      id: members[0]?.id ?? "",
      shown,
      flags: { hidden, verdictLike: verdictLike.length },
      candidate: members.some((member) => member?.role === "candidate"),
      baseline: members.some((member) => member?.role === "baseline"),
    };
  });
  const isRefused = ({ flags }: Contender): boolean =>
    options.onVerdictLike === "fail" && flags.verdictLike > 0;
  return {
    contenders: all.filter((contender) => !isRefused(contender)),
    refused: all.filter(isRefused),
  };
}

/**
 * A prompt and its reference as a judge is shown them: made once per group, since all questions of a group show the same. Text without
 * hidden characters is quick to show again.
 */
export function visiblePrompt(
  prompt: Prompt,
  { useReference, hidden }: { readonly useReference: "auto" | "never"; readonly hidden: "flag" | "strip" },
): Pick<Prompt, "messages" | "tools"> & { readonly reference: string | null } {
  const visible = (text: string): string => visibleText(text, { hidden }).text;
  const { tools } = prompt;
  const reference = referenceOf(prompt, useReference);
  return {
    messages: prompt.messages.map((message) => ({
      ...message,
      content: visible(message.content),
      ...(message.toolCalls === undefined ? {} : { toolCalls: visible(message.toolCalls) }),
    })),
    ...(tools === undefined ? {} : { tools: visible(tools) }),
    reference: reference === null ? null : visible(reference),
  };
}

/** The reference a judge is shown. */
export function referenceOf({ reference }: Prompt, useReference: "auto" | "never"): string | null {
  return useReference === "auto" ? reference : null;
}
