import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { workPaths } from "../annotate/journal.ts";
import type { LoadedRecipe } from "../annotate/load-recipe.ts";
import { takeLock } from "../annotate/lock.ts";
import type { ModelAccess } from "../annotate/model-access.ts";
import { checkDirectory } from "../annotate/output-directory.ts";
import { enterPhase, newStatus, type RunStatus } from "../annotate/status.ts";
import { isCallFailure, PrefkitError } from "../core/errors.ts";
import { nodeFiles } from "../core/files.ts";
import type { Group, JsonObject } from "../core/types.ts";
import { openMemo } from "../learn/memo.ts";
import { type RefineOptions, type RefineSettings, refineSettings } from "../learn/rubric/options.ts";
import { RUBRIC_PROMPT_HASHES } from "../learn/rubric/prompts.ts";
import type { ReferenceSource } from "../learn/rubric/references.ts";
import { refineGroups } from "../learn/rubric/refine-groups.ts";
import { type RefineReport, writeRefined } from "../learn/rubric/write-refined.ts";
import type { ChatModel } from "../models/ports.ts";
import type { ModelUsage } from "../models/usage.ts";
import { badRowError, openInput } from "../store/input/index.ts";
import type { Input } from "../store/input/types.ts";
import { describeParts, type NamedChatModel, requireNames, withChatModels } from "./named-models.ts";

export interface RefineRubrics {
  readonly out: string;
  /** The recipe's names of the models, by their role. */
  readonly proposer: string;
  readonly judge: string;
  /** Models that answer each prompt, or keys of its metadata that hold answers. */
  readonly references: {
    readonly kind: "models" | "metadata";
    readonly strong: string;
    readonly weak: string;
  } | null;
  readonly options: RefineOptions;
  readonly limit: number;
  readonly concurrency: number;
  readonly offline: boolean;
  readonly maxCost: number | undefined;
  readonly stop: AbortSignal;
  readonly onStart: (status: RunStatus) => void;
  readonly onPlanning: (groups: number) => void;
  readonly onWarning: (warning: string) => void;
}

export interface RefineRubricsOutcome {
  readonly kind: "budget" | "done" | "stopped";
  /** null when it ended early. */
  readonly report: RefineReport | null;
  readonly usage: readonly ModelUsage[];
}

/** Refines a rubric for each prompt of a recipe's input, with models of the recipe; its scorers are left aside. */
export async function refineRubrics(
  loaded: LoadedRecipe,
  wish: RefineRubrics,
): Promise<RefineRubricsOutcome> {
  const { out, references, offline, maxCost, onWarning } = wish;
  refineSettings(wish.options);
  const names = {
    proposer: wish.proposer,
    judge: wish.judge,
    ...(references?.kind === "models" ? { strong: references.strong, weak: references.weak } : {}),
  };
  requireNames(loaded, names);
  await checkDirectory(nodeFiles, out);
  const root = workPaths(out).root;
  await nodeFiles.makeDirectory(root);
  const release = await takeLock(nodeFiles, join(root, "rubric.lock"));
  const ledger = join(root, "spending.jsonl");
  try {
    return await withChatModels(
      loaded,
      { names, ledger, offline, maxCost, onWarning },
      async (models, access) => {
        const input = await openInput(loaded.recipe.input, {
          baseDirectory: loaded.directory,
          workDirectory: workPaths(out).input,
        });
        try {
          return await refineInput(input, loaded, wish, models, access);
        } finally {
          await input.close();
        }
      },
    );
  } finally {
    await release();
  }
}

async function refineInput(
  input: Input,
  loaded: LoadedRecipe,
  wish: RefineRubrics,
  models: ReadonlyMap<string, NamedChatModel>,
  access: ModelAccess,
): Promise<RefineRubricsOutcome> {
  const settings = refineSettings(wish.options);
  const status = newStatus([], access.usage);
  enterPhase(status, "refine", await countGroups(input, loaded, wish));
  wish.onStart(status);
  const configs = describeParts(models, ({ run }) => run.config as JsonObject);
  // What was answered holds for other inputs and options too: it is kept by what was asked. How a model is reached (its key, its
  // headers) is no part of what it is.
  const identities = describeParts(models, ({ run }) => run.handle.identity);
  const work = { rubric: 2, tries: settings.tries, models: identities, prompts: RUBRIC_PROMPT_HASHES };
  const memo = await openMemo(join(workPaths(wish.out).root, "rubric-memo.jsonl"), work);
  const cancel = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, cancel.signal);
  try {
    const outcomes = refineGroups(groupsOf(input, loaded, wish.limit), {
      models: { proposer: played(models, "proposer"), judge: played(models, "judge") },
      references: sourceOf(wish.references, models, settings),
      options: wish.options,
      memo,
      pace: {
        signal: cancel.signal,
        stop: AbortSignal.any([wish.stop, access.exhausted]),
        concurrency: wish.concurrency,
      },
      onDone: () => {
        status.done += 1;
      },
    });
    const facts: JsonObject = { options: settings as unknown as JsonObject, models: configs };
    const report = await writeRefined(nodeFiles, wish.out, outcomes, facts);
    return { kind: "done", report, usage: access.usage() };
  } catch (error) {
    cancel.abort(error);
    return { kind: endingOf(error, access.exhausted, wish.stop), report: null, usage: access.usage() };
  } finally {
    await memo.close();
  }
}

function played(models: ReadonlyMap<string, NamedChatModel>, part: string): ChatModel {
  const found = models.get(part);
  if (!found) throw new PrefkitError("internal", `no model plays ${part}.`, "report this.");
  return found.model;
}

function sourceOf(
  references: RefineRubrics["references"],
  models: ReadonlyMap<string, NamedChatModel>,
  { maxTokens, temperature }: RefineSettings,
): ReferenceSource {
  if (references === null) return { kind: "none" };
  const { kind, strong, weak } = references;
  if (kind === "metadata") return { kind, strong, weak };
  const sampling = { ...(temperature !== null && { temperature: 0 }), maxTokens };
  return { kind, strong: played(models, "strong"), weak: played(models, "weak"), sampling };
}

/** What a failed call that ends the whole work means for the command; any other error is thrown on. */
function endingOf(error: unknown, exhausted: AbortSignal, stop: AbortSignal): "budget" | "stopped" {
  if (!isCallFailure(error)) throw error;
  if (error.code === "not_cached") {
    throw new PrefkitError(
      "reply_missing",
      `offline, and a reply is not in the cache: ${error.message}.`,
      "run the same command without --offline.",
      { cause: error },
    );
  }
  if (error.code === "budget" || (exhausted.aborted && !stop.aborted)) return "budget";
  if (error.code === "cancelled") return "stopped";
  throw error;
}

/** Reads everything once, so that a bad row at the end is found before anything is paid. */
async function countGroups(
  input: Input,
  loaded: LoadedRecipe,
  { limit, onPlanning, stop }: RefineRubrics,
): Promise<number> {
  let groups = 0;
  const seen = new Set<string>();
  for await (const batch of groupsOf(input, loaded, limit)) {
    for (const { prompt } of batch) {
      if (seen.has(prompt.id)) {
        throw new PrefkitError(
          "duplicate_id",
          `prompt ${prompt.id} comes twice.`,
          "give each prompt an id of its own, or gather its responses by `groupBy`.",
        );
      }
      seen.add(prompt.id);
    }
    groups += batch.length;
    onPlanning(groups);
    if (stop.aborted) return groups;
  }
  if (groups > 0) return groups;
  throw new PrefkitError(
    "empty_input",
    `${input.files.map(({ path }) => path).join(", ")} holds no usable group.`,
    "give rows with a prompt and responses.",
  );
}

async function* groupsOf(
  input: Input,
  { recipe }: LoadedRecipe,
  limit: number,
): AsyncGenerator<readonly Group[]> {
  let left = limit;
  for await (const rows of input.read()) {
    const batch: Group[] = [];
    for (const row of rows) {
      if (batch.length === left) break;
      if (row.kind === "group") batch.push(row.group);
      else if (recipe.input.onBadRow !== "skip") throw badRowError(row);
    }
    left -= batch.length;
    if (batch.length > 0) yield batch;
    if (left === 0) return;
  }
}
