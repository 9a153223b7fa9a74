import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import type { Catalog } from "../../src/annotate/resolve-scorer.ts";
import { openRewarder, type Rewarder } from "../../src/serve/rewarder.ts";
import { askedOf } from "./support.ts";

/** A catalog that a thread can load too. `where` tells the thread from the main one, `hangs` never answers for some texts. */
const MODULE = `
import { workerData } from "node:worker_threads";
// Tests run in threads too: those that score know their scorers.
const isMain = workerData?.sources === undefined;
const options = { parse: (given) => given, safeParse: (data) => ({ success: true, data }) };
const define = (name, judge, more = {}) => ({
  name, version: 1, summary: name, options, cpuBound: false, cost: "free", usesSeed: false, usesIds: false,
  orderSensitive: false, models: {}, ...more,
  create: () => ({ name, version: 1, range: [0, Infinity], score: ({ prompt, responses }) => responses.map((response) =>
    ({ kind: "scored", value: judge(response, prompt) })) }),
});
const hang = ({ text }) => { if (text.startsWith("hang")) for (;;); return 1; };
export const scorers = {
  where: define("where", () => (isMain ? 0 : 1)),
  hash: define("hash", ({ id, text }, prompt) => [...(prompt.id + id + text.slice(-20))].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 1000003, 7)),
  hangs: define("hangs", hang),
  timesItself: define("timesItself", () => (isMain ? 0 : 1), { timesItself: true }),
};
export const own = { ...scorers.where, name: "own" };
`;

const directory = mkdtempSync(join(tmpdir(), "prefkit-serve-threads-"));
const file = join(directory, "scorers.mjs");
let catalog: Catalog;
beforeAll(async () => {
  writeFileSync(file, MODULE);
  const module = pathToFileURL(file).href;
  const { scorers } = (await import(module)) as Pick<Catalog, "scorers">;
  catalog = { scorers, module, providers: {} };
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const open: Rewarder[] = [];
afterEach(async () => {
  for (const rewarder of open.splice(0)) await rewarder.close();
});

async function rewarderFor(recipe: Partial<RecipeInput> & Pick<RecipeInput, "scorers">) {
  const loaded = recipeFromCode({ input: { path: "rows.jsonl" }, ...recipe }, directory, {});
  const rewarder = await openRewarder(loaded, catalog, { threads: 2 });
  open.push(rewarder);
  return rewarder;
}

function groupOf(...texts: readonly string[]) {
  const [asked] = askedOf({ groups: [{ id: "p", prompt: "Q", responses: texts }] });
  if (asked === undefined) throw new Error("no group");
  return asked.group;
}

/** 120,000 characters in a group are large. */
const LARGE = ["a", "b", "c"].map((text) => text.repeat(40_000));
const later = (): number => Date.now() + 60_000;

describe("a large group", () => {
  it("is scored in a thread by scorers of the catalog; a small one is answered at once, on the main one", async () => {
    const rewarder = await rewarderFor({ scorers: { where: { use: "where" } } });
    expect(rewarder.score(groupOf("a", "b"), later())).toMatchObject({ rewards: [0, 0] });
    const large = rewarder.score(groupOf(...LARGE), later());
    expect(large).toBeInstanceOf(Promise);
    expect((await large).rewards).toEqual([1, 1, 1]);
  });

  it("has the same numbers in a thread", async () => {
    const rewarder = await rewarderFor({ scorers: { hash: { use: "hash" } } });
    const group = groupOf(...LARGE);
    const context = { seed: 0, signal: new AbortController().signal };
    const direct = await catalog.scorers.hash?.create({}, {}).score(group, context);
    expect((await rewarder.score(group, later())).columns[0]?.scores).toEqual(direct);
  });

  it("stays on the main thread where its scorer is the user's own and says so, or bounds its own time", async () => {
    const rewarder = await rewarderFor({
      scorers: { own: { use: "./scorers.mjs#own", cpuBound: false }, timed: { use: "timesItself" } },
      reward: { terms: [{ score: "own" }, { score: "timed" }] },
    });
    expect(rewarder.score(groupOf(...LARGE), later())).toMatchObject({ rewards: [0, 0, 0] });
  });

  it("that takes a scorer for ever is answered at its deadline, with what the others gave", async () => {
    const rewarder = await rewarderFor({
      scorers: { hangs: { use: "hangs" }, hash: { use: "hash" }, where: { use: "where" } },
      reward: {
        terms: [
          { score: "hangs", onUnscored: "drop-term" },
          { score: "where" },
          { score: "hash", weight: 0 },
        ],
      },
    });
    // Both threads are started by a group that hangs nobody, so that the deadline is not theirs to miss.
    expect((await rewarder.score(groupOf(...LARGE), later())).rewards).toEqual([2, 2, 2]);
    const hanging = groupOf("hang".repeat(10_000), ...LARGE);
    const first = await rewarder.score(hanging, Date.now() + 1500);
    expect(first.columns.map(({ scores: [score] }) => score?.kind)).toEqual(["failed", "scored", "scored"]);
    expect(first.columns[0]?.scores[0]).toMatchObject({ code: "timeout" });
    expect(first.rewards).toEqual([1, 1, 1, 1]);
    expect(rewarder.late()).toBe(1);
    expect(rewarder.score(groupOf("a"), later())).toMatchObject({ problem: null });
  });
});

describe("a client that left", () => {
  it("has nothing more begun for it, and no scorer is blamed", async () => {
    const rewarder = await rewarderFor({ scorers: { where: { use: "where" } } });
    const rewarded = await rewarder.score(groupOf(...LARGE), later(), () => true);
    expect(rewarded.rewards).toEqual([null, null, null]);
    expect(rewarded.columns[0]?.scores[0]).toEqual({
      kind: "failed",
      code: "cancelled",
      why: "the client left",
    });
  });
});
