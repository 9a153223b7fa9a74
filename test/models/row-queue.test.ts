import { expect, it } from "vitest";
import { CallFailure } from "../../src/core/errors.ts";
import type { ScoredRow } from "../../src/models/onnx-model.ts";
import { rowQueue } from "../../src/models/row-queue.ts";

/** A row's first number comes back; a row that starts with NaN fails its whole batch. */
function queue(batch: number, maxTokensPerBatch: number) {
  const batches: (readonly (readonly number[])[])[] = [];
  const score = rowQueue({ batch, maxTokensPerBatch }, async (rows) => {
    batches.push(rows);
    if (rows.some(([first]) => Number.isNaN(first))) throw new CallFailure("not_finite", "NaN");
    return rows.map((row): ScoredRow => ({ logprobs: row.slice(0, 1), entropies: [], selfCertainties: [] }));
  });
  return { batches, score };
}

it("fills batches in order, up to their rows and their tokens with padding", async () => {
  const { batches, score } = queue(3, 8);
  const rows = [[1], [2, 2], [3], [4], [5, 5, 5, 5, 5], [6], [7, 7, 7, 7, 7, 7, 7, 7, 7]];
  const found = await Promise.all(rows.map((row) => score(row, false)));
  expect(found.map(({ logprobs }) => logprobs[0])).toEqual([1, 2, 3, 4, 5, 6, 7]);
  // Three rows of 2 are 6 tokens; 4 beside the row of 5 would be 10; 9 tokens are too many and run alone.
  expect(batches.map((batch) => batch.map(([first]) => first))).toEqual([[1, 2, 3], [4], [5], [6], [7]]);
});

it("does not mix rows that want distributions with rows that do not", async () => {
  const { batches, score } = queue(4, 100);
  await Promise.all([score([1], false), score([2], true), score([3], true), score([4], false)]);
  expect(batches.map((batch) => batch.length)).toEqual([1, 2, 1]);
});

it("fails the row at fault alone", async () => {
  const { score } = queue(3, 100);
  const found = await Promise.allSettled([score([1], false), score([Number.NaN], false), score([3], false)]);
  expect(found.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await expect(score([4], false)).resolves.toMatchObject({ logprobs: [4] });
});
