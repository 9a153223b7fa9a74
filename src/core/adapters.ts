import { isPrefkitError, PrefkitError, reasonOf } from "./errors.ts";
import { messageRecord } from "./ids.ts";
import {
  abstained,
  checkScores,
  failed,
  parseOptions,
  perGroup,
  perResponse,
  type ScorerDefinition,
  scored,
} from "./scorer.ts";
import type {
  Group,
  JsonObject,
  Needs,
  Prompt,
  SampledResponse,
  Score,
  ScoreContext,
  Scorer,
} from "./types.ts";

/** What a plain function says of one response: true is 1, false is 0, null abstains. */
export type PlainScore =
  | number
  | boolean
  | null
  | Score
  | { readonly score: number | boolean | null; readonly why?: string };

/** What a plain function is given for one response. */
export interface PlainInput {
  readonly prompt: Prompt;
  readonly response: SampledResponse;
  /** The prompt's gold answer; null when there is none. */
  readonly reference: string | null;
  /** The response's text. */
  readonly text: string;
  /** The prompt's metadata: the row's other columns. The response's own is `response.metadata`. */
  readonly metadata: JsonObject;
}

export interface FunctionOptions {
  readonly name: string;
  /** Change it whenever numbers can change. Default 1. */
  readonly version?: number;
  /** Closed interval of the values; a value outside it is failed. Default: any finite number. */
  readonly range?: readonly [min: number, max: number];
  readonly needs?: Needs;
}

export type ResponseFunction = (input: PlainInput, context: ScoreContext) => PlainScore | Promise<PlainScore>;

export type GroupFunction = (
  group: Group,
  context: ScoreContext,
) => readonly PlainScore[] | Promise<readonly PlainScore[]>;

/**
 * Makes a scorer of a plain function.
 *
 * Shape:  one call per response; with `perResponse: false`, one call per group that returns a list in response order.
 * Values: number -> scored; true -> 1, false -> 0; null -> abstained; a Score as it is; {score, why} -> the same with a
 *         reason. Anything else, undefined too, is `failed: not_a_score`; NaN, out of range and wrong length as ever.
 * Throws: what the function throws, at scoring; the runner turns it into `failed: threw`.
 */
export function fromFunction(
  fn: ResponseFunction,
  options: FunctionOptions & { readonly perResponse?: true },
): Scorer;
export function fromFunction(
  fn: GroupFunction,
  options: FunctionOptions & { readonly perResponse: false },
): Scorer;
export function fromFunction(
  fn: ResponseFunction | GroupFunction,
  { perResponse: each = true, ...options }: FunctionOptions & { readonly perResponse?: boolean },
): Scorer {
  const traits = traitsOf(options, [-Infinity, Infinity]);
  if (!each) {
    const judgeGroup = fn as GroupFunction;
    return checked(
      perGroup(traits, async (group, context) => {
        const returned: unknown = await judgeGroup(group, context);
        return (Array.isArray(returned) ? returned.map(readPlain) : returned) as Score[];
      }),
    );
  }
  const judge = fn as ResponseFunction;
  return checked(
    perResponse(traits, async (response, { prompt }, context) => {
      const { reference, metadata } = prompt;
      return readPlain(await judge({ prompt, response, reference, text: response.text, metadata }, context));
    }),
  );
}

/** A scorer in the manner of autoevals, however its arguments are typed. */
export type AutoevalsFunction = (args: never) => unknown;

/** A scorer in the manner of evalite: what `createScorer` returns, or the object it is given. */
export type EvaliteScorer = AutoevalsFunction | { readonly scorer: AutoevalsFunction };

export interface ForeignOptions extends FunctionOptions {
  /** Further arguments of the scorer, such as `criteria` or `schema`. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/**
 * Takes an autoevals scorer unchanged: it is called with {input, output, expected, ...extra} and returns
 * {name, score, metadata} or a promise of it.
 *
 * Arguments: `output` is the response's text, `expected` the reference (undefined without one), `input` the text of the
 *            user's turn when there is just one, else the list of messages.
 * Values:    a null score -> abstained; `error` set -> `failed: scorer_error`, whatever the score; `metadata.rationale`
 *            or `metadata.reason` -> `why`.
 * Range:     [0, 1] unless given.
 * Throws:    what the scorer throws, at scoring; many throw without a reference: `needs: { reference: true }` abstains.
 */
export function fromAutoevals(fn: AutoevalsFunction, options: ForeignOptions): Scorer {
  return foreign(fn, options);
}

/**
 * Takes an evalite scorer unchanged: the function that `createScorer` returns, or the {name, scorer} object it is given.
 * Called with {input, output, expected}, it returns a number or {score, metadata}, or a list holding just one of these.
 * Arguments, values and range are those of `fromAutoevals`.
 */
export function fromEvalite(scorer: EvaliteScorer, options: ForeignOptions): Scorer {
  return foreign(typeof scorer === "function" ? scorer : scorer.scorer, options);
}

function foreign(fn: AutoevalsFunction, { extra, ...options }: ForeignOptions): Scorer {
  const judge = fn as (args: Readonly<Record<string, unknown>>) => unknown;
  return checked(
    perResponse(traitsOf(options, [0, 1]), async ({ text }, { prompt }) => {
      const expected = prompt.reference ?? undefined;
      return readForeign(await judge({ ...extra, input: inputOf(prompt), output: text, expected }));
    }),
  );
}

/** The user's text when the prompt is one user turn, after a system turn or not; else all messages. */
function inputOf({ messages }: Prompt): unknown {
  const turns = messages.filter(({ role }) => role !== "system" && role !== "developer");
  const [only] = turns;
  return turns.length === 1 && only?.role === "user" ? only.content : messages.map(messageRecord);
}

export interface ToScorerOptions {
  /** For a definition that takes models. */
  readonly models?: Readonly<Record<string, unknown>>;
  /** The name of a scorer made of a function. */
  readonly name: string;
  /** The recipe's options for this scorer; none and {} are the same. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly adapter?: "autoevals" | "evalite";
}

/**
 * Makes a scorer of whatever a user's module exports. The first rule that fits decides:
 *
 *  1. an `adapter` is named         -> the export is that library's scorer; options are its further arguments
 *  2. a ScorerDefinition            -> checks the options and creates the scorer
 *  3. a Scorer                      -> as it is; options are refused
 *  4. a function, options are given -> a factory: called with the options, returns one of 2, 3 or a plain function
 *  5. a function without a required parameter, as in `(options = {}) => …` -> a factory too, called with {}
 *  6. any other function            -> a plain function, called once per response (see `fromFunction`)
 *
 * Throws: `unreadable_module` for anything else, `bad_option` for options that are refused.
 */
export function toScorer(
  exported: unknown,
  { name, options = {}, adapter, models = {} }: ToScorerOptions,
): Scorer {
  if (adapter !== undefined) return adapted(exported, name, adapter, options);
  const hasOptions = Object.keys(options).length > 0;
  if (isDefinition(exported)) {
    return exported.create(parseOptions(exported.name, exported.options, options), models);
  }
  if (isScorerLike(exported)) {
    if (hasOptions) throw refusedOptions(name, options);
    return wellFormed(exported, name);
  }
  if (typeof exported !== "function") throw unreadable(name, `is ${describe(exported)}`);
  if (!hasOptions && exported.length > 0) return fromFunction(exported as ResponseFunction, { name });

  const made = called(exported as (options: unknown) => unknown, options, name);
  if (isDefinition(made)) return made.create(parseOptions(made.name, made.options, {}), models);
  if (isScorerLike(made)) return wellFormed(made, name);
  if (typeof made === "function") return fromFunction(made as ResponseFunction, { name });
  const because = hasOptions ? "the recipe gives it options" : "it has no required parameter";
  throw unreadable(name, `is taken as a factory, because ${because}, and returned ${describe(made)}`);
}

function adapted(
  exported: unknown,
  name: string,
  adapter: "autoevals" | "evalite",
  extra: Readonly<Record<string, unknown>>,
): Scorer {
  if (typeof exported === "function") return foreign(exported as AutoevalsFunction, { name, extra });
  const inner = isRecord(exported) ? exported.scorer : undefined;
  if (adapter === "evalite" && typeof inner === "function") {
    return foreign(inner as AutoevalsFunction, { name, extra });
  }
  const shapes = adapter === "evalite" ? "a function or an object with a `scorer` function" : "a function";
  throw new PrefkitError(
    "unreadable_module",
    `the export for scorer ${name} is ${describe(exported)}, not an ${adapter} scorer.`,
    `export ${shapes} that takes {input, output, expected}, or drop \`adapter: ${adapter}\` from the recipe.`,
  );
}

function called(factory: (options: unknown) => unknown, options: unknown, name: string): unknown {
  try {
    return factory(options);
  } catch (cause) {
    if (isPrefkitError(cause)) throw cause;
    throw new PrefkitError(
      "bad_option",
      `the factory of scorer ${name} threw: ${reasonOf(cause)}.`,
      "correct the options in the recipe or the factory in the module.",
      { cause },
    );
  }
}

function wellFormed(scorer: object, name: string): Scorer {
  const given = scorer as Partial<Scorer>;
  const [min, max] = Array.isArray(given.range) ? given.range : [];
  const isRange = typeof min === "number" && typeof max === "number" && min <= max;
  if (typeof given.name !== "string") throw unreadable(name, "is a scorer without a `name`");
  if (typeof given.version !== "number") throw unreadable(name, "is a scorer without a numeric `version`");
  if (!isRange) throw unreadable(name, "is a scorer without a `range` [min, max]");
  return scorer as Scorer;
}

function refusedOptions(name: string, options: object): PrefkitError {
  return new PrefkitError(
    "bad_option",
    `scorer ${name} is a finished scorer and takes no options, got ${Object.keys(options).join(", ")}.`,
    "remove the options, or export a function that takes them and returns the scorer.",
  );
}

function unreadable(name: string, problem: string): PrefkitError {
  return new PrefkitError(
    "unreadable_module",
    `the export for scorer ${name} ${problem}.`,
    "export a scorer {name, version, range, score(group)}, a definition made by defineScorer, a function of " +
      "{text, reference, …} that returns a number, or a function of options that returns one of these.",
  );
}

function isDefinition(value: unknown): value is ScorerDefinition {
  return isRecord(value) && typeof value.create === "function" && isSchema(value.options);
}

function isSchema(value: unknown): boolean {
  return isRecord(value) && typeof value.safeParse === "function" && typeof value.parse === "function";
}

function isScorerLike(value: unknown): value is object {
  return isRecord(value) && typeof value.score === "function";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function traitsOf({ name, version = 1, range, needs }: FunctionOptions, defaultRange: Scorer["range"]) {
  return { name, version, range: range ?? defaultRange, ...(needs ? { needs } : {}) };
}

/** Foreign functions promise nothing, so the contract is applied here too, not by the runner alone. */
function checked(scorer: Scorer): Scorer {
  return {
    ...scorer,
    score: async (group, context) => checkScores(scorer, group, await scorer.score(group, context)),
  };
}

/** What a plain function returned, as a score. What is none is passed on: `checkScores` says what is wrong with it. */
function readPlain(returned: unknown): Score {
  if (isScorerLike(returned)) {
    const fix = "give it options in the recipe, or give its parameter a default";
    return failed("not_a_score", `the function returned a scorer, so it is a factory: ${fix}`);
  }
  if (isRecord(returned) && !("kind" in returned) && "score" in returned) {
    return readNumber(returned.score, typeof returned.why === "string" ? returned.why : undefined);
  }
  return readNumber(returned, undefined);
}

/** What an autoevals or evalite scorer returned, as a score. */
function readForeign(returned: unknown): Score {
  if (Array.isArray(returned) && returned.length !== 1) {
    return failed("not_a_score", `got a list of ${returned.length} scores, and a scorer has one value`);
  }
  const result: unknown = Array.isArray(returned) ? returned[0] : returned;
  if (!isRecord(result) || !("score" in result)) return readNumber(result, undefined);
  if (result.error !== undefined && result.error !== null) {
    return failed("scorer_error", reasonOf(result.error));
  }
  const notes = isRecord(result.metadata) ? result.metadata : {};
  const why = [notes.rationale, notes.reason].find((note) => typeof note === "string");
  return readNumber(result.score, why);
}

function readNumber(value: unknown, why: string | undefined): Score {
  if (value === null) return abstained(why ?? "the scorer returned null");
  if (typeof value === "number" || typeof value === "boolean") {
    return scored(Number(value), why === undefined ? {} : { why });
  }
  return value as Score;
}

function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise (await what you need at the top of the module)";
  if (Array.isArray(value)) return "a list";
  if (isRecord(value)) return `an object with ${Object.keys(value).slice(0, 8).join(", ") || "no keys"}`;
  if (typeof value === "function") return "a function";
  return typeof value === "string" ? "text" : String(value);
}
