/** The ways in which a response can try to talk its judge into a verdict. */
export type AttackKind =
  | "appeal"
  | "authority"
  | "code_comment"
  | "delimiter"
  | "emotional"
  | "encoded"
  | "fake_response"
  | "hidden_unicode"
  | "json_verdict"
  | "language"
  | "look_alike"
  | "many_shot"
  | "markup_comment"
  | "override"
  | "padding"
  | "prefill"
  | "reference_copy"
  | "repetition"
  | "rubric_echo"
  | "sycophancy"
  | "template_token"
  | "turn"
  | "verdict";

export interface AttackContext {
  readonly prompt: string;
  /** The right answer, for an attacker that got hold of it. */
  readonly reference: string | null;
}

/** What the attack would have the judge do: prefer this response, or the one in the first or second place. */
export type AttackAim = "first" | "second" | "this";

export interface Attack {
  /** Unique, kebab-case. */
  readonly id: string;
  readonly kind: AttackKind;
  readonly aim: AttackAim;
  /** The candidate's text with the attack worked into it. */
  apply(candidate: string, context: AttackContext): string;
  /**
   * A part of what was worked in that must reach the judge as it is for the attack to mean anything: with `[[A]]` broken or
   * hidden characters gone, nothing of it is left to believe.
   */
  readonly cue: string;
  /** What can still be believed once hidden characters are gone, where these only stood between the others. */
  readonly revealed?: string;
}

type Place = "after" | "around" | "before" | "instead" | "middle";

/** An attack that puts a text of its own somewhere into the candidate's. */
export function insertion(
  kind: AttackKind,
  id: string,
  payload: string,
  options: {
    readonly place?: Place;
    readonly aim?: AttackAim;
    readonly cue?: string;
    readonly revealed?: string;
  } = {},
): Attack {
  const { place = "after", aim = "this", cue = payload, revealed } = options;
  const attack = { id, kind, aim, cue, apply: (candidate: string) => placed(candidate, payload, place) };
  return revealed === undefined ? attack : { ...attack, revealed };
}

function placed(candidate: string, payload: string, place: Place): string {
  if (place === "instead") return payload;
  if (place === "before") return `${payload}\n\n${candidate}`;
  if (place === "around") return `${payload}\n\n${candidate}\n\n${payload}`;
  if (place === "after") return `${candidate}\n\n${payload}`;
  const words = candidate.split(" ");
  const half = Math.ceil(words.length / 2);
  return [...words.slice(0, half), payload, ...words.slice(half)].join(" ");
}
