import { describe, expect, it } from "vitest";
import {
  describeNeeds,
  makePlan,
  type Plan,
  type PlanOptions,
  type ShardBatch,
  shardGroups,
} from "../../src/annotate/plan.ts";
import type { RecipeInput } from "../../src/annotate/recipe.ts";
import { type Input, openInput } from "../../src/store/input/index.ts";
import { directoryOf, errorOf, resolved } from "./small-run.ts";

interface Planned {
  readonly plan: Plan;
  readonly input: Input;
}

/** Plans a recipe over records in one JSONL file. */
async function planOf(
  records: readonly unknown[] | string,
  recipe: Partial<RecipeInput> = {},
  options: Partial<PlanOptions> = {},
): Promise<Planned> {
  const directory = await directoryOf({ "in.jsonl": records });
  const made = await resolved(recipe, directory);
  const input = await openInput(made.recipe.input, { baseDirectory: directory, workDirectory: directory });
  return { plan: await makePlan(made, input, { codec: "snappy", limit: null, ...options }), input };
}

const record = (id: string, responses: readonly unknown[] = ["a", "b"], more: object = {}): object => ({
  id,
  prompt: `Question ${id}?`,
  responses,
  ...more,
});
const records = (count: number): object[] => Array.from({ length: count }, (_, index) => record(`p${index}`));
const sizes = ({ shards }: Plan): number[] => shards.map(({ groups }) => groups);

async function batchesOf(input: Input, plan: Plan, shards: readonly number[]): Promise<ShardBatch[]> {
  const found: ShardBatch[] = [];
  for await (const batch of shardGroups(input, plan.shards, shards)) found.push(batch);
  return found;
}

async function idsOf(input: Input, plan: Plan, shard: number): Promise<string[]> {
  const batches = await batchesOf(input, plan, [shard]);
  expect(batches.map((batch) => batch.shard)).toEqual(batches.map(() => shard));
  return batches.flatMap(({ groups }) => groups.map(({ prompt }) => prompt.id));
}

describe("shards", () => {
  it("are cut after the same number of groups, and each can be read by itself", async () => {
    const { plan, input } = await planOf(records(5), { shardSize: 2 });
    expect(sizes(plan)).toEqual([2, 2, 1]);
    expect([plan.groups, plan.responses]).toEqual([5, 10]);
    expect(await idsOf(input, plan, 1)).toEqual(["p2", "p3"]);
    expect(await idsOf(input, plan, 2)).toEqual(["p4"]);
    expect(await idsOf(input, plan, 0)).toEqual(["p0", "p1"]);
  });

  it("hold a thousand groups in order when they are larger than a batch of the reader", async () => {
    const { plan, input } = await planOf(records(1000), { shardSize: 700 });
    expect(sizes(plan)).toEqual([700, 300]);
    expect(await idsOf(input, plan, 1)).toEqual(Array.from({ length: 300 }, (_, index) => `p${700 + index}`));
  });

  it("keep twins together, even if a shard gets one group longer", async () => {
    const twins = [
      record("a"),
      record("b", ["x"], { sibling: "c" }),
      record("c", ["x"], { sibling: "b" }),
      record("d"),
    ];
    const { plan, input } = await planOf(twins, {
      shardSize: 2,
      input: { path: "in.jsonl", map: { sibling: "sibling" } },
    });
    expect(sizes(plan)).toEqual([3, 1]);
    const groups = (await batchesOf(input, plan, [0])).flatMap((batch) => batch.groups);
    expect(groups.map(({ prompt, sibling }) => [prompt.id, sibling?.prompt.id])).toEqual([
      ["a", undefined],
      ["b", "c"],
      ["c", "b"],
    ]);
    expect(groups[1]?.sibling).not.toHaveProperty("sibling.sibling");
  });

  it("are read in one go where they are neighbours, and no batch holds groups of two", async () => {
    const { plan, input } = await planOf(records(7), { shardSize: 2 });
    const starts: number[] = [];
    const watched: Input = {
      ...input,
      read: (start) => {
        starts.push(start?.at ?? 0);
        return input.read(start);
      },
    };
    const batches = await batchesOf(watched, plan, [0, 1, 3]);
    expect(batches.map(({ shard, groups }) => [shard, ...groups.map(({ prompt }) => prompt.id)])).toEqual([
      [0, "p0", "p1"],
      [1, "p2", "p3"],
      [3, "p6"],
    ]);
    expect(starts).toEqual([plan.shards[0]?.start.at, plan.shards[3]?.start.at]);
  });

  it("end with a plain word when the input became shorter", async () => {
    const { input } = await planOf(records(2));
    const planned = [{ start: { file: 0, at: 0 }, groups: 5, responses: 10 }];
    const error = await errorOf(async () => {
      for await (const _ of shardGroups(input, planned, [0]));
    });
    expect(error.code).toBe("plan_changed");
    expect(error.message).toContain("the input ended 3 groups before the end of shard 0.");
  });
});

describe("twins", () => {
  const map = { input: { path: "in.jsonl", map: { sibling: "sibling" } } };

  it.each([
    {
      note: "the neighbour is another group",
      rows: [record("a", ["x"], { sibling: "c" }), record("b"), record("c", ["x"], { sibling: "a" })],
    },
    { note: "the neighbour does not name it", rows: [record("a", ["x"], { sibling: "b" }), record("b")] },
    { note: "it stands last", rows: [record("a"), record("b", ["x"], { sibling: "c" })] },
  ])("are refused when $note", async ({ rows }) => {
    const error = await errorOf(() => planOf(rows, map));
    expect(error.code).toBe("bad_row");
    expect(error.message).toContain("as its sibling");
    expect(error.place).toMatchObject({ file: "in.jsonl" });
  });

  it("may be parted by a limit", async () => {
    const rows = [record("a", ["x"], { sibling: "b" }), record("b", ["x"], { sibling: "a" })];
    expect((await planOf(rows, map, { limit: 1 })).plan.groups).toBe(1);
  });
});

describe("a repeated prompt id", () => {
  it("is refused with both its places", async () => {
    const error = await errorOf(() => planOf([record("a"), record("b"), record("c"), record("b")]));
    expect(error.code).toBe("duplicate_id");
    expect(error.message).toContain("prompt id b stands at in.jsonl:2 and again at in.jsonl:4.");
  });

  it("is found when the ids come from the prompts' contents", async () => {
    const same = { prompt: "Same?", responses: ["a"] };
    const error = await errorOf(() => planOf([same, { ...same, responses: ["b"] }]));
    expect(error.message).toContain("in.jsonl:1 and again at in.jsonl:2");
    expect(error.fix).toContain("input.groupBy");
  });

  it("does not matter behind the limit", async () => {
    expect((await planOf([record("a"), record("b"), record("b")], {}, { limit: 2 })).plan.groups).toBe(2);
  });
});

describe("needs", () => {
  it("that no group meets are refused before anything is scored", async () => {
    const error = await errorOf(() => planOf(records(2), { scorers: { correct: { use: "gold" } } }));
    expect(error.code).toBe("need_unmet");
    expect(error.message).toContain(
      'scorer "correct" (gold) needs a reference answer (map.reference), and none of the 2 groups has it.',
    );
  });

  it("that some groups meet are a warning with the number of the others", async () => {
    const some = [record("a", ["x"], { reference: "18" }), record("b"), record("c")];
    const { plan } = await planOf(some, { scorers: { correct: { use: "gold" }, long: { use: "length" } } });
    expect(plan.warnings).toEqual([
      "correct needs a reference answer (map.reference): it will abstain on 2 of 3 groups.",
    ]);
  });

  it("that all groups meet are not spoken of", async () => {
    const full = [record("a", ["x", "y", "z"]), record("b", ["x", "y", "z"])];
    expect((await planOf(full, { scorers: { vote: { use: "three" } } })).plan.warnings).toEqual([]);
  });

  it("of single responses are met by a group where one response has them", async () => {
    const responses = [{ text: "x", tokenCount: 3, sumLogprob: -1 }, { text: "y" }];
    const { plan } = await planOf([record("a", responses), record("b")], {
      scorers: { cost: { use: "tokens" } },
    });
    expect(plan.warnings).toHaveLength(1);
    expect(plan.warnings[0]).toContain("it will abstain on 1 of 2 groups");
  });

  it("of a sibling are met by both twins", async () => {
    const rows = [record("a", ["x"], { sibling: "b" }), record("b", ["x"], { sibling: "a" }), record("c")];
    const map = { input: { path: "in.jsonl", map: { sibling: "sibling" } } };
    const { plan } = await planOf(rows, { ...map, scorers: { same: { use: "twin" } } });
    expect(plan.warnings).toEqual([
      "same needs a sibling group (map.sibling): it will abstain on 1 of 3 groups.",
    ]);
  });

  it("are put in words", () => {
    expect(describeNeeds({ reference: true, minResponses: 2 })).toBe(
      "a reference answer (map.reference) and at least 2 responses per group",
    );
    expect(describeNeeds({ tokenCounts: true, logprobs: true, sibling: true })).toBe(
      "token counts (tokenCount of a response) and log-probabilities (sumLogprob of a response) and a sibling group (map.sibling)",
    );
  });
});

describe("rows that cannot be used", () => {
  const bad = { id: "bad", prompt: 5, responses: ["a"] };

  it("end the planning by default, with the place of the first", async () => {
    const error = await errorOf(() => planOf([record("a"), bad]));
    expect(error.code).toBe("bad_row");
    expect(error.message).toMatch(/^in\.jsonl:2/);
    expect(error.fix).toContain("input.onBadRow: skip");
  });

  it("are named together, the first five of them", async () => {
    const error = await errorOf(() => planOf([bad, record("a"), ...Array.from({ length: 6 }, () => bad)]));
    expect(error.message).toContain("7 rows cannot be used; the next are:\n  in.jsonl:3");
    expect(error.message.match(/in\.jsonl:\d+/g)).toHaveLength(5);
  });

  it("are not all read when there are very many", async () => {
    const error = await errorOf(() => planOf(Array.from({ length: 300 }, () => bad)));
    expect(error.message).toContain("at least 20 rows cannot be used");
  });

  it("are left out, counted and shown when the recipe says skip", async () => {
    const { plan } = await planOf([bad, record("a"), "{ torn", record("b")], {
      input: { path: "in.jsonl", onBadRow: "skip" },
    });
    expect([plan.groups, plan.input.skippedRows]).toEqual([2, 2]);
    expect(plan.input.skippedExamples[0]).toMatch(/^in\.jsonl:1 prompt: /);
    expect(plan.input.skippedExamples[1]).toMatch(/^in\.jsonl:3/);
  });

  it("are an error when nothing else is left", async () => {
    const error = await errorOf(() => planOf([bad, bad], { input: { path: "in.jsonl", onBadRow: "skip" } }));
    expect(error.code).toBe("empty_input");
    expect(error.message).toContain(
      "none of the 2 rows of in.jsonl can be used; the first: in.jsonl:1 prompt",
    );
  });
});

describe("an input", () => {
  it("without rows is refused", async () => {
    const error = await errorOf(() => planOf(""));
    expect([error.code, error.message.split("\n")[0]]).toEqual(["empty_input", "in.jsonl holds no rows."]);
  });

  it("is read no further than the limit", async () => {
    const rows = [record("a"), record("b"), { id: "bad", prompt: 5, responses: [] }];
    const { plan } = await planOf(rows, {}, { limit: 2 });
    expect([plan.groups, plan.limit]).toEqual([2, 2]);
  });

  it("tells how many groups were read so far", async () => {
    const told: number[] = [];
    await planOf(records(600), {}, { onProgress: (groups) => told.push(groups) });
    expect(told.at(-1)).toBe(600);
    expect(told.length).toBeGreaterThan(1);
  });
});

describe("the plan's id", () => {
  const base = records(3);
  const idOf = async (
    recipe: Partial<RecipeInput> = {},
    options: Partial<PlanOptions> = {},
  ): Promise<string> => (await planOf(base, recipe, options)).plan.id;

  it("is the same for the same work, wherever the output goes and however patient it is", async () => {
    const id = await idOf();
    expect(await idOf()).toBe(id);
    expect(await idOf({ output: { dir: "elsewhere" } })).toBe(id);
    expect(await idOf({ scorers: { length: { use: "length", timeoutMs: 5, maxFailedShare: 1 } } })).toBe(id);
    expect(await idOf({ pairs: { use: "best-vs-worst" } })).toBe(id);
  });

  it("differs with all that the scores or their files depend on", async () => {
    const ids = await Promise.all([
      idOf(),
      idOf({ seed: 1 }),
      idOf({ shardSize: 2 }),
      idOf({ scorers: { length: { use: "length", scale: 2 } } }),
      idOf({ scorers: { size: { use: "length" } } }),
      idOf({ scorers: { length: { use: "length", keepRaw: true } } }),
      idOf({ input: { path: "in.jsonl", onBadRow: "skip" } }),
      idOf({ input: { path: "in.jsonl", map: { prompt: "prompt" } } }),
      idOf({ output: { format: "parquetjs" } }),
      idOf({}, { codec: "none" }),
      idOf({}, { limit: 3 }),
      planOf(records(4)).then(({ plan }) => plan.id),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
