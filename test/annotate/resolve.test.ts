// biome-ignore-all lint/suspicious/noTemplateCurlyInString: recipes write their variables so.
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadedRecipe, parseRecipe } from "../../src/annotate/load-recipe.ts";
import { resolveFinish, resolveRecipe, scoreInfos } from "../../src/annotate/resolve.ts";
import { sha256 } from "../../src/core/ids.ts";
import { scored } from "../../src/core/scorer.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { directoryOf, errorOf, resolved, testCatalog } from "./small-run.ts";

const context = { signal: new AbortController().signal, seed: 0 };

function yaml(
  rest: string,
  environment: Readonly<Record<string, string>> = {},
  directory = "/recipes",
): LoadedRecipe {
  return parseRecipe(`input: { path: in.jsonl }\n${rest}`, { directory, label: "recipe.yaml", environment });
}

/** The message of the fault that resolving a recipe in YAML ends in. The first line given here is line 2. */
async function faultOf(rest: string, directory?: string): Promise<string> {
  const error = await errorOf(() => resolveRecipe(yaml(rest, {}, directory), testCatalog));
  return error.message;
}

describe("a scorer by name", () => {
  it("is made with its options, and knows how a thread makes it again", async () => {
    const { scorers } = await resolved({ scorers: { size: { use: "length", scale: 2, timeoutMs: 10 } } });
    const [size] = scorers;
    expect(await size?.scorer.score(groupOf(["abc"]), context)).toEqual([scored(6)]);
    expect(size).toMatchObject({
      key: "size",
      cpuBound: false,
      cost: "free",
      timeoutMs: 10,
      config: { use: "length", scorer: "length", version: 3, options: { scale: 2 } },
      source: { kind: "list", module: testCatalog.module, name: "length", options: { scale: 2 } },
    });
    expect(scoreInfos(scorers)).toEqual([
      { key: "size", scorer: "length", version: 3, configHash: size?.configHash },
    ]);
  });

  it("carries its definition's traits, and the seed where its numbers depend on it", async () => {
    const { scorers } = await resolved({
      scorers: { first: { use: "place" }, size: { use: "length" } },
      seed: 9,
    });
    expect(scorers[0]).toMatchObject({ cpuBound: true, orderSensitive: true, cacheIdentity: { seed: 9 } });
    expect(scorers[1]?.cacheIdentity).not.toHaveProperty("seed");
  });

  it.each([
    { use: "lenght", says: 'there is no scorer "lenght".\nFix: did you mean "length"?' },
    { use: "toString", says: 'there is no scorer "toString".' },
    { use: "mine.mjs", says: "A module of your own is written `./file.mjs#name`." },
  ])("that is unknown is a fault at its line: $use", async ({ use, says }) => {
    const message = await faultOf(`scorers:\n  size:\n    use: ${use}\n`);
    expect(message).toMatch(/^recipe\.yaml:4: scorers\.size\.use: /);
    expect(message).toContain(says);
  });

  it.each([
    { option: "scale: -1", says: ["recipe.yaml:5: scorers.size.scale:", "got -1."] },
    { option: "unit: lines", says: ["recipe.yaml:5: scorers.size.unit:", 'got "lines".'] },
    {
      option: "scael: 2",
      says: ["recipe.yaml:5: scorers.size.scael: unknown option.", 'did you mean "scale"?'],
    },
    {
      option: "timeoutms: 2",
      says: ["scorers.size.timeoutms: unknown option.", 'did you mean "timeoutMs"?'],
    },
  ])("with a wrong option is a fault at the option's line: $option", async ({ option, says }) => {
    const message = await faultOf(`scorers:\n  size:\n    use: length\n    ${option}\n`);
    for (const part of says) expect(message).toContain(part);
  });
});

describe("the config hash", () => {
  const hashOf = async (entry: object, environment: Readonly<Record<string, string>> = {}, key = "size") => {
    const [scorer] = (
      await resolved({ scorers: { [key]: { use: "length", ...entry } } }, "/recipes", environment)
    ).scorers;
    return scorer?.configHash;
  };

  it("has 16 hex digits and stays from version to version", async () => {
    // Python: sha256('{"options":{},"scorer":"length","use":"length","version":3}').hexdigest()[:16]
    expect(await hashOf({})).toBe("250d599cfddebbc9");
  });

  it("is told by what makes the numbers, not by the key or how long one waits", async () => {
    const hash = await hashOf({ scale: 2 });
    expect(await hashOf({ scale: 2, timeoutMs: 1, maxFailedShare: 1, keepRaw: true }, {}, "other")).toBe(
      hash,
    );
    expect(await hashOf({ scale: 3 })).not.toBe(hash);
    expect(await hashOf({})).not.toBe(hash);
  });

  it("and the config do not depend on what a variable stands for, and hold no secret", async () => {
    const entry = { unit: "${UNIT}" };
    expect(await hashOf(entry, { UNIT: "words" })).toBe(await hashOf(entry, { UNIT: "characters" }));
    const { scorers } = await resolved({ scorers: { size: { use: "length", ...entry } } }, "/recipes", {
      UNIT: "words",
    });
    expect(scorers[0]?.config).toMatchObject({ options: { unit: "${UNIT}" } });
    // What is looked up in the cache does depend on it.
    expect(scorers[0]?.cacheIdentity).toMatchObject({ options: { unit: "words" } });
  });

  it("has a fault that shows no secret either", async () => {
    const loaded = yaml("scorers:\n  size: { use: length, unit: '${KEY}' }\n", { KEY: "sk-secret" });
    const error = await errorOf(() => resolveRecipe(loaded, testCatalog));
    expect(error.message).toContain('got "${KEY}".');
    expect(error.message).not.toContain("sk-secret");
  });
});

describe("a scorer of one's own", () => {
  const modules = {
    "mine.mjs": `
      export default ({ text }) => text.length / 10;
      export const words = { name: "words", version: 4, range: [0, 100], score: ({ responses }) => responses.map(() => ({ kind: "scored", value: 2 })) };
      export const scaled = ({ by }) => {
        if (by === undefined) throw new Error("by is missing");
        return ({ text }) => text.length * by;
      };
    `,
    "broken.mjs": "export default (",
    "folder/deep.mjs": "export const half = () => 0.5;\nexport const judge = ({ text }) => 0.5;",
  };

  it("is found from the recipe's folder and named after its export", async () => {
    const directory = await directoryOf(modules);
    const { scorers } = await resolved(
      {
        scorers: {
          a: { use: "./mine.mjs" },
          b: { use: "./mine.mjs#words" },
          c: { use: "./mine.mjs#scaled", by: 3 },
          d: { use: join(directory, "folder/deep.mjs#judge") },
        },
      },
      directory,
    );
    expect(scorers.map(({ scorer }) => [scorer.name, scorer.version])).toEqual([
      ["mine", 1],
      ["words", 4],
      ["scaled", 1],
      ["judge", 1],
    ]);
    const group = groupOf(["abcde"]);
    const values = await Promise.all(scorers.map(({ scorer }) => scorer.score(group, context)));
    expect(values).toEqual([[scored(0.5)], [scored(2)], [scored(15)], [scored(0.5)]]);
  });

  it("runs in a thread unless it is paid or says otherwise", async () => {
    const directory = await directoryOf(modules);
    const use = "./mine.mjs";
    const { scorers } = await resolved(
      {
        scorers: {
          a: { use },
          b: { use, cost: "paid" },
          c: { use, cpuBound: false },
          d: { use, cost: "paid", cpuBound: true },
        },
      },
      directory,
    );
    expect(scorers.map(({ cpuBound, cost }) => [cpuBound, cost])).toEqual([
      [true, "free"],
      [false, "paid"],
      [false, "free"],
      [true, "paid"],
    ]);
  });

  it("is given the path of a file that its definition names, whose content is part of its config", async () => {
    const definition = `
      import { readFileSync } from "node:fs";
      const options = { parse: (given) => given, safeParse: (data) => ({ success: true, data }) };
      export const listed = {
        name: "listed", version: 1, summary: "", options, cost: "free", cpuBound: false, usesSeed: false, usesIds: false,
        orderSensitive: false, models: {}, files: ["list"],
        create: ({ list }) => {
          const value = list.startsWith("/") ? readFileSync(list, "utf8").length : 0;
          return { name: "listed", version: 1, range: [0, 9], score: ({ responses }) => responses.map(() => ({ kind: "scored", value })) };
        },
      };
    `;
    const recipe = { scorers: { a: { use: "./listed.mjs#listed", list: "./words.txt" } } };
    const runs = await Promise.all(
      ["abc", "abcd"].map(async (words) => {
        const directory = await directoryOf({ "listed.mjs": definition, "words.txt": words });
        return (await resolved(recipe, directory)).scorers[0];
      }),
    );
    const group = groupOf(["x"]);
    expect(await Promise.all(runs.map((run) => run?.scorer.score(group, context)))).toEqual([
      [scored(3)],
      [scored(4)],
    ]);
    expect(runs[0]?.configHash).not.toBe(runs[1]?.configHash);
    // So that a thread that starts later can tell whether it would be made from the same.
    const planned = Object.entries(runs[0]?.source?.planned ?? {});
    expect(planned.map(([path, hash]) => [basename(path), hash]).sort()).toEqual([
      ["listed.mjs", sha256(definition)],
      ["words.txt", sha256("abc").slice(0, 16)],
    ]);
    const empty = await directoryOf({ "listed.mjs": definition });
    const error = await errorOf(() => resolved(recipe, empty));
    expect(error.message).toContain("the file ./words.txt cannot be read");
  });

  it("has the bytes of its module in its config", async () => {
    const hashes = await Promise.all(
      ["", "\n// another thought"].map(async (more) => {
        const directory = await directoryOf({ "mine.mjs": modules["mine.mjs"] + more });
        const { scorers } = await resolved({ scorers: { a: { use: "./mine.mjs" } } }, directory);
        return scorers[0]?.configHash;
      }),
    );
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  it.each([
    { use: "./none.mjs", code: "unreadable_module", says: "cannot be loaded" },
    { use: "./broken.mjs", code: "unreadable_module", says: "cannot be loaded" },
    {
      use: "./mine.mjs#wrods",
      code: "unreadable_module",
      says: 'exports default, words, scaled, but no "wrods"',
    },
  ])("that cannot be had is a fault: $use", async ({ use, code, says }) => {
    const directory = await directoryOf(modules);
    const error = await errorOf(() =>
      resolveRecipe(yaml(`scorers:\n  a: { use: "${use}" }\n`, {}, directory), testCatalog),
    );
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
  });

  it("with wrong options is a fault of the recipe, at its line", async () => {
    const directory = await directoryOf(modules);
    const finished = await faultOf("scorers:\n  a:\n    use: ./mine.mjs#words\n    by: 3\n", directory);
    expect(finished).toMatch(/^recipe\.yaml:3: scorers\.a: .*takes no options, got by\./);
    const factory = await faultOf("scorers:\n  a:\n    use: ./mine.mjs#scaled\n    bye: 3\n", directory);
    expect(factory).toMatch(/^recipe\.yaml:3: scorers\.a: .*by is missing/);
  });
});

describe("a scorer in code", () => {
  it("runs on the main thread under its key", async () => {
    const { scorers } = await resolved({
      scorers: { plain: { use: ({ text }: { text: string }) => text.length } },
    });
    expect(scorers[0]).toMatchObject({
      key: "plain",
      cpuBound: false,
      source: null,
      config: { use: "inline", scorer: "plain" },
    });
  });

  it("with options it cannot take is a fault at its key", async () => {
    const use = { name: "s", version: 1, range: [0, 1] as const, score: () => [] };
    const error = await errorOf(() => resolved({ scorers: { whole: { use, scale: 2 } } }));
    expect(error.message).toContain("recipe: scorers.whole: ");
  });
});

describe("the reward", () => {
  it("is the score, where there is one scorer and no reward", async () => {
    const { combine } = await resolved({ scorers: { size: { use: "length" } } });
    expect(combine).toEqual({
      terms: [{ score: "size", weight: 1, onUnscored: "null", transforms: [] }],
      gates: [],
    });
  });

  it("is none where there are several scorers and no reward, and then there are no pairs either", async () => {
    const scorers = { a: { use: "length" }, b: { use: "place" } };
    expect((await resolved({ scorers })).combine).toBeNull();
    const error = await errorOf(() => resolved({ scorers, pairs: { use: "best-vs-worst" } }));
    expect(error.message).toContain("pairs: pairs need a reward, and there are 2 scorers and no `reward`.");
  });

  it("takes null for what to do with an unscored cell, as YAML gives it", async () => {
    const loaded = yaml(
      "scorers: { a: { use: length } }\nreward:\n  terms: [{ score: a, onUnscored: null }]\n",
    );
    expect(resolveFinish(loaded, ["a"]).combine?.terms[0]?.onUnscored).toBe("null");
  });

  it.each([
    {
      reward: "terms: [{ score: sise }]",
      says: 'recipe.yaml:3: reward.terms[0].score: no scorer has the key "sise".\nFix: did you mean "size"?',
    },
    {
      reward: "{ terms: [{ score: size }], gates: [{ score: form, below: 1, reward: 0 }] }",
      says: 'reward.gates[0].score: no scorer has the key "form".',
    },
    {
      reward: "{ terms: [{ score: size, transform: [{ use: standardise }] }] }",
      says: 'reward.terms[0].transform[0].use: there is no transform "standardise".\nFix: did you mean "standardize"?',
    },
    {
      reward: "{ terms: [{ score: size, transform: [{ use: standardize, epsilon: -1 }] }] }",
      says: "reward.terms[0].transform[0].epsilon:",
    },
    {
      reward: "{ terms: [{ score: size, transform: [{ use: standardize, epsilom: 1 }] }] }",
      says: 'epsilom: unknown option.\nFix: did you mean "epsilon"? Options: scope, epsilon.',
    },
  ])("with a wrong name or option is a fault: $reward", async ({ reward, says }) => {
    const text = reward.startsWith("{") ? `reward: ${reward}` : `reward: { ${reward} }`;
    expect(await faultOf(`scorers: { size: { use: length } }\n${text}\n`)).toContain(says);
  });
});

describe("scorers", () => {
  it.each(["models: {}", "scorers: {}"])(
    "must be there when something is to be scored: %s",
    async (section) => {
      expect(await faultOf(`${section}\n`)).toContain("scorers: there is no scorer.");
    },
  );
});

describe("the pair rule", () => {
  it("is made with what its variables stand for, and is stored as it was written", async () => {
    const recipe = yaml(
      "scorers: { size: { use: length } }\npairs: { use: '${RULE}' }\nreward: { terms: [{ score: '${KEY}' }] }\n",
      { RULE: "best-vs-worst", KEY: "size" },
    );
    const { pairs, rewardConfig } = await resolveRecipe(recipe, testCatalog);
    expect(pairs?.builder.name).toBe("best-vs-worst");
    expect(pairs?.config).toEqual({ use: "${RULE}" });
    expect(rewardConfig).toEqual({ terms: [{ score: "${KEY}" }] });
  });

  it.each([
    ["{ use: best-vs-worst, veto: [{ score: sise }] }", "pairs.veto[0].score"],
    ["{ use: pass-vs-fail, score: sise }", "pairs.score"],
    ["{ use: rating-gap, score: sise, parts: [a] }", "pairs.score"],
  ])("looks at scores that there are: %s", async (pairs, place) => {
    expect(await faultOf(`scorers: { size: { use: length } }\npairs: ${pairs}\n`)).toContain(
      `recipe.yaml:3: ${place}: no scorer has the key "sise".\nFix: did you mean "size"?`,
    );
  });

  it.each([
    {
      pairs: "{ use: best-vs-wurst }",
      says: 'recipe.yaml:3: pairs.use: there is no pair builder "best-vs-wurst".\nFix: did you mean "best-vs-worst"?',
    },
    { pairs: "{ use: best-vs-worst, minMargin: wide }", says: "recipe.yaml:3: pairs.minMargin:" },
    { pairs: "{ use: best-vs-worst, margin: 1 }", says: "recipe.yaml:3: pairs.margin: unknown option." },
  ])("with a wrong name or option is a fault: $pairs", async ({ pairs, says }) => {
    expect(await faultOf(`scorers: { size: { use: length } }\npairs: ${pairs}\n`)).toContain(says);
  });
});
