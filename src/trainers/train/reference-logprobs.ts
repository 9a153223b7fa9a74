import { join } from "node:path";
import { mapOrdered } from "../../annotate/ordered.ts";
import { PrefkitError } from "../../core/errors.ts";
import type { Files } from "../../core/files.ts";
import type { Message } from "../../core/types.ts";
import type { LogprobModel } from "../../models/ports.ts";
import { readManifest } from "../../store/manifest.ts";
import { createParquetSink } from "../../store/parquet-sink.ts";
import { logprobsRowSet } from "../../store/row-sets.ts";
import type { Row } from "../../store/table.ts";
import { renderExample, type TrainerTokenizer } from "../check/rendering.ts";
import { pairFault, pairRecords, rowCountOf, splitsOf } from "../records.ts";
import { idsHash } from "./reference-table.ts";

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
 * template writes after the prompt with its generation prompt, turn end and all, cut at `maxLength`.
 *
 * Writes a `logprobs` table, one row per response; one whose prompt alone fills `maxLength` has none, since the trainer drops its pair.
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
  let promptId = "";
  let seen = new Set<string>();
  for await (const pairs of pairRecords(files, dataset, manifest, split)) {
    for (const pair of pairs) {
      onPairs(1);
      if (pairFault(pair) !== null) continue;
      if (pair.promptId !== promptId) {
        promptId = pair.promptId;
        seen = new Set();
      }
      const fresh = [
        { responseId: pair.chosenId, turns: pair.chosen },
        { responseId: pair.rejectedId, turns: pair.rejected },
      ].filter(({ responseId }) => !seen.has(responseId));
      for (const { responseId } of fresh) seen.add(responseId);
      yield fresh.flatMap(({ responseId, turns }) => {
        const found = trlTokens(pair.prompt, turns, tokenizer, maxLength);
        if (typeof found === "string") {
          throw new PrefkitError(
            "need_unmet",
            found,
            "leave the pair out, or train a model whose template takes it.",
            {
              place: { promptId: pair.promptId },
            },
          );
        }
        return found === null ? [] : [{ promptId: pair.promptId, responseId, ...found }];
      });
    }
  }
}

/** As DPOTrainer tokenizes a conversation; null when the trainer drops it, a text when the template refuses it. */
function trlTokens(
  prompt: readonly Message[],
  response: readonly Message[],
  tokenizer: TrainerTokenizer,
  maxLength: number,
): Pick<Task, "ids" | "start"> | string | null {
  const example = { kind: "unpaired", prompt, completion: response, label: true } as const;
  const rendered = renderExample(example, tokenizer);
  if ("refused" in rendered) return `${rendered.refused.problem}.`;
  const start = rendered.prompt.length;
  // Its slice is by length, whatever the whole begins with.
  const ids = [...rendered.prompt, ...(rendered.wholes[0] ?? []).slice(start)].slice(0, maxLength);
  return start >= maxLength || ids.length === start ? null : { ids, start };
}
