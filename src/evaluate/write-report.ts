import { join } from "node:path";
import { PrefkitError } from "../core/errors.ts";
import { type Files, namesIn, nodeFiles, writeWhole } from "../core/files.ts";
import type { Assessment } from "./assess.ts";
import { judgeItem } from "./judge-item.ts";
import type { EvalReport } from "./report.ts";

const REPORT = "report.json";
const SCORES = "scores";
const ROWS = 1000;

/**
 * Writes `report.json`, and what it was computed from: `scores/NAME.jsonl`, one row per gold item with its id, subset,
 * scores, outcome and credit, which `--verdicts` reads again. Returns the report's path.
 * Throws `not_this_run` for a directory that holds something else than an evaluation, `io`.
 */
export async function writeReport(
  directory: string,
  report: EvalReport,
  assessment: Assessment,
  files: Files = nodeFiles,
): Promise<string> {
  await checkReportDirectory(directory, files);
  const scores = join(directory, SCORES);
  await files.remove(join(directory, REPORT));
  await files.remove(scores);
  await files.makeDirectory(scores);
  for (const [index, { name }] of assessment.scorers.entries()) {
    const path = join(scores, `${encodeURIComponent(name)}.jsonl`);
    const writer = await files.create(path);
    try {
      for (const chunk of scoreChunks(assessment, index)) await writer.write(chunk);
      await writer.close();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }
  const path = join(directory, REPORT);
  // Last, so that a directory with a report holds a whole evaluation.
  await writeWhole(files, path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

/** Refuses a file, and a directory with other things in it; to be asked before anything is paid, too. */
export async function checkReportDirectory(directory: string, files: Files = nodeFiles): Promise<void> {
  const names = (await namesIn(files, directory)) ?? [];
  if (names.length === 0 || names.includes(REPORT) || names.every((name) => name === SCORES)) return;
  throw new PrefkitError(
    "not_this_run",
    `${directory} holds other files (${names.slice(0, 3).join(", ")}).`,
    "name a new or empty directory, or one with an earlier report.",
  );
}

function* scoreChunks(
  { items, preset, scorers, generative = false }: Assessment,
  at: number,
): Generator<string> {
  const { scores = [], verdicts } = scorers[at] ?? {};
  let lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const own = scores[index] ?? item.correct.map(() => null);
    const judgement = judgeItem(preset, item, scorers[at], index, generative);
    const orders = verdicts?.[index];
    const row = {
      id: item.id,
      subset: item.subset,
      correct: item.correct,
      scores: own,
      ...(orders && orders.length > 0 && { verdicts: orders }),
      ...judgement,
    };
    lines.push(`${JSON.stringify(row)}\n`);
    if (lines.length < ROWS) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
