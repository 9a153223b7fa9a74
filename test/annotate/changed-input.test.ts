import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { groupMark } from "../../src/annotate/group-mark.ts";
import { partPath, workPaths } from "../../src/annotate/journal.ts";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { createPart, hasMarks, isOf, readPart } from "../../src/annotate/parts.ts";
import { makePlan } from "../../src/annotate/plan.ts";
import { type RunOptions, type RunOutcome, run } from "../../src/annotate/run.ts";
import { partsSource } from "../../src/annotate/scored-source.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { sha256 } from "../../src/core/ids.ts";
import { scored } from "../../src/core/scorer.ts";
import type { Group } from "../../src/core/types.ts";
import { openInput } from "../../src/store/input/index.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { directoryOf, errorOf, resolved, testCatalog } from "./small-run.ts";

interface Record {
  readonly id: string;
  readonly [field: string]: unknown;
}

const RECORDS: readonly Record[] = ["a", "b", "c", "d"].map((id) => ({
  id,
  prompt: `Question ${id}?`,
  reference: "1",
  responses: [
    { text: id, metadata: { n: 1 } },
    { text: `${id}${id}`, metadata: { n: 2 } },
  ],
  metadata: { topic: "t" },
}));
const linesOf = (records: readonly Record[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

let directory: string;
let input: string;
let out: string;
let calls: string[];
/** What happens while the last group is scored. */
let meanwhile: () => void;
beforeEach(async () => {
  directory = await directoryOf({ "in.jsonl": RECORDS });
  input = join(directory, "in.jsonl");
  out = join(directory, "out");
  calls = [];
  meanwhile = () => {};
});

const own = {
  name: "own",
  version: 1,
  range: [0, 100] as const,
  score: ({ prompt, responses }: Group) => {
    calls.push(prompt.id);
    if (prompt.id === "d") meanwhile();
    return responses.map(({ text }) => scored(text.length));
  },
};
const go = (options: RunOptions = {}, pairs = "best-vs-worst"): Promise<RunOutcome> =>
  run(
    recipeFromCode(
      {
        input: { path: "in.jsonl" },
        scorers: { own: { use: own } },
        pairs: { use: pairs },
        shardSize: 2,
      },
      directory,
      {},
    ),
    testCatalog,
    { out, ...options },
  );

describe("an input that changes while it is scored", () => {
  it("ends the run with plan_changed and without a dataset; restored, the same command goes on with what there is", async () => {
    const before = readFileSync(input);
    meanwhile = () => writeFileSync(input, before.toString().replaceAll('"text":"a', '"text":"x'));
    const error = await errorOf(go);
    expect(error.code).toBe("plan_changed");
    expect(error.message).toContain("the input changed");
    expect(await nodeFiles.exists(join(out, "run.json"))).toBe(false);
    writeFileSync(input, before);
    meanwhile = () => {};
    expect((await go()).kind).toBe("done");
    expect(calls).toEqual(["a", "b", "c", "d"]);
  });

  it("ends a shard's own run too", async () => {
    meanwhile = () => writeFileSync(input, linesOf(RECORDS.toReversed()));
    expect((await errorOf(() => go({ slice: { index: 1, count: 2 } }))).code).toBe("plan_changed");
  });

  it("is told when a finished dataset is given new pairs, by the texts of its scores", async () => {
    await go();
    const manifest = readFileSync(join(out, "run.json"), "utf8");
    const onStart = () => writeFileSync(input, readFileSync(input, "utf8").replace('"text":"a', '"text":"x'));
    const error = await errorOf(() => go({ onStart }, "all-pairs"));
    expect(error.code).toBe("plan_changed");
    expect(error.message).toContain("do not belong to prompt a as the input has it");
    expect(readFileSync(join(out, "run.json"), "utf8")).toBe(manifest);
  });

  it("is no fault where only its date changes", async () => {
    meanwhile = () => utimesSync(input, 1, 1);
    expect((await go()).kind).toBe("done");
  });

  const [first = { id: "" }, ...others] = RECORDS;
  it.each([
    { what: "a text", change: { responses: [{ text: "x", metadata: { n: 1 } }, { text: "aa" }] } },
    { what: "the prompt", change: { prompt: "Another?" } },
    { what: "the reference", change: { reference: "2" } },
    { what: "a missing reference", change: { reference: null } },
    { what: "the prompt's metadata", change: { metadata: { topic: "u" } } },
    { what: "the order of the responses", change: { responses: (first.responses as []).toReversed() } },
  ])("is told in the finish by the group's mark, though the ids are the same: $what", async ({ change }) => {
    const recipe = { input: { path: "in.jsonl" } };
    const setup = await resolved(recipe, directory);
    const open = () => openInput(setup.recipe.input, { baseDirectory: directory, workDirectory: directory });
    const files = nodeFiles;
    const options = { codec: "snappy", limit: null } as const;
    const asPlanned = await open();
    const plan = await makePlan(setup, asPlanned, options);
    await files.makeDirectory(workPaths(out).parts);
    const part = await createPart(files, partPath(out, 0));
    for await (const rows of asPlanned.read()) {
      for (const row of rows) {
        if (row.kind !== "group") continue;
        const scores = row.group.responses.map(() => scored(1));
        await part.write([{ group: row.group, columns: [{ name: "length", scores }] }]);
      }
    }
    await part.close();
    const read = async (): Promise<number> => {
      let groups = 0;
      const source = partsSource({ files, out, input: await open(), plan, scorers: setup.scorers });
      for await (const batch of source()) groups += batch.groups.length;
      return groups;
    };
    expect(await read()).toBe(4);
    writeFileSync(input, linesOf([{ ...first, ...change }, ...others]));
    expect((await errorOf(read)).code).toBe("plan_changed");
  });
});

describe("parts that an earlier version wrote", () => {
  /** Takes the marks out of a part, as if they had never been there, and makes its record right again. */
  function withoutMarks(shard: number): void {
    const path = partPath(out, shard);
    const before = readFileSync(path);
    const after = before.toString().replace(/"mark":"[0-9a-f]+",/g, "");
    expect(after).not.toBe(before.toString());
    writeFileSync(path, after);
    const journal = join(workPaths(out).root, "journal-0-of-1.jsonl");
    const records = readFileSync(journal, "utf8");
    writeFileSync(journal, records.replace(sha256(before), sha256(after)));
  }

  it("are scored again, and no other", async () => {
    await go({ slice: { index: 0, count: 1 } });
    withoutMarks(1);
    calls = [];
    expect((await go()).kind).toBe("done");
    expect(calls).toEqual(["c", "d"]);
  });

  it("are said to be missing by a merge, which scores nothing", async () => {
    await go({ slice: { index: 0, count: 1 } });
    withoutMarks(0);
    expect((await errorOf(() => go({ requireScored: true }))).code).toBe("shards_missing");
  });

  it.each([
    { what: "no line", text: "" },
    { what: "no whole line", text: '{"promptId":"a","mark":"1","columns":[]}' },
    { what: "a line without a mark", text: '{"promptId":"a","columns":[]}\n' },
    { what: "what is no line", text: "null\n" },
  ])("are told by their first line: $what", ({ text }) => {
    expect(hasMarks(Buffer.from(text))).toBe(false);
    expect(hasMarks(Buffer.from(`{"promptId":"a","mark":"1","columns":[]}\n${text}`))).toBe(true);
  });
});

describe("a group's mark", () => {
  const group: Group = {
    prompt: { id: "p", messages: [{ role: "user", content: "Q" }], reference: null, metadata: {} },
    responses: [{ id: "r", text: "t", role: "candidate", metadata: {} }],
  };

  it("does not look at the response's id, which hangs on the rest", () => {
    const [response] = group.responses as [Group["responses"][0]];
    expect(groupMark({ ...group, responses: [{ ...response, id: "other" }] })).toBe(groupMark(group));
  });

  it("tells texts apart that are the same when joined", () => {
    const marks = [["ab", "c"], ["a", "bc"], ["abc", ""], ["abc"]].map((texts) => groupMark(groupOf(texts)));
    expect(new Set(marks).size).toBe(4);
  });

  it.each<{ what: string; other: Group }>([
    {
      what: "images",
      other: { ...group, prompt: { ...group.prompt, images: [{ bytes: null, path: "x" }] } },
    },
    { what: "tools", other: { ...group, prompt: { ...group.prompt, tools: "[]" } } },
    { what: "a twin", other: { ...group, siblingId: "q" } },
    { what: "the id", other: { ...group, prompt: { ...group.prompt, id: "q" } } },
    { what: "no response", other: { ...group, responses: [] } },
  ])("differs by $what", ({ other }) => {
    expect(groupMark(other)).not.toBe(groupMark(group));
    expect(isOf({ promptId: other.prompt.id, mark: groupMark(group), columns: [] }, other)).toBe(false);
  });

  it("stands in the part beside the scores", async () => {
    const path = join(directory, "part.jsonl");
    const part = await createPart(nodeFiles, path);
    await part.write([{ group, columns: [] }]);
    await part.close();
    const lines = [];
    for await (const line of readPart(nodeFiles, path)) lines.push(line);
    expect(lines).toEqual([{ promptId: "p", mark: groupMark(group), columns: [] }]);
  });
});
