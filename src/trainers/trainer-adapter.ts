import type { z } from "zod";
import type { Image, JsonObject, Message, RewardedGroup } from "../core/types.ts";
import type { RowExtras } from "../store/row-sets.ts";
import type { Row, RowSet } from "../store/table.ts";

/**
 * What the rows are for; a trainer reads some of these. An export of kind unpaired, which is for KTO, puts the rows of a prompt
 * apart (`rowsApart`); those of other kinds stand in the order of their records.
 */
export const EXPORT_KINDS = ["preference", "unpaired", "prompts", "stepwise", "reward", "ratings"] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];

/** A row of the `pairs` table. `chosen` and `rejected` hold the assistant's turn alone. */
export interface PairRecord {
  readonly pairId: string;
  readonly promptId: string;
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
  readonly chosenReward: number;
  readonly rejectedReward: number;
  /** chosenReward − rejectedReward > 0, in units of the combined reward. */
  readonly rewardMargin: number;
  readonly chosenId: string;
  readonly rejectedId: string;
  /** JSON text of the tool definitions; only in datasets that map tools. */
  readonly tools?: string;
  readonly images?: readonly Image[];
  readonly metadata: JsonObject;
}

/** What becomes of one record: its rows, and what of it has no row, with the reason. */
export interface LayoutRows {
  readonly rows: readonly Row[];
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  /** The pair's id, or the response's, or the prompt's: what was left out. */
  readonly id: string;
  readonly why: string;
}

/** A small file beside the data: the config or the command that trains on it, in the trainer's own format. */
export interface Companion {
  /** Relative to the export's directory, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** What a layout knows of the dataset it is made from. */
export interface SourceFacts {
  readonly extras: RowExtras;
  /** The scores that the dataset holds, by the recipe's keys. */
  readonly scores: readonly string[];
}

/** What companions know of the files that were written. */
export interface ExportedFacts {
  /** By split, in the order written; paths relative to the export's directory. Every split has at least one file. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** A conversation, or text for trainers that read text. */
export type Turns = string | readonly Message[];

/** A row as the trainer will see it: what the export check renders and looks at. */
export type ExportedExample = (
  | { readonly kind: "preference"; readonly prompt: Turns; readonly chosen: Turns; readonly rejected: Turns }
  | { readonly kind: "unpaired"; readonly prompt: Turns; readonly completion: Turns; readonly label: boolean }
  | { readonly kind: "prompt"; readonly prompt: Turns }
  | {
      readonly kind: "stepwise";
      readonly prompt: Turns;
      readonly completions: readonly string[];
      readonly labels: readonly boolean[];
    }
) & {
  /** JSON text of the tool definitions, where the row has some: the template renders them too. */
  readonly tools?: string;
};

/** Token counts of one example; `responses` in the order chosen, rejected (one for unpaired, none for prompts). */
export interface ExampleLengths {
  readonly prompt: number;
  readonly responses: readonly number[];
}

/** What one method of a trainer does with an example that is longer than the maximum length. */
export interface LengthRule {
  /** The method as the trainer names it: "DPO", "CPO (SimPO)", "reward". One file may be read by several. */
  readonly method: string;
  /** The length that the export's config or command sets, in tokens; null when it sets none. */
  readonly defaultMaxLength: number | null;
  /**
   * What the method adds to the tokens of the rendered text, where it is not there already: BOS in front ("tokenizer": when
   * the tokenizer itself puts it before a text), the end-of-sequence token after a response. Absent: nothing, as is right
   * for conversations whose template writes both.
   */
  readonly adds?: { readonly bos?: "tokenizer" | "always"; readonly eos?: boolean };
  /** The counts that reach the loss: smaller ones when something is cut; null when the example is dropped. */
  kept(lengths: ExampleLengths, maxLength: number): ExampleLengths | null;
}

interface LayoutBase {
  readonly format: "parquet" | "jsonl";
  /** Only the columns that the trainer knows: a bookkeeping column must not be able to change a loss. */
  readonly rowSet: RowSet;
  /** A written row, read back. The exact inverse of `rows` as far as the trainer looks. */
  examples(row: Row): readonly ExportedExample[];
  /** One for each method that reads these rows; none where length does not matter or is not known. */
  readonly lengthRules: readonly LengthRule[];
  companions(facts: ExportedFacts): readonly Companion[];
}

export interface PairLayout extends LayoutBase {
  readonly from: "pairs";
  rows(pair: PairRecord): LayoutRows;
}

export interface GroupLayout extends LayoutBase {
  readonly from: "groups";
  /** Whether `columns` must hold the scores; otherwise they may be empty, and the scores table is not read. */
  readonly readsScores: boolean;
  /** Fields of the prompts' metadata that are written: one that no prompt has is refused. None by default. */
  readonly metadata?: readonly string[];
  rows(group: RewardedGroup): LayoutRows;
}

export type ExportLayout = PairLayout | GroupLayout;

/** One kind of rows for one trainer. */
export interface LayoutDefinition {
  readonly summary: string;
  /** Every option has a description, and a default unless it must be given. */
  readonly options: z.ZodObject;
  /** `options` as the schema gave them. Throws `bad_option`, `unknown_name` (a score), `need_unmet`. */
  create(options: Readonly<Record<string, unknown>>, facts: SourceFacts): ExportLayout;
}

/**
 * One trainer: the layouts it reads. One file per trainer, and a line in `index.ts`.
 * Which version the facts were taken from, and how they were checked, stands in the file's docstring and docs/export.md.
 */
export interface TrainerAdapter {
  /** As in `--for`: kebab-case. */
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  readonly layouts: Readonly<Partial<Record<ExportKind, LayoutDefinition>>>;
}
