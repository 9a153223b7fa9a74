import { join } from "node:path";
import { isCallFailure, PrefkitError } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import { canonicalJson, contentHash } from "../core/ids.ts";
import type { Group, Json, JsonObject } from "../core/types.ts";
import { VERSION } from "../core/version.ts";
import type { Input } from "../store/input/types.ts";
import { createParquetSink } from "../store/parquet-sink.ts";
import { createRollingTable } from "../store/rolling-table.ts";
import { groupRow, groupsRowSet } from "../store/row-sets.ts";
import { type Filled, type FillSetup, fillGroup } from "./fill-group.ts";
import { WORK_DIRECTORY } from "./journal.ts";
import { type ModelSet, portOf } from "./models.ts";
import { mapOrdered } from "./ordered.ts";
import type { Plan } from "./plan.ts";
import type { Recipe, SampleSection } from "./recipe.ts";
import { type NoTwin, type RephraseSetup, rephrase, twinPrompt } from "./rephrase.ts";
import type { ResolvedRecipe } from "./resolve.ts";
import { chargedStream, chargeStage, enterPhase, type RunStatus } from "./status.ts";

/** What sampling did; part of the manifest. */
export interface SampleCounts {
  readonly groups: number;
  readonly twins: number;
  /** Prompts without a twin, by reason. */
  readonly withoutTwin: Readonly<Record<string, number>>;
  readonly sampled: number;
  /** Samples that could not be had, by failure code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Groups of at least two candidates whose texts are all equal: nothing can be learned from them. */
  readonly groupsWithEqualTexts: number;
}

interface SampleMark {
  readonly id: string;
  readonly counts: SampleCounts;
}

export interface SamplePhase {
  readonly files: Files;
  /** Where the filled groups are written: Parquet files of the groups row set, and `sample.json`, which marks them whole. */
  readonly directory: string;
  readonly input: Input;
  /** Of the input as it is before sampling. */
  readonly plan: Plan;
  readonly resolved: ResolvedRecipe;
  readonly concurrency: number;
  readonly acceptFailed: boolean;
  /** Other samples in the directory are replaced. */
  readonly force?: boolean;
  readonly stop: AbortSignal;
  readonly status: RunStatus;
}

const MARK_FILE = "sample.json";

/**
 * Fills every group of the input, in input order, and writes them as the input of scoring. Every reply is in the persistent
 * cache before it counts, so a run that was killed here begins anew and pays only for what it had not got.
 *
 * Returns the counts, or null when it was stopped. Throws `failed_budget_exceeded` when too many samples failed.
 */
export async function samplePhase(phase: SamplePhase): Promise<SampleCounts | null> {
  const { files, directory, plan, status, resolved } = phase;
  const section = sectionOf(resolved.recipe);
  const id = sampleId(resolved, plan);
  const done = await readMark(files, directory);
  if (done?.id === id) return done.counts;
  if (done && !phase.force) {
    throw new PrefkitError(
      "plan_changed",
      `the samples in ${directory} were drawn for another input or by another \`sample\` section.`,
      "choose another --out (paid replies come from the cache, so nothing is paid twice), undo the change, or start over with --force.",
    );
  }
  await files.makeDirectory(directory);
  await removeSamples(files, directory);
  enterPhase(status, "sample", plan.groups);
  const table = createRollingTable({
    files,
    directory,
    table: "groups",
    rowSet: groupsRowSet(plan.extras),
    splits: ["train"],
    fileBytes: 256 * 2 ** 20,
    createSink: (path, rowSet) => createParquetSink(files, path, rowSet, { codec: plan.codec }),
  });
  const counts = startCounts();
  const cancel = new AbortController();
  try {
    const work = samplerOf(section, resolved, cancel.signal);
    const source = chargedStream(status, "read", inputGroups(phase));
    for await (const batch of mapOrdered(source, phase.concurrency, work)) {
      const started = performance.now();
      for (const sampled of batch) counts.add(sampled);
      const groups = batch.flatMap(({ filled }) => filled.map(({ group }) => group));
      await table.write(
        "train",
        groups.map((group) => groupRow({ group, rewards: group.responses.map(() => null) }, plan.extras)),
      );
      status.done += batch.length;
      chargeStage(status, "store", started);
      if (!phase.acceptFailed) counts.check(section, false);
    }
    if (phase.stop.aborted) {
      await table.abort();
      return null;
    }
    if (!phase.acceptFailed) counts.check(section, true);
  } catch (error) {
    cancel.abort(error);
    await table.abort();
    if (phase.stop.aborted) return null;
    if (isCallFailure(error) && error.code === "not_cached") {
      throw new PrefkitError(
        "reply_missing",
        `a sample cannot be drawn offline: its reply is not in the cache.`,
        "run without --offline, or use the cache that the samples were drawn with (PREFKIT_CACHE_DIR).",
        { cause: error },
      );
    }
    throw error;
  }
  await table.close();
  const mark: SampleMark = { id, counts: counts.result() };
  await writeWhole(files, join(directory, MARK_FILE), `${JSON.stringify(mark, null, 2)}\n`);
  return mark.counts;
}

/** The mark first, so that no kill leaves it on half of what it marks. Files that are not ours are left alone, or refused. */
async function removeSamples(files: Files, directory: string): Promise<void> {
  const names = (await files.list(directory)) ?? [];
  const foreign = names.filter(
    (name) => name !== MARK_FILE && name !== WORK_DIRECTORY && !OWN_FILE.test(name),
  );
  if (foreign.length > 0) {
    throw new PrefkitError(
      "not_this_run",
      `${directory} holds other files (${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? ", …" : ""}).`,
      "choose an empty directory.",
    );
  }
  await files.remove(join(directory, MARK_FILE));
  for (const name of names) if (OWN_FILE.test(name)) await files.remove(join(directory, name));
}

const OWN_FILE = /^(train-\d+-of-\d+\.parquet|\..*\.tmp)$/;

/** The recipe's input section for what `samplePhase` wrote; paths are resolved from its directory. */
export function sampledInput(plan: Plan): Recipe["input"] {
  return {
    path: "train-*.parquet",
    map: {
      id: "prompt_id",
      sibling: "sibling_id",
      ...(plan.extras.tools ? { tools: "tools" } : {}),
      ...(plan.extras.images ? { images: "images" } : {}),
      ...(plan.extras.toolMessages ? { toolMessages: true } : {}),
    },
    onBadRow: "fail",
  };
}

/** What the samples depend on, for the manifest. */
export function sampleFacts(resolved: ResolvedRecipe, counts: SampleCounts): JsonObject {
  return {
    models: modelConfigs(resolved.models, sectionOf(resolved.recipe)),
    counts: counts as unknown as JsonObject,
  };
}

function sectionOf(recipe: Recipe): SampleSection {
  if (!recipe.sample)
    throw new PrefkitError(
      "bad_recipe",
      "the recipe has no section `sample`.",
      "add one: see docs/sampling.md.",
    );
  return recipe.sample;
}

function sampleId(resolved: ResolvedRecipe, plan: Plan): string {
  const section = sectionOf(resolved.recipe);
  const identities = Object.fromEntries(
    modelNames(section).map((name) => [name, resolved.models.get(name)?.handle.identity ?? null]),
  );
  const { maxFailedShare: _share, ...determining } = section;
  return contentHash({
    toolkit: VERSION,
    input: plan.input.fingerprint,
    limit: plan.limit,
    seed: plan.seed,
    codec: plan.codec,
    reading: JSON.parse(JSON.stringify({ ...resolved.recipe.input, path: null })) as Json,
    section: JSON.parse(canonicalJson(JSON.parse(JSON.stringify(determining)) as Json)) as Json,
    identities,
  });
}

function modelNames({ model, from = [], rephrase }: SampleSection): string[] {
  const names = [model, ...from.map((source) => source.model), rephrase?.model, rephrase?.checkModel];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function modelConfigs(models: ModelSet, section: SampleSection): JsonObject {
  return Object.fromEntries(modelNames(section).map((name) => [name, models.get(name)?.config ?? null]));
}

async function readMark(files: Files, directory: string): Promise<SampleMark | null> {
  const path = join(directory, MARK_FILE);
  if (!(await files.exists(path))) return null;
  return JSON.parse(Buffer.from(await files.readAll(path)).toString("utf8")) as SampleMark;
}

/** One prompt's outcome: its filled group, and its twin's behind it. */
interface Sampled {
  readonly filled: readonly Filled[];
  readonly noTwin: NoTwin | null;
}

function samplerOf(
  section: SampleSection,
  resolved: ResolvedRecipe,
  signal: AbortSignal,
): (group: Group) => Promise<Sampled> {
  const fill = fillSetup(section, resolved);
  const rephrasing = rephraseSetup(section, resolved);
  return async (group) => {
    // A group that already has a twin in the input is not given another.
    if (!rephrasing || group.siblingId !== undefined) {
      return { filled: [await fillGroup(group, fill, { signal })], noTwin: null };
    }
    const found = await rephrase(group.prompt, rephrasing, { signal });
    if (found.kind === "none")
      return { filled: [await fillGroup(group, fill, { signal })], noTwin: found.why };
    const prompt = twinPrompt(group.prompt, found.question);
    const original = { ...group, siblingId: prompt.id };
    const twin: Group = { prompt, responses: [], siblingId: group.prompt.id };
    const filled = await Promise.all([
      fillGroup(original, fill, { signal }),
      fillGroup(twin, fill, { signal }),
    ]);
    return { filled, noTwin: null };
  };
}

function fillSetup(section: SampleSection, { models, recipe }: ResolvedRecipe): FillSetup {
  const { temperature, topP, topK, maxTokens, stop } = section;
  const shared = { temperature, topP, topK, maxTokens, stop };
  const sources = section.from ?? [{ model: section.model ?? "" }];
  return {
    sources: sources.map(({ model: name, ...own }) => {
      const model = models.get(name);
      if (!model) throw new PrefkitError("internal", `model ${name} was not opened.`, "report this.");
      return { name, model: portOf(model, "chat"), sampling: defined({ ...shared, ...defined(own) }) };
    }),
    n: section.n,
    system: section.system ?? null,
    sendSeed: section.sendSeed,
    seed: recipe.seed,
  };
}

function rephraseSetup(
  { rephrase: options }: SampleSection,
  { models, recipe }: ResolvedRecipe,
): RephraseSetup | null {
  const model = options && models.get(options.model);
  if (!options || !model) return null;
  const checker = options.checkModel === undefined ? undefined : models.get(options.checkModel);
  return {
    options,
    model: portOf(model, "chat"),
    checker: checker ? portOf(checker, "chat") : null,
    seed: recipe.seed,
  };
}

/** Without the fields that are undefined. */
function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

async function* inputGroups({ input, plan, stop }: SamplePhase): AsyncGenerator<Group[]> {
  let left = plan.groups;
  for await (const rows of input.read()) {
    if (stop.aborted || left === 0) return;
    const groups = rows.flatMap((row) => (row.kind === "group" ? [row.group] : [])).slice(0, left);
    left -= groups.length;
    yield groups;
  }
}

/** The failed share is first looked at after this many samples. */
const SAMPLES_BEFORE_BUDGET = 200;

function startCounts() {
  const withoutTwin: Record<string, number> = {};
  const failures: Record<string, number> = {};
  let groups = 0;
  let twins = 0;
  let sampled = 0;
  let failed = 0;
  let equal = 0;
  return {
    add: ({ filled, noTwin }: Sampled): void => {
      groups += filled.length;
      twins += filled.length - 1;
      if (noTwin !== null) withoutTwin[noTwin] = (withoutTwin[noTwin] ?? 0) + 1;
      for (const one of filled) {
        sampled += one.sampled;
        for (const [code, count] of Object.entries(one.failures)) {
          failures[code] = (failures[code] ?? 0) + count;
          failed += count;
        }
        const texts = one.group.responses.filter(({ role }) => role === "candidate").map(({ text }) => text);
        if (texts.length > 1 && texts.every((text) => text === texts[0])) equal += 1;
      }
    },
    check: ({ maxFailedShare }: SampleSection, atEnd: boolean): void => {
      const asked = sampled + failed;
      if (failed === 0 || (!atEnd && asked < SAMPLES_BEFORE_BUDGET) || failed <= maxFailedShare * asked)
        return;
      const codes = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
      throw new PrefkitError(
        "failed_budget_exceeded",
        `${failed} of ${asked} samples failed (${codes.join(", ")}), more than the share of ${maxFailedShare}.`,
        "mend the cause and run the same command again: replies that came are in the cache. Or raise `sample.maxFailedShare`, or accept the failures with --accept-failed.",
      );
    },
    result: (): SampleCounts => ({
      groups,
      twins,
      withoutTwin: sorted(withoutTwin),
      sampled,
      failures: sorted(failures),
      groupsWithEqualTexts: equal,
    }),
  };
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
