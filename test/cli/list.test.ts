import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { closeModels } from "../../src/annotate/models.ts";
import { resolveRecipe } from "../../src/annotate/resolve.ts";
import { catalog } from "../../src/catalog.ts";
import { type Details, listCommand } from "../../src/cli/commands/list.ts";
import { pairBuilders } from "../../src/pairs/index.ts";
import { transforms } from "../../src/shaping/index.ts";
import { modelRuntime } from "../../src/testing/model-runtime.ts";
import { invoke } from "./small-dataset.ts";

const list = (...args: string[]) => invoke(listCommand, args);
const names = [catalog.scorers, transforms, pairBuilders].flatMap((entries) => Object.keys(entries));

async function detailsOf(name: string): Promise<Details> {
  return JSON.parse((await list(name, "--json")).out) as Details;
}

describe("prefkit list", () => {
  it("names every scorer, transform and pair builder with its summary", async () => {
    const { out, exitCode } = await list();
    for (const entries of [catalog.scorers, transforms, pairBuilders]) {
      for (const { name, summary } of Object.values(entries)) {
        expect(out).toMatch(
          new RegExp(`^  ${name} +${summary.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "m"),
        );
      }
    }
    expect(exitCode).toBe(0);
  });

  it("prints the same as JSON", async () => {
    const {
      scorers,
      transforms: shaping,
      pairBuilders: pairs,
    } = JSON.parse((await list("--json")).out) as Record<string, { name: string }[]>;
    expect([scorers, shaping, pairs].flatMap((entries) => (entries ?? []).map(({ name }) => name))).toEqual(
      names,
    );
  });

  it.each(names)("gives an example of %s that a recipe takes as it stands", async (name) => {
    const { example } = await detailsOf(name);
    const filled = {
      input: { path: "a.jsonl" },
      scorers: { my_score: { use: "math-answer" } },
      ...(parse(example) as object),
    };
    const { models } = await resolveRecipe(
      recipeFromCode(filled, ".", {}),
      catalog,
      modelRuntime({ environment: { OPENAI_API_KEY: "not-a-key" } }),
    );
    await closeModels(models);
  });

  it("tells type, default and meaning of each option", async () => {
    const { options } = await detailsOf("standardize");
    expect(options).toEqual([
      {
        name: "scope",
        type: '"group" | "run"',
        required: false,
        default: "group",
        description: expect.stringContaining("over those of the whole run"),
      },
      {
        name: "epsilon",
        type: "number ≥ 0",
        required: false,
        default: 0.0001,
        description: expect.any(String),
      },
    ]);
    const { out } = await list("overlong-penalty");
    expect(out).toContain("maxTokens   integer > 0; required");
    expect(out).toContain("Hard limit, in tokens of the policy's tokenizer.");
  });

  it("tells a scorer's needs, cost and range", async () => {
    expect((await detailsOf("math-answer")).scorer).toEqual({
      models: null,
      cost: "free",
      cpuBound: false,
      orderSensitive: false,
      usesSeed: false,
      needs: "a reference answer (map.reference)",
      range: [0, 1],
    });
    expect((await detailsOf("regex")).scorer).toMatchObject({ cpuBound: true, needs: null });
    expect((await detailsOf("precomputed")).scorer).toMatchObject({
      orderSensitive: true,
      range: [null, null],
    });
    expect((await list("precomputed")).out).toContain("values from −∞ to ∞");
    expect((await detailsOf("rank")).scorer).toBeUndefined();
  });

  it("suggests the nearest name for an unknown one", async () => {
    await expect(list("math-anwser")).rejects.toMatchObject({
      code: "unknown_name",
      fix: expect.stringContaining('did you mean "math-answer"?'),
    });
    // What every object inherits is no scorer.
    await expect(list("constructor")).rejects.toMatchObject({ code: "unknown_name" });
  });
});
