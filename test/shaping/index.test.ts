import { describe, expect, it } from "vitest";
import { z } from "zod";
import { transforms } from "../../src/shaping/index.ts";

/** The options that some cannot do without. */
const needed: Readonly<Record<string, object>> = {
  clip: { min: 0 },
  "process-shaping": { score: "steps", eta: 0.5 },
  "soft-overlong": { maxTokens: 100, rampTokens: 20 },
};

describe("the list of transforms", () => {
  it("names each one as its definition does", () => {
    expect(Object.keys(transforms)).toEqual([
      "advantage",
      "affine",
      "arctan",
      "aspects",
      "centered",
      "clip",
      "crf",
      "deviation-clip",
      "fitted-polynomial",
      "hybrid",
      "length-penalty",
      "log-sigmoid-centered",
      "min-max",
      "overall-repair",
      "par",
      "process-shaping",
      "rank",
      "relative-length",
      "sigmoid",
      "soft-overlong",
      "standardize",
      "tanh",
    ]);
    for (const [name, definition] of Object.entries(transforms)) {
      const options = definition.options.parse(needed[name] ?? {});
      expect(definition.create(options)).toMatchObject({ name, version: definition.version });
      expect(definition.summary).toMatch(/\S/);
    }
  });

  it("refuses an unknown option of each one, and can publish its schema", () => {
    for (const definition of Object.values(transforms)) {
      expect(definition.options.safeParse({ min: 0, colour: "red" }).success).toBe(false);
      expect(z.toJSONSchema(definition.options, { io: "input" })).toMatchObject({ type: "object" });
    }
  });
});
