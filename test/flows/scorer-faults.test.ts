import { existsSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RunOutcome } from "../../src/annotate/run.ts";
import type { Row } from "../../src/store/table.ts";
import {
  bytesOf,
  jsonl,
  makeProject,
  manifestOf,
  type Project,
  rowsOf,
  scorersModule,
} from "./fixtures/project.ts";
import { faulty } from "./fixtures/scorers.mjs";

// Processes and threads are started here, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

let project: Project;
afterEach(() => project.remove());

/** Groups of two responses; what a prompt says in brackets is what the scorer does wrong there. */
function inputOf(faults: readonly string[]): string {
  return jsonl(
    faults.map((fault, index) => ({
      id: `p${index}`,
      prompt: `Question ${index} [${fault}]`,
      responses: ["an answer", "mm"],
    })),
  );
}

/** A run of one scorer over these prompts that goes to its end, whatever fails. */
function recipeOf(entry: Readonly<Record<string, unknown>>): object {
  return {
    input: { path: "input.jsonl" },
    scorers: { s: { maxFailedShare: 1, ...entry } },
    pairs: { use: "best-vs-worst" },
    shardSize: 5,
  };
}

const inThread = { use: `${scorersModule}#faulty` };
const inProcess = { use: faulty };

function cellsOf(rows: readonly Row[], promptId: string): string[] {
  return rows.filter((row) => row.prompt_id === promptId).map((row) => String(row.code ?? row.kind));
}

/** What each fault becomes, cell by cell; the same in a thread and in this process. */
const OUTCOMES: Readonly<Record<string, readonly [string, string]>> = {
  sound: ["scored", "scored"],
  throw: ["threw", "threw"],
  "throw-nothing": ["threw", "threw"],
  reject: ["threw", "threw"],
  nan: ["not_finite", "not_finite"],
  infinity: ["not_finite", "not_finite"],
  range: ["out_of_range", "out_of_range"],
  short: ["wrong_length", "wrong_length"],
  long: ["wrong_length", "wrong_length"],
  undefined: ["wrong_length", "wrong_length"],
  numbers: ["not_a_score", "not_a_score"],
  "text-value": ["not_finite", "not_finite"],
  "number-why": ["not_a_score", "not_a_score"],
  "bad-span": ["not_a_score", "not_a_score"],
  "half-span": ["not_a_score", "not_a_score"],
  "bad-part": ["not_finite", "not_finite"],
  "no-why": ["not_a_score", "not_a_score"],
  "no-code": ["not_a_score", "not_a_score"],
  "says-failed": ["unread_verdict", "unread_verdict"],
  "one-of-two": ["scored", "not_finite"],
  "own-note": ["scored", "scored"],
  "throwing-getter": ["threw", "threw"],
};

describe.each([
  { where: "in this process", entry: inProcess },
  { where: "in a scoring thread", entry: inThread },
])("a scorer that breaks its contract $where", ({ entry }) => {
  it("costs only the cells it is about, each with its code and without a number", async () => {
    const faults = Object.keys(OUTCOMES);
    project = makeProject({ "input.jsonl": inputOf(faults) });
    const out = project.path("out");
    const outcome = await project.run(recipeOf(entry), { out, workers: 2 });
    expect(outcome.kind).toBe("done");

    const scores = await rowsOf(out, "scores");
    const found = Object.fromEntries(faults.map((fault, index) => [fault, cellsOf(scores, `p${index}`)]));
    expect(found).toEqual(OUTCOMES);
    for (const row of scores) {
      if (row.kind === "scored") expect(row.value).toBeTypeOf("number");
      else expect(row).toMatchObject({ kind: "failed", value: null, why: expect.stringMatching(/\S/) });
    }

    // A failed cell leaves its response without a reward, and such a response stands in no pair.
    const groups = await rowsOf(out, "groups");
    const rewards = groups.flatMap((group) => (group.responses as Row[]).map(({ reward }) => reward));
    expect(rewards.map((reward) => reward === null)).toEqual(scores.map(({ kind }) => kind === "failed"));
    const failed = scores.filter(({ kind }) => kind === "failed").length;
    expect(manifestOf(out).summary.unpaired.unscored).toBe(failed);
    expect(manifestOf(out).failedCells).toBe(failed);
    expect(outcome.openFailures).toBe(failed);
    const paired = (await rowsOf(out, "pairs")).map(
      ({ prompt_id: id }) => faults[Number(String(id).slice(1))],
    );
    // "own-note" scores both responses 0.5: a tie. "one-of-two" has nothing to be compared with.
    expect(paired).toEqual(["sound"]);
  });

  it("is not waited for longer than its timeoutMs, and is told so by its signal", async () => {
    project = makeProject({ "input.jsonl": inputOf(["never", "sound", "until-aborted", "sound"]) });
    const out = project.path("out");
    await project.run(recipeOf({ ...entry, timeoutMs: 1000 }), { out, workers: 2 });
    const scores = await rowsOf(out, "scores");
    expect(["p0", "p1", "p2", "p3"].map((id) => cellsOf(scores, id)[0])).toEqual([
      "timeout",
      "scored",
      "timeout",
      "scored",
    ]);
    expect(scores[0]?.why).toBe("no answer within 1000 ms");
  });
});

describe("a scorer in a scoring thread", () => {
  it.each([
    { fault: "loop", code: "timeout", timeoutMs: 2000, note: "a loop without end is killed with its thread" },
    {
      fault: "memory",
      code: "out_of_memory",
      timeoutMs: 60_000,
      note: "the heap's limit is the thread's own",
    },
    {
      fault: "exit",
      code: "worker_died",
      timeoutMs: 60_000,
      note: "process.exit ends the thread, not the run",
    },
    { fault: "crash-later", code: "worker_died", timeoutMs: 60_000, note: "thrown outside of the call" },
  ])(
    "that does $fault is $code, and what waited behind it is scored ($note)",
    async ({ fault, code, timeoutMs }) => {
      project = makeProject({
        "input.jsonl": inputOf(["sound", fault, "sound", "sound", fault, "sound", "sound"]),
      });
      const out = project.path("out");
      await project.run(recipeOf({ ...inThread, timeoutMs }), { out, workers: 1 });
      const scores = await rowsOf(out, "scores");
      const first = Array.from({ length: 7 }, (_, index) => cellsOf(scores, `p${index}`)[0]);
      expect(first).toEqual(["scored", code, "scored", "scored", code, "scored", "scored"]);
      expect(scores).toHaveLength(14);
    },
  );

  it("that returns what cannot be copied between threads is not_a_score", async () => {
    project = makeProject({ "input.jsonl": inputOf(["uncopyable", "sound"]) });
    await project.run(recipeOf(inThread), { out: project.path("out"), workers: 1 });
    const scores = await rowsOf(project.path("out"), "scores");
    expect([cellsOf(scores, "p0"), cellsOf(scores, "p1")]).toEqual([
      ["not_a_score", "not_a_score"],
      ["scored", "scored"],
    ]);
  });
});

describe("the budget for failed cells", () => {
  /** `count` groups, of which these fail the first time that the scorer sees them. */
  const inputWith = (count: number, fails: readonly number[]): string =>
    inputOf(Array.from({ length: count }, (_, index) => (fails.includes(index) ? "once" : "sound")));
  const recipe = { ...recipeOf({ use: `${scorersModule}#failsOnce`, maxFailedShare: 0.01 }), shardSize: 50 };
  const run = (options: object = {}): Promise<RunOutcome> =>
    project.run(recipe, { out: project.path("out"), workers: 1, ...options });

  it("lets a run finish below it, and the same command then tries just the failed groups again", async () => {
    // 6 of 600 cells is exactly the share of 0.01, and so late that it is never above: 2 of 302, 4 of 502.
    project = makeProject({ "input.jsonl": inputWith(300, [150, 250, 299]) });
    const first = await run();
    expect(first).toMatchObject({ kind: "done", openFailures: 6 });
    expect(manifestOf(first.out)).toMatchObject({
      failedCells: 6,
      summary: { scorers: { s: { scored: 594, failed: 6, codes: { threw: 6 } } }, unpaired: { unscored: 6 } },
    });
    expect(project.calls()).toHaveLength(300);

    project.forgetCalls();
    // The scorer's memory: it has seen them once.
    writeFileSync(project.path("calls.log"), "failsOnce p150\nfailsOnce p250\nfailsOnce p299\n");
    expect(await run()).toMatchObject({ kind: "done", openFailures: 0 });
    expect(project.calls().slice(3).sort()).toEqual(["failsOnce p150", "failsOnce p250", "failsOnce p299"]);
    expect(manifestOf(first.out).failedCells).toBe(0);
    const mended = bytesOf(first.out);

    project.forgetCalls();
    expect((await run()).kind).toBe("unchanged");
    expect(project.calls()).toEqual([]);

    // As if nothing had ever failed.
    writeFileSync(project.path("calls.log"), "failsOnce p150\nfailsOnce p250\nfailsOnce p299\n");
    await run({ out: project.path("sound") });
    expect(bytesOf(project.path("sound"))).toEqual(mended);
  });

  it("ends a run above it without a dataset; the same command goes on with what failed or is missing", async () => {
    project = makeProject({ "input.jsonl": inputWith(300, [3, 4, 5, 6, 7, 8, 9]) });
    await expect(run()).rejects.toMatchObject({
      code: "failed_budget_exceeded",
      // Seven groups of two: 14 of the first 200 cells, and of no more than the whole.
      message: expect.stringMatching(
        /scorer "s" failed on 14 of \d+ cells \(threw 14\), more than its share of 0.01. The last said: not yet/,
      ),
    });
    expect(
      ["run.json", "pairs", "groups", "scores", "README.md"].filter((name) =>
        existsSync(project.path(`out/${name}`)),
      ),
    ).toEqual([]);

    const before = project.calls();
    expect(await run()).toMatchObject({ kind: "done", openFailures: 0 });
    const again = project
      .calls()
      .slice(before.length)
      .filter((line) => before.includes(line));
    for (const id of [3, 4, 5, 6, 7, 8, 9]) expect(again).toContain(`failsOnce p${id}`);
    // What was under way when the run ended is lost; whole shards are not.
    expect(again.length).toBeLessThan(7 + 50 + 300 - 250);
  });

  it("is looked at from the 200th cell on, so that a broken scorer is not paid for a whole run", async () => {
    project = makeProject({ "input.jsonl": inputOf(Array.from({ length: 300 }, () => "reject")) });
    const paid = recipeOf({ use: `${scorersModule}#faulty`, cost: "paid", maxFailedShare: 0.5 });
    const ended = project.run(paid, { out: project.path("out"), concurrency: 1 });
    await expect(ended).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    // Two cells a group, one group at a time.
    expect(project.calls()).toHaveLength(100);
  });

  it("is looked at in the end where there are fewer than 200 cells", async () => {
    project = makeProject({ "input.jsonl": inputWith(10, [2]) });
    await expect(run()).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    expect(existsSync(project.path("out/run.json"))).toBe(false);
    expect(project.calls()).toHaveLength(10);
    expect((await run()).kind).toBe("done");
    expect(project.calls()).toHaveLength(11);
  });

  it("is set aside by acceptFailed, which closes the cells for good", async () => {
    project = makeProject({ "input.jsonl": inputWith(60, [2, 55]) });
    expect(await run({ acceptFailed: true })).toMatchObject({ kind: "done", openFailures: 0 });
    expect(manifestOf(project.path("out")).failedCells).toBe(4);
    const accepted = bytesOf(project.path("out"));
    project.forgetCalls();
    expect((await run()).kind).toBe("unchanged");
    expect(project.calls()).toEqual([]);
    expect(bytesOf(project.path("out"))).toEqual(accepted);
  });

  it("can be accepted after the fact, and then nothing is tried again", async () => {
    project = makeProject({ "input.jsonl": inputWith(60, [2]) });
    await expect(run()).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    project.forgetCalls();
    expect(await run({ acceptFailed: true })).toMatchObject({ kind: "done", openFailures: 0 });
    expect(project.calls()).toEqual([]);
    expect(manifestOf(project.path("out")).failedCells).toBe(2);
    expect((await run()).kind).toBe("unchanged");
  });

  it("gives the command line exit code 3, and 0 once the cause is mended", async () => {
    project = makeProject({
      "input.jsonl": inputWith(20, [1]),
      "recipe.yaml": JSON.stringify(recipe),
    });
    const args = ["run", "recipe.yaml", "--out", "out", "--workers", "1"];
    const first = await project.cli(args);
    expect(first.code).toBe(3);
    expect(first.err).toMatch(
      /PrefkitError: scorer "s" failed on 2 of 40 cells[\s\S]*Fix: mend the cause and run the same command again[\s\S]*\[failed_budget_exceeded\]/,
    );
    expect(await project.cli(args)).toMatchObject({ code: 0 });
  });
});
