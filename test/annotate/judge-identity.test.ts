import { setMaxListeners } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definition as autorule } from "../../rewards/autorule.ts";
import { definition as listwiseJudge } from "../../rewards/listwise-judge.ts";
import { definition as densityRatio } from "../../rewards/log-density-ratio.ts";
import { definition as pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { definition as rubricJudge } from "../../rewards/rubric-judge.ts";
import { parseRecipe } from "../../src/annotate/load-recipe.ts";
import { resolveRecipe } from "../../src/annotate/resolve.ts";
import type { RunScorer } from "../../src/annotate/resolve-scorer.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { groupScoring } from "../../src/annotate/score-group.ts";
import { contentHash } from "../../src/core/ids.ts";
import type { Group, Score } from "../../src/core/types.ts";
import { canaryFor } from "../../src/judging/canaries.ts";
import { judgeFingerprint } from "../../src/judging/fingerprint.ts";
import { createCallPath } from "../../src/models/call-path.ts";
import { memoryReplyCache } from "../../src/models/reply-cache.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { modelRuntime } from "../../src/testing/index.ts";
import { fakeProvider } from "./fake-provider.ts";
import { directoryOf } from "./small-run.ts";

const judges = {
  autorule,
  "listwise-judge": listwiseJudge,
  "pairwise-judge": pairwiseJudge,
  "rubric-judge": rubricJudge,
};

/** The scorer that a recipe's entry gives; `change` replaces parts of its definition. */
async function resolved(
  entry: string,
  directory: string,
  reply = "[[A]]",
  change: object = {},
): Promise<RunScorer> {
  const scorers = Object.fromEntries(
    Object.entries(judges).map(([name, definition]) => [name, { ...definition, ...change }]),
  );
  const catalog = {
    scorers,
    providers: { fake: fakeProvider(() => reply) },
    module: import.meta.url,
  } as unknown as Parameters<typeof resolveRecipe>[1];
  const path = createCallPath({ cache: memoryReplyCache(), limits: null, budget: null, offline: false });
  const yaml = `input: { path: in.jsonl }\nmodels: { m: { provider: fake, model: M } }\nscorers:\n  judged: { judge: m, ${entry} }\n`;
  const loaded = parseRecipe(yaml, { directory, label: "recipe.yaml", environment: {} });
  const { scorers: found } = await resolveRecipe(loaded, catalog, modelRuntime({ path, directory }));
  return found[0] as RunScorer;
}

function scoring(run: RunScorer) {
  const { signal: cancel } = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, cancel);
  return groupScoring({
    scorers: [run],
    seed: 0,
    cancel,
    cache: memoryScoreCache(),
    pool: null,
    counts: new Map(),
  });
}

const called = (id: string): Group => {
  const group = groupOf(["one", "two"]);
  return { ...group, prompt: { ...group.prompt, id } };
};

/** Scores of the groups one after another, and at a time, with one cache; both must equal those of each alone. */
async function sharing(run: RunScorer, groups: readonly Group[]): Promise<(readonly Score[])[]> {
  const scores = async (given: Group, { score } = scoring(run)) =>
    (await score(given, null)).columns[0]?.scores ?? [];
  const alone = await Promise.all(groups.map((group) => scores(group)));
  const shared = scoring(run);
  expect(await Promise.all(groups.map((group) => scores(group, shared)))).toEqual(alone);
  const turned = scoring(run);
  for (const [index, group] of groups.entries()) expect(await scores(group, turned)).toEqual(alone[index]);
  return alone;
}

describe("prompts with one content and two ids", () => {
  it("are judged each by its own rubric", async () => {
    const directory = await directoryOf({});
    const line = (id: string, polarity: string) =>
      JSON.stringify({
        prompt_id: id,
        rubric: { name: id, version: 1, criteria: [{ id: "only", text: "Is so.", polarity }] },
      });
    await writeFile(
      join(directory, "rubrics.jsonl"),
      [line("p", "positive"), line("q", "negative")].join("\n"),
    );
    const run = await resolved(
      "use: rubric-judge, rubric: ./rubrics.jsonl, output: text",
      directory,
      "[[Yes]]",
    );
    const [first, second] = await sharing(run, [called("p"), called("q"), called("r")]);
    expect(first).not.toEqual(second);
  });

  it("have each its own canary, or none", async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `p${index}`);
    const run = await resolved("use: pairwise-judge, canaries: { share: 0.5 }", await directoryOf({}));
    const scores = await sharing(run, ids.map(called));
    expect(scores.map(([first]) => first?.kind === "scored" && "canary" in (first.parts ?? {}))).toEqual(
      ids.map((id) => canaryFor(0, id, 0.5) !== null),
    );
  });

  it("are shown to a listwise judge in orders of their own", async () => {
    const run = await resolved("use: listwise-judge", await directoryOf({}), "[[1, 9]]");
    const scores = await sharing(
      run,
      Array.from({ length: 20 }, (_, index) => called(`p${index}`)),
    );
    expect(new Set(scores.map((own) => JSON.stringify(own))).size).toBe(2);
  });

  it("are one question to a scorer that draws nothing by them, and two to one that may", () => {
    expect(autorule.usesIds).toBe(false);
    for (const { usesIds } of [rubricJudge, pairwiseJudge, listwiseJudge, densityRatio])
      expect(usesIds).toBe(true);
  });
});

describe("texts that come with the package", () => {
  const ENTRIES = [
    "use: autorule, rules: good-answers",
    "use: rubric-judge, rubric: helpfulness",
    "use: pairwise-judge, rubric: helpfulness",
    "use: listwise-judge, rubric: helpfulness",
  ];

  it.each(ENTRIES)("are part of the config hash and of the cache key of { %s }", async (entry) => {
    const directory = await directoryOf({});
    const [run, same] = [await resolved(entry, directory), await resolved(entry, directory)];
    const other = await resolved(entry, directory, "[[A]]", { fingerprint: () => "another text" });
    expect(run.config).toMatchObject({ fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(run.cacheIdentity).toMatchObject({
      fingerprint: (run.config as { fingerprint: string }).fingerprint,
    });
    expect(same.configHash).toBe(run.configHash);
    expect(other.configHash).not.toBe(run.configHash);
    expect(contentHash(other.cacheIdentity)).not.toBe(contentHash(run.cacheIdentity));
  });

  it("are told apart by what they say, canaries where they are used", () => {
    const of = (options: object) => pairwiseJudge.fingerprint?.(pairwiseJudge.options.parse(options));
    expect(of({})).not.toBe(of({ rubric: "helpfulness" }));
    expect(of({})).not.toBe(of({ canaries: { share: 0.1 } }));
    expect(of({})).toBe(of({ samples: 3 }));
    expect(judgeFingerprint("one")).not.toBe(judgeFingerprint("two"));
  });

  it("are the domains of a log-density-ratio that customises", () => {
    const of = (options: object) =>
      densityRatio.fingerprint?.(densityRatio.options.parse({ strong: "a", weak: "b", ...options }));
    expect(of({})).toBeNull();
    expect(of({ customization: {} })).toMatch(/^[0-9a-f]{16}$/);
    expect(of({ customization: {} })).not.toBe(
      of({ customization: { domains: { CHAT: { system: "Be kind." } } } }),
    );
  });
});
