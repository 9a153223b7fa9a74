import type { Files } from "../../src/core/files.ts";
import { createArrowSink, readArrow } from "../../src/store/arrow.ts";
import { availableCodec } from "../../src/store/compression.ts";
import { openTable } from "../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../src/store/parquet-sink.ts";
import { createParquetjsSink } from "../../src/store/parquetjs-sink.ts";
import type { Codec, Row } from "../../src/store/table.ts";
import { storeContract } from "../../src/testing/store-contract.ts";

const read = async (files: Files, path: string): Promise<Row[]> => {
  const table = await openTable(files, path);
  const rows: Row[] = [];
  for await (const group of table.read()) rows.push(...group);
  await table.close();
  return rows;
};

for (const codec of new Set<Codec>([availableCodec(), "snappy", "none"])) {
  storeContract(`the Parquet sink with ${codec}`, {
    create: (files, path, rowSet, limits) => createParquetSink(files, path, rowSet, { codec, ...limits }),
    read,
  });
}

for (const codec of ["snappy", "gzip", "none"] as const) {
  storeContract(`the parquetjs sink with ${codec}`, {
    create: (files, path, rowSet, limits) => createParquetjsSink(files, path, rowSet, { codec, ...limits }),
    read,
    keepsNegativeZero: false,
  });
}

storeContract("the Arrow sink", {
  create: createArrowSink,
  read: async (files, path) => {
    const rows: Row[] = [];
    for await (const batch of readArrow(files, path)) rows.push(...batch);
    return rows;
  },
});
