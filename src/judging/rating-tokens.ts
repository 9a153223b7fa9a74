import type { Scale } from "../core/rubric/rubric.ts";
import type { TokenLogprob } from "../models/ports.ts";

/** The rating that a judge's probabilities say it would give on average. */
export interface ExpectedRating {
  readonly kind: "expected";
  /** Mean of the ratings, weighted by their probabilities, which are divided by `mass`. On the scale. */
  readonly value: number;
  /** The rating that the tokens write. */
  readonly rating: number;
  /** Probability found on ratings of the scale, before dividing; in (0, 1]. */
  readonly mass: number;
  /** By rating, divided by `mass`; ratings that were not found are absent. */
  readonly probabilities: ReadonlyMap<number, number>;
}

/** Why log-probs give no expectation. */
export interface NoExpectation {
  readonly kind: "none";
  readonly code: "low_mass" | "no_logprobs";
  readonly why: string;
}

/** More of the found probability than this on tokens that may begin several ratings, and there is no expectation. */
const MOST_OPEN = 0.01;
/** A log-prob may lie above 0 by rounding, and no further: beyond this it is another number. */
const HIGHEST_LOGPROB = 1e-3;

/**
 * The expected rating from the log-probs of a reply that ends with a mark `[[4]]`.
 *
 *   value = sum_i p(i) i / sum_i p(i)        over the ratings i of the scale
 *
 * p(i) sums the probabilities of all tokens at the rating's place that say i once what surrounds it (blanks, brackets) is
 * taken away, two tokens of one text included. The place is the first token after `[[`. A rating of several tokens ("1", "0", or
 * a blank before it) has their joint probability, along the tokens that the reply holds: where
 * "1" was written, what may follow it is known. A "1" that was not written, on a scale with 10, says nothing certain unless
 * whole numbers are seen to be single tokens: such probability is left out of `mass`, and above 1 % of it gives none.
 *
 * Source: G-Eval (Liu et al. 2023), whose code samples instead; from log-probs as in its formula.
 * Units:  log-probs in nats.
 * Example: tokens "4" -0.3, " 4" -3.0, "5" -1.6, "The" -4.0 -> p(4) 0.790605, p(5) 0.201897, value 4.203422, mass 0.992502.
 * None:   `no_logprobs` without log-probs or alternatives beside the token that was taken (unless that has 99 % itself), for numbers
 *         that are no log-probs, and where the tokens hold no mark; `low_mass` where nothing is found, or too much is open.
 */
export function expectedRating(
  tokens: readonly TokenLogprob[] | undefined,
  scale: Pick<Scale, "max" | "min">,
): ExpectedRating | NoExpectation {
  if (tokens === undefined) return none("no_logprobs", "there are no log-probs with the rating");
  const place = ratingPlace(tokens);
  if (place === null) return none("no_logprobs", "the tokens that have log-probs hold no rating");
  const { min, max } = scale;
  const words = Array.from({ length: max - min + 1 }, (_, index) => String(min + index));
  const found = new Map<string, number>();
  let open = 0;
  let path: Path = { said: "", logprob: 0 };
  for (const chosen of tokens.slice(place.token)) {
    const others = othersThan(chosen);
    const fault = faultOf(chosen, others);
    if (fault !== null) return none("no_logprobs", fault);
    const options = [chosen, ...others].map((one) => ({
      isChosen: one === chosen,
      probability: Math.exp(path.logprob + Math.min(one.logprob, 0)),
      ...readToken(one.token, path.said, words),
    }));
    const wholeNumbers =
      path.said === "" && options.some(({ word }) => /\d\d/.test(word) && words.includes(word));
    for (const { isChosen, probability, state, word } of options) {
      const settled = state === "whole" || (!isChosen && wholeNumbers && words.includes(word));
      if (settled) found.set(word, (found.get(word) ?? 0) + probability);
      else if (state === "open" && !isChosen) open += probability;
    }
    const taken = readToken(chosen.token, path.said, words);
    if (taken.state === "whole" && taken.word === place.rating) return expectation(found, open, place.rating);
    if (taken.state !== "open") break;
    path = { said: taken.word, logprob: path.logprob + Math.min(chosen.logprob, 0) };
  }
  return none("no_logprobs", "the tokens that have log-probs do not end with a rating of the scale");
}

function none(code: NoExpectation["code"], why: string): NoExpectation {
  return { kind: "none", code, why };
}

/** What the reply's own tokens have said of the rating so far, and their joint log-prob. */
interface Path {
  readonly said: string;
  readonly logprob: number;
}

/** The token with which the rating of the last mark begins, blanks before it included, and that rating. */
function ratingPlace(
  tokens: readonly TokenLogprob[],
): { readonly token: number; readonly rating: string } | null {
  const text = tokens.map(({ token }) => token).join("");
  const mark = [...text.matchAll(/\[\[(\s*)(-?\d{1,15})\s*(?:\/\s*-?\d{1,15}\s*)?\]\]/g)].at(-1);
  if (mark === undefined) return null;
  const opened = mark.index + 2;
  const digits = opened + (mark[1] ?? "").length;
  let start = 0;
  let end = 0;
  const token = tokens.findIndex((one) => {
    start = end;
    end += one.token.length;
    return end > digits || (start >= opened && end > start);
  });
  return { token, rating: String(Number(mark[2]) + 0) };
}

/**
 * What might have stood in the place of a token: its alternatives without one copy of itself, which most servers list among them.
 * Of several with its text, the one of the nearest log-prob is it; the others are other tokens that read alike.
 */
function othersThan({ token, logprob, top }: TokenLogprob): readonly Alternative[] {
  const distance = (one: Alternative | undefined): number =>
    one?.token === token ? Math.abs(one.logprob - logprob) : Infinity;
  let self = -1;
  for (const [index, one] of top.entries()) if (distance(one) < distance(top[self])) self = index;
  return top.filter(({ logprob: value }, index) => index !== self && value !== -Infinity);
}

type Alternative = TokenLogprob["top"][number];

/** Why nothing can be said of what might have stood in a token's place; null where it can. */
function faultOf({ logprob, top }: TokenLogprob, others: readonly Alternative[]): string | null {
  const bad = [logprob, ...others.map((one) => one.logprob)].find((value) => !(value <= HIGHEST_LOGPROB));
  if (bad !== undefined) return `${bad} is no log-prob`;
  const isCertain = top.length > 0 && Math.exp(logprob) >= 1 - MOST_OPEN;
  return others.length > 0 || isCertain ? null : "there are no alternatives to the rating's token";
}

/** `whole`: with it the rating `word` stands. `open`: ratings may begin so, and none of them is certain. `none`: no rating. */
interface TokenReading {
  readonly state: "none" | "open" | "whole";
  readonly word: string;
}

function readToken(token: string, said: string, words: readonly string[]): TokenReading {
  // Blanks and brackets may stand in one token with the rating's first character; inside a rating they end it.
  const pattern = said === "" ? /^[\s[]*(-?\d*)(.*)$/s : /^(\d*)(.*)$/s;
  const [, digits = "", rest = ""] = pattern.exec(token) ?? [];
  const word = said + digits;
  if (token === "" || (rest !== "" && !/^\s*[\]/]|^\s+$/.test(rest))) return { state: "none", word };
  const goesOn = rest === "" && words.some((other) => other !== word && other.startsWith(word));
  if (goesOn) return { state: "open", word };
  return { state: words.includes(word) ? "whole" : "none", word };
}

function expectation(
  found: ReadonlyMap<string, number>,
  open: number,
  rating: string,
): ExpectedRating | NoExpectation {
  const mass = [...found.values()].reduce((sum, probability) => sum + probability, 0);
  if (!(mass > 0)) return none("low_mass", "none of the probability was found on ratings");
  if (open > MOST_OPEN * mass) {
    const share = `${percent(open)} of the probability is on tokens that may begin several ratings`;
    return none("low_mass", `${share}, and ${percent(mass)} on ratings`);
  }
  const shares = [...found]
    .map(([word, probability]) => [Number(word), probability / mass] as const)
    .sort(([a], [b]) => a - b);
  const value = shares.reduce((sum, [one, share]) => sum + one * share, 0);
  const [lowest = value] = shares[0] ?? [];
  const [highest = value] = shares.at(-1) ?? [];
  return {
    kind: "expected",
    // The sum may round to a hair beyond the ratings it is taken over.
    value: Math.min(Math.max(value, lowest), highest),
    rating: Number(rating),
    mass: Math.min(mass, 1),
    probabilities: new Map(shares),
  };
}

/** For messages: 0.7 -> "70 %". */
export function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
