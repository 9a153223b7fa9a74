import { z } from "zod";
import { PrefkitError } from "../../core/errors.ts";
import type { Json, JsonObject, Prompt } from "../../core/types.ts";
import { optional, required } from "../../store/schema.ts";
import { defineLayout, noRow, oneRow } from "../layout-support.ts";
import { metadataOption, metadataText, namedFields, rewardClientFile } from "../message-rows.ts";
import type { Companion, ExportedFacts, GroupLayout } from "../trainer-adapter.ts";
import { grpoConfig } from "./companions.ts";
import { formatOption, turnWriter } from "./turns.ts";

/** What TRL passes to a reward function itself, and the columns that are written anyway or would change a trainer's path. */
const TAKEN = new Set(
  (
    "prompt prompts completion completions completion_ids chosen rejected messages prompt_id reference metadata images image " +
    "tools trainer_state log_extra log_metric environments environment chat_template_kwargs"
  ).split(" "),
);

export const promptsOptions = z.strictObject({
  ...formatOption,
  columns: metadataOption.columns.describe(
    "Fields of the prompts' metadata, separated by commas: a text column each, and together, as JSON, the column metadata, from which the reward server's scorers see their values.",
  ),
});

export const prompts = defineLayout({
  summary:
    "prompt, prompt_id and reference, for GRPO and other online methods rewarded by the reward server.",
  options: promptsOptions,
  create: (options) => promptsLayout("trl", options, grpoConfig),
});

/**
 * The prompts of TRL's GRPO trainer, for TRL and for trainers that hand it their rows as they are; `settings` trains on them.
 * Throws `bad_option` for columns that mean something else to TRL.
 */
export function promptsLayout(
  trainer: string,
  { format, columns }: z.output<typeof promptsOptions>,
  settings: (facts: ExportedFacts) => Companion,
): GroupLayout {
  const fields = fieldsOf(trainer, columns);
  // Tools are an argument of the GRPO trainer, not a column.
  const turns = turnWriter(format, {});
  return {
    from: "groups",
    readsScores: false,
    metadata: fields,
    format: "parquet",
    rowSet: {
      name: `${trainer}-prompts`,
      version: 1,
      columns: [
        required("prompt", turns.type),
        required("prompt_id", "string"),
        optional("reference", "string"),
        ...fields.map((name) => optional(name, "string")),
        ...(fields.length === 0 ? [] : [required("metadata", "string")]),
      ],
    },
    rows: ({ group: { prompt } }) => {
      if (prompt.tools !== undefined) {
        return noRow(prompt.id, "it has tools, which GRPO takes as an argument of the trainer alone");
      }
      const fault = turns.fault(prompt, []);
      if (fault !== null) return noRow(prompt.id, fault);
      return oneRow({
        prompt: turns.prompt(prompt.messages),
        prompt_id: prompt.id,
        reference: prompt.reference,
        ...metadataValues(prompt, fields),
        ...(fields.length === 0 ? {} : { metadata: metadataText(prompt, fields) }),
        ...turns.extraValues(prompt),
      });
    },
    examples: ({ prompt }) => [{ kind: "prompt", prompt: turns.read(prompt) }],
    // TRL 1.x has no longest prompt.
    lengthRules: [],
    companions: (facts) => [settings(facts), rewardClientFile()],
  };
}

function fieldsOf(trainer: string, columns: string): readonly string[] {
  const fields = namedFields(`${trainer} prompts`, columns);
  const taken = fields.find((name) => TAKEN.has(name));
  if (taken === undefined) return fields;
  throw new PrefkitError(
    "bad_option",
    `${trainer} prompts: columns: "${taken}" is there already, or means something else to TRL.`,
    "leave it out, or give the field another name in the data; prompt_id and reference are always written.",
  );
}

/** Texts as they are, anything else as JSON; null where a prompt has no such field. */
function metadataValues({ metadata }: Pick<Prompt, "metadata">, fields: readonly string[]): JsonObject {
  return Object.fromEntries(
    fields.map((name) => {
      const value: Json | undefined = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
      if (value === undefined || value === null) return [name, null];
      return [name, typeof value === "string" ? value : JSON.stringify(value)];
    }),
  );
}
