import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { parseRecipe } from "../../src/annotate/load-recipe.ts";
import { closeModels } from "../../src/annotate/models.ts";
import { resolveRecipe } from "../../src/annotate/resolve.ts";
import { catalog } from "../../src/catalog.ts";
import { isPrefkitError } from "../../src/core/errors.ts";
import { type Random, randomFor } from "../../src/core/random.ts";
import { modelRuntime } from "../../src/testing/model-runtime.ts";

const recipesDirectory = fileURLToPath(new URL("../../datasets/recipes/", import.meta.url));
const seeds: readonly string[] = [
  ...readdirSync(recipesDirectory)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(`${recipesDirectory}${name}`, "utf8")),
  stringify({
    input: {
      path: ["a.jsonl", "b/*.jsonl.gz"],
      map: { prompt: "q", responses: [{ text: "a.b", metadata: { x: "y" } }, "c"] },
      onBadRow: "skip",
    },
    scorers: { a: { use: "contains", text: "x" }, b: { use: "json-schema", schema: { type: "object" } } },
    reward: {
      terms: [
        {
          score: "a",
          weight: 0.5,
          transform: [{ use: "clip", min: 0, max: 1 }, { use: "rank" }],
          onUnscored: "drop-term",
        },
      ],
      gates: [{ score: "b", above: 0.5, reward: 1 }],
    },
    pairs: { use: "top-k-vs-bottom-k", k: 2 },
    output: { split: { test: 0.1, dev: 0.1 }, fileMb: 1, codec: "snappy" },
    seed: 4_294_967_295,
    shardSize: 1,
  }),
];

const variable = (name: string): string => `\${${name}}`;

/** Fragments that have broken parsers of YAML, schemas and messages. */
const FRAGMENTS: readonly string[] = [
  "*a",
  "&a",
  "&a [*a]",
  "<<: *a",
  "!!js/function x",
  "!!binary aGk=",
  "!<tag:x>",
  "? [1, 2]\n: 3\n",
  "---\n",
  "...\n",
  "%YAML 1.1\n---\n",
  "|\n  text\n",
  ">-\n",
  "'",
  '"',
  "\\",
  "\t",
  "\r\n",
  "\u0000",
  "\u2028",
  "\ud800",
  "\ufeff",
  "{",
  "}",
  "[",
  "]",
  ":",
  "#",
  "- ",
  ",",
  "~",
  "null",
  "true",
  ".nan",
  ".inf",
  "-.inf",
  "0x7fffffffffffffff",
  "1e999",
  "-0",
  "9007199254740993",
  "2001-01-01",
  "on",
  "=",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  variable("HOME_THAT_IS_NOT"),
  variable(""),
  variable("PREFKIT_FUZZ_SET"),
  "../../../..",
  "./x.mjs#y",
  "use: {}",
  "use: []",
  "use: math-answer",
  "scorers: null",
  "terms: []",
  "weight: .nan",
  "minMargin: -1",
  "shardSize: 0",
  "seed: -1",
  "x".repeat(5000),
  "[".repeat(200),
  "{a: ".repeat(200),
  "- ".repeat(200),
];

type Mutation = (text: string, random: Random) => string;

const MUTATIONS: readonly Mutation[] = [
  // A few characters go.
  (text, random) => {
    const start = random.below(text.length + 1);
    return text.slice(0, start) + text.slice(start + 1 + random.below(20));
  },
  // A fragment comes in between.
  (text, random) => {
    const start = random.below(text.length + 1);
    return text.slice(0, start) + random.pick(FRAGMENTS) + text.slice(start);
  },
  // A value gives way to a fragment.
  (text, random) => replacedLine(text, random, (line) => line.replace(/:.*$/, `: ${random.pick(FRAGMENTS)}`)),
  // A key gives way to a fragment.
  (text, random) =>
    replacedLine(text, random, (line) => line.replace(/[\w-]+:/, `${random.pick(FRAGMENTS)}:`)),
  // A line stands elsewhere, twice, or deeper.
  (text, random) => {
    const lines = text.split("\n");
    const line = random.pick(lines);
    lines.splice(random.below(lines.length), random.below(2), line);
    return lines.join("\n");
  },
  (text, random) => replacedLine(text, random, (line) => " ".repeat(1 + random.below(6)) + line),
  // The end is missing.
  (text, random) => text.slice(0, random.below(text.length + 1)),
  // A character is another.
  (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + String.fromCharCode(random.below(0x3000)) + text.slice(at + 1);
  },
  // A part of another recipe.
  (text, random) => {
    const other = random.pick(seeds);
    const start = random.below(other.length);
    return text.slice(0, random.below(text.length + 1)) + other.slice(start, start + random.below(400));
  },
];

function replacedLine(text: string, random: Random, change: (line: string) => string): string {
  const lines = text.split("\n");
  const index = random.below(lines.length);
  return lines.with(index, change(lines[index] ?? "")).join("\n");
}

const DEEP: readonly (readonly [what: string, text: string])[] = [
  ["lists in lists, ten thousand deep", `input: ${"[".repeat(10_000)}`],
  ["closed lists in lists", `input: ${"[".repeat(5000)}${"]".repeat(5000)}`],
  ["maps in maps", `input: ${"{a: ".repeat(5000)}1${"}".repeat(5000)}`],
  [
    "aliases that multiply",
    `a: &a [x, x]\n${Array.from({ length: 30 }, (_, index) => `b${index}: &b${index} [*${index === 0 ? "a" : `b${index - 1}`}, *${index === 0 ? "a" : `b${index - 1}`}]\n`).join("")}`,
  ],
  ["an alias of what it stands in", "input: &a\n  path: *a\nscorers: { s: { use: math-answer } }\n"],
  [
    "an option that holds itself",
    "input: { path: x }\nscorers: { s: &a { use: json-schema, schema: *a } }\n",
  ],
  ["an alias that is nowhere", "input: *nowhere\n"],
];

const cases = Number(process.env.PREFKIT_FUZZ ?? 300);
const LONGEST_MS = 5000;

async function outcomeOf(text: string): Promise<string> {
  const started = performance.now();
  let outcome: string;
  try {
    const loaded = parseRecipe(text, {
      directory: "/nowhere",
      label: "recipe.yaml",
      environment: { PREFKIT_FUZZ_SET: "set" },
    });
    const runtime = modelRuntime({ offline: true, directory: "/nowhere", cacheDirectory: "/nowhere/cache" });
    const { models } = await resolveRecipe(loaded, catalog, runtime);
    await closeModels(models);
    outcome = "loads";
  } catch (error) {
    outcome = isPrefkitError(error)
      ? error.code
      : `not a PrefkitError: ${error instanceof Error ? error.stack : String(error)}`;
    if (isPrefkitError(error) && !/\nFix: \S/.test(error.message)) outcome = `no fix: ${error.message}`;
  }
  return performance.now() - started > LONGEST_MS ? `took longer than ${LONGEST_MS} ms` : outcome;
}

it.each(DEEP)("a recipe with %s is refused, not crashed on", async (_, text) => {
  expect(await outcomeOf(text)).toBe("bad_recipe");
});

it(`every one of ${cases} mutated recipes loads or is refused with a PrefkitError, within ${LONGEST_MS} ms`, async () => {
  const outcomes = new Map<string, number>();
  for (let index = 0; index < cases; index++) {
    const random = randomFor(1, "fuzz-recipe", index);
    let text = random.pick(seeds);
    for (let times = 1 + random.below(4); times > 0; times--) text = random.pick(MUTATIONS)(text, random);
    const outcome = await outcomeOf(text);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(outcome, `case ${index}:\n${text.slice(0, 3000)}`).toMatch(
      /^(loads|bad_recipe|bad_option|unreadable_module|missing_key|io|unknown_name)$/,
    );
  }
  // Both must happen, or the mutations are too weak or too strong to say anything.
  expect(outcomes.get("loads") ?? 0).toBeGreaterThan(cases / 100);
  expect(outcomes.get("bad_recipe") ?? 0).toBeGreaterThan(cases / 10);
});
