// biome-ignore-all lint/suspicious/noTemplateCurlyInString: recipes write their variables so.
import { describe, expect, it } from "vitest";
import { identityOf } from "../../src/serve/identity.ts";
import { resolved } from "../annotate/small-run.ts";

const BASE = {
  scorers: { a: { use: "length" }, b: { use: "length", scale: 2 } },
  reward: { terms: [{ score: "a", weight: 0.3 }] },
};

/** What of the rewards a change makes another. */
async function changed(recipe: Parameters<typeof resolved>[0], numbers = {}): Promise<string[]> {
  const [one, other] = [identityOf(await resolved(BASE), {}), identityOf(await resolved(recipe), numbers)];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    (name) => one[name] !== other[name],
  );
}

describe("what makes a server's rewards", () => {
  it("is the same for the same recipe, wherever its rows come from and its dataset goes", async () => {
    expect(await changed(BASE)).toEqual([]);
    expect(await changed({ ...BASE, input: { path: "other.jsonl" }, output: { license: "mit" } })).toEqual(
      [],
    );
  });

  it.each([
    [
      "a weight",
      { ...BASE, reward: { terms: [{ score: "a", weight: 0.9 }] } },
      "the recipe's seed, models or reward",
    ],
    ["the seed", { ...BASE, seed: 7 }, "the recipe's seed, models or reward"],
    [
      "a scorer's option",
      { ...BASE, scorers: { ...BASE.scorers, b: { use: "length", scale: 3 } } },
      "the scorer b",
    ],
    [
      "a scorer's time limit",
      { ...BASE, scorers: { ...BASE.scorers, b: { ...BASE.scorers.b, timeoutMs: 5 } } },
      "the scorer b",
    ],
    ["a scorer more", { ...BASE, scorers: { ...BASE.scorers, c: { use: "place" } } }, "the scorer c"],
  ])("is another, by its name, with %s that differs", async (_, recipe, name) => {
    expect(await changed(recipe)).toEqual([name]);
  });

  it("is another with other numbers of a whole run", async () => {
    expect(await changed(BASE, { 0: [{ mean: 1 }] })).toEqual(["the numbers of the run"]);
  });

  it("takes what a variable stands for, of which nothing can be read in it", async () => {
    const recipe = { ...BASE, scorers: { a: { use: "length", unit: "${UNIT}" } } };
    const [one, other] = await Promise.all(
      ["words", "characters"].map(async (UNIT) =>
        identityOf(await resolved(recipe, undefined, { UNIT }), {}),
      ),
    );
    expect(one).not.toEqual(other);
    expect(JSON.stringify(one)).not.toContain("words");
  });

  it("can be told of scorers given in code, by their source text", async () => {
    const scoring = (score: (input: { text: string }) => number) => ({
      ...BASE,
      scorers: { a: { use: score } },
    });
    const [one, same, other] = await Promise.all(
      [
        scoring(({ text }) => text.length),
        scoring(({ text }) => text.length),
        scoring(({ text }) => -text.length),
      ].map(async (recipe) => identityOf(await resolved(recipe as never), {})),
    );
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
  });
});
