import { resolve } from "node:path";
import pc from "picocolors";
import { cacheDirectory } from "../annotate/score-cache.ts";
import { nodeFiles } from "../core/files.ts";
import {
  checkExport,
  EXPORT_PROBLEMS,
  type ExportCheck,
  type ExportCheckProgress,
  type ExportProblem,
  type LengthSummary,
  loadTrainerTokenizer,
  type MethodFates,
} from "../trainers/check/index.ts";
import { trainers } from "../trainers/index.ts";
import type { CommandSetup } from "./program.ts";
import { number, shortPath } from "./run-summary.ts";
import { exitCodes, listenForSignals } from "./signals.ts";
import { visibleJson, visibleLine } from "./visible.ts";

export interface CheckExportFlags {
  readonly tokenizer?: string;
  readonly maxLength?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const LINE_EVERY_MS = 1000;

/** `prefkit check` on the directory of an export: checks it, prints the report, and ends with 0, 1, or 130 when stopped. */
export async function checkExportWith(
  { terminal, exit }: CommandSetup,
  directory: string,
  flags: CheckExportFlags,
): Promise<void> {
  const say = (text: string): void => {
    if (!flags.json) terminal.err(text);
  };
  const signals = listenForSignals((name) => say(`${name}: stopping; what was found so far follows.`));
  let latest: ExportCheckProgress | null = null;
  const timer = setInterval(() => {
    if (latest !== null) say(pc.dim(progressLine(latest)));
  }, LINE_EVERY_MS);
  try {
    const runtime = {
      cacheDirectory: cacheDirectory(terminal.environment),
      environment: terminal.environment,
      directory: terminal.directory,
      offline: false,
    };
    const tokenizer =
      flags.tokenizer === undefined ? undefined : await loadTrainerTokenizer(flags.tokenizer, { runtime });
    const check = await checkExport({
      files: nodeFiles,
      directory: resolve(terminal.directory, directory),
      trainers,
      stop: signals.stop,
      onProgress: (progress) => {
        latest = progress;
      },
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(flags.maxLength === undefined ? {} : { maxLength: flags.maxLength }),
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    });
    if (flags.json) terminal.out(visibleJson({ ok: check.state === "sound", ...check }));
    else for (const line of exportLines(check, shortPath(directory, terminal.directory))) terminal.out(line);
    if (check.state === "faulty") say(`Fix: ${fixFor(check)}`);
    exit(check.state === "stopped" ? exitCodes(signals.received()) : check.state === "sound" ? 0 : 1);
  } finally {
    clearInterval(timer);
    signals.close();
  }
}

function progressLine({ file, rows, total, problems }: ExportCheckProgress): string {
  return `checking ${visibleLine(file)}: ${number(rows)} of ${number(total)} rows, ${number(problems)} problems`;
}

function exportLines(check: ExportCheck, shown: string): string[] {
  const colour = { sound: pc.green, faulty: pc.red, stopped: pc.yellow }[check.state];
  const rows = Object.entries(check.rows).map(([split, count]) => `${visibleLine(split)} ${number(count)}`);
  const title = `${visibleLine(check.trainer)} ${check.kind}`;
  const lines = [
    `${pc.bold(visibleLine(shown, 300))}  ${colour(check.state)}  ${title}  rows: ${rows.join(", ") || "none"}`,
  ];
  for (const { kind, severity, count, first } of check.problems) {
    const listed = count > first.length ? `, the first ${first.length}:` : "";
    const note = severity === "warning" ? pc.yellow(" (warning)") : "";
    lines.push(`  ${pc.bold(kind)}  ${number(count)}${note}${listed}  ${pc.dim(EXPORT_PROBLEMS[kind][1])}`);
    for (const problem of first) lines.push(`    ${problemLine(problem)}`);
  }
  for (const [split, { desirable, undesirable }] of Object.entries(check.labels)) {
    lines.push(
      `  labels of ${visibleLine(split)}: ${number(desirable)} desirable, ${number(undesirable)} undesirable`,
    );
  }
  lines.push(...lengthLines(check));
  for (const note of check.notes) lines.push(`  ${visibleLine(note, 400)}`);
  return lines;
}

function problemLine({ file, row, column, problem }: ExportProblem): string {
  const place = [file, ...(row === null ? [] : [`row ${row}`]), ...(column === null ? [] : [column])];
  return `${visibleLine(place.join(", "), 200)}: ${visibleLine(problem, 300)}`;
}

function lengthLines({ lengths, fates }: ExportCheck): string[] {
  if (lengths === null) return [];
  const summaries: readonly (readonly [string, LengthSummary | null])[] = [
    ["prompt", lengths.prompt],
    ["responses", lengths.responses],
    ["together", lengths.total],
  ];
  const lines = summaries.flatMap(([name, summary]) =>
    summary === null
      ? []
      : [
          `  tokens, ${name.padEnd(9)}  half ≤ ${number(summary.p50)}, 90 % ≤ ${number(summary.p90)}, 99 % ≤ ${number(summary.p99)}, longest ${number(summary.max)}`,
        ],
  );
  return [...lines, ...fates.map(fateLine)];
}

function fateLine(fates: MethodFates): string {
  const { method, maxLength, lengthFrom, truncated, dropped, emptied, truncatedShare, droppedShare } = fates;
  if (maxLength === null) return `  ${method}: no maximum length is known; name one with --max-length`;
  const none = emptied === 0 ? "" : `, of them ${number(emptied)} with a response of which nothing is left`;
  const parts = [
    `${number(truncated)} truncated (${percent(truncatedShare)})${none}`,
    `${number(dropped)} dropped (${percent(droppedShare)})`,
  ];
  const places = [...fates.firstTruncated, ...fates.firstDropped].slice(0, 3);
  const first =
    places.length === 0
      ? ""
      : `; the first: ${places.map(({ file, row }) => `${file} row ${row}`).join(", ")}`;
  const source = lengthFrom === "config" ? ", as its config was written" : "";
  return `  ${method} at ${number(maxLength)} tokens${source}: ${parts.join(", ")}${visibleLine(first, 300)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;
}

/** Files that changed are another matter than rows that cannot be trained on. */
function fixFor({ problems }: ExportCheck): string {
  const ofFiles = new Set(["missing_file", "extra_file", "wrong_hash", "unreadable_file", "wrong_row_count"]);
  const faults = problems.filter(({ severity }) => severity === "problem");
  return faults.every(({ kind }) => ofFiles.has(kind))
    ? "export the dataset again, and move files that are not its own out of it."
    : "mend the dataset's input or recipe, or leave those rows out, and export again; docs/export-check.md tells of each problem.";
}
