import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Files } from "../core/files.ts";
import type { GroupLimits } from "../store/buffered-sink.ts";
import { listOf, optional, required } from "../store/schema.ts";
import type { Row, RowSet, TableSink, WrittenFile } from "../store/table.ts";
import { countingFiles, failingFiles, memoryFiles } from "./failing-files.ts";

export interface StoreUnderTest {
  readonly create: (files: Files, path: string, rowSet: RowSet, limits?: GroupLimits) => Promise<TableSink>;
  /** All rows of a file, in order. */
  readonly read: (files: Files, path: string) => Promise<Row[]>;
  /** False for a format that stores −0 as 0. */
  readonly keepsNegativeZero?: boolean;
}

/** Every type, every nesting that row sets use, required and optional. */
export const CONTRACT_ROW_SET: RowSet = {
  name: "contract",
  version: 1,
  columns: [
    required("id", "string"),
    required("value", "double"),
    optional("text", "string"),
    optional("count", "int64"),
    optional("flag", "boolean"),
    optional("bytes", "bytes"),
    optional("words", { kind: "list", element: { kind: "string" } }),
    required("messages", listOf(required("role", "string"), required("content", "string"))),
    optional(
      "spans",
      listOf(required("start", "int64"), optional("value", "double"), optional("label", "string")),
    ),
    optional("nested", { kind: "list", element: { kind: "list", element: { kind: "int64" } } }),
  ],
};

const PLAIN: Row = {
  id: "a",
  value: 0.5,
  text: null,
  count: null,
  flag: null,
  bytes: null,
  words: null,
  messages: [],
  spans: null,
  nested: null,
};

const PATH = "/table";
const FINAL = "/final";

/**
 * The contract of a `TableSink`, registered as vitest tests: what is written comes back, what is false is refused, what
 * breaks leaves nothing behind.
 */
export function storeContract(name: string, store: StoreUnderTest): void {
  const written = async (rows: readonly Row[], limits?: GroupLimits) => {
    const files = memoryFiles();
    const sink = await store.create(files, PATH, CONTRACT_ROW_SET, limits);
    await sink.write(rows);
    const file = await sink.close();
    return { files, sink, file };
  };
  const roundTrip = async (rows: readonly Row[], limits?: GroupLimits): Promise<Row[]> => {
    const { files } = await written(rows, limits);
    return (await store.read(files, PATH)).map(bytesAsArrays);
  };
  const zero = store.keepsNegativeZero === false ? 0 : -0;

  describe(`${name} keeps the store contract`, () => {
    it.each<{ what: string; fields: Row }>([
      { what: "nulls in every optional column", fields: {} },
      { what: "an empty string, told apart from null", fields: { id: "", text: "" } },
      { what: "an empty list, told apart from null", fields: { words: [], spans: [], nested: [] } },
      {
        what: "empty strings and empty lists in lists",
        fields: { words: ["", "b", ""], nested: [[], [1], []] },
      },
      { what: "a null in a struct in a list", fields: { spans: [{ start: 0, value: null, label: null }] } },
      {
        what: "emoji and other astral characters",
        fields: { text: "👩‍👩‍👧‍👦 𝕏 🇺🇳", words: ["🙂", "\u{10FFFF}"] },
      },
      { what: "right-to-left text with marks", fields: { text: "\u202Bשלום عَرَبِيّ\u202C" } },
      { what: "NUL and other control characters", fields: { text: "a\0b\u0001\u007F\r\n\t", id: "\0" } },
      { what: "a leading byte-order mark", fields: { text: "\uFEFFx", words: ["\uFEFF"] } },
      { what: "texts of 100 KB", fields: { text: "é".repeat(50_000), id: "x".repeat(100_000) } },
      { what: "the largest safe integers", fields: { count: 2 ** 53 - 1, nested: [[-(2 ** 53 - 1), 0]] } },
      {
        what: "extreme doubles",
        fields: { value: Number.MAX_VALUE, spans: [{ start: 1, value: 5e-324, label: "" }] },
      },
      { what: "a double that decimal text rounds", fields: { value: 0.1 + 0.2 } },
      { what: "both booleans", fields: { flag: false } },
      { what: "bytes that are no text", fields: { bytes: Uint8Array.of(0, 255, 128, 0) } },
      { what: "no bytes, told apart from null", fields: { bytes: new Uint8Array() } },
    ])("gives back $what", async ({ fields }) => {
      const rows = [{ ...PLAIN, ...fields }, PLAIN, { ...PLAIN, ...fields, flag: true }];
      expect(await roundTrip(rows)).toStrictEqual(rows.map(bytesAsArrays));
    });

    it(`gives −0 back as ${Object.is(zero, -0) ? "−0" : "0, which this format cannot do better"}`, async () => {
      const [row] = await roundTrip([{ ...PLAIN, value: -0 }]);
      expect(row?.value).toBe(zero);
    });

    it("gives back any rows, in any row groups", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyRow, { maxLength: 30 }),
          fc.integer({ min: 1, max: 12 }),
          async (rows, size) => {
            const kept = rows.map((row) => (row.value === 0 ? { ...row, value: 0 } : row));
            expect(await roundTrip(kept, { rowGroupRows: size })).toStrictEqual(kept.map(bytesAsArrays));
          },
        ),
        { seed: 7, numRuns: 40 },
      );
    });

    it("stores a lone surrogate as U+FFFD, as UTF-8 encoding does", async () => {
      const [row] = await roundTrip([{ ...PLAIN, text: "a\uD800b", words: ["\uDC00"] }]);
      expect(row).toEqual({ ...PLAIN, text: "a\uFFFDb", words: ["\uFFFD"] });
    });

    it("leaves a file of the right type when there are no rows", async () => {
      const { file, files } = await written([]);
      expect(file.rows).toBe(0);
      expect(await store.read(files, PATH)).toEqual([]);
    });

    it("reports the rows, bytes and sha256 of the file", async () => {
      const { sha256 } = await import("../core/ids.ts");
      const { file, files, sink } = await written(numbered(25), { rowGroupRows: 10 });
      const content = files.contents.get(PATH) ?? new Uint8Array();
      const expected: WrittenFile = { rows: 25, bytes: content.byteLength, sha256: sha256(content) };
      expect(file).toEqual(expected);
      expect(sink.bytesWritten).toBe(content.byteLength);
    });

    it("writes a row group as soon as it is full, so that memory stays bounded", async () => {
      const files = memoryFiles();
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupRows: 10 });
      const atStart = sink.bytesWritten;
      await sink.write(numbered(9));
      expect(sink.bytesWritten).toBe(atStart);
      await sink.write(numbered(1));
      expect(sink.bytesWritten).toBeGreaterThan(atStart);
      await sink.abort();
    });

    it("ends a row group before it holds too many bytes", async () => {
      const files = memoryFiles();
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupBytes: 1000 });
      const atStart = sink.bytesWritten;
      // One row takes a little over 400 bytes, so two fit into 1000 and the third starts a new group.
      await sink.write([wide("a"), wide("b")]);
      expect(sink.bytesWritten).toBe(atStart);
      await sink.write([wide("c")]);
      expect(sink.bytesWritten).toBeGreaterThan(atStart);
      await sink.close();
      expect((await store.read(files, PATH)).map((row) => row.id)).toEqual(["a", "b", "c"]);
    });

    it("gives the same bytes for the same rows, however they are handed over", async () => {
      const rows = numbered(57);
      const once = await written(rows, { rowGroupRows: 20 });
      const files = memoryFiles();
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupRows: 20 });
      for (const row of rows) await sink.write([row]);
      expect(await sink.close()).toEqual(once.file);
    });

    it.each<{ fault: string; row: Row; column: string; code: string }>([
      { fault: "NaN", row: { ...PLAIN, value: Number.NaN }, column: "value", code: "not_finite" },
      { fault: "Infinity", row: { ...PLAIN, value: Infinity }, column: "value", code: "not_finite" },
      {
        fault: "−Infinity in a list",
        row: { ...PLAIN, spans: [{ start: 0, value: -Infinity }] },
        column: "spans[0].value",
        code: "not_finite",
      },
      { fault: "null in a required column", row: { ...PLAIN, id: null }, column: "id", code: "bad_row" },
      {
        fault: "a missing required column",
        row: { id: "a", messages: [] },
        column: "value",
        code: "bad_row",
      },
      {
        fault: "null in a required field of a list",
        row: { ...PLAIN, messages: [{ role: "user", content: null }] },
        column: "messages[0].content",
        code: "bad_row",
      },
      { fault: "null in a list", row: { ...PLAIN, words: ["a", null] }, column: "words[1]", code: "bad_row" },
      { fault: "a number as text", row: { ...PLAIN, text: 5 }, column: "text", code: "bad_row" },
      { fault: "text as a number", row: { ...PLAIN, value: "5" }, column: "value", code: "bad_row" },
      { fault: "a fraction as an integer", row: { ...PLAIN, count: 1.5 }, column: "count", code: "bad_row" },
      {
        fault: "an integer beyond 2^53 − 1",
        row: { ...PLAIN, count: 2 ** 53 },
        column: "count",
        code: "bad_row",
      },
      { fault: "a bigint", row: { ...PLAIN, count: 5n }, column: "count", code: "bad_row" },
      { fault: "an object as a list", row: { ...PLAIN, words: {} }, column: "words", code: "bad_row" },
      {
        fault: "a list as an object",
        row: { ...PLAIN, messages: [["user", "hi"]] },
        column: "messages[0]",
        code: "bad_row",
      },
      {
        fault: "a column that is not there",
        row: { ...PLAIN, margin: 1 },
        column: "margin",
        code: "bad_row",
      },
    ])("refuses $fault and names table, row and column", async ({ row, column, code }) => {
      const files = memoryFiles();
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET);
      await sink.write(numbered(3));
      await expect(sink.write([PLAIN, row])).rejects.toMatchObject({
        name: "PrefkitError",
        code,
        message: expect.stringContaining(`contract row 4, column "${column}"`),
        place: { row: 4, column },
      });
    });

    it("stores nothing of a refused call and can be used on", async () => {
      const files = memoryFiles();
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET);
      await sink.write(numbered(2));
      await expect(sink.write([PLAIN, { ...PLAIN, value: Number.NaN }])).rejects.toThrow();
      await sink.write([{ ...PLAIN, id: "last" }]);
      expect((await sink.close()).rows).toBe(3);
      expect((await store.read(files, PATH)).map((row) => row.id)).toEqual(["row 0", "row 1", "last"]);
    });

    it("leaves nothing behind after abort, at any point", async () => {
      for (const rows of [0, 5, 25]) {
        const files = memoryFiles();
        const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupRows: 10 });
        await sink.write(numbered(rows));
        await sink.abort();
        expect([...files.contents.keys()]).toEqual([]);
      }
    });

    it("cannot be written to after it was closed", async () => {
      const { sink } = await written([PLAIN]);
      await expect(sink.write([PLAIN])).rejects.toMatchObject({ code: "internal" });
      await expect(sink.close()).rejects.toMatchObject({ code: "internal" });
    });

    it("surfaces the failure of any one call to the disk, and leaves no file under the final name", async () => {
      const run = async (files: Files): Promise<void> => {
        const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupRows: 10 });
        try {
          for (let part = 0; part < 3; part++) await sink.write(numbered(10));
          await sink.close();
        } catch (error) {
          await sink.abort();
          throw error;
        }
        await files.rename(PATH, FINAL);
      };
      const counted = countingFiles(memoryFiles());
      await run(counted);
      expect(counted.calls).toBeGreaterThan(5);
      for (let failAt = 1; failAt <= counted.calls; failAt++) {
        const disk = memoryFiles();
        await expect(run(failingFiles(disk, { failAt })), `call ${failAt}`).rejects.toMatchObject({
          code: "io",
        });
        expect(disk.contents.has(FINAL), `call ${failAt}`).toBe(false);
        if (failAt < counted.calls) expect([...disk.contents.keys()], `call ${failAt}`).toEqual([]);
      }
    });

    it("does not go on after a failed write, which would leave a hole", async () => {
      const counted = countingFiles(memoryFiles());
      await store.create(counted, PATH, CONTRACT_ROW_SET, { rowGroupRows: 1 });
      const files = failingFiles(memoryFiles(), { failAt: counted.calls + 1 });
      const sink = await store.create(files, PATH, CONTRACT_ROW_SET, { rowGroupRows: 1 });
      await expect(sink.write([PLAIN])).rejects.toMatchObject({ code: "io" });
      await expect(sink.write([PLAIN])).rejects.toMatchObject({ code: "internal" });
      await expect(sink.close()).rejects.toMatchObject({ code: "internal" });
    });
  });
}

function numbered(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => ({
    ...PLAIN,
    id: `row ${index}`,
    value: index / 8,
    words: index % 3 === 0 ? null : Array.from({ length: index % 3 }, (_, place) => `w${place}`),
    messages: [{ role: "user", content: `question ${index}` }],
  }));
}

/** 400 bytes of text and a few dozen for the rest. */
function wide(id: string): Row {
  return { ...PLAIN, id, text: "x".repeat(400) };
}

/** Buffer and Uint8Array hold the same bytes and are not equal to a test; lists of numbers are. */
function bytesAsArrays(row: Row): Row {
  return { ...row, bytes: row.bytes instanceof Uint8Array ? [...row.bytes] : row.bytes };
}

const text = fc.string({ unit: "binary", maxLength: 20 });
const integer = fc.maxSafeInteger();
const double = fc.double({ noNaN: true, noDefaultInfinity: true });

/** With the usual prototype, which is what readers give back. */
function record<Fields>(
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
): fc.Arbitrary<Fields> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Fields>;
}

const anyRow: fc.Arbitrary<Row> = record({
  id: text,
  value: double,
  text: fc.option(text),
  // −0 is no integer; as a bigint it is 0.
  count: fc.option(integer.map((value) => value + 0)),
  flag: fc.option(fc.boolean()),
  bytes: fc.option(fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.from(bytes))),
  words: fc.option(fc.array(text, { maxLength: 4 })),
  messages: fc.array(record({ role: text, content: text }), { maxLength: 3 }),
  spans: fc.option(
    fc.array(
      record({
        start: integer.map((value) => value + 0),
        value: fc.option(double.map((value) => value + 0)),
        label: fc.option(text),
      }),
      { maxLength: 3 },
    ),
  ),
  nested: fc.option(fc.array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 3 })),
});
