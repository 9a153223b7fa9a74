import { parquetMetadata } from "hyparquet";
import { describe, expect, it } from "vitest";
import { randomFor } from "../../src/core/random.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { listOf, optional, required } from "../../src/store/schema.ts";
import type { Row, RowSet } from "../../src/store/table.ts";
import { memoryFiles } from "../../src/testing/failing-files.ts";

const PATH = "/talks.parquet";
const rowSet: RowSet = {
  name: "talks",
  version: 1,
  columns: [
    required("id", "string"),
    optional("messages", listOf(required("role", "string"), optional("content", "string"))),
  ],
};

/** Conversations of 0 to 4 turns, some null, with contents of 0 to 20,000 characters, some null; 4 MB in all. */
const random = randomFor(5, "talks");
const rows: Row[] = Array.from({ length: 200 }, (_, index) => ({
  id: `talk ${index}`,
  messages:
    index % 17 === 0
      ? null
      : Array.from({ length: random.below(5) }, (_, turn) => ({
          role: turn % 2 === 0 ? "user" : "assistant",
          content:
            random.below(9) === 0 ? null : random.pick(["a", "é", "語", "🙂"]).repeat(random.below(20_000)),
        })),
}));

describe("texts in lists", () => {
  it("fill several pages, each from a row's start to a row's end, and come back", async () => {
    const files = memoryFiles();
    const sink = await createParquetSink(files, PATH, rowSet);
    await sink.write(rows);
    const { sha256 } = await sink.close();
    const [group] = parquetMetadata(files.contents.get(PATH) ?? new Uint8Array()).row_groups;
    const content = group?.columns[2]?.meta_data;
    expect(content?.path_in_schema.join(".")).toBe("messages.list.element.content");
    expect(content?.encoding_stats?.[0]?.count).toBeGreaterThan(2);
    const table = await openTable(files, PATH, { expectedSha256: sha256 });
    const found: Row[] = [];
    for await (const part of table.read()) found.push(...part);
    expect(found).toStrictEqual(rows);
  });

  it("larger than a page and its buffer have a page of their own", async () => {
    const files = memoryFiles();
    const sink = await createParquetSink(files, PATH, rowSet);
    const large = ["x", "語".repeat(2_000_000), "y"].map((content, index) => ({
      id: `${index}`,
      messages: [{ role: "user", content }],
    }));
    await sink.write(large);
    await sink.close();
    const table = await openTable(files, PATH);
    const found: Row[] = [];
    for await (const part of table.read()) found.push(...part);
    expect(found).toEqual(large);
  });
});
