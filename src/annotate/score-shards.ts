import { setMaxListeners } from "node:events";
import { PrefkitError } from "../core/errors.ts";
import type { Files } from "../core/files.ts";
import { sha256 } from "../core/ids.ts";
import type { Group, ScoreColumn, ScoredGroup } from "../core/types.ts";
import type { Input } from "../store/input/types.ts";
import {
  failedCells,
  isOpen,
  openJournal,
  partialPath,
  partPath,
  readJournals,
  type ShardRecord,
  type ShardSlice,
  workPaths,
} from "./journal.ts";
import { mapOrdered } from "./ordered.ts";
import {
  type CountBuilder,
  countCells,
  createPart,
  hasMarks,
  isOf,
  type PartWriter,
  readPart,
  startCounts,
} from "./parts.ts";
import { type Plan, shardGroups } from "./plan.ts";
import type { RunScorer } from "./resolve-scorer.ts";
import type { ScoreCache } from "./score-cache.ts";
import { groupScoring } from "./score-group.ts";
import { startScorerPool } from "./scorer-pool.ts";
import { chargedStream, chargeStage, enterPhase, type RunStatus } from "./status.ts";

export interface ScorePhase {
  readonly files: Files;
  readonly out: string;
  readonly input: Input;
  readonly plan: Plan;
  readonly scorers: readonly RunScorer[];
  readonly slice: ShardSlice | null;
  readonly concurrency: number;
  readonly workers: number;
  /** Opened when the first paid scorer needs it. */
  readonly openCache: () => ScoreCache;
  readonly acceptFailed: boolean;
  /** Missing shards are an error, and failed cells are not tried again. */
  readonly requireScored: boolean;
  /** Once aborted, no new group is begun; what is under way is finished and saved. */
  readonly stop: AbortSignal;
  readonly status: RunStatus;
}

export interface ScoreOutcome {
  readonly records: ReadonlyMap<number, ShardRecord>;
  /** False when it was stopped before the end. */
  readonly finished: boolean;
}

/** The failed share is first looked at after this many cells of a scorer. */
const CELLS_BEFORE_BUDGET = 200;

interface Work {
  readonly shard: number;
  readonly group: Group;
  readonly previous: readonly ScoreColumn[] | null;
}

interface Done {
  readonly shard: number;
  readonly scored: ScoredGroup;
}

/** The first phase of a run: scores every shard of this process that is not finished yet, in input order. */
export async function scoreShards(phase: ScorePhase): Promise<ScoreOutcome> {
  const { files, out, plan, scorers, status } = phase;
  await files.makeDirectory(workPaths(out).parts);
  const journal = await openJournal(files, out, phase.slice);
  const records = await verifiedRecords(phase, journal);
  const mine = plan.shards.map((_, shard) => shard).filter((shard) => isMine(shard, phase.slice));
  if (phase.acceptFailed) {
    for (const shard of mine) {
      const record = records.get(shard);
      if (!record || !isOpen(record)) continue;
      const accepted: ShardRecord = { ...record, accepted: true };
      await journal(accepted);
      records.set(shard, accepted);
    }
  }
  if (phase.requireScored) requireShards(plan, records);
  const open = mine.filter((shard) => {
    const record = records.get(shard);
    return !record || (isOpen(record) && !phase.requireScored);
  });
  enterPhase(
    status,
    "score",
    mine.reduce((sum, shard) => sum + (plan.shards[shard]?.groups ?? 0), 0),
  );
  const finishedGroups = mine
    .filter((shard) => !open.includes(shard))
    .reduce((sum, shard) => sum + (plan.shards[shard]?.groups ?? 0), 0);
  status.done = finishedGroups;
  status.resumed = finishedGroups;

  const budget = failureBudget(
    phase,
    mine.filter((shard) => !open.includes(shard)).flatMap((shard) => records.get(shard) ?? []),
  );
  if (open.length === 0) {
    budget.checkAtEnd();
    return { records, finished: true };
  }

  const cancel = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, cancel.signal);
  const cache = scorers.some(({ cost }) => cost === "paid") ? phase.openCache() : null;
  const pool = startScorerPool(phase.scorers, phase.plan.seed, phase.workers);
  const scoring = groupScoring({
    scorers,
    seed: plan.seed,
    cancel: cancel.signal,
    cache,
    pool,
    counts: status.scorers,
  });
  let part: OpenPart | null = null;
  try {
    const work = ({ shard, group, previous }: Work): Done | Promise<Done> => {
      const started = performance.now();
      const scored = scoring.score(group, previous);
      chargeStage(status, "score", started);
      return scored instanceof Promise ? scored.then((done) => ({ shard, scored: done })) : { shard, scored };
    };
    const source = chargedStream(status, "read", groupsToScore(phase, open, records));
    for await (const batch of mapOrdered(source, phase.concurrency, work)) {
      for (const [shard, scored] of byShard(batch)) {
        if (part && part.shard !== shard) {
          throw new PrefkitError("internal", `shard ${part.shard} ended early.`, "report this.");
        }
        part ??= await openPart(phase, shard);
        const started = performance.now();
        await part.writer.write(scored);
        part.groups += scored.length;
        status.done += scored.length;
        for (const { columns } of scored) {
          part.counts.add(columns);
          budget.add(columns);
        }
        chargeStage(status, "store", started);
        if (part.groups < (plan.shards[shard]?.groups ?? 0)) continue;
        await cache?.flush();
        const record = await finishPart(phase, part);
        part = null;
        await journal(record);
        records.set(shard, record);
        await files.remove(partialPath(out, shard));
      }
    }
    await cache?.flush();
    if (part) {
      // Left under its temporary name, where the next run finds what it holds.
      await part.writer.close();
      part = null;
      return { records, finished: false };
    }
    if (open.some((shard) => !records.has(shard))) return { records, finished: false };
    if (!phase.stop.aborted) budget.checkAtEnd();
    return { records, finished: !phase.stop.aborted };
  } catch (error) {
    await scoring.drain();
    cancel.abort(error);
    await part?.writer.abort();
    throw error;
  } finally {
    await pool?.close();
    await cache?.close();
  }
}

function requireShards(plan: Plan, records: ReadonlyMap<number, ShardRecord>): void {
  const missing = plan.shards.map((_, shard) => shard).filter((shard) => !records.has(shard));
  if (missing.length === 0) return;
  const names = missing.slice(0, 10).join(", ");
  throw new PrefkitError(
    "shards_missing",
    `${missing.length} of ${plan.shards.length} shards are missing: ${names}${missing.length > 10 ? ", …" : ""}.`,
    "run the missing --shard i/n, then merge all directories.",
  );
}

export function isMine(shard: number, slice: ShardSlice | null): boolean {
  return slice === null || shard % slice.count === slice.index;
}

/**
 * The shards that are done, judged by their files: a record whose part is missing, altered or of an earlier version counts
 * for nothing, and a whole part whose record was lost by a kill is recorded again.
 */
async function verifiedRecords(
  phase: ScorePhase,
  journal: (record: ShardRecord) => Promise<void>,
): Promise<Map<number, ShardRecord>> {
  const { files, out, plan, scorers } = phase;
  const records = await readJournals(files, out);
  for (const [shard, planned] of plan.shards.entries()) {
    const path = partPath(out, shard);
    const record = records.get(shard);
    const present = await files.exists(path);
    if (record && present) {
      const bytes = await files.readAll(path);
      if (hasMarks(bytes) && sha256(bytes) === record.sha256) continue;
    }
    records.delete(shard);
    if (!present || record || !isMine(shard, phase.slice)) continue;
    const found = await countCells(files, path);
    if (found.groups !== planned.groups || found.rows !== planned.responses * scorers.length) continue;
    const bytes = await files.readAll(path);
    const restored: ShardRecord = {
      shard,
      rows: found.rows,
      bytes: bytes.length,
      sha256: sha256(bytes),
      cells: found.cells,
    };
    await journal(restored);
    records.set(shard, restored);
  }
  return records;
}

/** The groups of the open shards in order, each with the scores that an earlier run left for it. */
async function* groupsToScore(
  phase: ScorePhase,
  open: readonly number[],
  records: ReadonlyMap<number, ShardRecord>,
): AsyncGenerator<Work[]> {
  const { files, input, plan } = phase;
  let current = -1;
  let earlier: ReturnType<typeof readPart> | null = null;
  try {
    for await (const { shard, groups } of shardGroups(input, plan.shards, open)) {
      if (phase.stop.aborted) return;
      if (shard !== current) {
        await earlier?.return(undefined);
        const path = await leftBehind(phase, shard, records.has(shard));
        earlier = path === null ? null : readPart(files, path);
        current = shard;
      }
      const batch: Work[] = [];
      for (const group of groups) {
        const next = await earlier?.next();
        const found = next && !next.done && isOf(next.value, group) ? next.value.columns : null;
        batch.push({ shard, group, previous: found });
      }
      yield batch;
    }
  } finally {
    await earlier?.return(undefined);
  }
}

/** A batch in order, cut where the shard changes. */
function byShard(batch: readonly Done[]): [shard: number, scored: ScoredGroup[]][] {
  const runs: [number, ScoredGroup[]][] = [];
  for (const { shard, scored } of batch) {
    const last = runs.at(-1);
    if (last?.[0] === shard) last[1].push(scored);
    else runs.push([shard, [scored]]);
  }
  return runs;
}

interface OpenPart {
  readonly shard: number;
  readonly writer: PartWriter;
  readonly counts: CountBuilder;
  groups: number;
}

async function openPart({ files, out, scorers }: ScorePhase, shard: number): Promise<OpenPart> {
  return {
    shard,
    writer: await createPart(files, temporaryPath(out, shard)),
    counts: startCounts(scorers.map(({ key }) => key)),
    groups: 0,
  };
}

async function finishPart({ files, out, acceptFailed }: ScorePhase, part: OpenPart): Promise<ShardRecord> {
  const written = await part.writer.close();
  await files.rename(temporaryPath(out, part.shard), partPath(out, part.shard));
  const record: ShardRecord = { shard: part.shard, ...written, cells: part.counts.result().cells };
  return acceptFailed && isOpen(record) ? { ...record, accepted: true } : record;
}

function temporaryPath(out: string, shard: number): string {
  return `${partPath(out, shard)}.tmp`;
}

/** The file with the scores that an earlier run left of an open shard: the whole part, or what a kill left of one. */
async function leftBehind(
  { files, out }: ScorePhase,
  shard: number,
  isWhole: boolean,
): Promise<string | null> {
  if (isWhole) return partPath(out, shard);
  const [partial, temporary] = [partialPath(out, shard), temporaryPath(out, shard)];
  // A kill may have come twice; the one that got further is kept.
  if ((await fileBytes(files, temporary)) > (await fileBytes(files, partial)))
    await files.rename(temporary, partial);
  return (await files.exists(partial)) ? partial : null;
}

async function fileBytes(files: Files, path: string): Promise<number> {
  if (!(await files.exists(path))) return 0;
  const reader = await files.open(path);
  await reader.close();
  return reader.bytes;
}

interface FailureBudget {
  add(columns: readonly ScoreColumn[]): void;
  checkAtEnd(): void;
}

/** Ends the run when a scorer fails on too large a share of its cells. */
function failureBudget(phase: ScorePhase, finished: readonly ShardRecord[]): FailureBudget {
  const totals = new Map(phase.scorers.map(({ key }) => [key, emptyTotals()]));
  for (const record of finished) {
    for (const [key, counts] of Object.entries(record.cells)) {
      const total = totals.get(key);
      if (!total) continue;
      total.cells += counts.scored + counts.abstained + counts.failed;
      if (record.accepted) continue;
      total.failed += counts.failed;
      for (const [code, count] of Object.entries(counts.codes))
        total.codes.set(code, (total.codes.get(code) ?? 0) + count);
    }
  }
  for (const [key, counts] of phase.status.scorers) {
    for (const record of finished) {
      const cells = record.cells[key];
      if (!cells) continue;
      counts.scored += cells.scored;
      counts.abstained += cells.abstained;
      counts.failed += cells.failed;
    }
  }
  const check = (atLeast: number): void => {
    if (phase.acceptFailed) return;
    for (const run of phase.scorers) {
      const total = totals.get(run.key);
      if (!total || total.cells < atLeast || total.failed <= run.maxFailedShare * total.cells) continue;
      throw exceeded(run, total);
    }
  };
  return {
    add: (columns) => {
      let anyFailed = false;
      for (const { name, scores } of columns) {
        const total = totals.get(name);
        const counts = phase.status.scorers.get(name);
        if (!total || !counts) continue;
        total.cells += scores.length;
        for (const score of scores) {
          counts[score.kind] += 1;
          // A run that ends for want of money says so itself; these cells are filled when it goes on.
          if (score.kind !== "failed" || score.code === "budget") continue;
          anyFailed = true;
          total.failed += 1;
          total.codes.set(score.code, (total.codes.get(score.code) ?? 0) + 1);
          total.lastWhy = score.why;
        }
      }
      if (anyFailed) check(CELLS_BEFORE_BUDGET);
    },
    checkAtEnd: () => check(1),
  };
}

interface Totals {
  cells: number;
  failed: number;
  readonly codes: Map<string, number>;
  lastWhy: string;
}

function emptyTotals(): Totals {
  return { cells: 0, failed: 0, codes: new Map(), lastWhy: "" };
}

function exceeded(run: RunScorer, { cells, failed, codes, lastWhy }: Totals): PrefkitError {
  const byCode = [...codes].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`);
  return new PrefkitError(
    "failed_budget_exceeded",
    `scorer "${run.key}" failed on ${failed} of ${cells} cells (${byCode.join(", ")}), more than its share of ${run.maxFailedShare}. The last said: ${lastWhy}.`,
    "mend the cause and run the same command again: only failed and missing cells are scored. Or raise `maxFailedShare`, or accept the failures with --accept-failed.",
  );
}

/** How many cells of a run have failed and wait for another try. */
export function openFailures(records: ReadonlyMap<number, ShardRecord>): number {
  return [...records.values()].filter(isOpen).reduce((sum, record) => sum + failedCells(record), 0);
}
