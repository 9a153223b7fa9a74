import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { type GoldOptions, type GoldPair, openGoldPairs } from "../../src/evaluate/gold-pairs.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-gold-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const scorers = { any: { use: () => 0 } };

/** The gold pairs of these rows. */
async function read(
  rows: readonly object[],
  { input = {}, ...options }: Partial<GoldOptions> & { readonly input?: object } = {},
): Promise<GoldPair[]> {
  await writeFile(join(directory, "gold.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const loaded = recipeFromCode({ input: { path: "none.jsonl", ...input }, scorers }, directory, {});
  const gold = await openGoldPairs(loaded, { path: "gold.jsonl", baseDirectory: directory, ...options });
  const pairs: GoldPair[] = [];
  for await (const batch of gold.read()) pairs.push(...batch);
  await gold.close();
  return pairs;
}

const textsOf = ({ group, chosen }: GoldPair) => [
  group.responses[chosen]?.text,
  group.responses[1 - chosen]?.text,
];

describe("gold pairs", () => {
  it.each([
    { chosen: "yes", rejected: "no", note: "texts" },
    {
      chosen: [{ role: "assistant", content: "yes" }],
      rejected: [{ role: "assistant", content: "no" }],
      note: "message lists, as preference datasets have them",
    },
    { chosen: { role: "assistant", content: "yes" }, rejected: "no", note: "a message and a text" },
    { chosen: { text: "yes", role: "candidate" }, rejected: { text: "no" }, note: "objects" },
  ])("are read from $note", async ({ chosen, rejected }) => {
    const [pair] = await read([{ prompt: "Is it?", chosen, rejected }]);
    expect(pair && textsOf(pair)).toEqual(["yes", "no"]);
    expect(pair?.group.responses.map(({ role }) => role)).toEqual(["candidate", "candidate"]);
    expect(pair?.group.prompt.messages).toEqual([{ role: "user", content: "Is it?" }]);
    expect(pair).toMatchObject({ domain: null, group: { prompt: { reference: null, metadata: {} } } });
  });

  it("stand in an order that says nothing, the same each time for one seed", async () => {
    const rows = Array.from({ length: 64 }, (_, index) => ({
      prompt: `${index}?`,
      chosen: "yes",
      rejected: "no",
    }));
    const places = (await read(rows)).map(({ chosen }) => chosen);
    expect((await read(rows)).map(({ chosen }) => chosen)).toEqual(places);
    const second = places.filter((place) => place === 1).length;
    // Between 16 and 48 of 64 fair draws, but for one time in 20,000.
    expect(second).toBeGreaterThan(16);
    expect(second).toBeLessThan(48);
  });

  const row = { prompt: "Is it?", chosen: "yes", rejected: "no", reference: "yes" };

  it.each([
    { given: { domain: "CHAT" }, domain: "CHAT", metadata: { domain: "CHAT" } },
    { given: { domain: 7 }, domain: "7", metadata: { domain: "7" } },
    { given: { domain: null }, domain: null, metadata: {} },
    { given: { metadata: { kind: "a" } }, domain: null, metadata: { kind: "a" } },
    {
      given: { domain: "CHAT", metadata: { kind: "a" } },
      domain: "CHAT",
      metadata: { domain: "CHAT", kind: "a" },
    },
    {
      given: { domain: "CHAT", metadata: '{"kind":"a"}' },
      domain: "CHAT",
      metadata: { domain: "CHAT", kind: "a" },
    },
    { given: { domain: "CHAT", metadata: "{oops" }, domain: "CHAT", metadata: { domain: "CHAT" } },
  ])("with $given are of domain $domain, and scorers see $metadata", async ({ given, domain, metadata }) => {
    const [pair] = await read([{ ...row, ...given }]);
    expect(pair).toMatchObject({ domain, group: { prompt: { reference: "yes" } } });
    expect(pair?.group.prompt.metadata).toEqual(metadata);
  });

  it("take the domain from another column, and the metadata that the recipe maps", async () => {
    const given = { ...row, info: { subset: "math" }, level: 3 };
    const [pair] = await read([given], { domain: "info.subset" });
    expect(pair).toMatchObject({ domain: "math", group: { prompt: { metadata: { domain: "math" } } } });
    const map = { metadata: { level: "level" } };
    const [mapped] = await read([given], { domain: "info.subset", input: { map } });
    expect(mapped?.group.prompt.metadata).toEqual({ domain: "math", level: 3 });
    const [plain] = await read([given], { input: { map: { metadata: ["level"] } } });
    expect(plain).toMatchObject({ domain: null, group: { prompt: { metadata: { level: 3 } } } });
  });

  it("end at the limit", async () => {
    const rows = [1, 2, 3].map((index) => ({ ...row, prompt: `${index}?` }));
    expect(await read(rows, { limit: 2 })).toHaveLength(2);
  });

  it.each([
    { rows: [{ prompt: "?", chosen: "yes" }], code: "missing_field", note: "no rejected" },
    { rows: [{ ...row, rejected: null }], code: "bad_row", note: "a null" },
    { rows: [{ ...row, chosen: [] }], code: "bad_row", note: "an empty list" },
    {
      rows: [
        {
          ...row,
          chosen: [],
          rejected: [
            { role: "assistant", content: "a" },
            { role: "assistant", content: "b" },
          ],
        },
      ],
      code: "bad_row",
      note: "two in one column and none in the other",
    },
    {
      rows: [
        {
          ...row,
          chosen: [
            { role: "user", content: "Is it?" },
            { role: "assistant", content: "yes" },
          ],
        },
      ],
      code: "bad_row",
      note: "a whole conversation",
    },
    { rows: [{ ...row, prompt: "" }], code: "bad_row", note: "an empty prompt" },
  ])("are refused as $code with $note", async ({ rows, code }) => {
    await expect(read(rows)).rejects.toMatchObject({ code });
  });

  it("are refused where the named column is missing", async () => {
    await expect(read([row], { domain: "subset" })).rejects.toMatchObject({ code: "missing_field" });
  });

  it("that cannot be read are left out where the recipe says so", async () => {
    const rows = [row, { ...row, prompt: "" }, { ...row, prompt: "And?" }];
    expect(await read(rows, { input: { onBadRow: "skip" } })).toHaveLength(2);
  });
});
