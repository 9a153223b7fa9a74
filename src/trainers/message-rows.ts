import { readFileSync } from "node:fs";
import { z } from "zod";
import { PrefkitError } from "../core/errors.ts";
import type { Image, Message, Prompt } from "../core/types.ts";
import type { Row } from "../store/table.ts";
import { noRow, oneRow, onlyText, plainFault, responseFault } from "./layout-support.ts";
import { REWARD_CLIENT_FILE } from "./reward-client.ts";
import type {
  Companion,
  ExportedFacts,
  ExportLayout,
  GroupLayout,
  LayoutRows,
  LengthRule,
  PairLayout,
  PairRecord,
} from "./trainer-adapter.ts";

/** What a layout is apart from where its rows come from. */
export type LayoutBase = Omit<PairLayout, "from" | "rows">;

/** A record's prompt and what belongs to it. */
export interface PromptRecord {
  readonly messages: readonly Message[];
  readonly tools?: string;
  readonly images?: readonly Image[];
}

/** A pair whose sides are one assistant turn each, without tool fields. */
export interface TextPair extends PromptRecord {
  readonly chosen: string;
  readonly rejected: string;
  readonly rewardMargin: number;
}

/** One response with its label. */
export interface LabelledCompletion extends PromptRecord {
  readonly completion: string;
  readonly label: boolean;
}

/** A layout of one row per pair; `rowOf` gives the row, or the reason why the pair has none. */
export function pairLayout(base: LayoutBase, rowOf: (pair: TextPair) => Row | string): PairLayout {
  return {
    ...base,
    from: "pairs",
    rows(pair) {
      const sides = textPair(pair);
      const made = typeof sides === "string" ? sides : rowOf(sides);
      return typeof made === "string" ? noRow(pair.pairId, made) : oneRow(made);
    },
  };
}

/** A layout of one row per prompt. */
export function promptLayout(
  base: LayoutBase & Pick<GroupLayout, "metadata">,
  rowOf: (prompt: Prompt) => Row | string,
): GroupLayout {
  return {
    ...base,
    from: "groups",
    readsScores: false,
    rows({ group: { prompt } }) {
      const made = rowOf(prompt);
      return typeof made === "string" ? noRow(prompt.id, made) : oneRow(made);
    },
  };
}

/** The option of layouts of prompts whose scorers see fields of the metadata. */
export const metadataOption = {
  columns: z
    .string()
    .default("")
    .describe("Fields of the prompts' metadata, separated by commas, that the reward server's scorers see."),
};

/** The names of `metadataOption`. Throws `bad_option` for one that stands there twice. */
export function namedFields(layout: string, columns: string): readonly string[] {
  const fields = columns
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const twice = fields.find((name, index) => fields.indexOf(name) !== index);
  if (twice === undefined) return fields;
  throw new PrefkitError(
    "bad_option",
    `${layout}: columns: "${twice}" is named twice.`,
    "name each field once.",
  );
}

/**
 * The named fields of a prompt's metadata as JSON text, so that scorers see the values that they see in a run: numbers stay
 * numbers, null stays null, and a field that the prompt does not have is not there. The reward client reads it.
 */
export function metadataText({ metadata }: Pick<Prompt, "metadata">, fields: readonly string[]): string {
  const own = fields.filter((name) => Object.hasOwn(metadata, name));
  return JSON.stringify(Object.fromEntries(own.map((name) => [name, metadata[name]])));
}

function textPair(pair: PairRecord): TextPair | string {
  const { prompt, chosen, rejected, rewardMargin, tools, images } = pair;
  if (chosen.length !== 1 || rejected.length !== 1) return "a side has several turns";
  if (plainFault([...chosen, ...rejected]) !== null) return "a side calls tools";
  return {
    messages: prompt,
    chosen: onlyText(chosen),
    rejected: onlyText(rejected),
    rewardMargin,
    ...(tools === undefined ? {} : { tools }),
    ...(images === undefined ? {} : { images }),
  };
}

/** The options of every layout of single, labelled responses. */
export const unpairedOptions = z.strictObject({
  from: z
    .enum(["pairs", "groups"])
    .default("pairs")
    .describe("pairs: chosen is desired, rejected is not. groups: by threshold."),
  threshold: z.number().optional().describe("With from groups: the least reward of a desired response."),
});

/**
 * A layout of labelled responses. From pairs: two rows each, the chosen one first. From groups: one row per candidate with a
 * reward, desired from `threshold` on; baselines give no rows, and are not listed as left out. Empty responses have no row in
 * either. An export puts the rows of a prompt apart: see `rowsApart`.
 * Throws `bad_option` when `threshold` and `from` do not fit.
 */
export function unpairedLayout(
  base: LayoutBase,
  { from, threshold }: z.output<typeof unpairedOptions>,
  rowOf: (completion: LabelledCompletion) => Row | string,
): ExportLayout {
  if (from === "pairs") {
    if (threshold !== undefined) throw thresholdError("given", "pairs", "leave it out, or say from=groups.");
    return { ...base, from, rows: (pair) => labelledSides(pair, rowOf) };
  }
  if (threshold === undefined)
    throw thresholdError("not given", "groups", "say from which reward on a response is desired.");
  return {
    ...base,
    from,
    readsScores: false,
    rows({ group: { prompt, responses }, rewards }) {
      const made = responses.flatMap((response, index) => {
        if (response.role === "baseline") return [];
        const reward = rewards[index] ?? null;
        if (reward === null) return [noRow(response.id, "it has no reward")];
        return [
          labelled(response.id, { ...prompt, completion: response.text, label: reward >= threshold }, rowOf),
        ];
      });
      return joined(made);
    },
  };
}

function labelledSides(
  pair: PairRecord,
  rowOf: (completion: LabelledCompletion) => Row | string,
): LayoutRows {
  const sides = textPair(pair);
  if (typeof sides === "string") return noRow(pair.pairId, sides);
  return joined([
    labelled(pair.chosenId, { ...sides, completion: sides.chosen, label: true }, rowOf),
    labelled(pair.rejectedId, { ...sides, completion: sides.rejected, label: false }, rowOf),
  ]);
}

function labelled(
  id: string,
  one: LabelledCompletion,
  rowOf: (completion: LabelledCompletion) => Row | string,
): LayoutRows {
  const row = responseFault(one.completion) ?? rowOf(one);
  return typeof row === "string" ? noRow(id, row) : oneRow(row);
}

function joined(parts: readonly LayoutRows[]): LayoutRows {
  return { rows: parts.flatMap(({ rows }) => rows), leftOut: parts.flatMap(({ leftOut }) => leftOut) };
}

function thresholdError(state: string, from: string, fix: string): PrefkitError {
  return new PrefkitError("bad_option", `threshold is ${state}, and from is ${from}.`, fix);
}

/** Examples that are longer than the maximum, by their longer response, do not reach the loss. */
export const dropLong: LengthRule["kept"] = (lengths, maxLength) =>
  lengths.prompt + Math.max(0, ...lengths.responses) <= maxLength ? lengths : null;

/** Each response is cut, on the right, to what the prompt leaves; a longer prompt is cut too. */
export const cutResponses: LengthRule["kept"] = ({ prompt, responses }, maxLength) => {
  const kept = Math.min(prompt, maxLength);
  return { prompt: kept, responses: responses.map((length) => Math.min(length, maxLength - kept)) };
};

export const IMAGE_PLACEHOLDER = "<image>";

/** Why a trainer that puts the n-th image at the n-th `<image>` cannot take a prompt, or null when it can. */
export function placeholderFault({ messages, images = [] }: PromptRecord): string | null {
  const places = messages.reduce((sum, { content }) => sum + content.split(IMAGE_PLACEHOLDER).length - 1, 0);
  return places === images.length ? null : "its text does not hold one <image> per image";
}

/**
 * As `placeholderFault`, for a trainer that counts the places in the prompt and each response together, and takes `<video>` and
 * `<audio>` for places of media that our rows do not have.
 */
export function mediaFault(record: PromptRecord, responses: readonly string[]): string | null {
  const assistant = (content: string): Message => ({ role: "assistant", content });
  const wholes = [record.messages, ...responses.map((text) => [...record.messages, assistant(text)])];
  if (wholes.some((turns) => turns.some(({ content }) => /<(video|audio)>/.test(content))))
    return "its text holds <video> or <audio>, which the trainer takes for the place of one";
  return wholes.reduce<string | null>(
    (fault, messages) => fault ?? placeholderFault({ ...record, messages }),
    null,
  );
}

/**
 * The files to train on, and the split to evaluate on: validation, or else test; null when there is neither, since no split of
 * another name (`train_hard`) is meant for that. Paths are relative to the export's directory.
 */
export function splitFiles({ files }: Pick<ExportedFacts, "files">): {
  readonly train: readonly string[];
  readonly evaluation: { readonly split: string; readonly files: readonly string[] } | null;
} {
  const split = ["validation", "test"].find((name) => Object.hasOwn(files, name));
  return {
    train: files.train ?? [],
    evaluation: split === undefined ? null : { split, files: files[split] ?? [] },
  };
}

/** β and γ that the example configurations start from: the authors say β 2.0 to 2.5, and to try γ/β = 0.5 first. */
export const SIMPO = { beta: 2, ratio: 0.5, gamma: 1 } as const;

/** SimPO's γ, as comment lines of a configuration in which `simpo_gamma` is γ itself. */
export const SIMPO_NOTE = `# SimPO's target margin. Loss: -log sigmoid(beta * (mean log p chosen - mean log p rejected) - gamma), in nats per token.
# simpo_gamma is gamma itself. The authors' own code names the ratio gamma_beta_ratio = gamma / beta instead:
# their ${SIMPO.ratio} at beta ${SIMPO.beta.toFixed(1)} is simpo_gamma = ${SIMPO.ratio} * ${SIMPO.beta.toFixed(1)} = ${SIMPO.gamma.toFixed(1)}. Change both together.`;

/**
 * What `prefkit serve --group-size` is started with for trainers that send samples one by one: samples of a prompt end seconds
 * apart, and OpenRLHF gives up after 180.
 */
export const GATHERING_FLAGS = "--window-ms 60000 --deadline-ms 150000";

/** The Python client of the reward server, put beside the data; see `rewardClientSource`. */
export function rewardClientFile(): Companion {
  const text = readFileSync(new URL(`./python/${REWARD_CLIENT_FILE}`, import.meta.url), "utf8");
  return { path: REWARD_CLIENT_FILE, text };
}
