import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareExpressions } from "../../../../src/core/answers/math/expression.ts";
import { parseMath } from "../../../../src/core/answers/math/parse.ts";
import type { Node } from "../../../../src/core/answers/math/tree.ts";

const law = { seed: 1, numRuns: 200 };

function formula(text: string): Node {
  const reading = parseMath(text);
  if (reading.kind !== "formula") throw new Error(`cannot read ${text}`);
  return reading.node;
}

const compare = (gold: string, given: string) => compareExpressions(formula(gold), formula(given));

/** A polynomial in x and y as its coefficients: [power of x, power of y, coefficient]. */
const polynomial = fc.uniqueArray(
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 3 }), fc.integer({ min: -20, max: 20 })),
  { minLength: 1, maxLength: 5, selector: ([a, b]) => `${a} ${b}` },
);
type Terms = readonly (readonly [number, number, number])[];

const written = (terms: Terms): string => terms.map(([a, b, c]) => `(${c})x^{${a}}y^{${b}}`).join("+");
const product = (one: Terms, other: Terms): Terms =>
  one.flatMap(([a, b, c]) => other.map(([d, e, f]) => [a + d, b + e, c * f] as const));

describe("compareExpressions", () => {
  it("finds a product of polynomials equal to its expansion, in any order of its terms, and to no other", () => {
    fc.assert(
      fc.property(polynomial, polynomial, fc.integer({ min: 1, max: 99 }), (one, other, added) => {
        const factored = `(${written(one)})(${written(other)})`;
        const expanded = written(product(one, other).toReversed());
        expect(compare(factored, expanded)).toBe("equal");
        expect(compare(expanded, factored)).toBe("equal");
        expect(compare(factored, `${expanded}+${added}`)).toBe("different");
        expect(compare(factored, `${expanded}-\\frac{1}{${added}}`)).toBe("different");
      }),
      law,
    );
  });

  it("finds a sum of fractions equal to one fraction, and a fraction to itself with a factor above and below", () => {
    const nonzero = polynomial.filter((terms) => terms.some(([, , c]) => c !== 0));
    fc.assert(
      fc.property(nonzero, nonzero, nonzero, (a, b, c) => {
        const [one, other, factor] = [written(a), written(b), written(c)];
        const sum = `\\frac{1}{${one}}+\\frac{1}{${other}}`;
        const single = `\\frac{(${one})+(${other})}{(${one})(${other})}`;
        expect(compare(sum, single)).toBe("equal");
        expect(compare(`\\frac{${one}}{${other}}`, `((${one})(${factor}))/((${factor})(${other}))`)).toBe(
          "equal",
        );
        expect(compare(sum, `${single}+1`)).toBe("different");
      }),
      law,
    );
  });

  it("takes square factors out of roots, and finds no other root equal", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 2, max: 500 }), (outside, inside) => {
        expect(compare(`${outside}\\sqrt{${inside}}`, `\\sqrt{${outside * outside * inside}}`)).toBe("equal");
        expect(compare(`${outside}\\sqrt{${inside}}`, `\\sqrt{${outside * outside * inside + 1}}`)).toBe(
          "different",
        );
        expect(compare(`\\frac{1}{\\sqrt{${inside}}}`, `\\frac{\\sqrt{${inside}}}{${inside}}`)).toBe("equal");
      }),
      law,
    );
  });

  it("is symmetric", () => {
    const leaf = fc.constantFrom(
      "x",
      "y",
      "2",
      "3",
      "\\pi",
      "\\sqrt{2}",
      "\\sqrt{x}",
      "e^{x}",
      "\\ln y",
      "i",
      "0.5",
    );
    const tree = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc
          .tuple(tie("node"), tie("node"), fc.constantFrom("+", "-", "*", "/"))
          .map(([a, b, o]) => `(${a}${o}${b})`),
      ),
    })).node;
    fc.assert(
      fc.property(tree, tree, (one, other) => {
        expect(compare(one, other)).toBe(compare(other, one));
        expect(compare(`(${one})+(${other})`, `(${other})+(${one})`)).not.toBe("different");
        expect(compare(`(${one})*(${other})`, `(${other})*(${one})`)).not.toBe("different");
        expect(compare(one, `(${one})+1`)).not.toBe("equal");
      }),
      { ...law, numRuns: 400 },
    );
  });

  // e^(π√163) = 262537412640768743.99999999999925…; the other near misses agree to more digits than a double has.
  it.each([
    ["e^{\\pi\\sqrt{163}}", "262537412640768744"],
    ["\\frac{1}{2004!}", "\\frac{1}{2006!}"],
    ["10^{100}+1", "10^{100}"],
    ["\\sqrt{10^{40}+1}", "10^{20}"],
    ["9^{9^{9}}", "9^{9^{9}}+1"],
    ["\\sin(10^{-12})", "10^{-12}"],
    ["\\cos(10^{-9})", "1"],
    ["\\ln(10^{30}+1)", "30\\ln 10"],
    ["\\frac{22}{7}", "\\pi"],
    ["\\frac{\\ln(640320^3+744)}{\\sqrt{163}}", "\\pi"], // differs from π in the 31st digit
    ["|x|", "x"],
    ["\\lfloor x\\rfloor", "x"],
    ["|x-5|", "5-x"],
    ["\\sqrt{(x-100)^2}", "100-x"],
    ["|x|", "x\\frac{\\sqrt{2}}{\\sqrt{2}}"],
    ["|x|\\sqrt{2}", "x\\sqrt{2}"],
    ["|x|\\sqrt{y}", "x\\sqrt{y}"], // y is positive, and x is anything
    ["2^{|x|}", "2^x"],
    ["|x-1000|", "1000-x"],
    ["|x+1000|", "x+1000"],
    ["|2x-6000|", "6000-2x"],
    ["|x-10^{9}|", "10^{9}-x"],
    ["\\sqrt{(x-5000)^2}", "5000-x"],
    ["|\\sqrt{x}-100|", "100-\\sqrt{x}"],
    ["|x||y|", "xy"],
    ["|x||y||z|", "xyz"],
    ["|w||x||y||z|", "wxyz"],
    ["x^n", "|x|^n"],
    ["|x|^{2k+1}", "x^{2k+1}"],
    ["x^{\\frac{2}{2}}", "|x|"],
    ["f(x+1)", "fx+f"],
    ["f(x+1)", "f(x+2)"],
    ["g(2x)", "2g(x)"],
    ["P(A)", "PA"],
  ])("tells %s from %s", (one, other) => {
    expect(compare(one, other)).toBe("different");
  });

  it.each([
    ["\\sqrt{2}+10^{-90}", "\\sqrt{2}"], // what vanishes in rounding is not waved through
    ["\\log x", "\\ln x"], // log means either
    ["\\lfloor x/100\\rfloor", "\\lfloor x/200\\rfloor"], // both 0 where x is small
    ["\\binom{n}{k}", "\\binom{n^9}{k^9}"], // both 0 where k > n
    ["9^{9^{9^{9}}}", "9^{9^{9^{9}}}+1"],
    // A huge factor times a sum that is exactly 0: its rounding error is larger than anything it is compared with.
    ["5", "10^{100}\\sin(\\pi)"],
    ["x", "10^{100}\\sin(\\pi)"],
    ["x^2+1", "\\pi^{200}(\\sin^2 1+\\cos^2 1-1)"],
    ["\\sqrt{2}", "10^{58}(\\ln 6-\\ln 2-\\ln 3)"],
    ["2+3i", "|10^{100}\\sin\\pi|"],
    ["10^{-20}", "10^{40}\\sin\\pi"],
    // What is left of a very small or very large argument lies behind the last digit.
    ["\\frac{\\pi}{2}", "\\arctan(10^{100})"],
    ["1", "\\cos(10^{-40})"],
    ["1", "e^{10^{-70}}"],
    ["1+10^{-30}", "e^{10^{-30}}"],
    ["10^{-40}", "\\sin(10^{-40})"],
    ["1", "1+\\sin(10^{-60})"],
    ["1", "1+\\arctan(10^{-60})"],
    ["1", "\\tanh(200)"],
    ["0", "\\pi-3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"],
    [`\\sqrt{${"9".repeat(480)}7}`, `\\sqrt{${"9".repeat(480)}1}`],
  ])("does not guess about %s and %s", (one, other) => {
    expect(compare(one, other)).not.toBe("equal");
  });

  it.each([
    ["\\cos\\frac{\\pi}{5}", "\\frac{1+\\sqrt5}{4}"],
    ["\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"],
    ["\\sqrt[3]{2+\\sqrt5}+\\sqrt[3]{2-\\sqrt5}", "1"],
    ["\\frac{-1+i\\sqrt3}{2}", "e^{2\\pi i/3}"],
    ["\\sin^2 x+\\cos^2 x", "1"],
    ["\\arctan 1", "\\frac{\\pi}{4}"],
    ["\\log_2 8", "3"],
    ["\\ln(x^2)", "2\\ln x"],
    ["\\frac{n!}{(n-2)!}", "n^2-n"],
    ["\\binom{n}{2}", "\\frac{n(n-1)}{2}"],
    ["(-1)^{n+2}", "(-1)^n"],
    ["2^{n+1}-2^n", "2^n"],
    ["\\sqrt{1/n}", "1/\\sqrt{n}"],
    ["\\sum_{k=1}^{n} k", "\\frac{n(n+1)}{2}"],
    ["\\sum_{k=1}^{10^{9}} k", "500000000500000000"],
    ["\\sum_{k=1}^{n} k^3", "(\\frac{n(n+1)}{2})^2"],
    ["\\prod_{k=1}^{5} k", "5!"],
    ["\\sum_{k=0}^{10} \\binom{10}{k}", "2^{10}"],
    ["\\begin{vmatrix}a&b\\\\c&d\\end{vmatrix}", "ad-bc"],
    ["10^{20}\\sin\\pi", "0"],
    ["\\ln 6-\\ln 2-\\ln 3", "0"],
    ["\\frac{\\pi}{2}-\\arctan\\frac{1}{2}", "\\arctan 2"],
    ["|x||y|", "|xy|"],
    ["|x|^{2n}", "x^{2n}"],
    ["|x-1000|", "|1000-x|"],
    ["\\frac{x}{|x|}", "\\frac{|x|}{x}"],
    ["2f(x+1)", "f(1+x)+f(x+1)"],
    ["h(a+b)", "ah+bh"],
    ["mg(h+R)", "mgh+mgR"],
    ["P(1+r)^2", "(1+r)^2P"],
  ])("finds %s equal to %s", (one, other) => {
    expect(compare(one, other)).toBe("equal");
  });
});
