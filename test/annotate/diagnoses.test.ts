import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definition as pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { merge } from "../../src/annotate/merge.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { recombine } from "../../src/annotate/recombine.ts";
import type { Catalog } from "../../src/annotate/resolve-scorer.ts";
import { run } from "../../src/annotate/run.ts";
import { nodeFiles } from "../../src/core/files.ts";
import type { ScorerDefinition } from "../../src/core/scorer.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { sectionOf } from "../judging/toy-judge.ts";
import { fakeProvider } from "./fake-provider.ts";
import { directoryOf, testCatalog } from "./small-run.ts";

const RECORDS = Array.from({ length: 9 }, (_, index) => ({
  id: `p${index}`,
  prompt: `Question ${index}?`,
  responses: [`${index}`, `${(index * 7) % 10} and more`, `${(index * 3) % 8}!`],
}));

const RECIPE: RecipeInput = {
  input: { path: "in.jsonl" },
  models: { judge: { provider: "fake", model: "toy" } },
  scorers: { judged: { use: "pairwise-judge", judge: "judge" }, length: { use: "length" } },
  reward: { terms: [{ score: "judged" }] },
  pairs: { use: "best-vs-worst" },
  output: { split: { test: 0.4 } },
  shardSize: 2,
};

/** A judge that takes the longer text, and the first of equally long ones. */
function catalogOf(): Catalog {
  const provider = fakeProvider((request) =>
    sectionOf(request, "response A").length >= sectionOf(request, "response B").length ? "[[A]]" : "[[B]]",
  );
  return {
    ...testCatalog,
    providers: { fake: provider as never },
    scorers: { ...testCatalog.scorers, "pairwise-judge": pairwiseJudge as ScorerDefinition },
  };
}

async function bytesOf(out: string): Promise<Record<string, string>> {
  const { files } = await readManifest(nodeFiles, out);
  const paths = [...files.map(({ path }) => path), "run.json"];
  return Object.fromEntries(
    await Promise.all(
      paths.map(async (path) => [path, (await readFile(join(out, path))).toString("base64")]),
    ),
  );
}

describe("diagnoses of a dataset", () => {
  it("tell the win rate against the baseline where the plan has one", async () => {
    const directory = await directoryOf({ "in.jsonl": RECORDS });
    const judged = { use: "pairwise-judge", judge: "judge", plan: { use: "baseline" } };
    const recipe = { ...RECIPE, scorers: { ...RECIPE.scorers, judged } };
    await run(recipeFromCode(recipe, directory, {}), catalogOf(), { out: join(directory, "out") });
    const { summary } = await readManifest(nodeFiles, join(directory, "out"));
    const figureOf = (name: string) => summary.diagnoses?.judged?.find((figure) => figure.name === name);
    // The first response, of one character, is what both others meet, and both are longer.
    expect(figureOf("win_rate")).toMatchObject({ value: 1, count: 18 });
    expect(figureOf("length_controlled_win_rate")).toMatchObject({ value: null, count: 18 });
    const card = await readFile(join(directory, "out", "README.md"), "utf8");
    expect(card).toMatch(/\| judged \| win rate \| 1 \|/);
    expect(card).toMatch(/\| judged \| length controlled win rate \| – \|/);
  });

  it("stand in the manifest and the card, the same after a merge and after new pairs", async () => {
    const directory = await directoryOf({ "in.jsonl": RECORDS });
    const loaded = recipeFromCode(RECIPE, directory, {});
    const at = (name: string): string => join(directory, name);
    await run(loaded, catalogOf(), { out: at("whole") });
    const manifest = await readManifest(nodeFiles, at("whole"));
    expect(Object.keys(manifest.summary.diagnoses ?? {})).toEqual(["judged"]);
    const figures = manifest.summary.diagnoses?.judged ?? [];
    // Three pairs in each of nine groups; of equally long texts the first slot wins, so that these are inconsistent.
    expect(figures.find(({ name }) => name === "position_consistency")?.count).toBe(27);
    expect(figures.find(({ name }) => name === "longer_wins_rate")?.value).toBe(1);
    const card = await readFile(join(at("whole"), "README.md"), "utf8");
    expect(card).toContain("## Judges");
    expect(card).toMatch(/\| judged \| position consistency \| 1 \|/);

    for (const index of [0, 1]) {
      await run(loaded, catalogOf(), { out: at(`part-${index}`), slice: { index, count: 2 } });
    }
    await merge(loaded, catalogOf(), [at("part-1"), at("part-0")], { out: at("merged") });
    expect(await bytesOf(at("merged"))).toEqual(await bytesOf(at("whole")));

    await recombine(at("whole"), { pairs: { use: "all-pairs" } }, "other.yaml", { out: at("other") });
    expect((await readManifest(nodeFiles, at("other"))).summary.diagnoses).toEqual(
      manifest.summary.diagnoses,
    );
    const pairs = { use: "best-vs-worst" };
    await recombine(at("other"), { pairs }, "other.yaml", { out: at("back") });
    const [back, whole] = [await bytesOf(at("back")), await bytesOf(at("whole"))];
    expect(Object.keys(back).filter((path) => back[path] !== whole[path])).toEqual([]);
  });

  it("and an alarm tell of responses that the judge's own model answered, also after new pairs", async () => {
    const records = RECORDS.map(({ responses, ...record }) => ({
      ...record,
      responses: responses.map((text, at) => ({ text, model: at === 0 ? "org/toy" : "org/else" })),
    }));
    const directory = await directoryOf({ "in.jsonl": records });
    const at = (name: string): string => join(directory, name);
    await run(recipeFromCode(RECIPE, directory, {}), catalogOf(), { out: at("out") });
    const { summary } = await readManifest(nodeFiles, at("out"));
    const alarm =
      "judged: 9 of the 27 responses that it scored were answered by the model that judges them (judge), going by the names: judges tend to prefer their own answers.";
    expect(summary.alarms).toEqual([alarm]);
    expect(await readFile(join(at("out"), "README.md"), "utf8")).toContain(`- ${alarm}`);
    // The judge takes the longer text, and its own have one character.
    expect(summary.diagnoses?.judged?.find(({ name }) => name === "own_win_rate")).toMatchObject({
      value: 0,
      count: 18,
    });
    await recombine(at("out"), { pairs: { use: "all-pairs" } }, "other.yaml", { out: at("other") });
    expect((await readManifest(nodeFiles, at("other"))).summary.alarms).toEqual([alarm]);
  });

  it("are absent where no scorer measures itself", async () => {
    const directory = await directoryOf({ "in.jsonl": RECORDS });
    const recipe: RecipeInput = { input: { path: "in.jsonl" }, scorers: { length: { use: "length" } } };
    const { manifest } = await run(recipeFromCode(recipe, directory, {}), testCatalog, {
      out: join(directory, "out"),
    });
    expect(manifest?.summary).not.toHaveProperty("diagnoses");
    expect(await readFile(join(directory, "out", "README.md"), "utf8")).not.toContain("## Judges");
  });

  it("are measured by a user's own scorer as well, over groups in the input's order", async () => {
    const directory = await directoryOf({
      "in.jsonl": RECORDS,
      "own.mjs": `export const own = {
        name: "own", version: 1, options: { safeParse: (data) => ({ success: true, data }), parse: (data) => data }, models: {}, cost: "free", cpuBound: false,
        create: () => ({ name: "own", version: 1, range: [0, 1], score: ({ responses }) => responses.map(() => ({ kind: "scored", value: 1 })) }),
        diagnose: () => {
          let seen = "";
          return { add: ({ prompt }) => { seen += prompt.id; },
            report: () => [{ name: "order", value: 1, interval: null, count: 9, meaning: seen }] };
        },
      };`,
    });
    const recipe: RecipeInput = {
      input: { path: "in.jsonl" },
      scorers: { mine: { use: "./own.mjs#own" } },
      shardSize: 2,
    };
    const { manifest } = await run(recipeFromCode(recipe, directory, {}), testCatalog, {
      out: join(directory, "out"),
    });
    expect(manifest?.summary.diagnoses?.mine?.[0]?.meaning).toBe("p0p1p2p3p4p5p6p7p8");
  });
});
