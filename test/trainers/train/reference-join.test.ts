import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Files, nodeFiles } from "../../../src/core/files.ts";
import { openParquet } from "../../../src/store/parquet-reader.ts";
import { createParquetSink } from "../../../src/store/parquet-sink.ts";
import { logprobsRowSet } from "../../../src/store/row-sets.ts";
import type { Row } from "../../../src/store/table.ts";
import { countingFiles, failingFiles } from "../../../src/testing/failing-files.ts";
import { joinReference } from "../../../src/trainers/train/reference-join.ts";
import { idsHash } from "../../../src/trainers/train/reference-table.ts";
import { fileOf, rowsOf, smallDataset, temporaryDirectories } from "../../cli/small-dataset.ts";

const directories = temporaryDirectories();
let dataset: string;
let pairs: readonly Row[];

/** Twelve prompts of three responses with grades 0, 1, 2: three pairs each. */
const PROMPTS = Array.from({ length: 12 }, (_, index) => ({
  id: `prompt ${index} é`,
  prompt: `What is ${index}?`,
  reference: String(index),
  responses: [0, 1, 2].map((grade) => ({ text: `A: ${grade}`, token_count: 3, metadata: { grade } })),
}));

beforeAll(async () => {
  const recipe = {
    scorers: { grade: { use: "precomputed", field: "grade" } },
    reward: { terms: [{ score: "grade" }] },
    pairs: { use: "all-pairs" },
  };
  dataset = await smallDataset(await directories.make(), recipe, {}, PROMPTS);
  pairs = await rowsOf(dataset, await fileOf(dataset, "pairs"));
});
afterAll(() => directories.removeAll());

/** A row for each response of each pair; a response of two pairs has two equal rows. */
function tableRows(): Row[] {
  return pairs.flatMap(({ prompt_id, chosen_id, rejected_id }) =>
    [chosen_id, rejected_id].map((response_id) => {
      // Some number of its own for each response, with digits to lose.
      const number = Number.parseInt(String(response_id).slice(0, 8), 16);
      return {
        ...{ prompt_id, response_id, model: "ref", template_hash: null },
        ...{ ids_hash: idsHash([number % 1000]), token_count: 1 + (number % 50), sum_logprob: -number / 7e6 },
      };
    }),
  );
}

interface Given {
  readonly tables?: readonly (readonly Row[])[];
  /** Ids of the training's rows. */
  readonly ids?: readonly unknown[];
  readonly partResponses?: number;
  readonly files?: Files;
}

async function place({ tables = [tableRows()], ids = pairs.map(({ pair_id }) => pair_id) }: Given) {
  const run = await directories.make();
  const logprobs = await directories.make();
  for (const [index, rows] of tables.entries()) {
    const sink = await createParquetSink(nodeFiles, join(logprobs, `${index}.parquet`), logprobsRowSet);
    await sink.write(rows);
    await sink.close();
  }
  await writeFile(join(run, "pair_ids.txt"), ids.map((id) => `${id}\n`).join(""));
  return { dataset, logprobs, run, split: "train" };
}

async function joined(given: Given) {
  const where = await place(given);
  const { partResponses = 100_000, files = nodeFiles } = given;
  const made = await joinReference({ ...where, files, partResponses });
  expect(existsSync(join(where.run, "reference-join"))).toBe(false);
  return { ...made, bytes: await readFile(join(where.run, "reference.parquet")) };
}

describe("joining a reference", () => {
  it("gives the same bytes whatever the table's order, its files, and the size of the parts", async () => {
    const expected = await joined({});
    const property = fc.asyncProperty(
      fc.shuffledSubarray(tableRows(), { minLength: tableRows().length }),
      fc.nat({ max: tableRows().length }),
      fc.integer({ min: 1, max: 100 }),
      async (rows, cut, partResponses) => {
        const tables = [rows.slice(0, cut), rows.slice(cut)];
        expect((await joined({ tables, partResponses })).bytes.equals(expected.bytes)).toBe(true);
      },
    );
    await fc.assert(property, { seed: 7, numRuns: 15 });
  });

  it("gives each row the numbers of its own two responses, of rows that the export kept alone", async () => {
    const kept = pairs.filter((_, index) => index % 3 !== 1);
    const where = await place({ ids: kept.map(({ pair_id }) => pair_id) });
    await joinReference({ ...where, files: nodeFiles, partResponses: 7 });
    const numbers = new Map(tableRows().map((row) => [`${row.prompt_id} ${row.response_id}`, row]));
    const side = (name: string, { prompt_id }: Row, id: unknown): Row => {
      const row = numbers.get(`${prompt_id} ${id}`);
      return {
        [`ref_${name}_logps`]: row?.sum_logprob,
        [`ref_${name}_token_count`]: row?.token_count,
        [`ref_${name}_ids_hash`]: row?.ids_hash,
      };
    };
    const table = await openParquet(nodeFiles, join(where.run, "reference.parquet"));
    const rows: Row[] = [];
    for await (const batch of table.read()) rows.push(...batch);
    await table.close();
    expect(rows).toEqual(
      kept.map((pair) => ({
        prefkit_pair_id: pair.pair_id,
        ...side("chosen", pair, pair.chosen_id),
        ...side("rejected", pair, pair.rejected_id),
      })),
    );
  });

  it.each([1, 5, 100_000])(
    "names the first row without a number, with %i responses a part",
    async (partResponses) => {
      const absent = [pairs[20], pairs[9], pairs[31]].map((pair) => pair?.chosen_id);
      const tables = [tableRows().filter(({ response_id }) => !absent.includes(response_id))];
      const first = pairs.find(({ chosen_id, rejected_id }) =>
        [chosen_id, rejected_id].some((id) => absent.includes(id)),
      );
      await expect(joined({ tables, partResponses })).rejects.toMatchObject({
        code: "need_unmet",
        message: expect.stringContaining(`of pair ${first?.pair_id} has no log-prob`),
      });
    },
  );

  it("refuses two unequal rows of one response that stand far apart, in two files", async () => {
    const [first, ...rest] = tableRows();
    const tables = [[first as Row, ...rest], [{ ...first, token_count: 99 }]];
    await expect(joined({ tables, partResponses: 3 })).rejects.toMatchObject({
      code: "need_unmet",
      message: expect.stringContaining(
        `response ${first?.response_id} of prompt ${first?.prompt_id} has two rows`,
      ),
    });
  });

  it("refuses rows of pairs that the dataset does not have", async () => {
    const ids = [...pairs.map(({ pair_id }) => pair_id), "0".repeat(32)];
    await expect(joined({ ids })).rejects.toMatchObject({
      code: "need_unmet",
      message: /pair 0{32} of the rows does not stand/,
    });
  });

  it("joins as well after a join that was killed, and leaves nothing of it", async () => {
    const where = await place({});
    const left = join(where.run, "reference-join");
    await mkdir(left);
    await writeFile(join(left, "joined-0.jsonl"), "[[");
    await writeFile(join(left, "order"), "\u0001\u0002");
    await joinReference({ ...where, files: nodeFiles });
    const expected = await joined({});
    expect((await readFile(join(where.run, "reference.parquet"))).equals(expected.bytes)).toBe(true);
    expect(existsSync(left)).toBe(false);
  });

  it("tells of a disk that fails at any call, and a second try gives the whole table", async () => {
    const counted = countingFiles(nodeFiles);
    const expected = await joined({ files: counted, partResponses: 40 });
    expect(counted.calls).toBeGreaterThan(50);
    const where = await place({});
    for (let failAt = 1; failAt <= counted.calls; failAt++) {
      const files = failingFiles(nodeFiles, { failAt });
      await expect(joinReference({ ...where, files, partResponses: 40 })).rejects.toMatchObject({
        code: "io",
      });
    }
    await joinReference({ ...where, files: nodeFiles, partResponses: 40 });
    expect((await readFile(join(where.run, "reference.parquet"))).equals(expected.bytes)).toBe(true);
  }, 60_000);
});
