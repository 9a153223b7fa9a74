import { type Answer, answerRungs, compareAnswers, readAnswer } from "./compare.ts";
import type { Form } from "./form.ts";
import { canEvaluate } from "./math/expression.ts";
import type { NumberComparison } from "./number.ts";
import { isPlainValue } from "./shape.ts";
import { type SymbolicEngine, symbolicEngine } from "./symbolic.ts";

/**
 * - `unparsable`: the given answer can be read neither as mathematics nor as words.
 * - `unreadable-reference`: the reference cannot.
 * - `undecided`: both can be read, and no step of the ladder can tell.
 * - `timeout`: the symbolic engine gave no answer in time.
 */
export type AnswerVerdict =
  | "equal"
  | "different"
  | "unparsable"
  | "unreadable-reference"
  | "undecided"
  | "timeout";

export interface Judgement {
  readonly verdict: AnswerVerdict;
  /** The step of the ladder that decided: a rung of `answerRungs`, `reading`, `symbolic`, or `none`. */
  readonly rung: string;
}

export interface JudgeOptions extends NumberComparison {
  /** What the symbolic engine gets for one pair, in milliseconds. Default 400. */
  readonly timeoutMs: number;
  /** Whether the symbolic engine is asked when nothing cheaper can tell. Default true. */
  readonly symbolic: boolean;
}

const UNDECIDED: Judgement = { verdict: "undecided", rung: "none" };
const DEFAULTS: JudgeOptions = { tolerance: 0, percent: "distinct", timeoutMs: 400, symbolic: true };

/**
 * Whether a given answer equals the reference. Everything but the symbolic engine answers at once; a promise is
 * returned only when the engine is asked: for formulas with an integral, a limit, or a sum that our own arithmetic
 * cannot add up; never for equations, inequalities or anything else that is more than one value.
 */
export function judgeAnswers(
  gold: Answer,
  given: Answer,
  options: Partial<JudgeOptions> = {},
): Judgement | Promise<Judgement> {
  const settings = { ...DEFAULTS, ...options };
  const { verdict, rung } = compareAnswers(gold, given, answerRungs(settings));
  if (verdict !== "unknown") return { verdict, rung: rung ?? "none" };
  if (!isReadable(gold)) return { verdict: "unreadable-reference", rung: "reading" };
  if (!isReadable(given)) return { verdict: "unparsable", rung: "reading" };
  const [one, other] = [gold.form, given.form];
  const areValues = isValue(one) && isValue(other);
  if (!areValues || (gold.number !== null && given.number !== null)) return UNDECIDED;
  if (one.kind === "beyond" || other.kind === "beyond")
    return settings.symbolic ? judgeByEngine(gold, given, settings) : UNDECIDED;
  // What our own arithmetic gave up on, such as a tower of powers, has had its time.
  const isGivenUp = [one, other].some((form) => form.kind === "formula" && !canEvaluate(form.node));
  return isGivenUp ? { verdict: "timeout", rung: "expression" } : UNDECIDED;
}

let engine: SymbolicEngine | null = null;

/**
 * Compares the closed forms that the engine finds, by our own ladder. The engine's word alone is not taken: it is known
 * to find equal what is not, and to add up sums wrongly; so it can confirm that two answers are equal, and leaves all
 * others undecided. What it has no closed form for, nobody here can read.
 */
async function judgeByEngine(gold: Answer, given: Answer, options: JudgeOptions): Promise<Judgement> {
  engine ??= symbolicEngine();
  const forms: Answer[] = [];
  for (const answer of [gold, given]) {
    if (answer.form.kind !== "beyond") {
      forms.push(answer);
      continue;
    }
    const form = await engine.closedForm(answer.form.latex, options.timeoutMs);
    if (form.kind === "timeout") return { verdict: "timeout", rung: "symbolic" };
    const closed = form.kind === "closed" ? readAnswer(form.latex) : null;
    if (closed === null || !isReadable(closed) || closed.form.kind === "beyond")
      return { verdict: answer === gold ? "unreadable-reference" : "unparsable", rung: "symbolic" };
    forms.push(closed);
  }
  const [one, other] = forms as [Answer, Answer];
  const { verdict } = compareAnswers(one, other, answerRungs(options));
  return { verdict: verdict === "equal" ? verdict : "undecided", rung: "symbolic" };
}

function isReadable({ form, number }: Answer): boolean {
  return number !== null || form.kind !== "unreadable";
}

/** One value or function: relations and the like are never given to the engine. */
function isValue(form: Form): boolean {
  if (form.kind !== "beyond") return form.kind === "formula" && isPlainValue(form.node);
  return !/[=<>≤≥]|\\(?:le|ge|lt|gt|ne|in)(?:q|qslant)?(?![a-z])/.test(withoutScripts(form.latex));
}

/** The "k = 1" under a sum is no equation. */
function withoutScripts(latex: string): string {
  return latex.replace(/_\{[^{}]*\}/g, "");
}
