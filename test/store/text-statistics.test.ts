import { parquetMetadata } from "hyparquet";
import { describe, expect, it } from "vitest";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { required } from "../../src/store/schema.ts";
import { memoryFiles } from "../../src/testing/failing-files.ts";

const rowSet = { name: "texts", version: 1, columns: [required("text", "string")] };

async function statisticsOf(texts: readonly string[]): Promise<{ min: unknown; max: unknown }> {
  const files = memoryFiles();
  const sink = await createParquetSink(files, "/t.parquet", rowSet, { codec: "none" });
  await sink.write(texts.map((text) => ({ text })));
  await sink.close();
  const bytes = await files.readAll("/t.parquet");
  const metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  const statistics = metadata.row_groups[0]?.columns[0]?.meta_data?.statistics;
  return { min: statistics?.min_value, max: statistics?.max_value };
}

describe("the statistics of a text column", () => {
  it("are the least and greatest text in the order of UTF-8 bytes", async () => {
    // "ﬁ" (U+FB01) is EF AC 81 and "😀" (U+1F600) is F0 9F 98 80, so the emoji is greater, unlike in UTF-16.
    expect(await statisticsOf(["b", "😀", "a", "ﬁ"])).toEqual({ min: "a", max: "😀" });
  });

  it("are cut to 16 bytes, the greatest one rounded up, so that a footer never holds whole replies", async () => {
    expect(await statisticsOf(["a".repeat(300), "z".repeat(300)])).toEqual({
      min: "a".repeat(16),
      max: `${"z".repeat(15)}{`,
    });
  });
});
