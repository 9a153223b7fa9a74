import { join } from "node:path";
import { isPrefkitError, PrefkitError } from "../core/errors.ts";
import { type Files, namesIn, nodeFiles } from "../core/files.ts";
import type { Assessment } from "./assess.ts";
import { judgeItem } from "./judge-item.ts";
import type { EvalReport } from "./report.ts";
import { scoreFileName } from "./score-file-name.ts";

export const REPORT = "report.json";
const SCORES = "scores";
const ROWS = 1000;
/** Where files are written before they take their places; one that a killed run left is in nobody's way. */
const STAGE = /^\.prefkit-eval\.\d+\.tmp$/;

/**
 * Writes `report.json`, and what it was computed from: `scores/NAME.jsonl`, one row per gold item with its id, subset,
 * scores, outcome and credit, which `--verdicts` reads again. Returns the report's path.
 *
 * All is written beside an earlier report before that is replaced, so that a full disk costs nothing; of the earlier one
 * only the files that it names are removed.
 * Throws `not_this_run` for a directory that holds something else than an evaluation, `io`.
 */
export async function writeReport(
  directory: string,
  report: EvalReport,
  assessment: Assessment,
  files: Files = nodeFiles,
): Promise<string> {
  const earlier = await checkReportDirectory(directory, files);
  const stage = join(directory, `.prefkit-eval.${process.pid}.tmp`);
  const names = scoreNames(assessment.scorers);
  try {
    await files.makeDirectory(stage);
    for (const [index, name] of names.entries())
      await writeAll(files, join(stage, name), scoreChunks(assessment, index));
    await writeAll(files, join(stage, REPORT), [`${JSON.stringify(report, null, 2)}\n`]);
    await files.makeDirectory(join(directory, SCORES));
    for (const name of names) await files.rename(join(stage, name), join(directory, SCORES, name));
    // Last, so that a directory with a report holds a whole evaluation.
    await files.rename(join(stage, REPORT), join(directory, REPORT));
  } catch (error) {
    await files.remove(stage).catch(() => undefined);
    throw error;
  }
  await files.remove(stage);
  for (const name of earlier) {
    if (!names.includes(name)) await files.remove(join(directory, SCORES, name));
  }
  return join(directory, REPORT);
}

/**
 * Refuses a file, and a directory with other things in it than an evaluation; to be asked before anything is paid, too.
 * Returns the names of the earlier evaluation's files of scores; none where there is no earlier one.
 */
export async function checkReportDirectory(
  directory: string,
  files: Files = nodeFiles,
): Promise<readonly string[]> {
  const names = ((await namesIn(files, directory)) ?? []).filter((name) => !STAGE.test(name));
  if (names.length === 0) return [];
  const report = names.includes(REPORT) ? await readReport(join(directory, REPORT), files) : null;
  if (report) return scoreNames(report.scorers);
  const found = names.includes(REPORT)
    ? `a ${REPORT} that prefkit eval has not written`
    : `other files (${names.slice(0, 3).join(", ")})`;
  throw new PrefkitError(
    "not_this_run",
    `${directory} holds ${found}.`,
    "name a new or empty directory, or one with an earlier report.",
  );
}

function scoreNames(scorers: readonly { readonly name: string }[]): readonly string[] {
  return scorers.map(({ name }) => `${scoreFileName(name)}.jsonl`);
}

/** null: no report of prefkit eval. */
async function readReport(
  path: string,
  files: Files,
): Promise<{ readonly scorers: readonly { readonly name: string }[] } | null> {
  const report = await parsedFile(path, files);
  if (typeof report !== "object" || report === null) return null;
  const { format, scorers } = report as Readonly<Record<string, unknown>>;
  if (format !== "prefkit-eval" || !Array.isArray(scorers)) return null;
  return { scorers: scorers.filter(isNamed) };
}

function isNamed(value: unknown): value is { readonly name: string } {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
}

async function parsedFile(path: string, files: Files): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await files.readAll(path)));
  } catch (error) {
    if (error instanceof SyntaxError || isDirectoryError(error)) return null;
    throw error;
  }
}

function isDirectoryError(error: unknown): boolean {
  return isPrefkitError(error) && (error.cause as NodeJS.ErrnoException | undefined)?.code === "EISDIR";
}

async function writeAll(files: Files, path: string, chunks: Iterable<string>): Promise<void> {
  const writer = await files.create(path);
  try {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function* scoreChunks(
  { items, preset, scorers, generative = false }: Assessment,
  at: number,
): Generator<string> {
  const { scores = [], verdicts, unread, verdictOnly } = scorers[at] ?? {};
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
      ...(unread?.[index] && { unread: true }),
      ...(verdictOnly && { verdict_only: true }),
      ...judgement,
    };
    lines.push(`${JSON.stringify(row)}\n`);
    if (lines.length < ROWS) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
