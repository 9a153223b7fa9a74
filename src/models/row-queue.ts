import type { ScoredRow } from "./onnx-model.ts";

function settle({ resolve, reject }: Waiting, row: ScoredRow | undefined): void {
  if (row === undefined) reject(new RangeError("a batch came back with fewer rows than it had."));
  else resolve(row);
}

interface Waiting {
  readonly row: readonly number[];
  readonly distributions: boolean;
  resolve(scored: ScoredRow): void;
  reject(why: unknown): void;
}

/**
 * Scores rows one batch at a time, in the order in which they came: the next batch is the first that waits and those right
 * behind it, up to `batch` rows and `maxTokensPerBatch` tokens with padding. A row longer than that runs alone.
 */
export function rowQueue(
  { batch, maxTokensPerBatch }: { readonly batch: number; readonly maxTokensPerBatch: number },
  run: (rows: readonly (readonly number[])[], distributions: boolean) => Promise<readonly ScoredRow[]>,
): (row: readonly number[], distributions: boolean) => Promise<ScoredRow> {
  const waiting: Waiting[] = [];
  let running = false;

  const nextBatch = (): Waiting[] => {
    const taken: Waiting[] = [];
    let longest = 0;
    for (const next of waiting) {
      const length = Math.max(longest, next.row.length);
      const fits = taken.length < batch && length * (taken.length + 1) <= maxTokensPerBatch;
      if (taken.length > 0 && !(fits && next.distributions === taken[0]?.distributions)) break;
      taken.push(next);
      longest = length;
    }
    return waiting.splice(0, taken.length);
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const taken = nextBatch();
      try {
        const scored = await run(
          taken.map(({ row }) => row),
          taken[0]?.distributions ?? false,
        );
        for (const [index, one] of taken.entries()) settle(one, scored[index]);
      } catch (error) {
        // One row's fault is not its neighbours': each is tried alone then.
        if (taken.length === 1) taken[0]?.reject(error);
        else
          for (const one of taken)
            await run([one.row], one.distributions).then(([row]) => settle(one, row), one.reject);
      }
    }
    running = false;
  };

  return (row, distributions) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, distributions, resolve, reject });
      if (running) return;
      running = true;
      // One turn of the event loop later, so that rows asked for together stand in one batch.
      setImmediate(() => void work());
    });
}
