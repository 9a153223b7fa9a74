import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ScorerSource } from "../../src/annotate/scorer-source.ts";
import { fileArguments, startWorkerPool, type WorkerPool } from "../../src/annotate/worker-pool.ts";
import { sha256 } from "../../src/core/ids.ts";
import { failed, scored } from "../../src/core/scorer.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { directoryOf, errorOf } from "./small-run.ts";

// The threads run the compiled worker: `npm test` builds first.
const MODULE = `
  import { threadId } from "node:worker_threads";
  export const length = ({ text }) => text.length;
  export const thread = ({ text }) => threadId;
  export const throws = ({ text }) => { throw new Error("by design"); };
  export const hang = ({ text }) => text === "hang" ? new Promise(() => {}) : 1;
  export const spin = ({ text }) => { while (text === "spin"); return 1; };
  export const exits = ({ text }) => { if (text === "exit") process.exit(3); return 1; };
  export const hog = ({ text }) => {
    const kept = [];
    while (text === "hog") kept.push(new Array(100_000).fill(kept.length));
    return 1;
  };
  export const scaled = ({ by }) => ({ text }) => text.length * by;
  export const seeded = { name: "seeded", version: 1, range: [0, 100], score: ({ responses }, { seed }) => responses.map(() => ({ kind: "scored", value: seed })) };
`;

let module: string;
let broken: string;
beforeAll(async () => {
  const directory = await directoryOf({
    "mine.mjs": MODULE,
    "broken.mjs": 'throw new Error("no luck today");',
  });
  module = pathToFileURL(join(directory, "mine.mjs")).href;
  broken = pathToFileURL(join(directory, "broken.mjs")).href;
});

let pool: WorkerPool | null = null;
afterEach(async () => {
  await pool?.close();
  pool = null;
});

interface Setup {
  readonly timeouts?: Readonly<Record<string, number>>;
  readonly threads?: number;
  readonly memoryMb?: number;
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A pool whose scorers bear the names of their exports. */
function poolOf(
  names: readonly string[],
  { timeouts = {}, threads = 1, memoryMb, options = {} }: Setup = {},
): WorkerPool {
  const source = (name: string): ScorerSource => ({
    kind: "own",
    module,
    name,
    options: options[name] ?? {},
  });
  const sources = Object.fromEntries(names.map((name) => [name, source(name)]));
  pool = startWorkerPool({ sources, timeouts, seed: 7 }, threads, memoryMb);
  return pool;
}

const record = async (scores: ReturnType<WorkerPool["run"]>): Promise<object> =>
  Object.fromEntries(await scores);

describe("the worker pool", () => {
  it("gives each scorer's scores for a group, made with its options and the run's seed", async () => {
    const { run } = poolOf(["length", "scaled", "seeded"], { options: { scaled: { by: 3 } } });
    expect(await record(run(groupOf(["ab", "abc"]), ["length", "scaled", "seeded"]))).toEqual({
      length: [scored(2), scored(3)],
      scaled: [scored(6), scored(9)],
      seeded: [scored(7), scored(7)],
    });
  });

  it("asks only the scorers that are wanted", async () => {
    const { run } = poolOf(["length", "throws"]);
    expect(await record(run(groupOf(["ab"]), ["length"]))).toEqual({ length: [scored(2)] });
  });

  it("answers for many groups that come at once, each with its own", async () => {
    const { run } = poolOf(["length"], { threads: 2 });
    const texts = Array.from({ length: 50 }, (_, index) => "x".repeat(index));
    const all = await Promise.all(texts.map((text) => record(run(groupOf([text]), ["length"]))));
    expect(all).toEqual(texts.map((text) => ({ length: [scored(text.length)] })));
  });

  it("works with all its threads", async () => {
    const { run } = poolOf(["thread"], { threads: 2 });
    const seen = new Set<unknown>();
    // Until both have started, one may answer alone.
    while (seen.size < 2) {
      const four = await Promise.all([0, 1, 2, 3].map(() => run(groupOf(["x"]), ["thread"])));
      for (const scores of four) seen.add(JSON.stringify(scores.get("thread")));
    }
    expect(seen.size).toBe(2);
  });

  it("turns a throw into failed cells and goes on", async () => {
    const { run } = poolOf(["throws", "length"]);
    expect(await record(run(groupOf(["ab"]), ["throws", "length"]))).toEqual({
      throws: [failed("threw", "by design")],
      length: [scored(2)],
    });
  });

  it("fails a scorer that promises and never answers, without losing the thread", async () => {
    const { run } = poolOf(["hang", "thread"], { timeouts: { hang: 50 } });
    const before = (await run(groupOf(["x"]), ["thread"])).get("thread");
    expect(await record(run(groupOf(["hang"]), ["hang"]))).toEqual({
      hang: [failed("timeout", "no answer within 50 ms")],
    });
    expect((await run(groupOf(["x"]), ["thread"])).get("thread")).toEqual(before);
  });

  it("kills a thread that is caught in a loop: that scorer has failed, all that waited goes on elsewhere", async () => {
    const { run } = poolOf(["thread", "spin", "length"], { timeouts: { spin: 400 } });
    const before = (await run(groupOf(["x"]), ["thread"])).get("thread");
    const [spun, behind, third] = await Promise.all([
      record(run(groupOf(["spin"]), ["length", "spin", "thread"])),
      record(run(groupOf(["abc"]), ["length", "spin"])),
      record(run(groupOf(["abcd"]), ["length"])),
    ]);
    expect(spun).toMatchObject({ length: [scored(4)], spin: [failed("timeout", "no answer within 400 ms")] });
    expect((spun as { thread: unknown }).thread).not.toEqual(before);
    expect(behind).toEqual({ length: [scored(3)], spin: [scored(1)] });
    expect(third).toEqual({ length: [scored(4)] });
  });

  it("survives a scorer that exhausts its thread's memory", async () => {
    const { run } = poolOf(["hog", "length"], { memoryMb: 48 });
    const [hogged, behind] = await Promise.all([
      record(run(groupOf(["hog"]), ["hog", "length"])),
      record(run(groupOf(["ab"]), ["length"])),
    ]);
    expect(hogged).toMatchObject({ hog: [{ kind: "failed", code: "out_of_memory" }], length: [scored(3)] });
    expect(behind).toEqual({ length: [scored(2)] });
  });

  it("survives a scorer that ends its thread", async () => {
    const { run } = poolOf(["exits", "length"]);
    expect(await record(run(groupOf(["exit", "x"]), ["exits", "length"]))).toEqual({
      exits: [
        failed("worker_died", "the scoring thread ended"),
        failed("worker_died", "the scoring thread ended"),
      ],
      length: [scored(4), scored(1)],
    });
  });

  it("refuses all work when a scorer cannot be made in a thread", async () => {
    const sources = { bad: { kind: "own", module: broken, name: "default", options: {} } } as const;
    const { run, close } = startWorkerPool({ sources, timeouts: {}, seed: 0 }, 2);
    const error = await errorOf(() => run(groupOf(["x"]), ["bad"]));
    expect(error.code).toBe("unreadable_module");
    expect(error.message).toContain("no luck today");
    expect((await errorOf(() => run(groupOf(["x"]), ["bad"]))).code).toBe("unreadable_module");
    await close();
  });

  it.each([
    { what: "the scorer's module", file: "mine.mjs", text: MODULE.replace("text.length", "-text.length") },
    { what: "a module that no longer loads", file: "mine.mjs", text: "export const" },
    { what: "a file that an option names", file: "words.txt", text: "others" },
    { what: "a file that is gone", file: "words.txt", text: null },
  ])(
    "ends all work when a thread that takes another's place would be made otherwise: $what",
    async ({ file, text }) => {
      const written = { "mine.mjs": MODULE, "words.txt": "some" };
      const directory = await directoryOf(written);
      const planned = Object.fromEntries(
        Object.entries(written).map(([name, content]) => [
          join(directory, name),
          sha256(content).slice(0, 16),
        ]),
      );
      const own = pathToFileURL(join(directory, "mine.mjs")).href;
      const source = (name: string): ScorerSource => ({
        kind: "own",
        module: own,
        name,
        options: {},
        planned,
      });
      const sources = { length: source("length"), spin: source("spin") };
      pool = startWorkerPool({ sources, timeouts: { spin: 50 }, seed: 0 }, 1);
      const { run } = pool;
      expect(await record(run(groupOf(["ab"]), ["length"]))).toEqual({ length: [scored(2)] });
      if (text === null) await rm(join(directory, file));
      else await writeFile(join(directory, file), text);
      expect(await record(run(groupOf(["spin"]), ["spin"]))).toMatchObject({ spin: [{ code: "timeout" }] });
      const error = await errorOf(() => run(groupOf(["ab"]), ["length"]));
      expect(error.code).toBe("plan_changed");
      expect(error.message).toContain(join(directory, file));
      expect((await errorOf(() => run(groupOf(["ab"]), ["length"]))).code).toBe("plan_changed");
    },
  );

  it("puts a thread in another's place where the files are as they were, though written anew", async () => {
    const directory = await directoryOf({ "mine.mjs": MODULE });
    const path = join(directory, "mine.mjs");
    const source = (name: string): ScorerSource => ({
      kind: "own",
      module: pathToFileURL(path).href,
      name,
      options: {},
      planned: { [path]: sha256(MODULE) },
    });
    const sources = { length: source("length"), spin: source("spin") };
    pool = startWorkerPool({ sources, timeouts: { spin: 50 }, seed: 0 }, 1);
    await writeFile(path, MODULE);
    await pool.run(groupOf(["spin"]), ["spin"]);
    expect(await record(pool.run(groupOf(["ab"]), ["length"]))).toEqual({ length: [scored(2)] });
  });

  it("closes while work is under way", async () => {
    const { run, close } = poolOf(["spin"], { timeouts: { spin: 60_000 } });
    await run(groupOf(["x"]), ["spin"]);
    void run(groupOf(["spin"]), ["spin"]);
    await expect(close()).resolves.toBeUndefined();
    pool = null;
  });

  it("closes before its threads have started", async () => {
    await expect(poolOf(["length"], { threads: 2 }).close()).resolves.toBeUndefined();
    pool = null;
  });
});

describe("the flags of a thread", () => {
  it.each([
    { flags: ["--input-type=module", "--no-warnings", "-e", "run()"], kept: ["--no-warnings"] },
    { flags: ["--input-type", "module", "--eval", "run()", "--expose-gc"], kept: ["--expose-gc"] },
    { flags: ["--max-old-space-size=300"], kept: ["--max-old-space-size=300"] },
    { flags: [], kept: [] },
  ])("are those of the process without the code given to it: $flags", ({ flags, kept }) => {
    expect(fileArguments(flags)).toEqual(kept);
  });
});
