import { describe, expect, it } from "vitest";
import { z } from "zod";
import { transforms } from "../../src/shaping/index.ts";

describe("the list of transforms", () => {
  it("names each one as its definition does", () => {
    expect(Object.keys(transforms)).toEqual(["clip", "min-max", "rank", "sigmoid", "standardize"]);
    for (const [name, definition] of Object.entries(transforms)) {
      const options = definition.options.parse(name === "clip" ? { min: 0 } : {});
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
