import { join } from "node:path";
import { mapOrdered } from "../../annotate/ordered.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import type { LogprobModel } from "../../models/ports.ts";
import { readManifest } from "../../store/manifest.ts";
import { createParquetSink } from "../../store/parquet-sink.ts";
import { logprobsRowSet } from "../../store/row-sets.ts";
import type { Row } from "../../store/table.ts";
import { type RenderedExample, renderExample, type TrainerTokenizer } from "../check/rendering.ts";
import { pairRecords, rowCountOf, splitsOf } from "../records.ts";
import { idsHash } from "./reference-table.ts";
import { pairExamples } from "./training-data.ts";

export interface ReferenceOptions {
  readonly files: Files;
  /** A finished dataset with pairs. */
  readonly dataset: string;
  /** Where `logprobs/<split>.parquet` goes. */
  readonly out: string;
  readonly model: LogprobModel;
  /** Of the model that is trained: the reference must read the very tokens that the trainer scores. */
  readonly tokenizer: TrainerTokenizer;
  /** As the training's: TRL cuts prompt and response together here. */
  readonly maxLength: number;
  readonly concurrency?: number;
  readonly stop: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

interface Task {
  readonly promptId: string;
  readonly responseId: string;
  readonly ids: readonly number[];
  readonly start: number;
}

/**
 * The log-probs that a model gives to the responses of a dataset's pairs, over the tokens that TRL's DPOTrainer scores: what the
 * template writes after the prompt with its tools and generation prompt, turn end and all, cut at `maxLength`.
 *
 * Writes a `logprobs` table, one row per response; one whose prompt alone fills `maxLength` has none, since the trainer drops its pair,
 * and neither have those of pairs that the training's export leaves out.
 * Sums are in nats; `ids_hash` is `idsHash` of prompt and response, up to the cut.
 * Throws `endpoint_unfit` for a model that cannot be sent ids, `need_unmet` for a template that refuses a pair, and the model's
 * `CallFailure`. Calls that were answered are in the reply cache: the same command goes on from there.
 */
export async function referenceLogprobs(options: ReferenceOptions): Promise<void> {
  const { files, dataset, out, model, stop, concurrency = 8, onProgress } = options;
  if (!model.takesIds) {
    throw new PrefkitError(
      "endpoint_unfit",
      `${model.id} cannot be sent token ids, so nobody could tell which tokens it scored.`,
      "use a client that takes ids: local, vllm or sglang.",
    );
  }
  const manifest = await readManifest(files, dataset);
  const folder = join(out, "logprobs");
  await files.makeDirectory(folder);
  const total = rowCountOf(manifest, "pairs");
  let done = 0;
  for (const split of splitsOf(manifest, "pairs")) {
    const sink = await createParquetSink(files, join(folder, `${split}.parquet`), logprobsRowSet);
    try {
      const batches = tasksOf(options, split, (pairs) => {
        done += pairs;
        onProgress?.(done, total);
      });
      for await (const rows of mapOrdered(batches, concurrency, (task) => score(model, task, stop)))
        await sink.write(rows);
      await sink.close();
    } catch (error) {
      await sink.abort();
      throw error;
    }
  }
}

async function score(model: LogprobModel, task: Task, signal: AbortSignal): Promise<Row> {
  const turn = { text: "", responseStart: 0, responseEnd: 0, breaks: [] };
  const { ids, start } = task;
  const { tokenLogprobs } = await model.logprobs(turn, { ids, start, rule: "whole" }, { signal });
  return {
    prompt_id: task.promptId,
    response_id: task.responseId,
    model: model.id,
    template_hash: model.templateHash,
    ids_hash: idsHash(ids),
    token_count: ids.length - start,
    sum_logprob: tokenLogprobs.reduce((sum, logprob) => sum + logprob, 0),
  };
}

/** One task per response; the pairs of a prompt follow each other, and a response may stand in several of them. */
async function* tasksOf(
  { files, dataset, tokenizer, maxLength }: ReferenceOptions,
  split: string,
  onPairs: (count: number) => void,
): AsyncGenerator<readonly Task[]> {
  const manifest = await readManifest(files, dataset);
  const exampleOf = pairExamples(manifest);
  let promptId = "";
  let seen = new Set<string>();
  for await (const pairs of pairRecords(files, dataset, manifest, split)) {
    for (const pair of pairs) {
      onPairs(1);
      const example = exampleOf(pair);
      if (example === null) continue;
      if (pair.promptId !== promptId) {
        promptId = pair.promptId;
        seen = new Set();
      }
      const sides = [pair.chosenId, pair.rejectedId];
      if (sides.every((responseId) => seen.has(responseId))) continue;
      const rendered = renderExample(example, tokenizer);
      if ("refused" in rendered) {
        throw new PrefkitError(
          "need_unmet",
          `${rendered.refused.problem}.`,
          "leave the pair out, or train a model whose template takes it.",
          { place: { promptId } },
        );
      }
      yield sides.flatMap((responseId, side) => {
        if (seen.has(responseId)) return [];
        seen.add(responseId);
        const found = trlTokens(rendered, side, maxLength);
        return found === null ? [] : [{ promptId, responseId, ...found }];
      });
    }
  }
}

/** As DPOTrainer cuts a side of a pair; null when the trainer drops it. */
function trlTokens(
  { prompt, wholes }: RenderedExample,
  side: number,
  maxLength: number,
): Pick<Task, "ids" | "start"> | null {
  const start = prompt.length;
  // Its slice is by length, whatever the whole begins with.
  const ids = [...prompt, ...(wholes[side] ?? []).slice(start)].slice(0, maxLength);
  return start >= maxLength || ids.length === start ? null : { ids, start };
}
