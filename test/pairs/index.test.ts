import { describe, expect, it } from "vitest";
import { z } from "zod";
import { pairBuilders } from "../../src/pairs/index.ts";

describe("the list of pair builders", () => {
  it("names each one as its definition does, and each works without options or with those of its example", () => {
    expect(Object.keys(pairBuilders)).toEqual([
      "all-pairs",
      "best-vs-random",
      "best-vs-worst",
      "pass-vs-fail",
      "rating-gap",
      "top-k-vs-bottom-k",
    ]);
    for (const [name, definition] of Object.entries(pairBuilders)) {
      const builder = definition.create(definition.options.parse(definition.example ?? {}));
      expect(builder).toMatchObject({ name, version: definition.version });
      expect(definition.summary).toMatch(/\S/);
    }
  });

  it("refuses an unknown option of each one, and can publish its schema", () => {
    for (const definition of Object.values(pairBuilders)) {
      expect(definition.options.safeParse({ colour: "red" }).success).toBe(false);
      expect(z.toJSONSchema(definition.options, { io: "input" })).toMatchObject({ type: "object" });
    }
  });
});
