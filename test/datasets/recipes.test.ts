import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseRecipe } from "../../src/annotate/load-recipe.ts";

const directory = new URL("../../datasets/recipes/", import.meta.url);
const names = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
const textOf = (name: string) => readFileSync(new URL(name, directory), "utf8");

describe("the ready recipes", () => {
  it("are there", () => {
    expect(names).toEqual(["demo.yaml", "gsm8k.yaml", "rerank-existing-scores.yaml", "votes.yaml"]);
  });

  describe.each(names)("%s", (name) => {
    it("is YAML and follows the recipe's schema", () => {
      expect(parse(textOf(name))).toBeTypeOf("object");
      parseRecipe(textOf(name), { directory: directory.pathname, label: name, environment: {} });
    });

    it("names only scores that it makes, and only scorers that come with the package", () => {
      const { recipe } = parseRecipe(textOf(name), { directory: ".", label: name, environment: {} });
      const made = Object.keys(recipe.scorers);
      for (const { score } of [...(recipe.reward?.terms ?? []), ...(recipe.reward?.gates ?? [])]) {
        expect(made).toContain(score);
      }
      for (const { use } of Object.values(recipe.scorers)) expect(use).toMatch(/^[a-z-]+$/);
    });

    it("needs no variable of the environment", () => {
      expect(textOf(name)).not.toMatch(/\$\{/);
    });
  });
});
