import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definition } from "../../../rewards/rubric-judge.ts";
import { parseRecipe } from "../../../src/annotate/load-recipe.ts";
import { type ResolvedRecipe, resolveRecipe } from "../../../src/annotate/resolve.ts";
import { createCallPath } from "../../../src/models/call-path.ts";
import { memoryReplyCache } from "../../../src/models/reply-cache.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { modelRuntime } from "../../../src/testing/index.ts";
import { fakeProvider } from "../../annotate/fake-provider.ts";
import { directoryOf, errorOf } from "../../annotate/small-run.ts";

const context = { signal: new AbortController().signal, seed: 0 };

const rubricOf = (criteria: readonly string[]): string =>
  [
    "rubric: 1",
    "name: mine",
    "version: 1",
    "criteria:",
    ...criteria.map((id) => `  - { id: ${id}, text: Is it ${id}? }`),
  ].join("\n");

const MODELS =
  "models:\n  a: { provider: fake, model: A }\n  b: { provider: fake, model: B }\n  c: { provider: fake, model: C }\n";

/** Everything that a recipe of one rubric judge goes through but the files of a run: the call path and its cache are real. */
function bench() {
  const provider = fakeProvider((request) =>
    request.schema ? '{"reasons": "", "verdict": "Yes"}' : "[[Yes]]",
  );
  const path = createCallPath({ cache: memoryReplyCache(), limits: null, budget: null, offline: false });
  const catalog = {
    scorers: { "rubric-judge": definition },
    providers: { fake: provider },
    module: import.meta.url,
  } as unknown as Parameters<typeof resolveRecipe>[1];
  return {
    provider,
    resolve: (scorer: string, directory: string): Promise<ResolvedRecipe> => {
      const yaml = `input: { path: in.jsonl }\n${MODELS}scorers:\n  judged:\n    use: rubric-judge\n${scorer}`;
      const loaded = parseRecipe(yaml, { directory, label: "recipe.yaml", environment: {} });
      return resolveRecipe(loaded, catalog, modelRuntime({ path, directory }));
    },
  };
}

describe("rubric-judge in a recipe", () => {
  it("finds its rubric beside the recipe, and a panel by a list of models", async () => {
    const directory = await directoryOf({ "mine.yaml": rubricOf(["clear", "kind"]) });
    const { provider, resolve } = bench();
    const options = "    rubric: ./mine.yaml\n    judge: a\n    judges: [b, c]\n";
    const [run] = (await resolve(options, directory)).scorers;
    const scores = await run?.scorer.score(groupOf(["x"]), context);
    expect(scores).toMatchObject([{ value: 1, parts: { clear: 1, kind: 1, disagreement: 0 } }]);
    expect(provider.sent.map(({ model }) => model).sort()).toEqual(["A", "A", "B", "B", "C", "C"]);
    expect(run?.plannedCalls(groupOf(["x", "y"])).map(({ model, calls }) => [model, calls])).toEqual([
      ["a", 4],
      ["b", 4],
      ["c", 4],
    ]);
    expect(run?.config).toMatchObject({
      options: { rubric: "./mine.yaml", judges: ["b", "c"] },
      files: { rubric: expect.stringMatching(/^[0-9a-f]{16}$/) },
      models: { judge: { model: "A" }, "judges.0": { model: "B" }, "judges.1": { model: "C" } },
    });
    expect(run).toMatchObject({ cost: "paid", source: null });
  });

  it("pays only for the criterion that was added to a finished run", async () => {
    const directory = await directoryOf({ "mine.yaml": rubricOf(["clear", "kind"]) });
    const { provider, resolve } = bench();
    const options = "    rubric: ./mine.yaml\n    judge: a\n    judges: [b]\n";
    const groups = [groupOf(["x", "y"]), groupOf(["z"], { prompt: "And 3 * 3?", reference: "9" })];
    const run = async (): Promise<string | undefined> => {
      const [scorer] = (await resolve(options, directory)).scorers;
      for (const group of groups) {
        for (const score of (await scorer?.scorer.score(group, context)) ?? [])
          expect(score).toMatchObject({ value: 1 });
      }
      return scorer?.configHash;
    };
    const before = await run();
    // Three responses, two criteria, two judges.
    expect(provider.sent).toHaveLength(12);
    expect(await run()).toBe(before);
    expect(provider.sent).toHaveLength(12);
    await writeFile(join(directory, "mine.yaml"), rubricOf(["sourced", "clear", "kind"]));
    expect(await run()).not.toBe(before);
    const added = provider.sent.slice(12).map(({ request }) => request.messages[1]?.content ?? "");
    expect(added).toHaveLength(6);
    expect(added.every((content) => content.includes("Is it sourced?"))).toBe(true);
  });

  it.each([
    {
      options: "    rubric: ./nowhere.yaml\n    judge: a\n",
      says: ["recipe.yaml:9: scorers.judged.rubric:", "./nowhere.yaml cannot be read"],
    },
    {
      options: "    rubric: ./broken.yaml\n    judge: a\n",
      says: ["recipe.yaml:", "broken.yaml:4", "criteria"],
    },
    {
      options: "    rubric: helpfulnes\n    judge: a\n",
      says: ["recipe.yaml:", 'no ready rubric "helpfulnes"', 'did you mean "helpfulness"?'],
    },
    { options: "    rubric: helpfulness\n", says: ["scorers.judged.judge: names no model"] },
    {
      options: "    rubric: helpfulness\n    judge: a\n    judges: [b, d]\n",
      says: ["recipe.yaml:11: scorers.judged.judges[1]:", 'no model "d"'],
    },
    {
      options: "    rubric: helpfulness\n    judge: a\n    judges: b\n",
      says: ["recipe.yaml:11: scorers.judged.judges:"],
    },
    {
      options: "    rubric: { name: x, version: 1, criteria: [] }\n    judge: a\n",
      says: ["recipe.yaml:9: scorers.judged.rubric", "at least one criterion"],
    },
  ])("names the place of a fault: $says", async ({ options, says }) => {
    const directory = await directoryOf({ "broken.yaml": "rubric: 1\nname: x\nversion: 1\ncriteria: []\n" });
    const { message } = await errorOf(() => bench().resolve(options, directory));
    for (const part of says) expect(message).toContain(part);
  });
});
