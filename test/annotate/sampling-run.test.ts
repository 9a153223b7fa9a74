// biome-ignore-all lint/suspicious/noTemplateCurlyInString: recipes write their variables so.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { definition as coReward } from "../../rewards/co-reward.ts";
import { drawSamples } from "../../src/annotate/draw-samples.ts";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { openRecipeInput } from "../../src/annotate/plan-file.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { tableRows } from "../../src/annotate/rework.ts";
import { type RunOptions, run as runRecipe } from "../../src/annotate/run.ts";
import { validate } from "../../src/annotate/validate.ts";
import { CallFailure } from "../../src/core/errors.ts";
import { nodeFiles } from "../../src/core/files.ts";
import type { Group } from "../../src/core/types.ts";
import { readManifest } from "../../src/store/manifest.ts";
import { groupFromRow } from "../../src/store/row-sets.ts";
import { type Answer, fakeProvider } from "./fake-provider.ts";
import { directoryOf, errorOf, testCatalog } from "./small-run.ts";

const PROMPTS = [
  { id: "a", prompt: "What is 2 + 3?", reference: "5" },
  { id: "b", prompt: "What is 4 + 4?", reference: "8", responses: ["8, of course"] },
  { id: "c", prompt: "What is 1 + 6?", reference: "7" },
];

/** Answers name the model, the question and the seed: other seeds, other texts. */
const echo: Answer = ({ messages, sampling }, model) =>
  `${model} says ${messages.at(-1)?.content} ${sampling.seed ?? "no seed"}`;

/** A project of its own, with a cache of its own; the catalogue has one provider, `fake`. */
async function project(
  answer: Answer,
  recipe: Partial<RecipeInput> = {},
  prompts: readonly unknown[] = PROMPTS,
) {
  const directory = await directoryOf({ "in.jsonl": prompts });
  const fake = fakeProvider(answer);
  const catalog = { ...testCatalog, providers: { fake } };
  const whole: RecipeInput = {
    input: { path: "in.jsonl" },
    models: { policy: { provider: "fake", model: "p", retries: 0 } },
    sample: { model: "policy", n: 3, maxTokens: 50 },
    scorers: { length: { use: "length" } },
    pairs: { use: "best-vs-worst" },
    ...recipe,
  };
  const environment = { PREFKIT_CACHE_DIR: join(directory, "cache"), MY_KEY: "sk-planted-1234567890" };
  const loaded = recipeFromCode(whole, directory, environment);
  const out = join(directory, "out");
  return {
    directory,
    fake,
    catalog,
    loaded,
    out,
    run: (options: RunOptions = {}) => runRecipe(loaded, catalog, { out, ...options }),
  };
}

async function groupsIn(out: string): Promise<Group[]> {
  const groups: Group[] = [];
  const manifest = await readManifest(nodeFiles, out);
  for await (const rows of tableRows(nodeFiles, out, manifest, "groups")) {
    groups.push(...rows.map((row) => groupFromRow(row).group));
  }
  return groups;
}

/** Every file below a directory, as text. */
function everyFile(directory: string): { path: string; text: string }[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, "latin1") }));
}

describe("a run with a section sample", () => {
  it("fills groups up to n and keeps what is there", async () => {
    const { run, fake, out } = await project(echo);
    expect((await run()).kind).toBe("done");
    const groups = await groupsIn(out);
    expect(groups.map(({ responses }) => responses.length)).toEqual([3, 3, 3]);
    expect(groups[1]?.responses[0]?.text).toBe("8, of course");
    // Three prompts to three candidates, one of which is there.
    expect(fake.sent).toHaveLength(8);
    const [first] = groups[0]?.responses ?? [];
    expect(first).toMatchObject({
      role: "candidate",
      model: "policy",
      finishReason: "stop",
      metadata: { sample: 0 },
    });
    expect(first?.tokenCount).toBe(first?.text.length);
    expect(new Set(groups[0]?.responses.map(({ text }) => text)).size).toBe(3);
  });

  it("draws the same texts again with the same seed and others with another, whatever the concurrency", async () => {
    const texts = async (options: RunOptions, seed = 0) => {
      const { run, out } = await project(echo, { seed });
      await run(options);
      return (await groupsIn(out)).map(({ responses }) => responses.map(({ text }) => text));
    };
    const once = await texts({ concurrency: 1 });
    expect(await texts({ concurrency: 7 })).toEqual(once);
    expect(await texts({}, 1)).not.toEqual(once);
  });

  it("takes missing responses from several sources in turn, each with its own options", async () => {
    const { run, fake } = await project(echo, {
      models: { p: { provider: "fake", model: "p" }, q: { provider: "fake", model: "q" } },
      sample: { from: [{ model: "p" }, { model: "q", temperature: 0.2 }], n: 3, temperature: 1 },
    });
    await run();
    const ofA = fake.sent.filter(({ request }) => request.messages.at(-1)?.content.includes("2 + 3"));
    expect(ofA.map(({ model, request }) => [model, request.sampling.temperature]).sort()).toEqual([
      ["p", 1],
      ["p", 1],
      ["q", 0.2],
    ]);
  });

  it("pays for nothing twice when it begins anew", async () => {
    const { run, fake, out } = await project(echo);
    await run();
    const groups = await groupsIn(out);
    await run({ force: true });
    expect(fake.sent).toHaveLength(8);
    expect(await groupsIn(out)).toEqual(groups);
    expect((await run()).kind).toBe("unchanged");
  });

  it("is replayed from the cache alone offline, and an unknown reply is said to be missing", async () => {
    const { run, fake, loaded, catalog, directory } = await project(echo);
    await run();
    await run({ force: true, offline: true });
    expect(fake.sent).toHaveLength(8);
    const other = recipeFromCode({ ...(loaded.raw as RecipeInput), seed: 9 }, directory, loaded.environment);
    const error = await errorOf(() =>
      runRecipe(other, catalog, { out: join(directory, "offline"), offline: true }),
    );
    expect(error.code).toBe("reply_missing");
  });

  it("counts groups whose texts are all equal, and samples that failed", async () => {
    const prompts = Array.from({ length: 30 }, (_, index) => ({
      id: `p${index}`,
      prompt: `Question ${index}?`,
    }));
    let asked = 0;
    const { run } = await project(
      () => {
        asked += 1;
        if (asked === 5) throw new CallFailure("bad_request", "refused");
        return "always the same";
      },
      { sample: { model: "policy", n: 4, maxFailedShare: 0.1 }, pairs: undefined },
      prompts,
    );
    const { manifest } = await run({ concurrency: 1 });
    expect(manifest?.input.sampling).toMatchObject({
      counts: { groups: 30, sampled: 119, failures: { bad_request: 1 }, groupsWithEqualTexts: 30 },
    });
    expect(manifest?.summary.groupsWithEqualTexts).toBe(30);
  });

  it("ends with failed_budget_exceeded when too many samples fail, and goes on once the cause is mended", async () => {
    let broken = true;
    const { run, out } = await project((request, model) => {
      if (broken && request.messages.at(-1)?.content.includes("1 + 6"))
        throw new CallFailure("bad_request", "refused");
      return echo(request, model);
    });
    const error = await errorOf(() => run());
    expect(error.code).toBe("failed_budget_exceeded");
    expect(error.message).toContain("3 of 8 samples failed (bad_request 3)");
    broken = false;
    expect((await run()).kind).toBe("done");
    expect((await groupsIn(out)).map(({ responses }) => responses.length)).toEqual([3, 3, 3]);
  });

  it("refuses shards, which would each draw everything", async () => {
    const { run } = await project(echo);
    const error = await errorOf(() => run({ slice: { index: 0, count: 2 } }));
    expect(error.message).toContain("prefkit sample");
  });
});

describe("rephrased twins", () => {
  const rewriting: Answer = ({ messages, sampling }, model) =>
    model === "rewriter"
      ? `<rephrased>Anew: ${messages.at(-1)?.content.split("\n\n")[1]}</rephrased>`
      : `${messages.at(-1)?.content.replace("Anew: ", "")} ${sampling.seed}`;
  const models = {
    policy: { provider: "fake", model: "p" },
    writer: { provider: "fake", model: "rewriter" },
  };

  it("stand behind their originals, each naming the other, filled to n", async () => {
    const { run, out } = await project(rewriting, {
      models,
      sample: { model: "policy", n: 2, rephrase: { model: "writer" } },
    });
    await run();
    const groups = await groupsIn(out);
    expect(groups.map(({ prompt, siblingId }) => [prompt.id, siblingId])).toEqual([
      ["a", "a~rephrased"],
      ["a~rephrased", "a"],
      ["b", "b~rephrased"],
      ["b~rephrased", "b"],
      ["c", "c~rephrased"],
      ["c~rephrased", "c"],
    ]);
    expect(groups[1]?.prompt.messages.at(-1)?.content).toBe("Anew: What is 2 + 3?");
    expect(groups[1]?.prompt.reference).toBe("5");
    expect(groups.map(({ responses }) => responses.length)).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it("are what co-reward votes across: a run of its own rephrases, samples, crosses the labels and pairs", async () => {
    // The policy is right about the originals; of the rephrased questions it always says 8.
    const { loaded, fake, directory } = await project(
      ({ messages, sampling }, model) => {
        const question = messages.at(-1)?.content ?? "";
        if (model === "rewriter") return `<rephrased>Anew: ${question.split("\n\n")[1]}</rephrased>`;
        if (question.startsWith("Anew")) return "\\boxed{8}";
        return (sampling.seed ?? 0) % 2 === 0 ? "\\boxed{8}" : "\\boxed{5}";
      },
      {
        models,
        sample: { model: "policy", n: 6, rephrase: { model: "writer" } },
        scorers: { agree: { use: "co-reward" } },
        pairs: { use: "pass-vs-fail", score: "agree" },
      },
    );
    const catalog = { ...testCatalog, scorers: { "co-reward": coReward }, providers: { fake } };
    const out = join(directory, "out");
    const { manifest } = await runRecipe(loaded, catalog, { out });
    expect(manifest?.summary.scorers.agree).toMatchObject({ abstained: 0, failed: 0 });
    const groups = await groupsIn(out);
    const scores: Record<string, number> = {};
    if (manifest) {
      for await (const rows of tableRows(nodeFiles, out, manifest, "scores"))
        for (const row of rows) scores[String(row.response_id)] = Number(row.value);
    }
    // An original's label is its twin's vote, which is 8.
    for (const { prompt, responses } of groups.filter(({ prompt }) => !prompt.id.endsWith("~rephrased"))) {
      for (const { id, text } of responses.filter(({ metadata }) => metadata.sample !== undefined))
        expect(scores[id], `${prompt.id}: ${text}`).toBe(text.includes("8") ? 1 : 0);
    }
  });

  it("are left out, and counted, when the rewriter's answer cannot be read or repeats the question", async () => {
    const { run } = await project(
      (request, model) => {
        if (model !== "rewriter") return echo(request, model);
        const question = request.messages.at(-1)?.content ?? "";
        if (question.includes("2 + 3")) return "Here it is: What is the sum of 2 and 3?";
        if (question.includes("4 + 4")) return `<rephrased>${question.split("\n\n")[1]}</rephrased>`;
        return "<rephrased>Add 1 to 6.</rephrased>";
      },
      { models, sample: { model: "policy", n: 2, rephrase: { model: "writer" } } },
    );
    const { manifest } = await run();
    expect(manifest?.input.sampling).toMatchObject({
      counts: { twins: 1, withoutTwin: { identical: 1, unread: 1 } },
    });
  });

  it("are dropped when the checking model answers them otherwise than the original", async () => {
    const { run, out } = await project(
      ({ messages }, model) => {
        const question = messages.at(-1)?.content ?? "";
        if (model === "rewriter") {
          return question.includes("4 + 4")
            ? "<rephrased>Add 4 to 5.</rephrased>"
            : `<rephrased>Anew: ${question.split("\n\n")[1]}</rephrased>`;
        }
        const answers: [string, string][] = [
          ["2 + 3", "5"],
          ["4 + 4", "8"],
          ["4 to 5", "9"],
          ["1 + 6", "7"],
        ];
        return `\\boxed{${answers.find(([part]) => question.includes(part))?.[1]}}`;
      },
      {
        models,
        sample: { model: "policy", n: 1, rephrase: { model: "writer", checkModel: "policy" } },
        pairs: undefined,
      },
    );
    const { manifest } = await run();
    expect(manifest?.input.sampling).toMatchObject({
      counts: { twins: 2, withoutTwin: { changed_answer: 1 } },
    });
    expect((await groupsIn(out)).map(({ prompt }) => prompt.id)).not.toContain("b~rephrased");
  });
});

describe("money", () => {
  // 100 prompt tokens at 10 and at most 50 output tokens at 20 per million: 0.002 is set aside for each call.
  const models = { policy: { provider: "fake", model: "p", price: { in: 10, out: 20 }, retries: 0 } };

  it("is never spent beyond maxCost; the run saves, and goes on with more", async () => {
    const { run, fake, out } = await project(() => "x".repeat(50), { models });
    const outcome = await run({ maxCost: 0.009, concurrency: 2 });
    expect(outcome.kind).toBe("budget");
    // Four calls cost 0.008; a fifth might have cost 0.002 more.
    expect(fake.sent).toHaveLength(4);
    expect((await run({ maxCost: 0.009 })).kind).toBe("budget");
    expect(fake.sent).toHaveLength(4);
    expect((await run({ maxCost: 1 })).kind).toBe("done");
    expect(fake.sent).toHaveLength(8);
    expect((await groupsIn(out)).map(({ responses }) => responses.length)).toEqual([3, 3, 3]);
  });

  it("cannot be limited without prices", async () => {
    const { run, fake } = await project(echo);
    const error = await errorOf(() => run({ maxCost: 1 }));
    expect([error.code, fake.sent.length]).toEqual(["missing_price", 0]);
    expect(error.message).toContain('model "policy" has no price');
  });

  it("is estimated by validate, by model and purpose, without a call", async () => {
    const { loaded, catalog, directory, fake } = await project(echo, { models });
    const { estimates } = await validate(loaded, catalog, { scratch: join(directory, "scratch") });
    // Each prompt has 14 characters: 4 tokens and 4 for the message; replies are taken as half of 50 tokens.
    expect(estimates).toEqual([
      {
        model: "policy",
        purpose: "sample",
        calls: 8,
        promptTokens: 64,
        outputTokens: 200,
        money: (64 * 10 + 200 * 20) / 1e6,
      },
    ]);
    expect(fake.sent).toHaveLength(0);
  });
});

describe("keys", () => {
  it("reach no file: output, cache, ledger", async () => {
    const { run, directory } = await project(echo, {
      models: { policy: { provider: "fake", model: "p", key: "${MY_KEY}", price: { in: 1, out: 1 } } },
    });
    await run({ maxCost: 5 });
    const files = everyFile(directory);
    expect(files.length).toBeGreaterThan(8);
    expect(files.filter(({ text }) => text.includes("sk-planted")).map(({ path }) => path)).toEqual([]);
  });

  it.each([
    ["a key", { key: "sk-live-1" }],
    ["a header", { headers: { Authorization: "Bearer abc" } }],
    ["a URL", { baseUrl: "https://me:secret@host/v1" }],
  ])("written into the recipe as %s are refused", async (_, entry) => {
    const error = await errorOf(async () => {
      const { run } = await project(echo, { models: { policy: { provider: "fake", model: "p", ...entry } } });
      return run();
    });
    expect(error.code).toBe("bad_recipe");
    expect(error.message).not.toContain("sk-live-1");
    expect(error.message).not.toContain("secret@");
    expect(error.message).not.toContain("Bearer abc");
  });
});

describe("drawSamples", () => {
  it("writes what another recipe reads back as the same groups", async () => {
    const { loaded, catalog, directory } = await project(echo);
    const target = join(directory, "samples");
    const outcome = await drawSamples(loaded, catalog, target);
    expect(outcome).toMatchObject({ kind: "done", counts: { groups: 3, sampled: 8 } });
    const recipe = recipeFromCode(
      {
        input: { path: "samples/train-*.parquet", map: { id: "prompt_id", sibling: "sibling_id" } },
        scorers: { length: { use: "length" } },
      },
      directory,
      {},
    );
    const { resolveRecipe } = await import("../../src/annotate/resolve.ts");
    const input = await openRecipeInput(await resolveRecipe(recipe, testCatalog), directory);
    const groups: Group[] = [];
    for await (const rows of input.read()) {
      for (const row of rows) if (row.kind === "group") groups.push(row.group);
    }
    await input.close();
    expect(groups.map(({ prompt }) => prompt.id)).toEqual(["a", "b", "c"]);
    expect(groups[0]?.prompt.reference).toBe("5");
    expect(groups[0]?.responses[0]).toMatchObject({
      model: "policy",
      finishReason: "stop",
      metadata: { sample: 0 },
    });
  });

  it("refuses a directory with files of others", async () => {
    const { loaded, catalog, directory } = await project(echo);
    const error = await errorOf(() => drawSamples(loaded, catalog, directory));
    expect(error.code).toBe("not_this_run");
  });
});
