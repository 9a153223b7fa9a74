import { isDigits, strip } from "./python-text.ts";

const SUBSTITUTIONS = [
  ["an ", ""],
  ["a ", ""],
  [".$", "$"],
  ["\\$", ""],
  ["\\ ", ""],
  [" ", ""],
  ["mbox", "text"],
  [",\\text{and}", ","],
  ["\\text{and}", ","],
  ["\\text{m}", "\\text{}"],
] as const;

const REMOVED = [
  "square",
  "ways",
  "integers",
  "dollars",
  "mph",
  "inches",
  "hours",
  "km",
  "units",
  "\\ldots",
  "sue",
  "points",
  "feet",
  "minutes",
  "digits",
  "cents",
  "degrees",
  "cm",
  "gm",
  "pounds",
  "meters",
  "meals",
  "edges",
  "students",
  "childrentickets",
  "multiples",
  "\\text{s}",
  "\\text{.}",
  "\\text{\ns}",
  "\\text{}^2",
  "\\text{}^3",
  "\\text{\n}",
  "\\text{}",
  "\\mathrm{th}",
  "^\\circ",
  "^{\\circ}",
  "\\;",
  ",\\!",
  "{,}",
  '"',
  "\\dots",
] as const;

/**
 * `normalize_final_answer` of verl's DAPO scorer, step by step in its order: what follows the last "=", without articles, blanks and
 * a list of units, without \text, \boxed and dollar signs, short fractions and roots with braces, digits without commas.
 *
 *   "34 dollars" -> "34"        "\frac12" -> "\frac{1}{2}"        "1,234" -> "1234"        "34." -> "34."
 *
 * Source: Lewkowycz et al. 2022, Minerva, appendix D; verl, `verl/utils/reward_score/math_dapo.py`.
 */
export function normaliseFinalAnswer(answer: string): string {
  let text = answer.slice(answer.lastIndexOf("=") + 1);
  for (const [before, after] of SUBSTITUTIONS) text = text.replaceAll(before, after);
  for (const expression of REMOVED) text = text.replaceAll(expression, "");
  text = text
    .split("\n")
    .map(betweenDollars)
    .join("\n")
    .replace(/\\text\{([^}\n]*)\}/g, "$1")
    .replace(/\\textbf\{([^}\n]*)\}/g, "$1")
    .replace(/\\overline\{([^}\n]*)\}/g, "$1")
    .replace(/\\boxed\{([^\n]*)\}/g, "$1")
    .replace(/frac([^{])([^\n])/gu, "frac{$1}{$2}")
    .replace(/sqrt([^{])/gu, "sqrt{$1}")
    .replaceAll("$", "");
  const digits = text.replaceAll(",", "");
  return strip(isDigits(digits) ? digits : text);
}

/** Of a line with two dollar signs, what stands between the first two, with them. */
function betweenDollars(line: string): string {
  const [, between, ...rest] = line.split("$");
  return between === undefined || rest.length === 0 ? line : `$${between}$`;
}
