import { relative } from "node:path";
import pc from "picocolors";
import type { RunOutcome } from "../annotate/run.ts";
import { type Manifest, TABLES, tableFiles } from "../store/manifest.ts";
import type { Terminal } from "./terminal.ts";
import { visibleLine } from "./visible.ts";

/** What a command that runs scorers leaves on the screen: where the result is and what it holds. */
export function printOutcome(terminal: Terminal, outcome: RunOutcome, json: boolean): void {
  const { manifest, out } = outcome;
  if (json) {
    terminal.out(
      JSON.stringify({
        ok: outcome.kind !== "stopped" && outcome.kind !== "budget",
        outcome: outcome.kind,
        out,
        ...(outcome.kind === "budget" ? { error: "budget_reached" } : {}),
        openFailures: outcome.openFailures,
        models: outcome.status.usage(),
        groups: outcome.plan.groups,
        shards: outcome.plan.shards.length,
        ...(manifest ? { summary: manifest.summary, files: manifest.files } : {}),
      }),
    );
    return;
  }
  const shown = shortPath(out, terminal.directory);
  if (outcome.kind === "stopped") {
    terminal.err(`Stopped; what was done is saved in ${shown}. The same command goes on from there.`);
    return;
  }
  if (outcome.kind === "budget") {
    terminal.err(
      `The money is spent: another call might have cost more than --max-cost leaves. What was done is saved in ${shown}; the same command with a larger --max-cost goes on from there.`,
    );
    return;
  }
  if (outcome.kind === "scored") {
    terminal.err(
      `Scored this share of the shards; \`prefkit merge\` joins the directories when all are done.`,
    );
    printOpenFailures(terminal, outcome.openFailures);
    return;
  }
  if (!manifest) return;
  if (outcome.kind === "unchanged") terminal.err(`${shown} was finished before; nothing to do.`);
  for (const line of datasetLines(manifest, shown)) terminal.out(line);
  for (const alarm of manifest.summary.alarms ?? [])
    terminal.err(`${pc.yellow("warning:")} ${visibleLine(alarm, 300)}`);
  printOpenFailures(terminal, outcome.openFailures);
}

function printOpenFailures(terminal: Terminal, failures: number): void {
  if (failures === 0) return;
  terminal.err(
    `${pc.yellow("warning:")} ${failures} cells failed. Another run into the same directory tries just those again; --accept-failed leaves them as they are.`,
  );
}

/** A dataset in a few lines. */
export function datasetLines(manifest: Manifest, shown: string): string[] {
  const { summary } = manifest;
  const lines = [
    `${pc.bold(shown)}  ${number(summary.groups)} prompts, ${number(summary.responses)} responses, ${pc.bold(`${number(summary.pairs)} pairs`)}`,
  ];
  for (const name of TABLES) {
    const found = tableFiles(manifest, name);
    if (found.length === 0) continue;
    const rows = found.reduce((sum, file) => sum + (file.rows ?? 0), 0);
    const bytes = found.reduce((sum, file) => sum + file.bytes, 0);
    lines.push(
      `  ${name.padEnd(7)} ${number(rows).padStart(10)} rows  ${size(bytes).padStart(9)}  ${found.length === 1 ? found[0]?.path : `${found.length} files`}`,
    );
  }
  lines.push("  scores:");
  const width = Math.max(...Object.keys(summary.scorers).map((key) => key.length));
  for (const [key, scorer] of Object.entries(summary.scorers)) {
    const mean = scorer.mean === null ? "–" : scorer.mean.toFixed(3);
    const trouble = [
      scorer.abstained > 0 ? `${number(scorer.abstained)} abstained` : "",
      scorer.failed > 0 ? pc.red(`${number(scorer.failed)} failed`) : "",
    ].filter((part) => part !== "");
    lines.push(
      `    ${key.padEnd(width)}  ${number(scorer.scored)} scored, mean ${mean}${trouble.length > 0 ? `, ${trouble.join(", ")}` : ""}`,
    );
  }
  const reasons = Object.entries(summary.unpaired);
  if (reasons.length > 0) {
    lines.push(
      `  in no pair: ${reasons.map(([reason, times]) => `${number(times)} ${reason.replaceAll("_", " ")}`).join(", ")}`,
    );
  }
  lines.push(`  read ${shown}/README.md for the whole card, or load it in Python: load_dataset("${shown}")`);
  return lines;
}

export function shortPath(path: string, directory: string): string {
  const short = relative(directory, path);
  return short === "" ? "." : short.startsWith("..") ? path : short;
}

export function number(value: number): string {
  return value.toLocaleString("en-US");
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
