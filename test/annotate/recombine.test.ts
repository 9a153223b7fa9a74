// biome-ignore-all lint/suspicious/noTemplateCurlyInString: recipes write their variables so.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parseRecipe, recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import {
  type FinishChange,
  finishOf,
  type RecombineOptions,
  recombine,
} from "../../src/annotate/recombine.ts";
import { run } from "../../src/annotate/run.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { directoryOf, errorOf, testCatalog } from "./small-run.ts";

const RECORDS = ["a", "b", "c"].map((id) => ({
  id,
  prompt: `Question ${id}?`,
  responses: [id, `${id}${id}`, "longest"],
}));
const RECIPE: RecipeInput = {
  input: { path: "${DATA}" },
  scorers: { length: { use: "length" }, half: { use: "length", scale: 0.5 } },
  reward: { terms: [{ score: "length" }] },
  pairs: { use: "best-vs-worst" },
};

/** A finished dataset in a directory of its own. */
async function finished(): Promise<string> {
  const directory = await directoryOf({ "in.jsonl": RECORDS });
  const out = join(directory, "out");
  await run(recipeFromCode(RECIPE, directory, { DATA: "in.jsonl" }), testCatalog, { out });
  return out;
}

const change = (
  out: string,
  wanted: FinishChange,
  options: RecombineOptions = {},
): ReturnType<typeof recombine> => recombine(out, wanted, "other.yaml", options);

async function bytesOf(out: string): Promise<Record<string, string>> {
  const { files } = await readManifest(nodeFiles, out);
  const contents = await Promise.all(
    [...files.map(({ path }) => path), "run.json"].map(async (path) => [
      path,
      (await readFile(join(out, path))).toString("base64"),
    ]),
  );
  return Object.fromEntries(contents);
}

describe("recombine", () => {
  let dataset: string;
  beforeAll(async () => {
    dataset = await finished();
  });

  it("makes new pairs in a new place and leaves the old dataset alone", async () => {
    const before = await bytesOf(dataset);
    const out = `${dataset}-all`;
    const made = await change(dataset, { pairs: { use: "all-pairs" } }, { out });
    // Lengths 1, 2, 7: three couples in each of three groups.
    expect(made?.manifest.summary.pairs).toBe(9);
    expect(made?.manifest).toEqual(await readManifest(nodeFiles, out));
    expect(made?.manifest).toMatchObject({
      pairs: { use: "all-pairs" },
      recipe: { pairs: { use: "all-pairs" }, input: { path: "${DATA}" } },
    });
    expect(await bytesOf(dataset)).toEqual(before);
  });

  it("takes the statistics of the run over the run's own shards, to the last bit", async () => {
    // Thirds and sevenths: their sums differ in the last bits when they are cut elsewhere.
    const records = Array.from({ length: 30 }, (_, index) => ({
      id: `p${index}`,
      prompt: `Question ${index}?`,
      responses: ["a", "b".repeat(1 + ((index * 7) % 11)), "c".repeat(2 + ((index * 5) % 13))],
    }));
    const directory = await directoryOf({ "in.jsonl": records });
    const out = join(directory, "out");
    const reward = { terms: [{ score: "length", transform: [{ use: "standardize", scope: "run" }] }] };
    const recipe: RecipeInput = {
      ...RECIPE,
      scorers: { length: { use: "length", scale: 1 / 3 } },
      reward,
      shardSize: 7,
    };
    await run(recipeFromCode(recipe, directory, { DATA: "in.jsonl" }), testCatalog, { out });
    const before = await bytesOf(out);
    const again = `${out}-again`;
    await change(out, { reward }, { out: again });
    expect(await bytesOf(again)).toEqual(before);
  });

  it("changes a dataset in place, and back again to the same bytes", async () => {
    const out = await finished();
    const before = await bytesOf(out);
    const made = await change(out, { reward: { terms: [{ score: "half", weight: -1 }] } });
    // The shortest is best now: -0.5 against -3.5.
    expect(made?.manifest.summary.rewardMargin).toEqual({ mean: 3, min: 3, max: 3 });
    await change(out, { reward: { terms: [{ score: "length" }] } });
    expect(await bytesOf(out)).toEqual(before);
    expect(await nodeFiles.list(join(out, ".prefkit"))).not.toContain("lock");
  });

  it("cuts new splits", async () => {
    const made = await change(dataset, { output: { split: { test: 1 } } }, { out: `${dataset}-split` });
    const rows = made?.manifest.files
      .filter(({ table }) => table === "groups")
      .map(({ split, rows }) => [split, rows]);
    expect(rows).toEqual([
      ["train", 0],
      ["test", 3],
    ]);
  });

  it("leaves the dataset as it was when it is stopped, and nothing in a new place", async () => {
    const before = await bytesOf(dataset);
    const stop = AbortSignal.abort();
    expect(await change(dataset, { pairs: { use: "all-pairs" } }, { stop })).toBeNull();
    expect(await bytesOf(dataset)).toEqual(before);
    const out = `${dataset}-stopped`;
    expect(await change(dataset, { pairs: { use: "all-pairs" } }, { stop, out })).toBeNull();
    expect(await nodeFiles.list(out)).toEqual([]);
  });

  it.each([
    {
      wanted: { pairs: { use: "all-piars" } },
      code: "bad_recipe",
      says: 'other.yaml: pairs.use: there is no pair builder "all-piars"',
    },
    {
      wanted: { reward: { terms: [{ score: "lenght" }] } },
      code: "bad_recipe",
      says: 'no scorer has the key "lenght".\nFix: did you mean "length"?',
    },
    { wanted: { reward: { terms: [] } }, code: "bad_recipe", says: "reward.terms" },
  ])(
    "refuses what is wrong with the change and leaves the dataset alone: $wanted",
    async ({ wanted, code, says }) => {
      const before = await bytesOf(dataset);
      const error = await errorOf(() => change(dataset, wanted));
      expect(error.code).toBe(code);
      expect(error.message).toContain(says);
      expect(await bytesOf(dataset)).toEqual(before);
      expect(await nodeFiles.list(join(dataset, ".prefkit"))).not.toContain("lock");
    },
  );

  it("refuses a directory without a finished dataset, and one that is occupied", async () => {
    const empty = await directoryOf();
    expect((await errorOf(() => change(empty, {}))).code).toBe("dataset_incomplete");
    const occupied = await directoryOf({ "notes.txt": "mine" });
    expect((await errorOf(() => change(dataset, {}, { out: occupied }))).code).toBe("not_this_run");
    expect(await nodeFiles.list(occupied)).toEqual(["notes.txt"]);
  });
});

describe("the part of a recipe that recombine takes", () => {
  it("is reward, pairs and output, as far as the recipe has them", () => {
    const text = "input: { path: x }\nscorers: { a: { use: length } }\nreward: { terms: [{ score: a }] }\n";
    const loaded = parseRecipe(text, { directory: "/", label: "r", environment: {} });
    expect(finishOf(loaded)).toEqual({ reward: { terms: [{ score: "a" }] } });
  });
});
