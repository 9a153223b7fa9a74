import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type InputRow, type InputSpec, openInput } from "../../../src/store/input/index.ts";
import { hashKey, keyTable } from "../../../src/store/input/key-table.ts";
import { loadDuckDb, type OrderedSlice, rowIndex } from "../../../src/store/input/row-index.ts";
import {
  badRows,
  badText,
  directoryOf,
  errorOf,
  jsonl,
  onlyGroups,
  open,
  read,
  rowsOf,
  texts,
} from "./input-helpers.ts";

const row = (key: unknown, prompt: string, response: unknown) => ({ key, prompt, response });
const SPEC: Partial<InputSpec> = { groupBy: "key" };

describe("grouping rows that are sorted", () => {
  const sorted: Partial<InputSpec> = { ...SPEC, sorted: true };

  it("joins neighbours with one key, across batches and files", async () => {
    const files = {
      "1.jsonl": jsonl(row("a", "A", "a1"), row("b", "B", "b1")),
      "2.jsonl": jsonl(row("b", "B", { text: "b2", model: "m" }), row("c", "C", "c1")),
    };
    const rows = onlyGroups(await read(files, sorted));
    expect(texts(rows)).toEqual([
      ["A", "a1"],
      ["B", "b1", "b2"],
      ["C", "c1"],
    ]);
    expect(rows.map(({ place }) => `${place.file}:${place.line}`)).toEqual([
      "1.jsonl:1",
      "1.jsonl:2",
      "2.jsonl:2",
    ]);
    const input = await open(files, sorted);
    for (const [index, { position }] of rows.entries()) {
      expect(await rowsOf(input, position)).toEqual(rows.slice(index));
    }
  });

  it("takes prompt, reference, id and metadata from the first row", async () => {
    const rows = jsonl(
      { ...row("a", "A", "x"), id: "one", reference: "1", metadata: { n: 1 } },
      { ...row("a", "A", "y"), id: "two", reference: "2", metadata: { n: 2 } },
    );
    const [group] = onlyGroups(await read({ "in.jsonl": rows }, sorted));
    expect(group?.group.prompt).toMatchObject({ id: "one", reference: "1", metadata: { n: 1 } });
    expect(group?.group.responses).toHaveLength(2);
  });

  it("ends in key_came_back naming both places", async () => {
    const rows = jsonl(row("a", "A", "1"), row("b", "B", "2"), row("a", "A", "3"));
    const error = await errorOf(read({ "in.jsonl": rows }, sorted));
    expect(error.code).toBe("key_came_back");
    expect(error.message).toBe(
      'in.jsonl:3: the key "a" comes back; its group started at in.jsonl:1 and had ended.\n' +
        "Fix: sort the rows by the key, or leave out sorted: true, so that rows are gathered first. [key_came_back]",
    );
    const csv = "key,prompt,response\na,A,1\nb,B,2\na,A,3\n";
    expect((await errorOf(read({ "in.csv": csv }, sorted))).message).toContain(
      'in.csv, row 3: the key "a" comes back; its group started at in.csv, row 1 and had ended.',
    );
  });

  it("makes a row bad whose prompt is another one, or whose key is missing, and keeps the group", async () => {
    const rows = await read(
      {
        "in.jsonl": jsonl(
          row("a", "A", "1"),
          row("a", "other", "2"),
          row(null, "A", "3"),
          row("a", "A", "4"),
        ),
      },
      sorted,
    );
    expect(texts(rows.filter(({ kind }) => kind === "group"))).toEqual([["A", "1", "4"]]);
    expect(badRows(rows).map(badText)).toMatchInlineSnapshot(`
      [
        "the row's prompt differs from that of its group, which starts at in.jsonl:1. | give rows with the same key the same prompt, or group by another field.",
        "key: the field is null. | give the field in every row, or change input.map.",
      ]
    `);
    expect(badRows(rows).map(({ place }) => place.line)).toEqual([2, 3]);
  });

  it("streams: a group is yielded before the next batch is read", async () => {
    const many = Array.from({ length: 600 }, (_, index) => row(index, "p", "r"));
    const input = await open({ "in.jsonl": jsonl(...many, row(3, "p", "r")) }, sorted);
    for await (const batch of input.read()) {
      expect(batch).toHaveLength(255);
      break;
    }
    expect((await errorOf(rowsOf(input))).code).toBe("key_came_back");
  });
});

describe("grouping rows that stand anywhere", () => {
  it("gathers them in order of first appearance and keeps the first row's place", async () => {
    const rows = await read(
      {
        "1.jsonl": jsonl(row("b", "B", "b1"), row("a", "A", "a1"), row("b", "B", "b2")),
        "2.jsonl": jsonl(row("c", "C", "c1"), row("a", "A", "a2")),
      },
      SPEC,
    );
    expect(texts(rows)).toEqual([
      ["B", "b1", "b2"],
      ["A", "a1", "a2"],
      ["C", "c1"],
    ]);
    expect(rows.map(({ place }) => `${place.file}:${place.line}`)).toEqual([
      "1.jsonl:1",
      "1.jsonl:2",
      "2.jsonl:1",
    ]);
  });

  it("gives the same groups as sorted reading of sorted rows, wherever rows stand and on disk or in memory", async () => {
    const anyRow = fc.record({ key: fc.nat(5), text: fc.string({ maxLength: 5 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 40 }), async (list) => {
        const records = list.map(({ key, text }) => row(key, `prompt ${key}`, text));
        const keys = [...new Set(list.map(({ key }) => key))];
        const inOrder = keys.flatMap((key) => records.filter((record) => record.key === key));
        const expected = texts(await read({ "in.jsonl": jsonl(...inOrder) }, { ...SPEC, sorted: true }));
        for (const memoryLimitMb of [1024, 0]) {
          const rows = await read({ "in.jsonl": jsonl(...records) }, { ...SPEC, memoryLimitMb });
          expect(texts(rows)).toEqual(expected);
        }
      }),
      { seed: 1, numRuns: 10 },
    );
  });

  it("yields bad rows too, and keeps images, surrogate counts and ids", async () => {
    const records = [
      { ...row("a", "A", "1"), images: [{ bytes: "AQI=" }], id: "g" },
      row("b", "B", null),
      { ...row("a", "other", "2"), images: null },
      { ...row("a", "A", "\ud800"), images: [{ bytes: "AQI=" }] },
    ];
    const rows = await read({ "in.jsonl": jsonl(...records) }, { ...SPEC, map: { images: "images" } });
    const [group] = onlyGroups(rows.filter(({ kind }) => kind === "group"));
    expect(group?.replacedSurrogates).toBe(1);
    expect(group?.group.prompt.images).toEqual([{ bytes: Buffer.from([1, 2]), path: null }]);
    expect(group?.group.prompt.id).toBe("g");
    expect(badRows(rows).map(({ place }) => [place.line, place.column])).toEqual([
      [2, "response"],
      [3, undefined],
    ]);
  });

  it("starts again at any group, from a second input and its kept working file", async () => {
    const records = Array.from({ length: 300 }, (_, index) =>
      row(index % 100, `p${index % 100}`, `r${index}`),
    );
    const directory = await directoryOf({ "in.jsonl": jsonl(...records) });
    const options = { baseDirectory: directory, workDirectory: join(directory, "work") };
    const spec = { ...SPEC, path: "in.jsonl" };
    const first = await openInput(spec, options);
    const rows: InputRow[] = onlyGroups(await rowsOf(first));
    expect(rows).toHaveLength(100);
    const names = await readdir(options.workDirectory);
    expect(names).toEqual([expect.stringMatching(/^grouped-[0-9a-f]{32}\.jsonl$/)]);
    const written = await stat(join(options.workDirectory, names[0] as string));
    const second = await openInput(spec, options);
    for (const at of [0, 1, 57, 99]) {
      expect(await rowsOf(second, onlyGroups(rows)[at]?.position)).toEqual(rows.slice(at));
    }
    expect(await readdir(options.workDirectory)).toEqual(names);
    expect((await stat(join(options.workDirectory, names[0] as string))).mtimeMs).toBe(written.mtimeMs);
    await second.close();
  });

  it("leaves nothing behind when the input turns out unreadable", async () => {
    const directory = await directoryOf({
      "a.jsonl": jsonl(row("a", "A", "1")),
      "b.json": "[",
    });
    const options = { baseDirectory: directory, workDirectory: join(directory, "work") };
    const input = await openInput({ ...SPEC, path: ["a.jsonl", "b.json"] }, options);
    expect((await errorOf(rowsOf(input))).code).toBe("unreadable_input");
    expect(await readdir(options.workDirectory)).toEqual([]);
    await input.close();
  });

  it("says when the working file was altered", async () => {
    const directory = await directoryOf({ "in.jsonl": jsonl(row("a", "A", "1")) });
    const options = { baseDirectory: directory, workDirectory: join(directory, "work") };
    const input = await openInput({ ...SPEC, path: "in.jsonl" }, options);
    await rowsOf(input);
    const [name = ""] = await readdir(options.workDirectory);
    for (const content of ["{", "{}\n"]) {
      await writeFile(join(options.workDirectory, name), content);
      expect((await errorOf(rowsOf(input))).code).toBe("damaged_file");
    }
  });

  it("reads one response per row from CSV as text, and takes a response map", async () => {
    const csv = "key,prompt,response,tokens\n1,A,[1],3\n2,B,x,4\n1,A,,5\n";
    const rows = await read(
      { "in.csv": csv },
      { ...SPEC, map: { responses: { text: "response", tokenCount: "tokens" } } },
    );
    expect(texts(rows.filter(({ kind }) => kind === "group"))).toEqual([
      ["A", "[1]"],
      ["B", "x"],
    ]);
    expect(badRows(rows).map(badText)).toEqual([
      "response: a response is null. | give every response a text (an empty text is allowed), or leave it out of the list.",
    ]);
  });

  it("needs the key in some row", async () => {
    const error = await errorOf(open({ "in.jsonl": jsonl(row("a", "A", "1")) }, { groupBy: "kye" }));
    expect(error.message).toContain(
      'no row has the field "kye"; rows have key, prompt, response.\nFix: write key',
    );
  });
});

describe("the row index", () => {
  const entries = Array.from({ length: 5000 }, (_, index) => ({
    key: `k${(index * 7919) % 1203}`,
    start: index * 10,
    length: index % 10,
  }));

  async function ordered(memoryLimitMb: number, load = loadDuckDb): Promise<OrderedSlice[]> {
    const temporaryDirectory = await directoryOf({});
    const index = rowIndex({ memoryLimitMb, temporaryDirectory, loadDuckDb: load });
    try {
      for (const { key, ...slice } of entries) await index.add(key, slice);
      const slices: OrderedSlice[] = [];
      for await (const slice of index.ordered()) slices.push(slice);
      return slices;
    } finally {
      index.close();
    }
  }

  it("orders in memory, on disk, and when it moves from one to the other, alike", async () => {
    const keys = [...new Set(entries.map(({ key }) => key))];
    const expected = keys.flatMap((wanted) =>
      entries
        .filter(({ key }) => key === wanted)
        .map(({ start, length }, place) => ({ start, length, first: place === 0 })),
    );
    const absent = async () => null;
    expect(await ordered(100, absent)).toEqual(expected);
    expect(await ordered(0)).toEqual(expected);
    expect(await ordered(0.15)).toEqual(expected);
  });

  it("ends in over_limit, naming the ways out, when it outgrows memory and DuckDB is not installed", async () => {
    const error = await errorOf(ordered(0.15, async () => null));
    expect(error.code).toBe("over_limit");
    expect(error.message).toMatchInlineSnapshot(`
      "grouping needs more than 0.15 MiB of memory after 929 rows.
      Fix: sort the rows by the key and set sorted: true, install @duckdb/node-api to group on disk, or raise input.memoryLimitMb. [over_limit]"
    `);
  });

  it("remembers the first number of each key", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (keys) => {
        const table = keyTable();
        const map = new Map<string, number>();
        for (const [index, key] of [...keys, ...Array.from({ length: 2000 }, String)].entries()) {
          expect(table.findOrAdd(hashKey(key), index)).toBe(map.get(key));
          if (!map.has(key)) map.set(key, index);
        }
      }),
      { seed: 1, numRuns: 10 },
    );
  });
});
