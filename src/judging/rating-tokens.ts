import type { Scale } from "../core/rubric/rubric.ts";
import type { TokenLogprob } from "../models/ports.ts";

/** The rating that a judge's probabilities say it would give on average. */
export interface ExpectedRating {
  /** Mean of the ratings, weighted by their probabilities, which are divided by `mass`. On the scale. */
  readonly value: number;
  /** Probability found on ratings of the scale, before dividing; in (0, 1]. */
  readonly mass: number;
  /** By rating, divided by `mass`; ratings that were not found are absent. */
  readonly probabilities: ReadonlyMap<number, number>;
}

/** More of the found probability than this on tokens that may begin several ratings, and there is no expectation. */
const MOST_OPEN = 0.01;

/**
 * The expected rating from the log-probs of a reply that ends with a mark `[[4]]`.
 *
 *   value = sum_i p(i) i / sum_i p(i)        over the ratings i of the scale
 *
 * p(i) sums the probabilities of all tokens at the rating's place that say i once what surrounds it (blanks, brackets) is
 * taken away. A rating of several tokens ("1", "0") has their joint probability, along the tokens that the reply holds: where
 * "1" was written, what may follow it is known. A "1" that was not written, on a scale with 10, says nothing certain unless
 * whole numbers are seen to be single tokens: such probability is left out of `mass`, and above 1 % of it gives null.
 *
 * Source: G-Eval (Liu et al. 2023), whose code samples instead; from log-probs as in its formula.
 * Units:  log-probs in nats.
 * Example: tokens "4" -0.3, " 4" -3.0, "5" -1.6, "The" -4.0 -> p(4) 0.790605, p(5) 0.201897, value 4.203422, mass 0.992502.
 * Null:   no log-probs, no mark at the end, nothing found, or too much that is open.
 */
export function expectedRating(
  tokens: readonly TokenLogprob[] | undefined,
  scale: Pick<Scale, "max" | "min">,
): ExpectedRating | null {
  if (tokens === undefined) return null;
  const place = ratingPlace(tokens);
  if (place === null) return null;
  const { min, max } = scale;
  const words = Array.from({ length: max - min + 1 }, (_, index) => String(min + index));
  const found = new Map<string, number>();
  let open = 0;
  let path: Path = { said: "", logprob: 0 };
  for (const chosen of tokens.slice(place.token)) {
    const options = candidates(chosen).map(({ token, logprob }) => ({
      isChosen: token === chosen.token,
      probability: Math.exp(path.logprob + logprob),
      ...readToken(token, path.said, words),
    }));
    const wholeNumbers =
      path.said === "" && options.some(({ word }) => /\d\d/.test(word) && words.includes(word));
    for (const { isChosen, probability, state, word } of options) {
      const settled = state === "whole" || (!isChosen && wholeNumbers && words.includes(word));
      if (settled) found.set(word, (found.get(word) ?? 0) + probability);
      else if (state === "open" && !isChosen) open += probability;
    }
    const taken = readToken(chosen.token, path.said, words);
    if (taken.state === "whole") return taken.word === place.rating ? expectation(found, open) : null;
    if (taken.state === "none") return null;
    path = { said: taken.word, logprob: path.logprob + chosen.logprob };
  }
  return null;
}

/** What the reply's own tokens have said of the rating so far, and their joint log-prob. */
interface Path {
  readonly said: string;
  readonly logprob: number;
}

/** The token in which the rating of the last mark begins, and that rating. */
function ratingPlace(
  tokens: readonly TokenLogprob[],
): { readonly token: number; readonly rating: string } | null {
  const text = tokens.map(({ token }) => token).join("");
  const mark = [...text.matchAll(/(\[\[\s*)(-?\d{1,15})\s*(?:\/\s*-?\d{1,15}\s*)?\]\]/g)].at(-1);
  if (mark === undefined) return null;
  const at = mark.index + (mark[1] ?? "").length;
  let end = 0;
  const token = tokens.findIndex((one) => {
    end += one.token.length;
    return end > at;
  });
  return { token, rating: String(Number(mark[2]) + 0) };
}

/** The token that was taken and its alternatives, each once. */
function candidates({
  token,
  logprob,
  top,
}: TokenLogprob): { readonly token: string; readonly logprob: number }[] {
  const byToken = new Map([[token, logprob], ...top.map((other) => [other.token, other.logprob] as const)]);
  byToken.set(token, logprob);
  return [...byToken].flatMap(([text, value]) =>
    Number.isFinite(value) ? [{ token: text, logprob: Math.min(value, 0) }] : [],
  );
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

function expectation(found: ReadonlyMap<string, number>, open: number): ExpectedRating | null {
  const mass = [...found.values()].reduce((sum, probability) => sum + probability, 0);
  if (!(mass > 0) || open > MOST_OPEN * mass) return null;
  const shares = [...found]
    .map(([word, probability]) => [Number(word), probability / mass] as const)
    .sort(([a], [b]) => a - b);
  const value = shares.reduce((sum, [rating, share]) => sum + rating * share, 0);
  const [lowest = value] = shares[0] ?? [];
  const [highest = value] = shares.at(-1) ?? [];
  // The sum may round to a hair beyond the ratings it is taken over.
  return {
    value: Math.min(Math.max(value, lowest), highest),
    mass: Math.min(mass, 1),
    probabilities: new Map(shares),
  };
}
