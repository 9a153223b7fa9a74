import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type FinishOptions,
  finishDataset,
  rollForward,
  type ScoredSource,
  scoreInfoOf,
  splitOf,
  writtenRecipe,
} from "../../src/annotate/finish.ts";
import { workPaths } from "../../src/annotate/journal.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { scoreInfos } from "../../src/annotate/resolve.ts";
import { newStatus } from "../../src/annotate/status.ts";
import type { Files } from "../../src/core/files.ts";
import { sha256 } from "../../src/core/ids.ts";
import { hashUnit } from "../../src/core/random.ts";
import { abstained, scored } from "../../src/core/scorer.ts";
import type { Group, ScoredGroup } from "../../src/core/types.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import type { Row } from "../../src/store/table.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import {
  countingFiles,
  failingFiles,
  type MemoryFiles,
  memoryFiles,
} from "../../src/testing/failing-files.ts";
import { errorOf, resolved } from "./small-run.ts";

const OUT = "out";

/** Six groups in three shards; the scores are the texts' lengths, and one cell has none. */
const GROUPS: readonly ScoredGroup[] = ["a", "b", "c", "d", "e", "f"].map((name, index) => {
  const group = groupOf([name, name.repeat(index + 2), `${name}!`], { prompt: `Question ${name}?` });
  const scores = group.responses.map(({ text }, place) =>
    index === 3 && place === 2 ? abstained("nothing to say") : scored(text.length),
  );
  return { group, columns: [{ name: "length", scores }] };
});

/** The groups as shards of two, in batches of the given sizes. */
function sourceOf(batchSize: number, groups: readonly ScoredGroup[] = GROUPS): ScoredSource {
  return async function* () {
    for (let shard = 0; shard * 2 < groups.length; shard++) {
      const members = groups.slice(shard * 2, shard * 2 + 2);
      for (let start = 0; start < members.length; start += batchSize) {
        yield { shard, groups: members.slice(start, start + batchSize) };
      }
    }
  };
}

const RECIPE: Partial<RecipeInput> = {
  scorers: { length: { use: "length" } },
  reward: { terms: [{ score: "length", transform: [{ use: "standardize", scope: "run" }] }] },
  pairs: { use: "best-vs-worst" },
  output: { split: { test: 0.4 } },
};

async function optionsOf(
  files: Files,
  recipe: Partial<RecipeInput> = {},
  more: Partial<FinishOptions> = {},
): Promise<FinishOptions> {
  const made = await resolved({ ...RECIPE, ...recipe });
  return {
    files,
    out: OUT,
    source: sourceOf(1),
    resolved: made,
    status: newStatus([]),
    stop: new AbortController().signal,
    facts: {
      planId: "plan-1",
      input: { files: [{ path: "in.jsonl", bytes: 10 }] },
      seed: 0,
      codec: "none",
      shards: 3,
      groups: GROUPS.length,
      extras: { tools: false, images: false, toolMessages: false },
      failedCells: 0,
      scorers: Object.fromEntries(
        made.scorers.map(({ key, configHash, config }) => [key, { configHash, config }]),
      ),
      scoreInfo: scoreInfos(made.scorers),
    },
    ...more,
  };
}

async function finished(
  recipe: Partial<RecipeInput> = {},
  more: Partial<FinishOptions> = {},
): Promise<MemoryFiles> {
  const files = memoryFiles();
  await finishDataset(await optionsOf(files, recipe, more));
  return files;
}

/** Everything under the output directory: path -> hash. */
function snapshot(files: MemoryFiles): Record<string, string> {
  return Object.fromEntries([...files.contents].map(([path, bytes]) => [path, sha256(bytes)]).sort());
}

async function rowsOf(files: Files, path: string): Promise<Row[]> {
  const table = await openTable(files, join(OUT, path));
  const rows: Row[] = [];
  for await (const some of table.read()) rows.push(...some);
  await table.close();
  return rows;
}

describe("parts and alarms in the summary", () => {
  /** The texts' lengths once more, as a part. */
  const WITH_PARTS = GROUPS.map(({ group, columns }) => ({
    group,
    columns: columns.map(({ name, scores }) => ({
      name,
      scores: scores.map((score) =>
        score.kind === "scored" ? { ...score, parts: { size: score.value } } : score,
      ),
    })),
  }));
  const summaryOf = async (facts: Partial<FinishOptions["facts"]>, groups = WITH_PARTS) => {
    const files = memoryFiles();
    const options = await optionsOf(files, {}, { source: sourceOf(2, groups) });
    const manifest = await finishDataset({ ...options, facts: { ...options.facts, ...facts } });
    return manifest?.summary;
  };

  it("holds the parts by tenth of the groups that the facts foretell", async () => {
    const none = null;
    // Six groups begin in the tenths 0, 1, 3, 5, 6, 8, with the lengths 1, k + 2 and 2; of the fourth the 2 is missing.
    expect((await summaryOf({}))?.scorers.length?.parts?.size?.byTenth).toEqual([
      5 / 3,
      2,
      none,
      expect.closeTo(7 / 3, 12),
      none,
      3,
      3,
      none,
      expect.closeTo(10 / 3, 12),
      none,
    ]);
  });

  it("asks for alarms with the scorer's numbers, and writes them after its key", async () => {
    const alarmsOf = (key: string, { scored: cells, parts }: { scored: number; parts?: object }) => [
      `${key} has ${cells} cells and ${Object.keys(parts ?? {}).join()}.`,
    ];
    expect((await summaryOf({ alarmsOf }))?.alarms).toEqual(["length: length has 17 cells and size."]);
    expect(await summaryOf({})).not.toHaveProperty("alarms");
  });

  it("keeps the parts and alarms of an earlier dataset with the same scores", async () => {
    const earlier = await summaryOf({ alarmsOf: () => ["beware."] });
    const again = await summaryOf(earlier ? { earlier } : {}, WITH_PARTS.toReversed());
    expect(again?.scorers.length?.parts).toEqual(earlier?.scorers.length?.parts);
    expect(again?.alarms).toEqual(["length: beware."]);
  });

  it("raises an alarm when every term has scores and no response has a reward", async () => {
    // No group has a baseline, so `par` has nothing to compare with.
    const reward = { terms: [{ score: "length", transform: [{ use: "par" }] }] };
    const files = await finished({ reward, pairs: undefined });
    const { summary } = await readManifest(files, OUT);
    expect(summary.reward.count).toBe(0);
    expect(summary.alarms).toEqual([
      "reward: no response has a reward, although every term has scores: the transforms par may lack what they work with.",
    ]);
  });
});

describe("finishing a dataset", () => {
  it("writes every table and split, the card, and a manifest that says what stands in each file", async () => {
    const files = await finished();
    const manifest = await readManifest(files, OUT);
    expect(manifest.files.map(({ path }) => path)).toEqual([
      "pairs/train-00000-of-00001.parquet",
      "pairs/test-00000-of-00001.parquet",
      "groups/train-00000-of-00001.parquet",
      "groups/test-00000-of-00001.parquet",
      "scores/train-00000-of-00001.parquet",
      "scores/test-00000-of-00001.parquet",
      "README.md",
    ]);
    for (const { path, sha256: hash, bytes } of manifest.files) {
      const content = await files.readAll(join(OUT, path));
      expect([sha256(content), content.length], path).toEqual([hash, bytes]);
    }
    expect(await files.list(OUT)).toEqual([".prefkit", "README.md", "groups", "pairs", "run.json", "scores"]);
    expect(await files.list(workPaths(OUT).root)).toEqual([]);
    expect(manifest.summary).toMatchObject({ groups: 6, responses: 18, pairs: 6 });
  });

  it("gives each group to one split, the same in every table", async () => {
    const files = await finished();
    const idsOf = async (table: string, split: string): Promise<unknown[]> => [
      ...new Set(
        (await rowsOf(files, `${table}/${split}-00000-of-00001.parquet`)).map((row) => row.prompt_id),
      ),
    ];
    for (const split of ["train", "test"]) {
      const ids = await idsOf("groups", split);
      expect(ids.length).toBeGreaterThan(0);
      expect(await idsOf("scores", split)).toEqual(ids);
      expect(await idsOf("pairs", split)).toEqual(ids);
    }
    const all = [...(await idsOf("groups", "train")), ...(await idsOf("groups", "test"))];
    expect(all.toSorted()).toEqual(GROUPS.map(({ group }) => group.prompt.id).toSorted());
  });

  it("freezes the numbers of per-run transforms, joined shard by shard", async () => {
    // The 17 scored lengths: 1, 2, 2 | 1, 3, 2 | 1, 4, 2 | 1, 5 | 1, 6, 2 | 1, 7, 2 -> sum 43.
    const { runStatistics } = await readManifest(await finished(), OUT);
    const text = JSON.stringify(runStatistics);
    expect(text).toContain('"count":17');
    const [, mean] = /"mean":([\d.]+)/.exec(text) ?? [];
    expect(Number(mean)).toBeCloseTo(43 / 17, 12);
  });

  it("gives the same bytes however the groups come in batches", async () => {
    const one = snapshot(await finished({}, { source: sourceOf(1) }));
    expect(snapshot(await finished({}, { source: sourceOf(2) }))).toEqual(one);
  });

  it("writes no pairs without a rule, and no rewards without a combine step", async () => {
    const scorers = { length: { use: "length" }, place: { use: "place" } };
    const both = GROUPS.map(({ group, columns }) => ({
      group,
      columns: [...columns, { name: "place", scores: group.responses.map(() => scored(1)) }],
    }));
    const made = await resolved({ scorers });
    const files = memoryFiles();
    await finishDataset({
      ...(await optionsOf(files, {}, { source: sourceOf(2, both) })),
      ...{ resolved: made },
      facts: { ...(await optionsOf(files)).facts, scoreInfo: scoreInfos(made.scorers) },
    });
    const manifest = await readManifest(files, OUT);
    expect(new Set(manifest.files.map(({ table }) => table))).toEqual(new Set(["groups", "scores", null]));
    const [group] = await rowsOf(files, "groups/train-00000-of-00001.parquet");
    expect((group?.responses as Row[] | undefined)?.map(({ reward }) => reward)).toEqual([null, null, null]);
    expect([manifest.pairs, manifest.reward]).toEqual([null, null]);
  });

  it("leaves nothing under a final name when it is stopped", async () => {
    for (const stopAfter of [0, 1, 7]) {
      const stop = new AbortController();
      let batches = 0;
      const source: ScoredSource = async function* () {
        for await (const batch of sourceOf(1)()) {
          if (batches === stopAfter) stop.abort();
          batches += 1;
          yield batch;
        }
      };
      const files = memoryFiles();
      expect(await finishDataset(await optionsOf(files, {}, { source, stop: stop.signal }))).toBeNull();
      expect(await files.list(OUT)).toEqual([".prefkit"]);
    }
  });

  it("gives up its open files when the source breaks", async () => {
    const source: ScoredSource = async function* () {
      yield* sourceOf(1, GROUPS.slice(0, 2))();
      throw new Error("the disk is gone");
    };
    const files = memoryFiles();
    const recipe = { reward: { terms: [{ score: "length" }] } };
    await expect(finishDataset(await optionsOf(files, recipe, { source }))).rejects.toThrow(
      "the disk is gone",
    );
    expect(await files.list(OUT)).toEqual([".prefkit"]);
  });

  it("leaves the old dataset or the new one, both whole, whichever disk call fails", async () => {
    const before = await finished();
    const change = { pairs: { use: "all-pairs" }, output: {} };
    const target = await finished(change);
    const wanted = new Set([JSON.stringify(visible(before)), JSON.stringify(visible(target))]);

    const counted = countingFiles(memoryFiles(before.contents));
    await finishDataset(await optionsOf(counted, change));
    expect(counted.calls).toBeGreaterThan(30);
    for (let failAt = 1; failAt <= counted.calls; failAt++) {
      const disk = memoryFiles(before.contents);
      const error = await errorOf(async () =>
        finishDataset(await optionsOf(failingFiles(disk, { failAt }), change)),
      );
      expect(error.code).toBe("io");
      await rollForward(disk, OUT);
      expect(wanted.has(JSON.stringify(visible(disk))), `call ${failAt}`).toBe(true);
      // And the same work again ends as it would have.
      await finishDataset(await optionsOf(disk, change));
      expect(visible(disk)).toEqual(visible(target));
    }
  });
});

/** What a reader of the dataset sees: all but the work directory. */
function visible(files: MemoryFiles): Record<string, string> {
  return Object.fromEntries(Object.entries(snapshot(files)).filter(([path]) => !path.includes("/.prefkit/")));
}

describe("the split of a group", () => {
  const shares = { test: 0.1, validation: 0.2 };
  const named = (id: string, siblingId?: string): Group => {
    const group = groupOf(["x"]);
    return { ...group, prompt: { ...group.prompt, id }, ...(siblingId === undefined ? {} : { siblingId }) };
  };

  it("follows the hash of its id: shares from zero on in the recipe's order, the rest is train", () => {
    for (let index = 0; index < 200; index++) {
      const unit = hashUnit("split", 5, `p${index}`);
      const wanted = unit < 0.1 ? "test" : unit < 0.3 ? "validation" : "train";
      expect(splitOf(named(`p${index}`), shares, 5)).toBe(wanted);
    }
  });

  it("is the same for twins", () => {
    for (let index = 0; index < 50; index++) {
      const [a, b] = [`a${index}`, `b${index}`];
      expect(splitOf(named(b, a), shares, 0)).toBe(splitOf(named(a, b), shares, 0));
    }
  });

  it("is train where nothing is split, and when train is what is named", () => {
    expect(splitOf(named("p"), {}, 0)).toBe("train");
    expect(splitOf(named("p"), { train: 1 }, 0)).toBe("train");
    expect(splitOf(named("p"), { test: 1 }, 0)).toBe("test");
  });
});

describe("the recipe in the manifest", () => {
  it("names scorers given in code, and is otherwise as it was written", () => {
    const recipe = {
      input: { path: "in.jsonl" },
      scorers: {
        plain: { use: () => 1 },
        whole: { use: { name: "s", score: () => [] }, scale: 2 },
        named: { use: "length" },
      },
    };
    expect(writtenRecipe(recipe)).toEqual({
      input: { path: "in.jsonl" },
      scorers: { plain: { use: "inline" }, whole: { use: "inline", scale: 2 }, named: { use: "length" } },
    });
  });
});

describe("what is written beside a score", () => {
  it("is looked up by the recipe's key, and a key that is unknown is an error", async () => {
    const infoOf = scoreInfoOf([{ key: "size", scorer: "length", version: 3, configHash: "ab" }]);
    expect(infoOf("size")).toMatchObject({ scorer: "length", version: 3, configHash: "ab" });
    expect((await errorOf(() => infoOf("sise"))).code).toBe("dataset_incomplete");
  });
});

describe("rollForward", () => {
  it("does nothing where nothing waits", async () => {
    const files = await finished();
    const before = snapshot(files);
    await rollForward(files, OUT);
    expect(snapshot(files)).toEqual(before);
    await rollForward(memoryFiles(), "nowhere");
  });
});
