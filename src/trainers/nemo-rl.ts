import { z } from "zod";
import { listOf, required } from "../store/schema.ts";
import type { Row, RowSet } from "../store/table.ts";
import { HYDRA_LINES } from "./hydra-quotes.ts";
import {
  defineLayout,
  extrasFault,
  MESSAGE_LIST,
  messageFrom,
  messageRows,
  plainFault,
  turnsFrom,
} from "./layout-support.ts";
import { dropLong, pairLayout, splitFiles } from "./message-rows.ts";
import type { Companion, ExportedFacts, LengthRule, TrainerAdapter } from "./trainer-adapter.ts";

/**
 * NeMo-RL: `PreferenceDataset`, a context and two ranked completions.
 *
 * Facts: the main branch of 22 August 2026, nemo_rl/data/datasets/preference_datasets/*.py, data/processors.py
 * (preference_preprocessor), data/llm_message_utils.py, examples/configs/dpo.yaml.
 * Tools, tool calls and images are left out: preference data are rendered without them.
 */
export const nemoRl: TrainerAdapter = {
  name: "nemo-rl",
  title: "NeMo-RL",
  layouts: {
    preference: defineLayout({
      summary: "context and two ranked completions, for DPO and reward models",
      options: z.strictObject({}),
      create: () =>
        pairLayout(
          {
            format: "parquet",
            rowSet: ROW_SET,
            examples,
            lengthRules: [LENGTHS],
            companions: (facts) => [script(facts)],
          },
          (pair) =>
            plainFault(pair.messages) ??
            extrasFault(pair) ?? {
              context: messageRows(pair.messages),
              completions: [pair.chosen, pair.rejected].map((content, rank) => ({
                rank,
                completion: [{ role: "assistant", content }],
              })),
            },
        ),
    }),
  },
};

/** Rank 0 is the better one; exactly two completions are allowed. */
const ROW_SET: RowSet = {
  name: "nemo-rl-preference",
  version: 1,
  columns: [
    required("context", MESSAGE_LIST),
    required("completions", listOf(required("rank", "int64"), required("completion", MESSAGE_LIST))),
  ],
};

function examples({ context, completions }: Row) {
  const byRank = [...(completions as readonly Row[])].sort((a, b) => Number(a.rank) - Number(b.rank));
  const [chosen = [], rejected = []] = byRank.map(({ completion }) =>
    (completion as readonly Row[]).map(messageFrom),
  );
  return [{ kind: "preference", prompt: turnsFrom(context), chosen, rejected } as const];
}

/** `policy.max_total_sequence_length` in the script, in tokens; the example config has 1,024. */
const MAX_LENGTH = 2048;

/** A pair with a longer side keeps its place in the batch with weight 0. */
const LENGTHS: LengthRule = {
  method: "DPO, reward",
  defaultMaxLength: MAX_LENGTH,
  adds: { bos: "always", eos: true },
  kept: dropLong,
};

function script(facts: ExportedFacts): Companion {
  const { train, evaluation } = splitFiles(facts);
  const source = (name: string, files: readonly string[]) =>
    `data.${name}.dataset_name=PreferenceDataset "++data.${name}.data_path=$(hydra "$here/${pattern(files)}")" data.${name}.split=train`;
  const validation =
    evaluation === null
      ? "data.validation=null dpo.val_period=0 dpo.val_at_start=false checkpointing.metric_name=train:loss"
      : source("validation", evaluation.files);
  return {
    path: "train_dpo.sh",
    text: `#!/usr/bin/env bash
# DPO with NeMo-RL: NEMO_RL=path/to/its/repository MODEL=... bash train_dpo.sh
# NeMo-RL has no SimPO, and so no gamma. dpo.preference_average_log_probs=true averages log-probs over a response's tokens, as SimPO
# does, but keeps the reference model and has no target margin.
# A pair longer than policy.max_total_sequence_length gets weight 0. A file that is named has the single split train.
set -euo pipefail
${HYDRA_LINES}
: "\${MODEL:?set MODEL}"
# A folder is looked for from here, not from NeMo-RL's repository.
if [ -d "$MODEL" ]; then MODEL=$(cd "$MODEL" && pwd); fi
cd "\${NEMO_RL:?set NEMO_RL}"
uv run examples/run_dpo.py --config examples/configs/dpo.yaml \\
  "policy.model_name=$(hydra "$MODEL")" "policy.tokenizer.name=$(hydra "$MODEL")" policy.max_total_sequence_length=${MAX_LENGTH} \\
  dpo.reference_policy_kl_penalty=0.05 dpo.preference_average_log_probs=false dpo.sft_loss_weight=0 \\
  ${source("train", train)} \\
  ${validation}
`,
  };
}

/** One path for the files of a split: the file, or the pattern that its numbered files match. */
function pattern(files: readonly string[]): string {
  const [only, ...others] = files;
  return only !== undefined && others.length === 0 ? only : (only ?? "").replace(/-\d+-of-(?=\d)/, "-*-of-");
}
