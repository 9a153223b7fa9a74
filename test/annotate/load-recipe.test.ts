// biome-ignore-all lint/suspicious/noTemplateCurlyInString: recipes write their variables so.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  environmentWithDotenv,
  type LoadedRecipe,
  loadRecipe,
  parseRecipe,
  recipeFromCode,
} from "../../src/annotate/load-recipe.ts";
import { defineRecipe } from "../../src/annotate/recipe.ts";
import { directoryOf, errorOf } from "./small-run.ts";

const GOOD = `input:
  path: data/*.jsonl
scorers:
  correct:
    use: math-answer
`;

function parse(text: string, environment: Readonly<Record<string, string>> = {}): LoadedRecipe {
  return parseRecipe(text, { directory: "/recipes", label: "recipe.yaml", environment });
}

/** The first line of the error that a recipe makes, and its fix. */
async function faultOf(text: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const error = await errorOf(() => parse(text, environment));
  expect(error.code).toBe("bad_recipe");
  return error.message;
}

describe("a recipe in YAML", () => {
  it("gets its defaults", () => {
    const { recipe, label, directory } = parse(GOOD);
    expect(recipe).toEqual({
      input: { path: "data/*.jsonl", onBadRow: "fail" },
      models: {},
      scorers: { correct: { use: "math-answer", maxFailedShare: 0.01, keepRaw: false } },
      output: { format: "parquet", fileMb: 256 },
      seed: 0,
      shardSize: 2000,
    });
    expect([label, directory]).toEqual(["recipe.yaml", "/recipes"]);
  });

  it("knows the line of each key", () => {
    const { line } = parse(`${GOOD}reward:
  terms:
    - { score: correct }
    - score: style
      weight: 2
`);
    expect(line(["input"])).toBe(1);
    expect(line(["scorers", "correct", "use"])).toBe(5);
    expect(line(["reward", "terms", 0])).toBe(8);
    expect(line(["reward", "terms", 1, "weight"])).toBe(10);
    // Of what is not there, the nearest that is.
    expect(line(["scorers", "correct", "scale"])).toBe(4);
    expect(line(["nothing"])).toBe(1);
  });
});

describe("a fault in YAML", () => {
  it.each([
    { note: "a tab", text: "input:\n\tpath: x\n", starts: "recipe.yaml:2: not valid YAML:" },
    { note: "an open quote", text: 'input:\n  path: "x\nscorers: {}\n', starts: "recipe.yaml:" },
    {
      note: "a key twice",
      text: `${GOOD}seed: 1\nseed: 2\n`,
      starts: "recipe.yaml:7: not valid YAML: Map keys must be unique",
    },
    { note: "nothing", text: "# nothing\n", starts: "recipe.yaml holds nothing." },
    { note: "a list", text: "- input\n", starts: "recipe.yaml holds a list." },
    { note: "a word", text: "recipe\n", starts: "recipe.yaml holds a string." },
  ])("names its line: $note", async ({ text, starts }) => {
    expect(await faultOf(text)).toContain(starts);
  });

  it("is also a heap of aliases that would fill the memory", async () => {
    const lol = [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ...["b", "c", "d", "e", "f", "g"].map((name, index) => {
        const earlier = "abcdef"[index];
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${earlier}`).join(", ")}]`;
      }),
    ].join("\n");
    expect(await faultOf(lol)).toContain("use fewer YAML aliases");
  });
});

describe("a fault of the schema", () => {
  it.each([
    {
      note: "a wrong type",
      text: GOOD.replace("data/*.jsonl", "5"),
      says: ["recipe.yaml:2: input.path:", "got 5."],
    },
    {
      note: "a missing section",
      text: "scorers: { correct: { use: math-answer } }\n",
      says: ["recipe.yaml:1: input:", "got nothing."],
    },
    {
      note: "a value out of range, deep inside a list",
      text: `${GOOD}reward:\n  terms:\n    - score: correct\n      transform:\n        - use: 3\n`,
      says: ["recipe.yaml:10: reward.terms[0].transform[0].use:", "got 3."],
    },
    {
      note: "a scorer's key that no column may have",
      text: GOOD.replace("correct:", "is correct:"),
      says: ["recipe.yaml:4: scorers.is correct:"],
    },
    {
      note: "an empty list of terms",
      text: `${GOOD}reward: { terms: [] }\n`,
      says: ["recipe.yaml:6: reward.terms:"],
    },
    {
      note: "a gate that says both sides",
      text: `${GOOD}reward:\n  terms: [{ score: correct }]\n  gates:\n    - { score: correct, below: 1, above: 2, reward: 0 }\n`,
      says: ["recipe.yaml:9: reward.gates[0]:", "exactly one of below and above"],
    },
    {
      note: "a seed beyond 32 bits",
      text: `${GOOD}seed: 4294967296\n`,
      says: ["recipe.yaml:6: seed:", "got 4294967296."],
    },
    {
      note: "a split's name with a space",
      text: `${GOOD}output: { split: { dev set: 0.2 } }\n`,
      says: ['recipe.yaml:6: output.split.dev set: the key "dev set"', "Fix: use letters, digits and '_'."],
    },
    {
      note: "a split's name with a hyphen",
      text: `${GOOD}output: { split: { test-1: 0.2 } }\n`,
      says: ['the key "test-1" cannot stand here', "Fix: use letters, digits and '_'."],
    },
    {
      note: "the split that `datasets` keeps for itself",
      text: `${GOOD}output: { split: { all: 0.5 } }\n`,
      says: ["recipe.yaml:6: output.split:", "`datasets` takes all for every split together"],
    },
    {
      note: "splits that differ only in case",
      text: `${GOOD}output: { split: { Test: 0.2, test: 0.2 } }\n`,
      says: ["recipe.yaml:6: output.split:", "two names differ only in case"],
    },
    {
      note: "train in another case",
      text: `${GOOD}output: { split: { Train: 0.2 } }\n`,
      says: ["leave train out, in whatever case"],
    },
    {
      note: "a share above 1",
      text: `${GOOD}output: { split: { test: 1.5 } }\n`,
      says: ["recipe.yaml:6: output.split.test:", "got 1.5."],
    },
  ])("names line, key and what was got: $note", async ({ text, says }) => {
    const message = await faultOf(text);
    for (const part of says) expect(message).toContain(part);
    expect(message).toMatch(/\nFix: \S.*\[bad_recipe\]$/);
  });

  it.each([
    {
      text: `${GOOD}rewards:\n  terms: []\n`,
      says: 'recipe.yaml:6: rewards: unknown key.\nFix: did you mean "reward"?',
    },
    {
      text: GOOD.replace("path:", "paths:"),
      says: 'recipe.yaml:2: input.paths: unknown key.\nFix: did you mean "path"?',
    },
    {
      text: GOOD.replace("  path: data/*.jsonl", "  path: x\n  map: { promt: question }"),
      says: 'recipe.yaml:3: input.map.promt: unknown key.\nFix: did you mean "prompt"?',
    },
    {
      text: `${GOOD}reward:\n  terms:\n    - score: correct\n      wieght: 2\n`,
      says: 'recipe.yaml:9: reward.terms[0].wieght: unknown key.\nFix: did you mean "weight"?',
    },
    {
      text: `${GOOD}output: { zebra: 1 }\n`,
      says: "recipe.yaml:6: output.zebra: unknown key.\nFix: remove it;",
    },
  ])("guesses what an unknown key was meant to be: $says", async ({ text, says }) => {
    expect(await faultOf(text)).toContain(says);
  });

  it("of a union speaks of the branch that was meant", async () => {
    const wrong = GOOD.replace(
      "  path: data/*.jsonl",
      "  path: x\n  map:\n    responses:\n      - { text: a, tokenCount: 5 }",
    );
    const message = await faultOf(wrong);
    expect(message).toContain("recipe.yaml:5: input.map.responses[0].tokenCount:");
    expect(message).toContain("got 5.");
  });

  it("shows long values cut", async () => {
    const message = await faultOf(`${GOOD}seed: ${"x".repeat(500)}\n`);
    expect(message).toContain('got "xxx');
    expect(message.length).toBeLessThan(300);
  });
});

describe("${VAR}", () => {
  const text = GOOD.replace("data/*.jsonl", "${DATA}/in-${PART}.jsonl").replace(
    "use: math-answer",
    "use: judge\n    apiKey: ${KEY}",
  );
  const environment = { DATA: "/data", PART: "7", KEY: "sk-secret" };

  it("is looked up in the environment, more than once in a text", () => {
    const { recipe } = parse(text, environment);
    expect(recipe.input.path).toBe("/data/in-7.jsonl");
    expect(recipe.scorers.correct).toMatchObject({ apiKey: "sk-secret" });
  });

  it("stays as it is in what goes into files", () => {
    expect(JSON.stringify(parse(text, environment).raw)).toContain("${KEY}");
    expect(JSON.stringify(parse(text, environment).raw)).not.toContain("sk-secret");
  });

  it("that is not set is a fault with line, key and name", async () => {
    const message = await faultOf(text, { DATA: "/data", PART: "7" });
    expect(message).toContain("recipe.yaml:6: scorers.correct.apiKey: the environment has no variable KEY.");
    expect(message).toContain("set KEY, or write it to a .env file.");
  });

  it("is never shown by its value in an error", async () => {
    const message = await faultOf(`${GOOD}seed: \${KEY}\n`, environment);
    expect(message).toContain('got "${KEY}".');
    expect(message).not.toContain("sk-secret");
  });

  it("may be empty, and is not looked up again in what it stands for", () => {
    const { recipe } = parse(GOOD.replace("data/*.jsonl", "a${EMPTY}b${NESTED}"), {
      EMPTY: "",
      NESTED: "${DATA}",
    });
    expect(recipe.input.path).toBe("ab${DATA}");
  });

  it("is only that: other dollars and braces stay", () => {
    const { recipe } = parse(GOOD.replace("data/*.jsonl", () => "'$HOME/{a,b}/$${x'"));
    expect(recipe.input.path).toBe("$HOME/{a,b}/$${x");
  });
});

describe("a recipe in code", () => {
  const given = defineRecipe({ input: { path: "in.jsonl" }, scorers: { length: { use: "length" } } });

  it("is checked like one in YAML, without lines", async () => {
    expect(recipeFromCode(given, "/here", {}).recipe.shardSize).toBe(2000);
    const error = await errorOf(() => recipeFromCode({ ...given, sead: 1 }, "/here", {}));
    expect(error.message).toContain('recipe: sead: unknown key.\nFix: did you mean "seed"?');
    expect(error.place).toEqual({ file: "recipe" });
  });

  it("may hold functions and scorers", () => {
    const use = (): number => 1;
    const scorer = { name: "${s}", version: 1, range: [0, 1], score: () => [] };
    const { recipe } = recipeFromCode(
      { ...given, scorers: { plain: { use }, whole: { use: scorer } } },
      "/here",
      {},
    );
    expect(recipe.scorers.plain?.use).toBe(use);
    expect(recipe.scorers.whole?.use).toBe(scorer);
  });

  it.each([5, {}, [], null])("may not hold %j for a scorer", async (use) => {
    const error = await errorOf(() => recipeFromCode({ ...given, scorers: { odd: { use } } }, "/here", {}));
    expect(error.message).toContain("scorers.odd.use");
  });

  it.each([null, undefined, "recipe", [given]])("is a map, not %j", async (odd) => {
    expect((await errorOf(() => recipeFromCode(odd, "/here", {}))).code).toBe("bad_recipe");
  });
});

describe("loadRecipe", () => {
  it("reads YAML and resolves its paths from the recipe's folder", async () => {
    const directory = await directoryOf({ "recipes/first.yaml": GOOD });
    const loaded = await loadRecipe(join(directory, "recipes/first.yaml"), {});
    expect([loaded.label, loaded.directory]).toEqual(["first.yaml", join(directory, "recipes")]);
  });

  it("reads the default export of a module", async () => {
    const directory = await directoryOf({
      "recipe.mjs": 'export default { input: { path: "${DATA}" }, scorers: { length: { use: () => 1 } } };\n',
    });
    const { recipe } = await loadRecipe(join(directory, "recipe.mjs"), { DATA: "x.jsonl" });
    expect(recipe.input.path).toBe("x.jsonl");
    expect(recipe.scorers.length?.use).toBeTypeOf("function");
  });

  it.each([
    { name: "broken.mjs", text: "export default {", says: "cannot be loaded" },
    { name: "throws.mjs", text: 'throw new Error("no luck");', says: "cannot be loaded: no luck." },
    { name: "empty.mjs", text: "export const recipe = {};", says: "has no default export" },
    { name: "odd.mjs", text: "export default 5;", says: "recipe holds a number." },
  ])("says what is wrong with a module: $says", async ({ name, text, says }) => {
    const directory = await directoryOf({ [name]: text });
    const error = await errorOf(() => loadRecipe(join(directory, name), {}));
    expect(error.code).toBe("bad_recipe");
    expect(error.message).toContain(says);
  });

  it("says that there is no recipe, or that it cannot be read", async () => {
    const directory = await directoryOf();
    const missing = await errorOf(() => loadRecipe(join(directory, "none.yaml"), {}));
    expect(missing.message).toContain("there is no recipe at");
    expect(missing.fix).toContain("prefkit init");
    const folder = await errorOf(() => loadRecipe(directory, {}));
    expect(folder.message).toContain("cannot be read: EISDIR");
  });
});

describe("the environment", () => {
  it("wins over a .env file, which adds what is not set", async () => {
    const directory = await directoryOf({
      ".env": 'PATH=from-file\nPREFKIT_TEST_ONLY="from file"\n# a comment\n',
    });
    const environment = await environmentWithDotenv(directory);
    expect(environment.PREFKIT_TEST_ONLY).toBe("from file");
    expect(environment.PATH).toBe(process.env.PATH);
  });

  it("takes the first variable of a .env file that begins with a byte-order mark", async () => {
    const directory = await directoryOf({
      ".env": "\uFEFFPREFKIT_TEST_ONLY=first\r\nPREFKIT_TEST_TOO=second\r\n",
    });
    const environment = await environmentWithDotenv(directory);
    expect(environment).toMatchObject({ PREFKIT_TEST_ONLY: "first", PREFKIT_TEST_TOO: "second" });
  });

  it("is itself where there is no .env file", async () => {
    expect(await environmentWithDotenv(await directoryOf())).toEqual(process.env);
  });

  it("is an error when the .env file cannot be read", async () => {
    const directory = await directoryOf({ ".env/inside": "a folder" });
    expect((await errorOf(() => environmentWithDotenv(directory))).code).toBe("io");
  });
});
