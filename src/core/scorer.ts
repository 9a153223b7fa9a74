import type { z } from "zod";
import { isCallFailure, PrefkitError } from "./errors.ts";
import type {
  Abstained,
  Failed,
  Group,
  JsonObject,
  Needs,
  SampledResponse,
  Score,
  ScoreContext,
  Scored,
  Scorer,
  Span,
} from "./types.ts";

/** A model that a scorer works with: the port it needs, under the name of the option that names the recipe's model. */
export interface ModelNeed {
  readonly port: "chat" | "logprobs" | "embed" | "reward";
  readonly optional?: true;
  /** The option holds a list of names, and `create` is given a list of ports. */
  readonly list?: true;
}

/** Calls that a scorer will make for one group, for estimates before anything is paid. */
export interface PlannedCalls {
  /** The option that names the model; of a list, with the place in it: `judges.0`. */
  readonly model: string;
  readonly calls: number;
  /** Sums over these calls, in tokens, estimated. */
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** One named part of a scorer's scores over a dataset. */
export interface PartSummary {
  /** Scored cells that have the part, of which `mean` is taken. */
  readonly count: number;
  readonly mean: number;
  /** Means over the tenths of the input, cut by the groups' places; null where none of a tenth's cells has the part. */
  readonly byTenth: readonly (number | null)[];
}

/** What a scorer did in a whole dataset, as far as it may raise alarms about it. */
export interface ScorerFacts {
  /** Cells. */
  readonly scored: number;
  readonly abstained: number;
  readonly failed: number;
  /** By name; absent when no score has parts. */
  readonly parts?: Readonly<Record<string, PartSummary>>;
}

/** One measured number about a scorer in a whole dataset. */
export interface Figure {
  /** snake_case, unique among the scorer's figures. */
  readonly name: string;
  /** null: not enough to tell. */
  readonly value: number | null;
  /** 95 %, where there is one. */
  readonly interval: readonly [low: number, high: number] | null;
  /** How many observations it rests on. */
  readonly count: number;
  /** One line. */
  readonly meaning: string;
}

/**
 * Measures a scorer over a dataset, from what its scores hold. Groups come once each, in input order; memory must not grow with
 * the dataset, and the figures must depend on nothing else.
 */
export interface Diagnosis {
  add(group: Group, scores: readonly Score[]): void;
  report(): readonly Figure[];
}

/**
 * What a recipe and `prefkit list` need to know of a scorer before one is made. `Models` is what `create` is given: for
 * each key of `models`, the port of the model that the recipe names under that option.
 */
export interface ScorerDefinition<Options = unknown, Models = unknown> {
  readonly name: string;
  readonly version: number;
  /** One line for `prefkit list`. */
  readonly summary: string;
  /** Checks the recipe's options and fills defaults. Strict: an unknown key is an error that names it. */
  readonly options: z.ZodType<Options>;
  /** Options of the example that `prefkit list NAME` shows, where the required ones alone would not do. */
  readonly example?: JsonObject;
  /** May block the thread: runs in a worker that can be killed when its time is up. */
  readonly cpuBound: boolean;
  /** Bounds its own time by options of its own: then a group has no limit unless the recipe's entry sets one. */
  readonly timesItself?: true;
  /** `paid` scores are kept in the persistent cache; `free` ones are kept by finished shards alone. */
  readonly cost: "free" | "paid";
  /** Whether the run's seed changes its numbers; then it is part of the cache key. */
  readonly usesSeed: boolean;
  /**
   * Whether the ids of prompt and responses change its numbers: a rubric by prompt id, a draw by id. Then they are part of
   * the cache key, and the same content under other ids is another question.
   */
  readonly usesIds: boolean;
  /** Whether a score may depend on where a response stands in its group. */
  readonly orderSensitive: boolean;
  /** By option name; empty for scorers that need none. */
  readonly models: Readonly<Record<string, ModelNeed>>;
  /**
   * Options that may name a file. A text that starts with "." or "/" is a path: it is resolved from the recipe's folder, and
   * what the file holds is part of what made the numbers.
   */
  readonly files?: readonly string[];
  /**
   * A hash of what the numbers rest on besides code and options as written: texts that come with the package and are named by
   * options, or are used by all. Part of the config hash and of the cache key; null where there is none.
   */
  fingerprint?(options: Options): string | null;
  create(options: Options, models: Models): Scorer;
  /**
   * Throws `bad_option` for a group that the options are known beforehand not to fit. Asked of every group while the input is
   * first read, before anything is paid: as a rule it must not look at texts. Where responses are still to be sampled, their
   * texts are placeholders, all different.
   */
  checkGroup?(options: Options, group: Group): void;
  /** Absent when the scorer calls no model. */
  plannedCalls?(options: Options, group: Group): readonly PlannedCalls[];
  /** What looks wrong in a finished dataset, one sentence each; written into its manifest and card. */
  alarms?(facts: ScorerFacts): readonly string[];
  /**
   * Begins to measure it over a dataset; the figures are written into the manifest and the card. `isOwn`: whether a response was
   * answered by a model that judges for it.
   */
  diagnose?(options: Options, isOwn: (response: SampledResponse) => boolean): Diagnosis;
}

type Defaults = "cpuBound" | "cost" | "usesSeed" | "usesIds" | "orderSensitive" | "models";

/** Fills the usual answers: free, quick, blind to the order of responses, to the seed and to ids. */
export function defineScorer<Options, Models = void>(
  definition: Omit<ScorerDefinition<Options, Models>, Defaults> &
    Partial<Pick<ScorerDefinition<Options, Models>, Defaults>>,
): ScorerDefinition<Options, Models> {
  return {
    cpuBound: false,
    cost: "free",
    usesSeed: false,
    usesIds: false,
    orderSensitive: false,
    models: {},
    ...definition,
  };
}

/** A value that the scorer vouches for. The runner refuses NaN, infinities and values outside the range. */
export function scored(value: number, details: Omit<Scored, "kind" | "value"> = {}): Scored {
  return { kind: "scored", value, ...details };
}

export function abstained(why: string): Abstained {
  return { kind: "abstained", why };
}

export function failed(code: string, why: string): Failed {
  return { kind: "failed", code, why };
}

/** The cell of a response whose model call gave no answer; anything else that was thrown is thrown on. */
export function failedCall(error: unknown): Failed {
  if (isCallFailure(error)) return failed(error.code, error.message);
  throw error;
}

type ScorerTraits = Pick<Scorer, "name" | "version" | "range" | "needs">;

/**
 * Lifts a judgement of one response to a scorer of groups. Abstains where a response or its group lacks what the
 * traits say is needed, so that `judge` need not ask.
 */
export function perResponse(
  traits: ScorerTraits,
  judge: (response: SampledResponse, group: Group, context: ScoreContext) => Score | Promise<Score>,
): Scorer {
  return {
    ...traits,
    score: (group, context) => {
      const lack = groupLack(group, traits.needs);
      if (lack !== null) return group.responses.map(() => abstained(lack));
      const scores = group.responses.map((response) => {
        const missing = responseLack(response, traits.needs);
        return missing === null ? judge(response, group, context) : abstained(missing);
      });
      return scores.some((score) => score instanceof Promise) ? Promise.all(scores) : (scores as Score[]);
    },
  };
}

/** A scorer that compares the responses of a group; abstains on groups that lack what the traits need. */
export function perGroup(traits: ScorerTraits, judge: Scorer["score"]): Scorer {
  return {
    ...traits,
    score: (group, context) => {
      const lack = groupLack(group, traits.needs);
      return lack === null ? judge(group, context) : group.responses.map(() => abstained(lack));
    },
  };
}

/** What the group as a whole lacks of the needs, in words; null when nothing. */
export function groupLack(group: Group, needs: Needs | undefined): string | null {
  if (needs?.reference && group.prompt.reference === null) return "prompt has no reference";
  if (needs?.minResponses !== undefined && group.responses.length < needs.minResponses) {
    return `group has ${group.responses.length} responses, needs ${needs.minResponses}`;
  }
  if (needs?.sibling && !group.sibling) return "group has no sibling";
  return null;
}

/** What one response lacks of the needs, in words; null when nothing. */
export function responseLack(response: SampledResponse, needs: Needs | undefined): string | null {
  if (needs?.tokenCounts && response.tokenCount === undefined) return "response has no tokenCount";
  if (needs?.logprobs && response.sumLogprob === undefined) return "response has no sumLogprob";
  return null;
}

/**
 * Applies the scorer contract to what a scorer returned: a wrong number of scores fails every cell (`wrong_length`),
 * a value that is not finite or outside the range fails its cell (`not_finite`, `out_of_range`), anything that is not
 * a score fails its cell (`not_a_score`).
 */
export function checkScores(scorer: Scorer, group: Group, returned: unknown): readonly Score[] {
  const count = group.responses.length;
  if (!Array.isArray(returned) || returned.length !== count) {
    const got = Array.isArray(returned) ? `${returned.length} scores` : `a ${typeof returned}`;
    return failAll(group, "wrong_length", `${scorer.name} returned ${got} for ${count} responses`);
  }
  return returned.map((score) => checkScore(scorer, score));
}

export function failAll(group: Group, code: string, why: string): Failed[] {
  return group.responses.map(() => failed(code, why));
}

function checkScore(scorer: Scorer, score: unknown): Score {
  if (typeof score !== "object" || score === null) return failed("not_a_score", `got ${describe(score)}`);
  const { kind } = score as Score;
  if (kind === "abstained" || kind === "failed") return wellFormedReason(score as Abstained | Failed);
  if (kind !== "scored") return failed("not_a_score", `got kind ${describe(kind)}`);
  const given = score as Scored;
  if (!Number.isFinite(given.value)) return failed("not_finite", `value is ${describe(given.value)}`);
  const [min, max] = scorer.range;
  if (given.value < min || given.value > max) {
    return failed("out_of_range", `value ${given.value} is outside [${min}, ${max}]`);
  }
  for (const name of ["why", "raw"] as const) {
    if (given[name] !== undefined && typeof given[name] !== "string") {
      return failed("not_a_score", `${name} is ${describe(given[name])}, not text`);
    }
  }
  return checkParts(given.parts ?? {}) ?? checkSpans(given.spans ?? []) ?? withFields(given, SCORED_FIELDS);
}

const SCORED_FIELDS = ["kind", "value", "why", "parts", "spans", "raw"];
const ABSTAINED_FIELDS = ["kind", "why"];
const FAILED_FIELDS = ["kind", "code", "why"];

/** Leaves out what no score has: a scorer's own notes are not stored, and may be nothing that can be. */
function withFields<S extends Score>(score: S, fields: readonly string[]): S {
  const entries = Object.entries(score);
  if (entries.every(([name]) => fields.includes(name))) return score;
  return Object.fromEntries(entries.filter(([name]) => fields.includes(name))) as unknown as S;
}

function checkParts(parts: unknown): Failed | null {
  if (typeof parts !== "object" || parts === null || Array.isArray(parts)) {
    return failed("not_a_score", `parts is ${describe(parts)}, not numbers by name`);
  }
  for (const [name, part] of Object.entries(parts)) {
    if (!Number.isFinite(part)) return failed("not_finite", `part ${name} is ${describe(part)}`);
  }
  return null;
}

function checkSpans(spans: unknown): Failed | null {
  if (!Array.isArray(spans)) return failed("not_a_score", `spans is ${describe(spans)}, not a list`);
  for (const span of spans as readonly (Partial<Span> | null)[]) {
    const { start, end, value = null, label = null, ...others } = span ?? {};
    if (!isOffset(start) || !isOffset(end) || start > end) {
      return failed("not_a_score", `a span reaches from ${describe(start)} to ${describe(end)}`);
    }
    if (value !== null && !Number.isFinite(value)) {
      return failed("not_finite", `span ${start}–${end} has value ${describe(value)}`);
    }
    if (label !== null && typeof label !== "string") {
      return failed("not_a_score", `span ${start}–${end} has label ${describe(label)}, not text`);
    }
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) return failed("not_a_score", `span ${start}–${end} has a field ${unknown}`);
  }
  return null;
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function wellFormedReason(score: Abstained | Failed): Score {
  if (typeof score.why !== "string") return failed("not_a_score", `${score.kind} without a why`);
  if (score.kind === "failed" && typeof score.code !== "string") {
    return failed("not_a_score", "failed without a code");
  }
  return score.kind === "failed" ? withFields(score, FAILED_FIELDS) : withFields(score, ABSTAINED_FIELDS);
}

function describe(value: unknown): string {
  if (typeof value === "string") return `"${value.slice(0, 40)}"`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}

/** Checks options given in code with the same schema a recipe is checked with. */
export function parseOptions<Options>(
  name: string,
  schema: z.ZodType<Options>,
  given: unknown,
  fix = `see \`prefkit list ${name}\` for its options.`,
): Options {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join(".") || "options";
  throw new PrefkitError("bad_option", `${name}: ${path}: ${issue?.message ?? "not valid"}.`, fix);
}
