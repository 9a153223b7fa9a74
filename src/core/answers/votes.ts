import { lastBoxedLiteral } from "./boxed.ts";
import { type Answer, answerRungs, compareAnswers, readAnswer } from "./compare.ts";
import { type ExtractionRule, findAnswer } from "./extract.ts";
import { UNREADABLE_FORM } from "./form.ts";

/** `equivalence`: 1/2 and 0.5 are one vote. `literal`: the raw content of the last box, compared as strings. */
export type VoteMode = "equivalence" | "literal";

/** How answers are read from responses, and when two of them are one. */
export interface Ballots {
  /** The answer a text votes for; null when it has none. */
  readonly read: (text: string) => Answer | null;
  /** Symmetric, not always transitive: "x = 5" and "y = 5" both equal "5" and not each other. */
  readonly same: (one: Answer, other: Answer) => boolean;
}

/** `rules` say how answers are looked for in mode `equivalence`; mode `literal` reads boxes only. */
export function ballots(mode: VoteMode, rules: readonly ExtractionRule[]): Ballots {
  return mode === "literal" ? LITERAL : equivalence(rules);
}

const LITERAL: Ballots = {
  read: (text) => {
    const raw = lastBoxedLiteral(text);
    return raw === null || raw.trim() === "" ? null : { raw, text: raw, number: null, form: UNREADABLE_FORM };
  },
  same: (one, other) => one.raw === other.raw,
};

function equivalence(rules: readonly ExtractionRule[]): Ballots {
  const rungs = answerRungs();
  const isEqual = (gold: Answer, given: Answer) => compareAnswers(gold, given, rungs).verdict === "equal";
  return {
    read: (text) => {
      const found = findAnswer(text, rules);
      return found === null ? null : readAnswer(found.text);
    },
    // The comparison treats a reference and an answer differently; among voters there is no reference.
    same: (one, other) => isEqual(one, other) || isEqual(other, one),
  };
}

export interface VoteRules {
  /** Among the most voted: the answer seen `first`, the `shortest` text (then the first in code-unit order), or `none`. */
  readonly tie: "first" | "none" | "shortest";
  /** Smallest share of all voters, those without an answer included, that the winner must have. */
  readonly minRatio: number;
}

export type Vote =
  | {
      readonly kind: "decided";
      /** null: nobody has an answer. */
      readonly winner: Answer | null;
      /** Voters whose answer equals the winner. */
      readonly votes: number;
      readonly voters: number;
      /** votes / voters, in [0, 1]; 0 without voters. */
      readonly ratio: number;
    }
  | { readonly kind: "undecided"; readonly why: string };

/**
 * The most frequent answer. A voter without an answer (null) never wins and counts in the ratio's denominator.
 * Worked: 7, 7, 5, null -> winner 7, votes 2, ratio 0.5. Undecided: a ratio below `minRatio`, a tie with tie `none`.
 */
export function takeVote(
  cast: readonly (Answer | null)[],
  same: Ballots["same"],
  { tie, minRatio }: VoteRules,
): Vote {
  const tally = tallyOf(cast, same);
  const votes = Math.max(0, ...tally.map((entry) => entry.votes));
  const ratio = cast.length === 0 ? 0 : votes / cast.length;
  if (ratio < minRatio)
    return { kind: "undecided", why: `vote ratio ${ratio} is below minRatio ${minRatio}` };
  // In order of first appearance, equal spellings included.
  const leaders = tally.filter((entry) => entry.votes === votes).map(({ answer }) => answer);
  const winner = (tie === "first" ? leaders[0] : shortest(leaders)) ?? null;
  const isTied = winner !== null && !leaders.every((leader) => same(winner, leader));
  if (isTied && tie === "none")
    return { kind: "undecided", why: `the vote is tied at ${votes} of ${cast.length}` };
  return { kind: "decided", winner, votes, voters: cast.length, ratio };
}

/** How the answers of a group stand to each other. A number is left out where it would say nothing. */
export interface VoteSpread {
  /** Entropy of the answers in nats, in [0, ln n]; absent when nobody has an answer. */
  readonly entropy?: number;
  /** Share of voters without an answer, in [0, 1]; absent without voters. */
  readonly blankShare?: number;
  /** Everybody has an answer, and all are equal; absent with fewer than two voters. */
  readonly isUnanimous?: boolean;
}

/**
 * How much the voters agree.
 *
 *   H = (1/n) Σ_i ln(n / votes[i])      over the n voters that have an answer; votes[i] = those equal to answer i
 *
 * With answers that fall into classes this is Shannon's −Σ p ln p over the classes; where equality is not transitive it
 * still does not depend on the order, as clusters would.
 *
 * Source: Leinster and Cobbold 2012, "Measuring diversity", order 1, with 0/1 similarity.
 * Worked: 7, 7, 5, 5 -> ln 2 = 0.693147; 7, 7, 7, 5 -> 0.562335 (= 0.75 ln(4/3) + 0.25 ln 4); 7, 7, null -> 0, blank 1/3.
 */
export function voteSpread(cast: readonly (Answer | null)[], same: Ballots["same"]): VoteSpread {
  const tally = tallyOf(cast, same);
  const answered = tally.reduce((sum, { copies }) => sum + copies, 0);
  const information = tally.reduce((sum, { copies, votes }) => sum + copies * Math.log(answered / votes), 0);
  return {
    ...(answered === 0 ? {} : { entropy: information / answered }),
    ...(cast.length === 0 ? {} : { blankShare: (cast.length - answered) / cast.length }),
    ...(cast.length < 2
      ? {}
      : { isUnanimous: tally.length > 0 && tally.every(({ votes }) => votes === cast.length) }),
  };
}

interface Tallied {
  readonly answer: Answer;
  /** Voters that wrote it the very same way. */
  readonly copies: number;
  /** Voters whose answer equals it, these included. */
  readonly votes: number;
}

/**
 * The distinct spellings in order of first appearance. Equality is not transitive, so each answer's votes are counted by
 * itself: clusters would depend on the order.
 */
function tallyOf(cast: readonly (Answer | null)[], same: Ballots["same"]): Tallied[] {
  const spellings = new Map<string, { readonly answer: Answer; copies: number }>();
  for (const answer of cast) {
    if (answer === null) continue;
    const known = spellings.get(answer.raw);
    if (known) known.copies += 1;
    else spellings.set(answer.raw, { answer, copies: 1 });
  }
  const distinct = [...spellings.values()];
  return distinct.map(({ answer, copies }) => ({
    answer,
    copies,
    votes: distinct.reduce((sum, other) => sum + (same(answer, other.answer) ? other.copies : 0), 0),
  }));
}

function shortest(answers: readonly Answer[]): Answer | undefined {
  return answers.toSorted((a, b) => a.raw.length - b.raw.length || (a.raw < b.raw ? -1 : 1))[0];
}
