import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallFailure } from "../../../src/core/errors.ts";
import { writeRubric } from "../../../src/core/rubric/load-rubric.ts";
import { type Memo, memoryMemo, openMemo } from "../../../src/learn/memo.ts";
import type { RefineOptions } from "../../../src/learn/rubric/options.ts";
import { type RefinedRubric, refineRubric } from "../../../src/learn/rubric/refine-rubric.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { INPUT, pace, type Script, type Stage, scripted, WORLD, type World } from "./world.ts";

let directory: string;
let count = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-refine-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function refine(options: RefineOptions, script: Script, memo: Memo = memoryMemo(), world = WORLD) {
  const { models, calls } = scripted(world, script);
  return { refined: await refineRubric(INPUT, models, options, memo, pace), calls };
}

const bytes = (refined: RefinedRubric): string =>
  JSON.stringify([refined.rubric && writeRubric(refined.rubric), refined]);

const MALFORMED = [
  "",
  "I cannot say.",
  "[[Maybe]]",
  '["one", 2]',
  '["cut o',
  "[[Yes]] or [[No]]",
  '{"criteria": ["A"]}',
  "[1, 2, 3",
  "[[Yes]]\nbut then again, perhaps not.",
];
const STAGES: readonly Stage[] = ["propose", "decompose", "vote", "redundancy", "conflict", "weights"];
const KEY: Readonly<Record<Stage, string>> = {
  ...{ propose: "propose", decompose: "decompose", vote: "votes" },
  ...{ redundancy: "redundancy", conflict: "conflict", weights: "weights" },
};

describe("a stage whose replies are malformed", () => {
  it.each(STAGES)("is asked again, and changes nothing when that can be read: %s", async (stage) => {
    const options = { weighting: "llm" } as const;
    const world = { ...WORLD, weights: [1, 2, 3] };
    const { refined: sound, calls: needed } = await refine(options, {}, memoryMemo(), world);
    for (const reply of MALFORMED) {
      const instead: Script["instead"] = (asked, _, { messages }) =>
        asked === stage && messages.length === 1 ? reply : undefined;
      const { refined, calls } = await refine(options, { instead }, memoryMemo(), world);
      expect(refined.rubric).toEqual(sound.rubric);
      expect(refined.trace).toEqual(sound.trace);
      expect(refined.counts.calls).toBe(calls.length);
      expect(calls.length).toBeGreaterThan(needed.length);
    }
  });

  it.each(STAGES)("is counted and survived when it never can be read: %s", async (stage) => {
    for (const mode of ["replace", "augment"] as const) {
      for (const reply of MALFORMED) {
        const instead: Script["instead"] = (asked) => (asked === stage ? reply : undefined);
        const { refined, calls } = await refine({ mode, weighting: "llm" }, { instead }, memoryMemo(), {
          ...WORLD,
          weights: mode === "replace" ? [1, 2, 3] : [1, 2, 3, 4, 5, 6, 7],
        });
        expect(refined.counts.unread[KEY[stage] as "votes"]).toBeGreaterThan(0);
        expect(refined.counts.calls).toBe(calls.length);
        const isEmpty = stage === "propose" || stage === "vote";
        expect(refined.rubric === null).toBe(isEmpty);
        expect(refined.decisionSource).toBe(isEmpty ? "direct" : "rubric");
      }
    }
  });

  it("lets pass what a filter could not say, with a flag", async () => {
    const instead: Script["instead"] = (asked) => (asked === "redundancy" ? "Hm." : undefined);
    const { refined } = await refine({}, { instead });
    expect(refined.trace.find(({ text }) => text === "C")).toMatchObject({
      decision: "accepted",
      flags: ["redundancy_unread"],
    });
  });

  it("keeps a criterion whole whose decomposition cannot be read, or is not of two", async () => {
    for (const reply of ["Hm.", '["A1"]', '["A1", "A2", "A3"]', "[]"]) {
      const instead: Script["instead"] = (asked) => (asked === "decompose" ? reply : undefined);
      const { refined } = await refine({}, { instead });
      expect(refined.trace.find(({ text }) => text === "A")).toMatchObject({
        decision: "accepted",
        reason: "not_decomposed",
        flags: ["decomposition_unread"],
      });
    }
  });

  it("never makes a number of a vote that is no verdict", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (reply) => {
        fc.pre(!/\[\[\s*(yes|no)\s*\]\]/i.test(reply));
        const instead: Script["instead"] = (asked, content) =>
          asked === "vote" && content.includes("\nr0\n") ? reply : undefined;
        const { refined } = await refine({}, { instead });
        for (const { votes } of refined.trace) expect(votes?.[0] ?? null).toBeNull();
      }),
      { numRuns: 40 },
    );
  });
});

describe("a refinement that is killed", () => {
  const runs = [
    { mode: "replace", weighting: "whitened-uniform" },
    { mode: "augment", weighting: "whitened-uniform" },
    { mode: "replace", weighting: "llm" },
  ] as const;

  it.each(runs)(
    "at any call and resumed gives the same bytes as one that was not: $mode, $weighting",
    async (options) => {
      const world = { ...WORLD, weights: [3, 2, 1] };
      const whole = await refine(options, {}, memoryMemo(), world);
      for (let killedAt = 0; killedAt < whole.calls.length; killedAt++) {
        const file = join(directory, `memo-${++count}.jsonl`);
        const first = await openMemo(file, options);
        const instead: Script["instead"] = (_, __, ___, call) => {
          if (call >= killedAt) throw new Error("killed");
          return undefined;
        };
        await expect(refine(options, { instead }, first, world)).rejects.toThrow("killed");
        await first.close();
        const second = await openMemo(file, options);
        const { refined, calls } = await refine(options, {}, second, world);
        await second.close();
        expect(bytes(refined)).toBe(bytes(whole.refined));
        // Not a call twice: what the first try was answered is kept.
        expect(calls.length).toBe(whole.calls.length - killedAt);
      }
    },
    60_000,
  );

  it("by a failed call says which failure it was, keeps nothing of it, and goes on", async () => {
    const whole = await refine({}, {});
    for (const failAt of [1, 2, 7, 20, whole.calls.length]) {
      const memo = memoryMemo();
      const { models } = scripted(WORLD);
      const broken = failingChatModel(models.judge, { failAt, code: "overloaded" });
      const both = { proposer: broken, judge: broken };
      await expect(refineRubric(INPUT, both, {}, memo, pace)).rejects.toMatchObject({ code: "overloaded" });
      const { refined } = await refine({}, {}, memo);
      expect(bytes(refined)).toBe(bytes(whole.refined));
    }
  });

  it("asks nothing new once it is to stop, and recalls what it has", async () => {
    const memo = memoryMemo();
    const whole = await refine({}, {}, memo);
    const { models } = scripted(WORLD);
    const stop = AbortSignal.abort();
    const again = await refineRubric(INPUT, models, {}, memo, { ...pace, stop });
    expect(bytes(again)).toBe(bytes(whole.refined));
    const fresh = refineRubric(INPUT, models, {}, memoryMemo(), { ...pace, stop });
    await expect(fresh).rejects.toMatchObject(new CallFailure("cancelled", "the work was stopped"));
  });
});

/** Worlds of any shape: what a criterion is met by, and what it is taken apart into, hang on its text alone. */
const anyWorld = fc
  .record({
    names: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 12 }),
    met: fc.array(fc.subarray(["r0", "r1", "r2", "r3", "strong", "weak"]), { minLength: 30, maxLength: 30 }),
    children: fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { minLength: 30, maxLength: 30 }),
    redundant: fc.subarray([...Array(30).keys()], { maxLength: 8 }),
    conflicts: fc.subarray([...Array(30).keys()], { maxLength: 8 }),
  })
  .map(({ names, met, children, redundant, conflicts }): World => {
    const all = Array.from({ length: 30 }, (_, index) => names[index] ?? `more ${index}`);
    const at = (index: number): string => all[index] ?? "";
    return {
      proposed: names,
      met: Object.fromEntries(all.map((name, index) => [name, met[index] ?? []])),
      children: Object.fromEntries(
        all.map((name, index) => [name, (children[index] ?? [0, 0]).map((child) => at(child))]),
      ),
      redundant: redundant.map(at),
      conflicts: conflicts.map(at),
    };
  });
const anyOptions = fc.record({
  mode: fc.constantFrom("replace" as const, "augment" as const),
  decomposeAbove: fc.nat(4),
  maxRejections: fc.integer({ min: 1, max: 15 }),
  maxDepth: fc.nat(4),
  maxRounds: fc.nat(6),
  maxProposed: fc.integer({ min: 1, max: 12 }),
});

describe("any refinement", () => {
  it("ends, turns down no more than it may, and keeps its rules", async () => {
    await fc.assert(
      fc.asyncProperty(anyWorld, anyOptions, async (world, options) => {
        const { refined } = await refine(options, {}, memoryMemo(), world);
        const { trace, rubric, weights, accepted } = refined;
        const of = (decision: string) => trace.filter((one) => one.decision === decision);
        expect(of("rejected").length).toBeLessThanOrEqual(options.maxRejections);
        expect(trace.every(({ depth }) => depth <= options.maxDepth)).toBe(true);
        expect(of("decomposed").every(({ depth }) => depth < options.maxDepth)).toBe(true);
        expect(new Set(accepted.map(({ candidate }) => candidate.id)).size).toBe(accepted.length);
        if (options.mode === "replace") {
          const parents = new Set(of("decomposed").map(({ criterion }) => criterion));
          expect(accepted.some(({ candidate }) => parents.has(candidate.id))).toBe(false);
        }
        if (accepted.length > 0) {
          expect(weights.weights.every((weight) => weight >= 0)).toBe(true);
          expect(weights.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
        }
        expect(rubric === null).toBe(accepted.length === 0);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("is the same in whatever order replies come", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyWorld,
        anyOptions,
        fc.array(fc.nat(3), { minLength: 5 }),
        async (world, options, waits) => {
          const { models } = scripted(world);
          const late = (model: typeof models.judge): typeof models.judge => {
            let call = 0;
            return {
              id: model.id,
              async generate(request, context) {
                for (let turn = waits[call++ % waits.length] ?? 0; turn > 0; turn--) await Promise.resolve();
                return model.generate(request, context);
              },
            };
          };
          const both = { proposer: late(models.proposer), judge: late(models.judge) };
          const slow = await refineRubric(INPUT, both, options, memoryMemo(), pace);
          const { refined } = await refine(options, {}, memoryMemo(), world);
          expect(bytes(slow)).toBe(bytes(refined));
        },
      ),
      { numRuns: 30 },
    );
  }, 60_000);
});
