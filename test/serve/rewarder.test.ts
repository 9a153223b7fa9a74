import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { tableRows } from "../../src/annotate/rework.ts";
import { run } from "../../src/annotate/run.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { perGroup, perResponse, scored } from "../../src/core/scorer.ts";
import type { Scorer } from "../../src/core/types.ts";
import { openRewarder, type Rewarded, type Rewarder } from "../../src/serve/rewarder.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { directoryOf, testCatalog } from "../annotate/small-run.ts";
import { virtualClock } from "../models/virtual-clock.ts";
import { askedOf, groupCount, needsEight, numberInText, opened, rewarderOf } from "./support.ts";

const groupOf = (texts: readonly string[], reference?: string) => {
  const [asked] = askedOf({
    groups: [{ id: "p", prompt: "Q", ...(reference !== undefined && { reference }), responses: texts }],
  });
  if (asked === undefined) throw new Error("no group");
  return asked.group;
};

async function using<T>(opening: Promise<Rewarder>, work: (rewarder: Rewarder) => Promise<T>): Promise<T> {
  const rewarder = await opening;
  try {
    return await work(rewarder);
  } finally {
    await rewarder.close();
  }
}

const later = (): number => Date.now() + 60_000;

describe("a rewarder", () => {
  it("answers at once, without a promise, where all scorers do", async () => {
    await using(rewarderOf({ scorers: { n: { use: numberInText } } }), async (rewarder) => {
      const rewarded = rewarder.score(groupOf(["3", "-1"]), later());
      expect(rewarded).toMatchObject({ rewards: [3, -1], problem: null });
    });
  });

  it("says that a scorer lacks responses without calling it, and leaves those rewards null", async () => {
    const both = {
      scorers: { eight: { use: needsEight }, count: { use: groupCount } },
      reward: { terms: [{ score: "eight" }] },
    };
    await using(rewarderOf(both), async (rewarder) => {
      const rewarded = await rewarder.score(groupOf(["a", "b"]), later());
      expect(rewarded.rewards).toEqual([null, null]);
      expect(rewarded.columns[0]?.scores[0]).toEqual({
        kind: "abstained",
        why: "group has 2 responses, needs 8",
      });
      expect(rewarded.columns[1]?.scores[0]).toEqual({ kind: "scored", value: 2 });
    });
  });

  it("needs a reward, and says so", async () => {
    const two = { scorers: { a: { use: groupCount }, b: { use: numberInText } } };
    await expect(rewarderOf(two)).rejects.toThrow(/no reward to serve[\s\S]*add `reward:/);
  });

  it("gives null rewards and the reason where the combine step itself cannot work", async () => {
    const huge = {
      scorers: { n: { use: numberInText } },
      reward: { terms: [{ score: "n", weight: 1e300 }] },
    };
    await using(rewarderOf(huge), async (rewarder) => {
      const rewarded = await rewarder.score(groupOf(["1e300", "1"]), later());
      expect(rewarded.rewards).toEqual([null, null]);
      expect(rewarded.problem).toMatch(/^not_finite: .*weight 1e\+300/);
    });
  });
});

/** Answers when the test says so. */
function slowScorer(): { scorer: Scorer; release: () => void; calls: () => number } {
  const gate = opened<void>();
  let calls = 0;
  const scorer = perGroup({ name: "slow", version: 1, range: [0, 1] }, async ({ responses }) => {
    calls += 1;
    await gate.promise;
    return responses.map(() => scored(1));
  });
  return { scorer, release: () => gate.resolve(), calls: () => calls };
}

describe("a deadline", () => {
  const reward = (onUnscored: "null" | "drop-term") => ({
    terms: [{ score: "n" }, { score: "slow", onUnscored }],
  });

  it.each([
    { onUnscored: "null", rewards: [null, null], note: "no number stands for what was not scored" },
    { onUnscored: "drop-term", rewards: [2, 5], note: "the recipe says that the term may be dropped" },
  ] as const)("leaves out what is late, and nothing else: $note", async ({ onUnscored, rewards }) => {
    const clock = virtualClock();
    const { scorer, release } = slowScorer();
    const opening = rewarderOf(
      {
        scorers: { n: { use: numberInText }, slow: { use: scorer, cost: "paid" } },
        reward: reward(onUnscored),
      },
      { clock, deadlineMs: 1000 },
    );
    await using(opening, async (rewarder) => {
      const answer = Promise.resolve(rewarder.score(groupOf(["2", "5"]), clock.now() + 1000));
      await clock.advance(999);
      expect(rewarder.late()).toBe(0);
      await clock.advance(1);
      const rewarded = await answer;
      expect(rewarded.rewards).toEqual(rewards);
      expect(rewarded.columns.map(({ scores }) => scores.map(({ kind }) => kind))).toEqual([
        ["scored", "scored"],
        ["failed", "failed"],
      ]);
      expect(rewarded.columns[1]?.scores[0]).toMatchObject({ code: "timeout" });
      expect(rewarder.late()).toBe(1);
      release();
      await rewarder.drain();
      expect(rewarder.late()).toBe(0);
    });
  });

  it("lets a paid call go on into the cache, so that asking again is free and quick", async () => {
    const clock = virtualClock();
    const { scorer, release, calls } = slowScorer();
    const opening = rewarderOf(
      { scorers: { slow: { use: scorer, cost: "paid" } } },
      { clock, deadlineMs: 1000 },
    );
    await using(opening, async (rewarder) => {
      const first = Promise.resolve(rewarder.score(groupOf(["a"]), clock.now() + 1000));
      await clock.advance(1000);
      expect((await first).rewards).toEqual([null]);
      release();
      await rewarder.drain();
      expect((await rewarder.score(groupOf(["a"]), clock.now() + 1000)).rewards).toEqual([1]);
      expect(calls()).toBe(1);
      expect(rewarder.counts.get("slow")?.cached).toBe(1);
    });
  });

  it("does not stop a scorer that the recipe gives less time", async () => {
    const hangs = perResponse({ name: "hangs", version: 1, range: [0, 1] }, () => new Promise(() => {}));
    const opening = rewarderOf({ scorers: { hangs: { use: hangs, timeoutMs: 5 } } }, { deadlineMs: 30_000 });
    await using(opening, async (rewarder) => {
      const rewarded = await rewarder.score(groupOf(["a"]), later());
      expect(rewarded.columns[0]?.scores[0]).toEqual({
        kind: "failed",
        code: "timeout",
        why: "no answer within 5 ms",
      });
    });
  });
});

const ROWS = [
  { id: "a", prompt: "one", reference: "1", responses: ["1", "2", "x"] },
  {
    prompt: [{ role: "user", content: "two\ud800" }],
    responses: [{ text: "10", token_count: 4 }, { text: "" }],
  },
  {
    id: 3,
    prompt: "three",
    metadata: { level: 1 },
    responses: [{ role: "assistant", content: "7" }, "7", "8"],
  },
];

async function offline(recipe: RecipeInput) {
  const directory = await directoryOf({ "rows.jsonl": ROWS });
  const loaded = recipeFromCode(recipe, directory, {});
  const out = join(directory, "out");
  await run(loaded, testCatalog, { out, openCache: memoryScoreCache, workers: 1, acceptFailed: true });
  const manifest = await readManifest(nodeFiles, out);
  const rewards = new Map<string, (number | null)[]>();
  for await (const rows of tableRows(nodeFiles, out, manifest, "groups")) {
    for (const { prompt_id, responses } of rows) {
      const given = responses as readonly { readonly response_id: string; readonly reward: number | null }[];
      rewards.set(
        String(prompt_id),
        given.map(({ reward }) => reward),
      );
      ids.set(
        String(prompt_id),
        given.map(({ response_id }) => response_id),
      );
    }
  }
  return { loaded, out, rewards };
}
const ids = new Map<string, string[]>();

const textLength = perResponse({ name: "text-length", version: 1, range: [0, Infinity] }, ({ text }) =>
  scored(text.length),
);

describe("the same rows offline and online", () => {
  const recipe: RecipeInput = {
    input: { path: "rows.jsonl" },
    scorers: {
      n: { use: numberInText, maxFailedShare: 1 },
      length: { use: textLength },
      count: { use: groupCount },
    },
    reward: {
      terms: [
        { score: "n", onUnscored: "drop-term", transform: [{ use: "tanh" }] },
        { score: "length", weight: 0.37, transform: [{ use: "standardize", scope: "run" }] },
        { score: "count", weight: 0.1 },
      ],
      gates: [{ score: "length", above: 100, reward: -1 }],
    },
  };

  it("have identical ids and rewards, frozen numbers of the run and all", async () => {
    const { loaded, out, rewards } = await offline(recipe);
    const opening = openRewarder(loaded, testCatalog, { run: out, openCache: memoryScoreCache, threads: 1 });
    await using(opening, async (rewarder) => {
      const asked = askedOf({ groups: ROWS });
      const online: Rewarded[] = [];
      for (const { group } of asked) online.push(await rewarder.score(group, later()));
      expect(new Map(online.map(({ group, rewards: own }) => [group.prompt.id, own]))).toEqual(rewards);
      expect(
        new Map(asked.map(({ group }) => [group.prompt.id, group.responses.map(({ id }) => id)])),
      ).toEqual(ids);
      expect(online.flatMap(({ rewards: own }) => own).filter((reward) => reward !== null).length).toBe(8);
    });
  });

  it("are refused without the run's numbers, saying what to do", async () => {
    const { loaded } = await offline(recipe);
    await expect(openRewarder(loaded, testCatalog)).rejects.toThrow(
      /standardize \(term length\)[\s\S]*--run DIR[\s\S]*need_unmet/,
    );
  });

  it("are refused with the numbers of another reward, or of other scores", async () => {
    const { out, loaded } = await offline(recipe);
    const others = (changed: Partial<RecipeInput>) =>
      openRewarder(recipeFromCode({ ...recipe, ...changed }, loaded.directory, {}), testCatalog, {
        run: out,
      });
    const terms = recipe.reward?.terms.map((term) => ({ ...term, weight: 2 })) ?? [];
    await expect(others({ reward: { terms } })).rejects.toThrow(/another reward[\s\S]*plan_changed/);
    const longer = { ...textLength, version: 2 };
    await expect(others({ scorers: { ...recipe.scorers, length: { use: longer } } })).rejects.toThrow(
      /scored otherwise by length[\s\S]*plan_changed/,
    );
  });

  it("are refused with a run of another reward, or none, also where no number of it is needed", async () => {
    const plain = { ...recipe, reward: { terms: [{ score: "count" }] } };
    const { out, loaded } = await offline(plain);
    const heavier = { ...plain, reward: { terms: [{ score: "count", weight: 2 }] } };
    await expect(
      openRewarder(recipeFromCode(heavier, loaded.directory, {}), testCatalog, { run: out }),
    ).rejects.toThrow(/another reward[\s\S]*plan_changed/);
    await expect(
      openRewarder(loaded, testCatalog, { run: join(loaded.directory, "nowhere") }),
    ).rejects.toThrow(/nowhere/);
    await using(openRewarder(loaded, testCatalog, { run: out }), async () => {});
  });
});
