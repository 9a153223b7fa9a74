import { Command } from "commander";
import pc from "picocolors";
import { stringify } from "yaml";
import type { z } from "zod";
import { describeNeeds } from "../../annotate/plan.ts";
import { type OptionSchema, optionsSchema } from "../../annotate/recipe-json-schema.ts";
import { catalog } from "../../catalog.ts";
import { isPrefkitError, PrefkitError } from "../../core/errors.ts";
import { suggestion } from "../../core/nearest.ts";
import type { ModelNeed, ScorerDefinition } from "../../core/scorer.ts";
import type { Json, JsonObject, Scorer } from "../../core/types.ts";
import { pairBuilders } from "../../pairs/index.ts";
import { transforms } from "../../shaping/index.ts";
import type { Transform } from "../../shaping/transform.ts";
import type { CommandSetup } from "../program.ts";

interface Flags {
  readonly json?: boolean;
}

interface Listed {
  readonly name: string;
  /** Providers have none: what they answer is not theirs. */
  readonly version?: number;
  readonly summary: string;
  readonly options: z.ZodType;
  readonly example?: JsonObject;
  create?(options: unknown, models: unknown): unknown;
}

interface Kind {
  readonly kind: "scorer" | "transform" | "pair builder" | "provider";
  /** The key that names the plug-in in a recipe. */
  readonly named?: "provider";
  readonly title: string;
  readonly entries: Readonly<Record<string, Listed>>;
  /** Where the entry stands in a recipe. */
  readonly example: (entry: JsonObject, reads: readonly string[]) => JsonObject;
}

const KINDS: readonly Kind[] = [
  {
    kind: "scorer",
    title: "Scorers",
    entries: catalog.scorers,
    example: (entry) => ({ scorers: { my_score: entry } }),
  },
  {
    kind: "transform",
    title: "Transforms",
    entries: transforms,
    example: (entry, reads) => ({
      // The scores that it reads beside its own must be there too; any scorer will do.
      ...(reads.length > 0 && {
        scorers: Object.fromEntries(["my_score", ...reads].map((key) => [key, { use: "math-answer" }])),
      }),
      reward: { terms: [{ score: "my_score", transform: [entry] }] },
    }),
  },
  {
    kind: "pair builder",
    title: "Pair builders",
    entries: pairBuilders,
    example: (entry) => ({ pairs: entry }),
  },
  {
    kind: "provider",
    named: "provider",
    title: "Model providers",
    entries: catalog.providers,
    example: (entry) => ({ models: { my_model: entry } }),
  },
];

export function listCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("list")
    .description(
      "List scorers, transforms, pair builders and model providers, or tell all about one of them.",
    )
    .argument("[name]", "one of them")
    .option("--json", "print as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ prefkit list
  $ prefkit list math-answer
  $ prefkit list best-vs-worst --json`,
    )
    .action((name: string | undefined, { json }: Flags) => {
      if (name === undefined) {
        if (json) terminal.out(JSON.stringify({ ok: true, ...overview() }));
        else for (const line of overviewLines()) terminal.out(line);
      } else {
        const found = detailsOf(name);
        if (json) terminal.out(JSON.stringify({ ok: true, ...found }));
        else for (const line of detailLines(found)) terminal.out(line);
      }
      exit(0);
    });
}

type Overview = Pick<Listed, "name" | "version" | "summary">;

function overview(): Record<string, readonly Overview[]> {
  const of = ({ entries }: Kind): Overview[] =>
    Object.values(entries).map(({ name, version, summary }) => ({
      name,
      ...(version === undefined ? {} : { version }),
      summary,
    }));
  const [scorers, shaping, pairs, providers] = KINDS.map(of);
  return {
    scorers: scorers ?? [],
    transforms: shaping ?? [],
    pairBuilders: pairs ?? [],
    providers: providers ?? [],
  };
}

function overviewLines(): string[] {
  const width = Math.max(...KINDS.flatMap(({ entries }) => Object.keys(entries).map((name) => name.length)));
  return [
    ...KINDS.flatMap(({ title, entries }) => [
      pc.bold(title),
      ...Object.values(entries).map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
      "",
    ]),
    "`prefkit list NAME` shows options, needs and an example. Scorers of your own: `use: ./file.mjs#name`.",
  ];
}

interface OptionDetails {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** Absent when there is none. */
  readonly default?: Json;
  readonly description: string | null;
}

/** What `list NAME` tells of one plug-in. */
export interface Details {
  readonly kind: Kind["kind"];
  readonly name: string;
  readonly version?: number;
  readonly summary: string;
  readonly options: readonly OptionDetails[];
  /** YAML that a recipe takes as it stands; values in angle brackets are to be replaced. */
  readonly example: string;
  readonly scorer?: {
    readonly cost: "free" | "paid";
    readonly cpuBound: boolean;
    readonly orderSensitive: boolean;
    readonly usesSeed: boolean;
    /** The options that name models of the recipe, with the port each needs; null when it calls none. */
    readonly models: string | null;
    /** In words, with the options of the example; null when it needs nothing. */
    readonly needs: string | null;
    /** Closed interval of the values, with the options of the example; null for an end without a bound. */
    readonly range: readonly (number | null)[] | null;
  };
}

function detailsOf(name: string): Details {
  const kind = KINDS.find(({ entries }) => Object.hasOwn(entries, name));
  const definition = kind?.entries[name];
  if (!kind || !definition) {
    const known = KINDS.flatMap(({ entries }) => Object.keys(entries));
    throw new PrefkitError("unknown_name", `there is nothing called "${name}".`, suggestion(name, known));
  }
  const { properties, required } = optionsSchema(definition.options);
  const options = Object.entries(properties).map(([option, schema]): OptionDetails => {
    return {
      name: option,
      type: typeText(schema),
      required: required.includes(option),
      ...(schema.default === undefined ? {} : { default: schema.default }),
      description: schema.description ?? null,
    };
  });
  const { sample, made } = sampleOptions(definition);
  return {
    kind: kind.kind,
    name,
    ...(definition.version === undefined ? {} : { version: definition.version }),
    summary: definition.summary,
    options,
    example: stringify({
      ...sampleModels(definition),
      ...kind.example(
        { [kind.named ?? "use"]: name, ...sample, ...modelNames(definition) },
        ((made as Transform | null)?.reads ?? []).map(({ score }) => score),
      ),
    }).trimEnd(),
    ...(kind.kind === "scorer"
      ? { scorer: scorerDetails(catalog.scorers[name], made as Scorer | null) }
      : {}),
  };
}

function scorerDetails(
  definition: ScorerDefinition | undefined,
  scorer: Scorer | null,
): NonNullable<Details["scorer"]> {
  const { cost = "free", cpuBound = false, orderSensitive = false, usesSeed = false } = definition ?? {};
  const models = Object.entries(definition?.models ?? {}).map(
    ([option, { port, list, optional }]) =>
      `${option} (${port}${list ? ", a list" : ""}${optional ? ", optional" : ""})`,
  );
  return {
    models: models.length === 0 ? null : models.join(", "),
    cost,
    cpuBound,
    orderSensitive,
    usesSeed,
    needs: scorer?.needs ? describeNeeds(scorer.needs) : null,
    // JSON has no infinity.
    range: scorer ? scorer.range.map((end) => (Number.isFinite(end) ? end : null)) : null,
  };
}

/** Options that the plug-in takes: those it requires, and more only when it refuses these. */
function sampleOptions(definition: Listed): { sample: JsonObject; made: unknown } {
  const { properties, required } = optionsSchema(definition.options);
  const pick = (names: readonly string[]): JsonObject =>
    Object.fromEntries(names.map((name) => [name, sampleValue(name, properties[name] ?? {})]));
  const undefaulted = Object.keys(properties).filter((name) => properties[name]?.default === undefined);
  const { example } = definition;
  for (const sample of example ? [example] : [pick(required), pick(undefaulted)]) {
    const parsed = definition.options.safeParse(sample);
    if (!parsed.success) continue;
    if (!definition.create || hasModels(definition)) return { sample, made: null };
    try {
      return { sample, made: definition.create(parsed.data, {}) };
    } catch (error) {
      // Refused by the factory: the next sample says more.
      if (!isPrefkitError(error)) throw error;
    }
  }
  return { sample: pick(required), made: null };
}

function requiredModels(definition: Listed): [option: string, port: ModelNeed["port"]][] {
  const needs = Object.entries((definition as Partial<ScorerDefinition>).models ?? {});
  return needs.flatMap(([option, { port, optional }]) => (optional ? [] : [[option, port]]));
}

/** Under each option the model of that name. */
function modelNames(definition: Listed): JsonObject {
  return Object.fromEntries(requiredModels(definition).map(([option]) => [option, option]));
}

/** A section `models` with what the scorer cannot do without. */
function sampleModels(definition: Listed): JsonObject {
  const models = requiredModels(definition).map(([option, port]): [string, JsonObject] => {
    if (port !== "logprobs") return [option, { provider: "openai", model: "<model>" }];
    return [option, { provider: "local", model: option === "weak" ? "embedded:weak" : "embedded:strong" }];
  });
  return models.length === 0 ? {} : { models: Object.fromEntries(models) };
}

/** Scorers that call models cannot be made without them. */
function hasModels(definition: Listed): boolean {
  return Object.keys((definition as Partial<ScorerDefinition>).models ?? {}).length > 0;
}

function sampleValue(name: string, schema: OptionSchema): Json {
  const { type, items, minimum } = schema;
  if (schema.enum !== undefined) return (schema.enum as readonly Json[])[0] ?? null;
  if (type === "integer") return Math.max(100, Number(minimum ?? 100));
  if (type === "number") return name.startsWith("max") ? 1 : Number(minimum ?? 0);
  if (type === "boolean") return true;
  if (type === "array") return Array.isArray(items) ? items.map((_, index) => index) : [];
  if (type === "object") return {};
  return `<${name}>`;
}

/** A JSON schema in a few words: `integer ≥ 1`, `"zero" | "abstain"`, `list of string`. */
function typeText(schema: JsonObject): string {
  const { type, items, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined)
    return (schema.enum as readonly Json[]).map((value) => JSON.stringify(value)).join(" | ");
  const branches = (schema.anyOf ?? schema.oneOf) as readonly JsonObject[] | undefined;
  if (branches) return branches.map(typeText).join(" or ");
  if (Array.isArray(items)) return `[${(items as readonly JsonObject[]).map(typeText).join(", ")}]`;
  if (type === "array") return `list of ${typeText((items ?? {}) as JsonObject)}`;
  if (type === "object" && schema.properties !== undefined) {
    return `{ ${Object.entries(schema.properties as Record<string, JsonObject>)
      .map(([name, inner]) => `${name}: ${typeText(inner)}`)
      .join(", ")} }`;
  }
  const bounds = [
    minimum === undefined ? "" : ` ≥ ${String(minimum)}`,
    exclusiveMinimum === undefined ? "" : ` > ${String(exclusiveMinimum)}`,
    maximum === undefined ? "" : ` ≤ ${String(maximum)}`,
    exclusiveMaximum === undefined ? "" : ` < ${String(exclusiveMaximum)}`,
  ];
  return `${typeof type === "string" ? type : "any"}${bounds.filter((bound) => bound !== "").join(",")}`;
}

function detailLines({ kind, name, version, summary, options, example, scorer }: Details): string[] {
  const rows = options.map((option) => {
    const fallback = option.required
      ? "required"
      : option.default === undefined
        ? "optional"
        : `default ${JSON.stringify(option.default)}`;
    return { name: option.name, type: option.type, fallback, description: option.description };
  });
  const width = Math.max(0, ...rows.map((row) => row.name.length));
  return [
    `${pc.bold(name)}  ${kind}${version === undefined ? "" : `, version ${version}`}`,
    `  ${summary}`,
    ...(scorer ? scorerLines(scorer) : []),
    "",
    pc.bold("Options"),
    ...(rows.length === 0 ? ["  none"] : []),
    ...rows.flatMap((row) => [
      `  ${row.name.padEnd(width)}  ${row.type}; ${row.fallback}`,
      ...(row.description === null ? [] : [`  ${"".padEnd(width)}  ${pc.dim(row.description)}`]),
    ]),
    "",
    pc.bold("Example"),
    ...example.split("\n").map((line) => `  ${line}`),
  ];
}

function scorerLines(scorer: NonNullable<Details["scorer"]>): string[] {
  const end = (value: number | null | undefined, infinite: string): string => String(value ?? infinite);
  const traits = [
    scorer.cost === "paid" ? "paid: its scores are kept in the persistent cache" : "free",
    scorer.cpuBound ? "CPU-bound: runs in a worker" : "runs on the main thread",
    ...(scorer.orderSensitive ? ["the order of responses matters"] : []),
    ...(scorer.usesSeed ? ["depends on the seed"] : []),
  ];
  return [
    `  ${traits.join("; ")}`,
    ...(scorer.range ? [`  values from ${end(scorer.range[0], "−∞")} to ${end(scorer.range[1], "∞")}`] : []),
    `  needs ${scorer.needs ?? "nothing beyond the responses"}`,
    ...(scorer.models === null ? [] : [`  calls models, named by these options: ${scorer.models}`]),
  ];
}
