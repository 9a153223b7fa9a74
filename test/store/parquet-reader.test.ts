import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/ids.ts";
import { randomFor } from "../../src/core/random.ts";
import { availableCodec } from "../../src/store/compression.ts";
import {
  openParquet,
  openTable,
  type ParquetTable,
  type ReadOptions,
} from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { createParquetjsSink } from "../../src/store/parquetjs-sink.ts";
import { groupsRowSet, pairsRowSet } from "../../src/store/row-sets.ts";
import type { Codec, Row } from "../../src/store/table.ts";
import { memoryFiles } from "../../src/testing/failing-files.ts";

const PATH = "/groups.parquet";

function groupRows(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    prompt_id: `p${index}`,
    prompt: [{ role: "user", content: `question ${index}${" ".repeat(index)}` }],
    reference: index % 3 === 0 ? null : `reference ${index}`,
    responses: Array.from({ length: index % 4 }, (_, place) => ({
      response_id: `r${index}-${place}`,
      text: `answer ${index * place}`,
      reasoning: null,
      role: "candidate",
      model: "m",
      finish_reason: "stop",
      token_count: place,
      sum_logprob: -place / 2,
      reward: place === 1 ? null : place,
      metadata: "{}",
    })),
    sibling_id: null,
    metadata: "{}",
  }));
}

async function writtenGroups(count: number, codec: Codec = availableCodec()) {
  const files = memoryFiles();
  const options = { codec, rowGroupRows: 20, keyValue: { "prefkit:run": "r1" } };
  const sink = await createParquetSink(files, PATH, groupsRowSet(), options);
  await sink.write(groupRows(count));
  const { sha256: hash } = await sink.close();
  return { files, hash };
}

async function rowsOf(table: ParquetTable, options?: ReadOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const group of table.read(options)) rows.push(...group);
  await table.close();
  return rows;
}

describe("an open table", () => {
  it("says what it holds before a row is read", async () => {
    const { files, hash } = await writtenGroups(50);
    const table = await openTable(files, PATH, { expectedSha256: hash });
    expect(table.rows).toBe(50);
    expect(table.groups).toEqual([20, 20, 10]);
    expect(table.keyValue).toEqual({ "prefkit:row_set": "groups/1", "prefkit:run": "r1" });
    expect(table.columns.map(({ name }) => name)).toEqual(groupsRowSet().columns.map(({ name }) => name));
    await table.close();
  });

  it("gives one array per row group", async () => {
    const { files } = await writtenGroups(50);
    const table = await openTable(files, PATH);
    const sizes: number[] = [];
    for await (const group of table.read()) sizes.push(group.length);
    expect(sizes).toEqual([20, 20, 10]);
    await table.close();
  });

  it.each([
    { rowStart: 0, rowEnd: 1 },
    { rowStart: 19, rowEnd: 21 },
    { rowStart: 20, rowEnd: 40 },
    { rowStart: 49, rowEnd: 1000 },
    { rowStart: 50, rowEnd: 60 },
    { rowStart: 30, rowEnd: 10 },
  ])("reads rows $rowStart to $rowEnd", async ({ rowStart, rowEnd }) => {
    const { files } = await writtenGroups(50);
    const rows = await rowsOf(await openTable(files, PATH), { rowStart, rowEnd });
    expect(rows).toEqual(groupRows(50).slice(rowStart, rowEnd));
  });

  it("reads only the columns asked for", async () => {
    const { files } = await writtenGroups(5);
    const rows = await rowsOf(await openTable(files, PATH), { columns: ["prompt_id", "reference"] });
    expect(rows).toEqual(groupRows(5).map(({ prompt_id, reference }) => ({ prompt_id, reference })));
  });

  it("names the columns there are when an unknown one is asked for", async () => {
    const { files } = await writtenGroups(5);
    const reading = rowsOf(await openTable(files, PATH), { columns: ["margin"] });
    await expect(reading).rejects.toMatchObject({
      code: "unknown_name",
      message: expect.stringContaining("prompt_id"),
    });
  });
});

describe("a damaged file", () => {
  const open = async (bytes: Uint8Array, expectedSha256?: string): Promise<Row[]> => {
    const files = memoryFiles();
    files.contents.set(PATH, bytes);
    return rowsOf(await openTable(files, PATH, expectedSha256 === undefined ? {} : { expectedSha256 }));
  };

  it.each([
    { what: "nothing in it", change: () => new Uint8Array(), part: "size" },
    { what: "eleven bytes", change: () => new Uint8Array(11), part: "size" },
    { what: "another format", change: (bytes: Uint8Array) => bytes.fill(0, 0, 4), part: "start" },
    { what: "its end cut off", change: (bytes: Uint8Array) => bytes.subarray(0, -1), part: "end" },
    {
      what: "only its first half",
      change: (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2),
      part: "end",
    },
    {
      what: "a footer longer than the file",
      change: (bytes: Uint8Array) => bytes.fill(127, -8, -4),
      part: "footer",
    },
  ])("with $what is refused by name, saying where ($part)", async ({ change, part }) => {
    const { files } = await writtenGroups(30);
    const bytes = change(files.contents.get(PATH)?.slice() ?? new Uint8Array());
    await expect(open(bytes)).rejects.toMatchObject({
      code: "damaged_file",
      message: expect.stringContaining(`${PATH}, ${part}`),
    });
  });

  it("is an io error, not damage, when it is not there", async () => {
    await expect(openTable(memoryFiles(), PATH)).rejects.toMatchObject({ code: "io" });
  });

  it("names the row group when the hash was not given and its data is damaged", async () => {
    const { files } = await writtenGroups(60);
    const bytes = files.contents.get(PATH)?.slice() ?? new Uint8Array();
    // The first page header of the first row group stands right behind the magic.
    bytes.fill(0xff, 4, 12);
    await expect(open(bytes)).rejects.toMatchObject({
      code: "damaged_file",
      message: expect.stringContaining("row group 0"),
    });
  });

  it("is found by its hash, whichever of 200 bits was flipped", async () => {
    const { files, hash } = await writtenGroups(50);
    const whole = files.contents.get(PATH) ?? new Uint8Array();
    for (const { bytes, place } of flips(whole, 200)) {
      await expect(open(bytes, hash), place).rejects.toMatchObject({ code: "damaged_file" });
    }
    expect(await open(whole, hash)).toEqual(groupRows(50));
  });

  const makers = [...new Set<Codec>([availableCodec(), "snappy", "none"]), ...(["parquetjs"] as const)];
  it.each(makers)(
    "without its hash (%s) ends in rows or in damaged_file, never in a crash or a hang",
    async (maker) => {
      const files = memoryFiles();
      const sink =
        maker === "parquetjs"
          ? await createParquetjsSink(files, PATH, groupsRowSet(), { rowGroupRows: 20 })
          : await createParquetSink(files, PATH, groupsRowSet(), { codec: maker, rowGroupRows: 20 });
      await sink.write(groupRows(50));
      await sink.close();
      // An unhandled rejection would fail this test run as a whole.
      for (const { bytes, place } of flips(files.contents.get(PATH) ?? new Uint8Array(), 200)) {
        const outcome = await open(bytes).then(
          () => "rows",
          (error: { code?: string }) => error.code,
        );
        expect(["rows", "damaged_file"], place).toContain(outcome);
      }
    },
  );

  it("of zstd gives no wrong text without its hash, because each frame has a checksum", async (test) => {
    if (availableCodec() !== "zstd") test.skip();
    const files = memoryFiles();
    const sink = await createParquetSink(files, PATH, pairsRowSet(), { codec: "zstd" });
    const text = "An answer of some length. ".repeat(400);
    const turn = [{ role: "assistant", content: text }];
    await sink.write([
      {
        ...{
          pair_id: "a",
          prompt_id: "p",
          prompt: turn,
          chosen: turn,
          rejected: turn,
          rule: "r",
          metadata: "{}",
        },
        ...{ score_chosen: 1, score_rejected: 0, reward_margin: 1, chosen_id: "c", rejected_id: "d" },
      },
    ]);
    await sink.close();
    for (const { bytes, place } of flips(files.contents.get(PATH) ?? new Uint8Array(), 200)) {
      const rows = await open(bytes).catch(() => []);
      for (const row of rows) {
        const found = (row.chosen as { content: string }[] | null)?.[0]?.content ?? text;
        expect(found === text, place).toBe(true);
      }
    }
  });
});

/** Copies with one bit flipped, spread by a seed over the whole file, footer included. */
function* flips(whole: Uint8Array, count: number): Generator<{ bytes: Uint8Array; place: string }> {
  const random = randomFor(11, "flips");
  for (let round = 0; round < count; round++) {
    const at = random.below(whole.length);
    const bit = random.below(8);
    const bytes = whole.slice();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    yield { bytes, place: `byte ${at}, bit ${bit}` };
  }
}

describe("any Parquet file", () => {
  it("is read as plain rows, whatever its types", async () => {
    const { ByteWriter, parquetWrite } = await import("hyparquet-writer");
    const writer = new ByteWriter();
    parquetWrite({
      writer,
      columnData: [
        { name: "day", data: [new Date(0)], type: "TIMESTAMP" },
        { name: "small", data: [7], type: "INT32" },
        { name: "safe", data: [9007199254740991n], type: "INT64" },
        { name: "large", data: [-9007199254740993n], type: "INT64" },
        { name: "json", data: [{ a: [1, null] }], type: "JSON" },
        { name: "single", data: [0.5], type: "FLOAT" },
        { name: "none", data: [null], type: "STRING", nullable: true },
      ],
    });
    const files = memoryFiles();
    files.contents.set(PATH, new Uint8Array(writer.getBytes()));
    const table = await openParquet(files, PATH);
    expect(table.columns.find(({ name }) => name === "small")).toEqual({ name: "small", type: null });
    expect(await rowsOf(table)).toEqual([
      {
        day: "1970-01-01T00:00:00.000Z",
        small: 7,
        safe: 9007199254740991,
        large: "-9007199254740993",
        json: { a: [1, null] },
        single: 0.5,
        none: null,
      },
    ]);
  });

  it("of prefkit has the hash that was reported", async () => {
    const { files, hash } = await writtenGroups(3);
    expect(sha256(files.contents.get(PATH) ?? new Uint8Array())).toBe(hash);
  });
});
