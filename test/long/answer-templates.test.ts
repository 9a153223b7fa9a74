import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Pair {
  readonly id: string;
  readonly feature: string;
  readonly gold: string;
  readonly response: string;
  readonly expected: "equal" | "different" | "no-answer";
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = process.env.PREFKIT_DIST ?? join(root, "dist");
const fixtures = {
  templates: "../../bench/fixtures/answer-templates.mjs",
  judge: "../../bench/fixtures/rules-judge.mjs",
};
const { answerTemplates } = (await import(fixtures.templates)) as {
  answerTemplates: (options?: { readonly seed?: number; readonly perSide?: number }) => readonly Pair[];
};
const { judgePairs, loadScorer } = (await import(fixtures.judge)) as {
  judgePairs: (
    scorer: unknown,
    pairs: readonly Pair[],
  ) => Promise<readonly { readonly verdict: boolean | null; readonly score: { readonly why?: string } }[]>;
  loadScorer: (dist: string) => Promise<unknown>;
};

describe("answers built from templates with known truth", () => {
  const pairs = answerTemplates();

  it("are at least 1,500, half of them equal, and both in every feature", () => {
    expect(pairs.length).toBeGreaterThanOrEqual(1500);
    const equal = pairs.filter(({ expected }) => expected === "equal");
    expect(equal.length / pairs.length).toBeCloseTo(0.5, 1);
    const features = [...new Set(pairs.map(({ feature }) => feature))];
    expect(new Set(equal.map(({ feature }) => feature)).size).toBe(features.length);
    const unequal = pairs.filter(({ expected }) => expected !== "equal");
    expect(new Set(unequal.map(({ feature }) => feature)).size).toBe(features.length);
  });

  it("are the same for the same seed, and others for another", () => {
    expect(answerTemplates()).toEqual(pairs);
    expect(answerTemplates({ seed: 2 })).not.toEqual(pairs);
  });

  it("have ids of their own, and no pair stands there twice", () => {
    expect(new Set(pairs.map(({ id }) => id)).size).toBe(pairs.length);
    expect(new Set(pairs.map(({ gold, response }) => JSON.stringify([gold, response]))).size).toBe(
      pairs.length,
    );
  });

  it("are judged without a false accept, and with fewer than 1 % false rejects", async () => {
    const scorer = await loadScorer(dist);
    for (const seed of [1, 11, 12]) {
      const drawn = answerTemplates({ seed });
      const judged = await judgePairs(scorer, drawn);
      const wrongly = drawn.flatMap((pair, place) => {
        const isAccepted = judged[place]?.verdict === true;
        if (isAccepted === (pair.expected === "equal")) return [];
        return [{ ...pair, response: pair.response.slice(-80), isAccepted, why: judged[place]?.score.why }];
      });
      expect(wrongly.filter(({ isAccepted }) => isAccepted)).toEqual([]);
      const rejected = wrongly.filter(({ isAccepted }) => !isAccepted);
      const equal = drawn.filter(({ expected }) => expected === "equal").length;
      expect(rejected.length / equal, JSON.stringify(rejected.slice(0, 20), null, 1)).toBeLessThan(0.01);
    }
  });
});
