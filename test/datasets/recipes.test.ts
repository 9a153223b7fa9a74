import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseRecipe } from "../../src/annotate/load-recipe.ts";

const directory = new URL("../../datasets/recipes/", import.meta.url);
const names = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
const textOf = (name: string) => readFileSync(new URL(name, directory), "utf8");

describe("the ready recipes", () => {
  it("are there", () => {
    expect(names).toEqual([
      "demo.yaml",
      "gsm8k.yaml",
      "log-density-ratio.yaml",
      "rerank-existing-scores.yaml",
      "smollm2-ratio.yaml",
      "votes.yaml",
    ]);
  });

  it("differ in one line between the toy pair and a public pair", () => {
    const lines = (name: string) =>
      textOf(name)
        .split("\n")
        .filter((line) => !line.startsWith("#"));
    const [toy, open] = [lines("log-density-ratio.yaml"), lines("smollm2-ratio.yaml")];
    expect(open).toHaveLength(toy.length);
    const changed = open.filter((line, index) => line !== toy[index]);
    expect(changed).toHaveLength(1);
    expect(changed[0]).toMatch(/^models: .*SmolLM2-135M-Instruct.*SmolLM2-135M /);
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
