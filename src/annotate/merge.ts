import { join, resolve } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, nodeFiles } from "../core/files.ts";
import { sha256 } from "../core/ids.ts";
import {
  openJournal,
  partPath,
  readJournals,
  readPlan,
  type ShardRecord,
  WORK_DIRECTORY,
  workPaths,
  writePlan,
} from "./journal.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { takeLock } from "./lock.ts";
import type { Plan } from "./plan.ts";
import type { Catalog } from "./resolve-scorer.ts";
import { type RunOptions, type RunOutcome, run } from "./run.ts";

/**
 * Joins what `--shard i/n` runs left in several directories and finishes the dataset: the same bytes as one run. Every
 * part is checked against its hash, and all directories must hold shards of the same plan.
 * Throws `shards_missing` when a shard is nowhere, `plan_changed` when the plans differ, `damaged_file`.
 */
export async function merge(
  loaded: LoadedRecipe,
  catalog: Catalog,
  directories: readonly string[],
  options: RunOptions & { readonly out: string },
): Promise<RunOutcome> {
  const files = options.files ?? nodeFiles;
  const sources: { directory: string; plan: Plan }[] = [];
  for (const directory of directories.map((path) => resolve(path))) {
    const plan = await readPlan(files, directory);
    if (!plan) {
      throw new PrefkitError(
        "shards_missing",
        `${directory} holds no shards.`,
        "give the output directories of `prefkit run … --shard i/n`.",
      );
    }
    sources.push({ directory, plan });
  }
  const [first, ...others] = sources;
  if (!first)
    throw new PrefkitError("shards_missing", "no directory was given.", "name the directories to merge.");
  const other = others.find(({ plan }) => plan.id !== first.plan.id);
  if (other) {
    throw new PrefkitError(
      "plan_changed",
      `${other.directory} and ${first.directory} hold shards of different runs${other.plan.codec === first.plan.codec ? "" : ` (codecs ${other.plan.codec} and ${first.plan.codec})`}.`,
      "merge only directories that were run with the same recipe, input, seed, codec and version of prefkit.",
    );
  }
  const out = resolve(options.out);
  const existing = await readPlan(files, out);
  if (existing && existing.id !== first.plan.id) {
    throw new PrefkitError("not_this_run", `${out} holds another run.`, "choose another --out.");
  }
  const foreign = ((await files.list(out)) ?? []).filter((name) => name !== WORK_DIRECTORY);
  if (existing === null && foreign.length > 0) {
    throw new PrefkitError("not_this_run", `${out} holds other files.`, "choose an empty --out.");
  }
  await files.makeDirectory(workPaths(out).parts);
  const unlock = await takeLock(files, join(workPaths(out).root, "lock"));
  try {
    await gatherShards(files, out, first.plan, sources);
  } finally {
    await unlock();
  }
  return run(loaded, catalog, { ...options, requireScored: true });
}

/** Copies the parts that are not there yet, each with its line in the journal. */
async function gatherShards(
  files: Files,
  out: string,
  plan: Plan,
  sources: readonly { readonly directory: string }[],
): Promise<void> {
  if ((await readPlan(files, out)) === null) await writePlan(files, out, plan);
  const present = await readJournals(files, out);
  const journal = await openJournal(files, out, null);
  for (const { directory } of sources) {
    if (directory === out) continue;
    for (const record of (await readJournals(files, directory)).values()) {
      if (present.has(record.shard)) continue;
      await copyPart(files, directory, out, record);
      await journal(record);
      present.set(record.shard, record);
    }
  }
}

async function copyPart(files: Files, from: string, to: string, record: ShardRecord): Promise<void> {
  const source = partPath(from, record.shard);
  const bytes = await files.readAll(source);
  if (sha256(bytes) !== record.sha256) {
    throw new PrefkitError(
      "damaged_file",
      `${source} is not what its journal says (sha256 differs).`,
      "run that --shard again with the same command, then merge.",
    );
  }
  const target = partPath(to, record.shard);
  const writer = await files.create(`${target}.tmp`);
  await writer.write(bytes);
  await writer.close();
  await files.rename(`${target}.tmp`, target);
}
