import { join } from "node:path";
import { type Files, type FileWriter, writeWhole } from "../../core/files.ts";
import { writeRubric } from "../../core/rubric/load-rubric.ts";
import type { Json, JsonObject } from "../../core/types.ts";
import { RUBRIC_PROMPT_HASHES } from "./prompts.ts";
import type { GroupOutcome } from "./refine-groups.ts";
import type { RefinedRubric } from "./refine-rubric.ts";
import { decisionRecord } from "./trace.ts";

/** The files of a refinement, in its directory. */
export const REFINED_FILES = {
  /** One line per prompt: {prompt_id, decision_source, rubric, …}. */
  rubrics: "rubrics.jsonl",
  /** One line per decision. */
  trace: "trace.jsonl",
  report: "report.json",
  /** The rubric of the only prompt, when there is one only. */
  rubric: "rubric.yaml",
} as const;

type Counts = Record<string, number>;

/** What a refinement came to. */
export interface RefineReport {
  readonly prompts: number;
  readonly withRubric: number;
  readonly withoutRubric: number;
  /** Prompts whose misalignment filter was skipped. */
  readonly withoutReferences: number;
  /** Prompts a call of which failed, by code; they are in no file. */
  readonly failed: Readonly<Counts>;
  /** Criteria by what became of them: `accepted`, `decomposed`, `rejected`, `left`, `weightless`. */
  readonly decisions: Readonly<Counts>;
  readonly rejections: Readonly<Counts>;
  readonly stops: Readonly<Counts>;
  /** Why weights are uniform although others were asked for. */
  readonly weightNotes: Readonly<Counts>;
  readonly flags: Readonly<Counts>;
  /** Questions without an answer that could be read, by stage. */
  readonly unread: Readonly<Counts>;
  /** Calls of proposer and judge that the rubrics took, those of earlier runs counted too. */
  readonly calls: number;
}

/**
 * Writes what a refinement gives, as it comes; every file is there whole or not at all. The same outcomes give the same bytes.
 * `facts` (options, models) go into the report.
 */
export async function writeRefined(
  files: Files,
  directory: string,
  outcomes: AsyncIterable<readonly GroupOutcome[]>,
  facts: JsonObject,
): Promise<RefineReport> {
  const rubrics = join(directory, REFINED_FILES.rubrics);
  const trace = join(directory, REFINED_FILES.trace);
  const unfinished = [`${rubrics}.part`, `${trace}.part`] as const;
  const tally = newTally();
  const writers: FileWriter[] = [];
  let only: RefinedRubric | null = null;
  try {
    for (const path of unfinished) writers.push(await files.create(path));
    const [rubricLines, traceLines] = writers;
    for await (const batch of outcomes) {
      for (const outcome of batch) {
        tally.add(outcome);
        if (outcome.kind === "failed") continue;
        only = outcome.refined;
        await rubricLines?.write(linesOf([rubricRecord(outcome)]));
        const decisions = only.trace.map((decision) => decisionRecord(outcome.promptId, decision));
        await traceLines?.write(linesOf(decisions));
      }
    }
    for (const writer of writers) await writer.close();
  } catch (error) {
    for (const writer of writers) await writer.abort();
    for (const path of unfinished) await files.remove(path);
    throw error;
  }
  const report = tally.report();
  const full = { ...facts, promptHashes: RUBRIC_PROMPT_HASHES, ...(report as unknown as JsonObject) };
  await files.rename(unfinished[1], trace);
  await writeWhole(files, join(directory, REFINED_FILES.report), `${JSON.stringify(full, null, 2)}\n`);
  const single = join(directory, REFINED_FILES.rubric);
  if (report.prompts === 1 && only?.rubric) await writeWhole(files, single, writeRubric(only.rubric));
  else await files.remove(single);
  // Last: where it stands, all of them do.
  await files.rename(unfinished[0], rubrics);
  return report;
}

function linesOf(records: readonly JsonObject[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** One prompt's line of `rubrics.jsonl`. */
export function rubricRecord({
  promptId,
  refined,
  hasReferences,
}: GroupOutcome & { kind: "refined" }): JsonObject {
  const { rubric, decisionSource, stop, weights, accepted, counts } = refined;
  const idsOf = (places: readonly number[]): Json =>
    places.map((place) => accepted[place]?.candidate.id ?? "");
  const { used = 0, leftOut = 0 } = weights.responses ?? {};
  return {
    prompt_id: promptId,
    decision_source: decisionSource,
    stop,
    references: hasReferences,
    rubric: rubric === null ? null : ({ rubric: 1, ...rubric } as unknown as JsonObject),
    weights: {
      weighting: weights.weighting,
      estimator: weights.estimator,
      condition_number: weights.conditionNumber,
      responses: weights.responses === null ? null : { used, left_out: leftOut },
      no_variance: idsOf(weights.noVariance),
      note: weights.note,
    },
    counts: counts as unknown as JsonObject,
  };
}

function newTally() {
  let prompts = 0;
  let withRubric = 0;
  let withoutReferences = 0;
  let calls = 0;
  const tables = {
    failed: {},
    decisions: {},
    rejections: {},
    stops: {},
    weightNotes: {},
    flags: {},
    unread: {},
  };
  const count = (table: keyof typeof tables, key: string, by = 1): void => {
    const counts: Counts = tables[table];
    counts[key] = (counts[key] ?? 0) + by;
  };
  return {
    add(outcome: GroupOutcome): void {
      prompts += 1;
      if (outcome.kind === "failed") {
        count("failed", outcome.code);
        return;
      }
      const { rubric, stop, weights, trace, counts } = outcome.refined;
      if (rubric !== null) withRubric += 1;
      if (!outcome.hasReferences) withoutReferences += 1;
      calls += counts.calls;
      count("stops", stop);
      if (weights.note !== null) count("weightNotes", weights.note);
      for (const [stage, unread] of Object.entries(counts.unread)) count("unread", stage, unread);
      for (const { decision, reason, flags } of trace) {
        count("decisions", decision);
        if (decision === "rejected") count("rejections", reason);
        for (const flag of flags) count("flags", flag);
      }
    },
    report(): RefineReport {
      const failed = Object.values(tables.failed).reduce<number>((sum, more) => sum + Number(more), 0);
      const withoutRubric = prompts - withRubric - failed;
      return { prompts, withRubric, withoutRubric, withoutReferences, ...tables, calls };
    },
  };
}
