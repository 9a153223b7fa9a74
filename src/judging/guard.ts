import { z } from "zod";
import { failed } from "../core/scorer.ts";
import type { Failed } from "../core/types.ts";
import type { Envelope } from "./envelope.ts";
import { visibleText } from "./hidden-text.ts";
import { breakVerdictLike, type VerdictLike, verdictLike } from "./verdict-like.ts";

/** Options of every judge: what to do about texts that try to judge themselves. */
export const guardFields = {
  /** Characters that no reader sees: taken out of what the judge is shown, or only counted. */
  hidden: z.enum(["strip", "flag"]).default("strip"),
  /** Text of a response that reads like a verdict or like an instruction to the judge: counted, made a failure, or broken by a space. */
  onVerdictLike: z.enum(["flag", "fail", "break"]).default("flag"),
};

export interface GuardOptions {
  readonly hidden?: "flag" | "strip";
  readonly onVerdictLike?: "break" | "fail" | "flag";
}

export interface Guarded {
  /** What the judge is shown. */
  readonly text: string;
  /** Hidden code points. */
  readonly hidden: number;
  /** In `text`, before anything is broken in it. */
  readonly verdictLike: readonly VerdictLike[];
}

/** How much of a text was suspicious; sums over several texts by `sumFlags`. */
export interface Flags {
  readonly hidden: number;
  readonly verdictLike: number;
}

export const NO_FLAGS: Flags = { hidden: 0, verdictLike: 0 };

/** A text as a judge may be shown it, and what was found in it. Hidden characters go first: they hide verdicts too. */
export function guarded(
  text: string,
  { hidden = "strip", onVerdictLike = "flag" }: GuardOptions = {},
): Guarded {
  const seen = visibleText(text, { hidden });
  const found = verdictLike(seen.text);
  return {
    text: onVerdictLike === "break" ? breakVerdictLike(seen.text) : seen.text,
    hidden: seen.removed,
    verdictLike: found,
  };
}

/** `guarded` without a look for verdicts, which takes long: for plans, where only what `fail` refuses must be known. */
export function planned(text: string, options: GuardOptions = {}): Guarded {
  if (options.onVerdictLike === "fail") return guarded(text, options);
  const seen = visibleText(text, options.hidden === undefined ? {} : { hidden: options.hidden });
  return { text: seen.text, hidden: seen.removed, verdictLike: [] };
}

/** `guarded`, between the marks of an envelope that was made from this text among others. */
export function guardedSeal(
  envelope: Envelope,
  label: string,
  text: string,
  options: GuardOptions = {},
): { readonly sealed: string; readonly flags: Flags } {
  const { text: shown, hidden, verdictLike: found } = guarded(text, options);
  return {
    sealed: envelope.seal(label, shown, { hidden: "flag" }),
    flags: { hidden, verdictLike: found.length },
  };
}

export function sumFlags(flags: readonly Flags[]): Flags {
  return flags.reduce(
    (sum, { hidden, verdictLike: found }) => ({
      hidden: sum.hidden + hidden,
      verdictLike: sum.verdictLike + found,
    }),
    NO_FLAGS,
  );
}

/** The parts of a score that say what was found: `hidden_characters` and `verdict_like`, always both. */
export function flagParts({ hidden, verdictLike: found }: Flags): Readonly<Record<string, number>> {
  return { hidden_characters: hidden, verdict_like: found };
}

/** With `onVerdictLike: "fail"`, the failure `verdict_like` of a response in which something was found; else null. */
export function guardFailure({ verdictLike: found }: Flags, { onVerdictLike }: GuardOptions): Failed | null {
  if (onVerdictLike !== "fail" || found === 0) return null;
  const places = found === 1 ? "1 place" : `${found} places`;
  return failed(
    "verdict_like",
    `the response reads like a verdict or an instruction to the judge in ${places}`,
  );
}
