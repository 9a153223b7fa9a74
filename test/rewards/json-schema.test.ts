import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definition, type JsonSchemaOptions, jsonSchema } from "../../rewards/json-schema.ts";
import type { Score } from "../../src/core/types.ts";
import { anyGroup, groupOf } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";

const context = { signal: new AbortController().signal, seed: 0 };

const person = {
  type: "object",
  required: ["name"],
  properties: { name: { type: "string" }, mail: { type: "string", format: "email" } },
  additionalProperties: false,
};

async function scoreOf(text: string, options: JsonSchemaOptions): Promise<Score | undefined> {
  return (await jsonSchema(options).score(groupOf([text]), context))[0];
}

const valid = { kind: "scored", value: 1 };
const fault = (why: string) => ({ kind: "scored", value: 0, why: expect.stringMatching(why) });

describe("json-schema", () => {
  const candidates = fc.oneof(
    fc.json({ maxDepth: 3 }),
    fc.json({ maxDepth: 2 }).map((json) => `Here:\n\`\`\`json\n${json}\n\`\`\`\n`),
  );
  scorerContract(jsonSchema({ schema: person }), anyGroup({ text: candidates }));
  scorerContract(jsonSchema({ schema: {}, source: "last-fence" }), anyGroup({ text: candidates }));

  it.each([
    ['{"name": "Ada"}', valid],
    [' {"name": "Ada", "mail": "ada@example.org"}\n', valid],
    ["{}", fault("^schema: / must have required property 'name'$")],
    ['{"name": 1}', fault("^schema: /name must be string$")],
    ['{"name": "Ada", "mail": "ada"}', fault('^schema: /mail must match format "email"$')],
    ['{"name": "Ada", "age": 1}', fault("^schema: / must NOT have additional properties$")],
    ['{"name": "Ada"', fault("^invalid_json: ")],
    ["", fault("^invalid_json: ")],
    ["NaN", fault("^invalid_json: ")],
    ['Sure: {"name": "Ada"}', fault("^invalid_json: ")],
  ])("judges %j", async (text, score) => {
    expect(await scoreOf(text, { schema: person })).toEqual(score);
  });

  it("accepts exactly what JSON.parse accepts under the empty schema", () =>
    fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (text) => {
        const parses = (() => {
          try {
            JSON.parse(text);
            return 1;
          } catch {
            return 0;
          }
        })();
        expect(await scoreOf(text, { schema: {} })).toMatchObject({ value: parses });
      }),
      { seed: 1 },
    ));

  it.each([
    { text: "```json\n1\n```", value: 1, note: "a fence" },
    { text: "a\n```json\nx\n```\nb\n```json\n1\n```\nc", value: 1, note: "the last of two" },
    { text: "```json\r\n1\r\n```\r\n", value: 1, note: "Windows line ends" },
    { text: "````JSON title\n1\n````", value: 1, note: "four backticks, upper case, more words" },
    { text: "```json\n1", value: 1, note: "not closed: runs to the end, as in CommonMark" },
    {
      text: "```json\n1\n```\n```python\n```json\nx\n```",
      value: 1,
      note: "a fence line inside another block is text",
    },
    { text: "```json\n1\n```\n```json\n{", value: 0, note: "the last one is cut off" },
    { text: "```json\n```", value: 0, note: "an empty fence is not JSON" },
  ])("reads the last JSON fence of $text as $value ($note)", async ({ text, value }) => {
    expect(await scoreOf(text, { schema: { type: "number" }, source: "last-fence" })).toMatchObject({
      value,
    });
  });

  it.each(["1", "```\n1\n```", "```jsonc\n1\n```", "    ```json\n    1\n    ```", "`` ```json 1``` ``"])(
    "finds no JSON fence in %j",
    async (text) => {
      const score = await scoreOf(text, { schema: { type: "number" }, source: "last-fence" });
      expect(score).toEqual(fault("^no_fence: "));
    },
  );

  it("reads draft-07 when the schema says so, and 2020-12 otherwise", async () => {
    const tuple = { items: [{ type: "string" }], additionalItems: false };
    const draft07 = { $schema: "http://json-schema.org/draft-07/schema#", ...tuple };
    expect(await scoreOf('["a"]', { schema: draft07 })).toEqual(valid);
    expect(await scoreOf('["a", 1]', { schema: draft07 })).toMatchObject({ value: 0 });
    expect(
      await scoreOf('["a", 1]', { schema: { prefixItems: [{ type: "string" }], items: false } }),
    ).toMatchObject({
      value: 0,
    });
    expect(() => jsonSchema({ schema: tuple })).toThrowError(expect.objectContaining({ code: "bad_option" }));
  });

  it.each([
    ["a misspelt keyword", { properteis: {} }],
    ["an unknown format", { type: "string", format: "e-mail" }],
    ["a type that does not exist", { type: "text" }],
    ["a pattern that is no regular expression", { type: "string", pattern: "(" }],
    ["a reference to elsewhere", { $ref: "https://example.org/other.json" }],
    ["an asynchronous schema", { $async: true, type: "string" }],
    ["an unknown draft", { $schema: "https://example.org/schema" }],
  ])("refuses %s when it is made", (_, schema) => {
    expect(() => jsonSchema({ schema })).toThrowError(
      expect.objectContaining({
        code: "bad_option",
        message: expect.stringContaining("json-schema: schema:"),
      }),
    );
  });

  it("ignores unknown keywords and formats when told to", async () => {
    const schema = { type: "string", format: "e-mail", "x-note": "for editors" };
    expect(await scoreOf('"ada"', { schema, strict: false })).toEqual(valid);
  });

  it("gives 0 to JSON nested too deeply for a recursive schema, rather than overflow the stack", async () => {
    const tree = { type: "array", items: { $ref: "#" } };
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(await scoreOf(nested(512), { schema: tree })).toEqual(valid);
    expect(await scoreOf(nested(513), { schema: tree })).toEqual(fault("^too_deep: more than 512 levels$"));
    expect(await scoreOf(nested(200_000), { schema: tree })).toEqual(fault("^too_deep: "));
  });

  it("does not let two scorers with the same $id disturb each other", async () => {
    const named = (type: string) => ({ schema: { $id: "https://example.org/it", type } });
    expect(await scoreOf("1", named("number"))).toEqual(valid);
    expect(await scoreOf("1", named("string"))).toMatchObject({ value: 0 });
  });

  it("says that it may block its thread, since patterns can backtrack", () => {
    expect(definition.cpuBound).toBe(true);
  });
});
