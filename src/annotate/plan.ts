import { PrefkitError } from "../core/errors.ts";
import { IdSet } from "../core/id-set.ts";
import { contentHash } from "../core/ids.ts";
import { groupLack, responseLack } from "../core/scorer.ts";
import type { Group, Json, SampledResponse } from "../core/types.ts";
import { VERSION } from "../core/version.ts";
import type { Input, InputRow, Position } from "../store/input/types.ts";
import type { Codec } from "../store/table.ts";
import type { ResolvedRecipe } from "./resolve.ts";
import type { RunScorer } from "./resolve-scorer.ts";

export interface PlannedShard {
  readonly start: Position;
  readonly groups: number;
  readonly responses: number;
}

/** What a run will do, found by one scan of the input before anything is paid. The same on every machine. */
export interface Plan {
  /** Hash of all that the scores depend on: a directory with another id is another run's. */
  readonly id: string;
  readonly toolkit: string;
  readonly codec: Codec;
  readonly seed: number;
  readonly limit: number | null;
  readonly groups: number;
  readonly responses: number;
  readonly input: {
    readonly files: readonly { readonly path: string; readonly bytes: number }[];
    readonly fingerprint: string;
    readonly skippedRows: number;
    readonly skippedExamples: readonly string[];
    readonly replacedSurrogates: number;
  };
  readonly extras: { readonly tools: boolean; readonly images: boolean; readonly toolMessages: boolean };
  readonly shards: readonly PlannedShard[];
  /** Scorers that will abstain on part of the input, in words. */
  readonly warnings: readonly string[];
}

export interface PlanOptions {
  readonly codec: Codec;
  readonly limit: number | null;
  readonly onProgress?: (groups: number) => void;
  /** Responses are still to be sampled: only needs that sampling cannot meet are checked. */
  readonly beforeSampling?: boolean;
  /** Sees every group as it is read. */
  readonly onGroup?: (group: Group) => void;
}

const MAX_BAD_ROWS = 20;

/** Scans the input once: cuts shards, finds repeated ids and unusable rows, checks what the scorers need. */
export async function makePlan(resolved: ResolvedRecipe, input: Input, options: PlanOptions): Promise<Plan> {
  const { recipe } = resolved;
  const scorers = options.beforeSampling ? resolved.scorers.map(beforeSampling) : resolved.scorers;
  const checks = resolved.scorers.flatMap(({ checkGroup }) => checkGroup ?? []);
  const ids = new IdSet();
  const served = new Map(scorers.map((scorer) => [scorer.key, 0]));
  const badRows: Extract<InputRow, { kind: "bad" }>[] = [];
  const shards: { start: Position; groups: number; responses: number }[] = [];
  let badCount = 0;
  let groups = 0;
  let responses = 0;
  let replacedSurrogates = 0;
  let previous: Group | null = null;
  let awaitedTwin: { group: Group; place: InputRow["place"] } | null = null;

  scan: for await (const rows of input.read()) {
    for (const row of rows) {
      if (options.limit !== null && groups >= options.limit) break scan;
      if (row.kind === "bad") {
        badCount += 1;
        if (badRows.length < MAX_BAD_ROWS) badRows.push(row);
        if (recipe.input.onBadRow === "fail" && badCount >= MAX_BAD_ROWS) break scan;
        continue;
      }
      const { group, place } = row;
      if (!ids.add(group.prompt.id)) throw await duplicate(input, group.prompt.id, place);
      const isSecondTwin = previous !== null && areTwins(previous, group);
      if (awaitedTwin && !isSecondTwin) throw strayTwin(awaitedTwin);
      awaitedTwin = group.siblingId !== undefined && !isSecondTwin ? { group, place } : null;

      const current = shards.at(-1);
      // Twins stay in one shard, so a shard may be one group longer.
      if (!current || (current.groups >= recipe.shardSize && !isSecondTwin)) {
        shards.push({ start: row.position, groups: 1, responses: group.responses.length });
      } else {
        current.groups += 1;
        current.responses += group.responses.length;
      }
      groups += 1;
      responses += group.responses.length;
      replacedSurrogates += row.replacedSurrogates;
      options.onGroup?.(group);
      if (checks.length > 0) {
        const expected = options.beforeSampling ? afterSampling(group, recipe.sample?.n ?? 0) : group;
        for (const check of checks) check(expected);
      }
      for (const { key, scorer } of scorers) {
        if (scorer.needs && isServed(scorer.needs, group, previous))
          served.set(key, (served.get(key) ?? 0) + 1);
      }
      previous = group;
    }
    options.onProgress?.(groups);
  }
  if (badCount > 0 && recipe.input.onBadRow === "fail") throw unusableRows(badRows, badCount);
  if (awaitedTwin && options.limit === null) throw strayTwin(awaitedTwin);
  if (groups === 0) throw nothingUsable(input, badRows, badCount);
  if (responses === 0 && !options.beforeSampling) throw noResponses(groups);

  const fingerprint = await input.fingerprint();
  return {
    id: planId(resolved, fingerprint, options),
    toolkit: VERSION,
    codec: options.codec,
    seed: recipe.seed,
    limit: options.limit,
    groups,
    responses,
    input: {
      files: input.files.map(({ path, bytes }) => ({ path, bytes })),
      fingerprint,
      skippedRows: badCount,
      skippedExamples: badRows.slice(0, 5).map(describeBadRow),
      replacedSurrogates,
    },
    extras: input.extras,
    shards,
    warnings: scorers.flatMap((scorer) => needWarnings(scorer, served.get(scorer.key) ?? 0, groups)),
  };
}

/** All that the scores depend on. Where the output goes, time limits and failure budgets do not change a score. */
export function planId(
  resolved: ResolvedRecipe,
  fingerprint: string,
  options: Pick<PlanOptions, "codec" | "limit">,
): string {
  const { recipe, scorers } = resolved;
  return contentHash({
    toolkit: VERSION,
    fingerprint,
    map: (recipe.input.map ?? null) as Json,
    groupBy: recipe.input.groupBy ?? null,
    onBadRow: recipe.input.onBadRow,
    // The identity holds the options as they are used: another value of a `${VAR}` is another plan.
    scorers: scorers.map(({ key, config, cacheIdentity, keepRaw }) => ({
      key,
      config,
      cacheIdentity,
      keepRaw,
    })),
    seed: recipe.seed,
    shardSize: recipe.shardSize,
    format: recipe.output.format,
    codec: options.codec,
    limit: options.limit,
  });
}

/** A scorer with those of its needs that the prompt alone must meet. */
function beforeSampling(run: RunScorer): RunScorer {
  const { needs, ...scorer } = run.scorer;
  return {
    ...run,
    scorer: {
      ...scorer,
      score: run.scorer.score,
      ...(needs?.reference ? { needs: { reference: true } } : {}),
    },
  };
}

/** A group with the samples it will be given, as far as their number is concerned. */
function afterSampling(group: Group, n: number): Group {
  const present = group.responses.filter(({ role }) => role === "candidate").length;
  const drawn = Array.from({ length: Math.max(0, n - present) }, (_, index): SampledResponse => {
    const id = `sample ${index}`;
    return { id, text: id, role: "candidate", metadata: {} };
  });
  return { ...group, responses: [...group.responses, ...drawn] };
}

function isServed(
  needs: NonNullable<RunScorer["scorer"]["needs"]>,
  group: Group,
  previous: Group | null,
): boolean {
  const { sibling, ...others } = needs;
  if (sibling && group.siblingId === undefined && group.prompt.id !== previous?.siblingId) return false;
  if (groupLack(group, others) !== null) return false;
  const asksOfResponses = needs.tokenCounts || needs.logprobs;
  return !asksOfResponses || group.responses.some((response) => responseLack(response, needs) === null);
}

function needWarnings({ key, scorer }: RunScorer, served: number, groups: number): string[] {
  if (!scorer.needs || served === groups) return [];
  const needs = describeNeeds(scorer.needs);
  if (served > 0)
    return [`${key} needs ${needs}: it will abstain on ${groups - served} of ${groups} groups.`];
  throw new PrefkitError(
    "need_unmet",
    `scorer "${key}" (${scorer.name}) needs ${needs}, and none of the ${groups} groups has it.`,
    "map it in the recipe (`input.map`), or remove the scorer.",
  );
}

export function describeNeeds(needs: NonNullable<RunScorer["scorer"]["needs"]>): string {
  const words: string[] = [];
  if (needs.reference) words.push("a reference answer (map.reference)");
  if (needs.minResponses !== undefined) words.push(`at least ${needs.minResponses} responses per group`);
  if (needs.tokenCounts) words.push("token counts (tokenCount of a response)");
  if (needs.logprobs) words.push("log-probabilities (sumLogprob of a response)");
  if (needs.sibling) words.push("a sibling group (map.sibling)");
  return words.join(" and ");
}

type Place = InputRow["place"];

function describeBadRow({ problem, place }: { readonly problem: string; readonly place: Place }): string {
  const where = [place.file, place.line ?? place.row].filter((part) => part !== undefined).join(":");
  return `${where}${place.column === undefined ? "" : ` ${place.column}`}: ${problem}`;
}

function unusableRows(rows: readonly Extract<InputRow, { kind: "bad" }>[], count: number): PrefkitError {
  const [first, ...others] = rows;
  const more = others.slice(0, 4).map((row) => `\n  ${describeBadRow(row)}`);
  const total = count >= MAX_BAD_ROWS ? `at least ${count}` : `${count}`;
  const summary = count === 1 ? "" : `\n${total} rows cannot be used; the next are:${more.join("")}`;
  return new PrefkitError(
    "bad_row",
    `${first?.problem ?? "unusable row"}${summary}`,
    `${first?.fix ?? "correct the row."} Or leave such rows out with \`input.onBadRow: skip\`.`,
    { place: first?.place ?? {} },
  );
}

function nothingUsable(
  input: Input,
  rows: readonly Extract<InputRow, { kind: "bad" }>[],
  count: number,
): PrefkitError {
  const names = input.files.map(({ path }) => path).join(", ");
  const [first] = rows;
  return new PrefkitError(
    "empty_input",
    count === 0
      ? `${names} holds no rows.`
      : `none of the ${count} rows of ${names} can be used; the first: ${first ? describeBadRow(first) : ""}`,
    count === 0 ? "check the path." : (first?.fix ?? "correct the rows."),
  );
}

function noResponses(groups: number): PrefkitError {
  return new PrefkitError(
    "missing_field",
    `none of the ${groups} groups has a response.`,
    "say where the responses are with `input.map.responses`; without it they are looked for in the field `responses`.",
  );
}

async function duplicate(input: Input, id: string, second: Place): Promise<PrefkitError> {
  for await (const rows of input.read()) {
    for (const row of rows) {
      if (row.kind !== "group" || row.group.prompt.id !== id) continue;
      return new PrefkitError(
        "duplicate_id",
        `prompt id ${id} stands at ${formatPlace(row.place)} and again at ${formatPlace(second)}.`,
        "give each prompt its own id, remove the copy, or group rows with `input.groupBy` when each row is one response.",
      );
    }
  }
  return new PrefkitError("duplicate_id", `prompt id ${id} stands twice.`, "give each prompt its own id.");
}

function formatPlace({ file, line, row }: Place): string {
  return line !== undefined
    ? `${file}:${line}`
    : row !== undefined
      ? `${file}, row ${row}`
      : (file ?? "the input");
}

function strayTwin({ group, place }: { readonly group: Group; readonly place: Place }): PrefkitError {
  return new PrefkitError(
    "bad_row",
    `group ${group.prompt.id} names ${group.siblingId} as its sibling, and its neighbour is another group or does not name it.`,
    "put the two twins on consecutive rows, each naming the other.",
    { place },
  );
}

/** Some groups of one shard, in order. */
export interface ShardBatch {
  readonly shard: number;
  readonly groups: readonly Group[];
}

/**
 * The groups of the given shards (ascending), streamed, each with its twin at hand. Neighbouring shards are read in one
 * go, and so is everything from the first to the last where the input cannot seek: it would otherwise be read from its
 * beginning for every shard.
 */
export async function* shardGroups(
  input: Input,
  planned: readonly PlannedShard[],
  shards: readonly number[],
): AsyncGenerator<ShardBatch> {
  const [first, last] = [shards[0], shards.at(-1)];
  if (first === undefined || last === undefined) return;
  const wanted = new Set(shards);
  const span = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  for (const run of input.seeks ? consecutiveRuns(shards) : [span]) {
    const start = planned[run[0] ?? 0]?.start;
    if (!start) continue;
    for await (const batch of readRun(input, planned, run, start)) if (wanted.has(batch.shard)) yield batch;
  }
}

/** [0, 1, 2, 7, 8] -> [0, 1, 2], [7, 8] */
function consecutiveRuns(shards: readonly number[]): number[][] {
  const runs: number[][] = [];
  for (const shard of shards) {
    const last = runs.at(-1);
    if (last?.at(-1) === shard - 1) last.push(shard);
    else runs.push([shard]);
  }
  return runs;
}

async function* readRun(
  input: Input,
  planned: readonly PlannedShard[],
  run: readonly number[],
  start: Position,
): AsyncGenerator<ShardBatch> {
  let place = 0;
  let remaining = planned[run[0] ?? 0]?.groups ?? 0;
  let groups: Group[] = [];
  let held: Group | null = null;
  const release = (): ShardBatch | null => {
    const batch = groups;
    groups = [];
    return batch.length === 0 ? null : { shard: run[place] ?? 0, groups: batch };
  };
  for await (const rows of input.read(start)) {
    for (const row of rows) {
      if (row.kind === "bad") continue;
      remaining -= 1;
      const { group } = row;
      if (held && areTwins(held, group)) {
        groups.push({ ...held, sibling: group }, { ...group, sibling: held });
        held = null;
      } else if (group.siblingId === undefined) {
        groups.push(group);
      } else {
        held = group;
      }
      if (remaining > 0) continue;
      // Twins are never cut apart, so one that is still held has lost its twin to a limit.
      if (held) groups.push(held);
      held = null;
      const batch = release();
      if (batch) yield batch;
      place += 1;
      const next = run[place];
      if (next === undefined) return;
      remaining = planned[next]?.groups ?? 0;
    }
    const batch = release();
    if (batch) yield batch;
  }
  throw new PrefkitError(
    "plan_changed",
    `the input ended ${remaining} groups before the end of shard ${run[place]}.`,
    "restore the input, or start over with --force.",
  );
}

function areTwins(first: Group, second: Group): boolean {
  return first.siblingId === second.prompt.id && second.siblingId === first.prompt.id;
}
