import { describe, expect, it } from "vitest";
import { availableCodec, zstdWithChecksum } from "../../src/store/compression.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { scoresRowSet } from "../../src/store/row-sets.ts";
import { memoryFiles } from "../../src/testing/failing-files.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const hasZstd = major > 22 || (major === 22 && minor >= 15) || (major === 23 && minor >= 8);

describe("the default codec", () => {
  it("is zstd where Node has it, else snappy", () => {
    expect(availableCodec()).toBe(hasZstd ? "zstd" : "snappy");
  });

  it.runIf(hasZstd)("sets the checksum flag in every frame", () => {
    // RFC 8878, 3.1.1.1.1: bit 2 of the frame header descriptor, the byte behind the magic 28 B5 2F FD.
    const frame = zstdWithChecksum()(Buffer.from("some page"));
    expect([...frame.subarray(0, 4)]).toEqual([0x28, 0xb5, 0x2f, 0xfd]);
    expect((frame[4] ?? 0) & 0b100).toBe(0b100);
  });

  it.runIf(!hasZstd)("says what to do when zstd is asked for and Node lacks it", () => {
    const create = () => createParquetSink(memoryFiles(), "/a", scoresRowSet, { codec: "zstd" });
    expect(create).toThrow(expect.objectContaining({ code: "bad_option" }));
  });

  it.each([0, -1, 1.5, Number.NaN])("limits of %d rows or bytes are refused", async (limit) => {
    for (const options of [{ rowGroupRows: limit }, { rowGroupBytes: limit }]) {
      const creating = createParquetSink(memoryFiles(), "/a", scoresRowSet, options);
      await expect(creating).rejects.toMatchObject({ code: "bad_option" });
    }
  });
});
