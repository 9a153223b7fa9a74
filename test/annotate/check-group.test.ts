import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definition as pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { definition as rubricJudge } from "../../rewards/rubric-judge.ts";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { run } from "../../src/annotate/run.ts";
import { validate } from "../../src/annotate/validate.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { fakeProvider } from "./fake-provider.ts";
import { directoryOf, errorOf, testCatalog } from "./small-run.ts";

const record = (id: string, count: number, text = (index: number) => `answer ${index}`) => ({
  id,
  prompt: `Question ${id}?`,
  responses: Array.from({ length: count }, (_, index) => text(index)),
});

const ONE_ROUND = {
  judged: { use: "pairwise-judge", judge: "m", plan: { use: "swiss", rounds: 1 } },
} as const;

/** A recipe with a judge of pairs over these records, and the calls that really left. */
async function project(records: readonly unknown[], recipe: Partial<RecipeInput> = {}) {
  const directory = await directoryOf({ "in.jsonl": records });
  const fake = fakeProvider(() => "[[A]]");
  const catalog = {
    ...testCatalog,
    scorers: { "pairwise-judge": pairwiseJudge, "rubric-judge": rubricJudge },
    providers: { fake },
  } as unknown as Parameters<typeof run>[1];
  const loaded = recipeFromCode(
    {
      input: { path: "in.jsonl" },
      models: { m: { provider: "fake", model: "M" } },
      scorers: ONE_ROUND,
      ...recipe,
    },
    directory,
    { PREFKIT_CACHE_DIR: join(directory, "cache") },
  );
  return { directory, fake, catalog, loaded, out: join(directory, "out") };
}

describe("a group that a scorer's options do not fit", () => {
  // One round pairs two by two: of three different texts one stays without a link.
  const records = [record("a", 2), record("b", 2), record("c", 3)];

  it("ends a run before the first call, wherever it stands in the input", async () => {
    const { loaded, catalog, out, fake } = await project(records);
    const error = await errorOf(() => run(loaded, catalog, { out }));
    expect(error.code).toBe("bad_option");
    expect(error.message).toMatch(/cannot link the 3 different responses/);
    expect(error.place).toMatchObject({ promptId: "c", scorer: "pairwise-judge" });
    expect(fake.sent).toHaveLength(0);
  });

  it("is no fault where only the first groups are wanted, and these fit", async () => {
    const { loaded, catalog, out, fake } = await project(records);
    expect((await run(loaded, catalog, { out, limit: 2 })).kind).toBe("done");
    expect(fake.sent).toHaveLength(4);
  });

  it("ends validate in the same words", async () => {
    const { loaded, catalog, directory } = await project(records);
    const error = await errorOf(() => validate(loaded, catalog, { scratch: join(directory, "scratch") }));
    expect([error.code, /cannot link the 3/.test(error.message)]).toEqual(["bad_option", true]);
  });

  it("ends an evaluation before the first call", async () => {
    const gold = [
      { prompt: "1?", chosen: ["x"], rejected: ["y"] },
      { prompt: "2?", chosen: ["x"], rejected: ["y", "z", "v"] },
    ];
    const { loaded, catalog, directory, fake } = await project(gold);
    const error = await errorOf(() =>
      evaluate(loaded, catalog, {
        path: "in.jsonl",
        baseDirectory: directory,
        preset: "rewardbench2",
        seed: 0,
        samples: 10,
        scratch: join(directory, "scratch"),
      }),
    );
    expect([error.code, error.message]).toEqual(["bad_option", expect.stringMatching(/cannot link the 4/)]);
    expect(fake.sent).toHaveLength(0);
  });

  it("ends a run before anything is sampled, by the number of responses there will be", async () => {
    const sample = { model: "m", n: 3, maxTokens: 10 };
    const { loaded, catalog, out, fake } = await project([record("a", 1)], { sample });
    const error = await errorOf(() => run(loaded, catalog, { out }));
    expect([error.code, error.message]).toEqual(["bad_option", expect.stringMatching(/cannot link the 3/)]);
    expect(fake.sent).toHaveLength(0);
  });

  it("counts equal texts as one", async () => {
    const { loaded, catalog, out } = await project([record("a", 4, (index) => `answer ${index % 2}`)]);
    expect((await run(loaded, catalog, { out })).kind).toBe("done");
  });
});

describe("what validate estimates for judges of samples that are still to be drawn", () => {
  it("takes them for different texts, each of which is judged", async () => {
    const { loaded, catalog, directory } = await project([{ id: "a", prompt: "?" }], {
      sample: { model: "m", n: 3, maxTokens: 10 },
      scorers: {
        pairs: { use: "pairwise-judge", judge: "m" },
        rubric: { use: "rubric-judge", judge: "m", rubric: "helpfulness" },
      },
    });
    const { estimates } = await validate(loaded, catalog, { scratch: join(directory, "scratch") });
    const calls = Object.fromEntries(estimates.map(({ purpose, calls: count }) => [purpose, count]));
    // Three pairs in both orders; three texts by the criteria of the rubric.
    expect(calls).toMatchObject({ sample: 3, pairs: 6 });
    expect((calls.rubric ?? 0) % 3).toBe(0);
    expect(calls.rubric).toBeGreaterThan(0);
  });
});
