import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadRecipe } from "../../src/annotate/load-recipe.ts";
import { catalog } from "../../src/catalog.ts";
import { pick } from "../../src/evaluate/pick.ts";

const toy = fileURLToPath(new URL("../../datasets/samples/toy-pair/", import.meta.url));
const recipe = fileURLToPath(new URL("../../datasets/recipes/log-density-ratio.yaml", import.meta.url));

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-toy-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("the toy pair", () => {
  it("is the files that its README and SHA256SUMS name", () => {
    const lines = readFileSync(join(toy, "SHA256SUMS"), "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      const [hash, path = ""] = line.split(/ [ *]/);
      expect(
        createHash("sha256")
          .update(readFileSync(join(toy, path)))
          .digest("hex"),
        path,
      ).toBe(hash);
    }
  });

  it("shares no sentence of its held-out templates with the training templates", () => {
    const read = (name: string): string => readFileSync(join(toy, name), "utf8");
    const training = read("templates_train.py") + read("grammar_train.py");
    const sentences = (text: string): string[] =>
      [...text.matchAll(/"([^"\n]{25,})"/g)].map(([, sentence = ""]) => sentence);
    const heldOut = sentences(read("templates_held_out.py"));
    expect(heldOut.length).toBeGreaterThan(80);
    expect(sentences(training).length).toBeGreaterThan(80);
    expect(heldOut.filter((sentence) => training.includes(sentence))).toEqual([]);
  });

  it("prefers the better response on held-out pairs, its 95 % bound above 0.6, by kind as its README says", async () => {
    const loaded = await loadRecipe(recipe, { PREFKIT_CACHE_DIR: join(scratch, "cache") });
    const { kind, picking } = await pick(loaded, catalog, {
      gold: { path: "held-out.jsonl", baseDirectory: toy, domain: "kind" },
      scratch,
    });
    expect(kind).toBe("done");
    const [ratio] = picking?.scorers ?? [];
    expect(ratio?.pairs).toBeGreaterThanOrEqual(500);
    expect(ratio?.unscored).toBe(0);
    expect(ratio?.interval?.[0]).toBeGreaterThan(0.6);
    const readme = readFileSync(join(toy, "README.md"), "utf8");
    expect(ratio?.domains).toHaveLength(9);
    for (const { domain, accuracy } of ratio?.domains ?? []) {
      // The README's table reads leaked template tokens as such; a client must not.
      if (domain === "leaked_tokens") continue;
      const row = new RegExp(`^\\| ${domain} +\\| \\d+ +\\| ([\\d.]+) `, "m").exec(readme);
      expect(Math.abs(Number(row?.[1]) - (accuracy ?? 0)), domain ?? "none").toBeLessThanOrEqual(0.001);
    }
  });
});
