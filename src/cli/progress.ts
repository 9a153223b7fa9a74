import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { Plan } from "../annotate/plan.ts";
import type { RunPhase, RunStatus } from "../annotate/status.ts";
import type { Terminal } from "./terminal.ts";

export interface Progress {
  readonly planning: (groups: number) => void;
  readonly start: (status: RunStatus, plan?: Plan) => void;
  /** A line that stays. */
  readonly note: (text: string) => void;
  readonly stop: () => void;
}

const LIVE_EVERY_MS = 200;
const LINE_EVERY_MS = 5000;

const PHASES: Readonly<Record<RunPhase, string>> = {
  plan: "Planning",
  sample: "Sampling",
  score: "Scoring",
  refine: "Refining rubrics",
  statistics: "Gathering statistics",
  finish: "Combining, pairing and writing",
  done: "Done",
};

/** Phases in which models are asked. */
const ASKING: readonly RunPhase[] = ["sample", "score", "refine"];

/** One live block on a terminal; a line every few seconds elsewhere; nothing when quiet. */
export function startProgress(terminal: Terminal, options: { readonly quiet: boolean }): Progress {
  const started = performance.now();
  let status: RunStatus | null = null;
  let planned = 0;
  let timer: NodeJS.Timeout | null = null;
  const live = terminal.isInteractive && !options.quiet;
  const update = live ? createLogUpdate(process.stderr, { showCursor: true }) : null;
  const draw = (): void => {
    if (update) update(block(status, planned, performance.now() - started).join("\n"));
    else terminal.err(plainLine(status, planned));
  };
  if (!options.quiet) {
    timer = setInterval(draw, live ? LIVE_EVERY_MS : LINE_EVERY_MS);
    timer.unref();
  }
  return {
    planning: (groups) => {
      planned = groups;
    },
    start: (given, plan) => {
      status = given;
      for (const warning of plan?.warnings ?? []) {
        update?.clear();
        terminal.err(`${pc.yellow("warning:")} ${warning}`);
      }
      if (plan && plan.input.skippedRows > 0) {
        update?.clear();
        terminal.err(
          `${pc.yellow("warning:")} ${plan.input.skippedRows} rows cannot be used and are left out; the first: ${plan.input.skippedExamples[0]}`,
        );
      }
    },
    note: (text) => {
      update?.clear();
      terminal.err(text);
    },
    stop: () => {
      if (timer === null) return;
      clearInterval(timer);
      timer = null;
      if (update) {
        update.clear();
        update.done();
      }
    },
  };
}

/** The live block: what is done, how fast, how long still, and a line per scorer. */
export function block(status: RunStatus | null, planned: number, elapsedMs: number): string[] {
  if (!status || status.phase === "plan") {
    return [`${pc.bold("Planning")}  ${count(planned)} groups read  ${duration(elapsedMs)}`];
  }
  const share = status.total === 0 ? 1 : status.done / status.total;
  const width = 30;
  const filled = Math.round(share * width);
  const bar = `${pc.green("█".repeat(filled))}${pc.dim("░".repeat(width - filled))}`;
  const { rate, left } = pace(status);
  const lines = [
    `${pc.bold(PHASES[status.phase])}  ${bar} ${(100 * share).toFixed(1)}%`,
    `  ${count(status.done)} of ${count(status.total)} groups  ${count(rate)}/s  ${left === null ? "" : `${duration(left)} left  `}${pc.dim(`${duration(elapsedMs)} in all`)}`,
  ];
  if (ASKING.includes(status.phase)) lines.push(...usageLines(status));
  if (status.phase !== "score") return lines;
  const keys = Math.max(...[...status.scorers.keys()].map((key) => key.length), 6);
  for (const [key, cells] of status.scorers) {
    const failed = cells.failed === 0 ? pc.dim("0 failed") : pc.red(`${count(cells.failed)} failed`);
    const cached = cells.cached === 0 ? "" : `  ${count(cells.cached)} from cache`;
    lines.push(
      `  ${key.padEnd(keys)}  ${count(cells.scored)} scored  ${pc.dim(`${count(cells.abstained)} abstained`)}  ${failed}${cached}`,
    );
  }
  return lines;
}

/** A line per model that was asked anything. */
function usageLines(status: RunStatus): string[] {
  return status.usage().map((usage) => {
    const { name, answered, cached, retries, promptTokens, outputTokens, cost } = usage;
    const parts = [
      `${count(answered)} calls`,
      ...(cached > 0 ? [`${count(cached)} from cache`] : []),
      ...(retries > 0 ? [pc.yellow(`${count(retries)} retries`)] : []),
      `${count(promptTokens)} tokens in, ${count(outputTokens)} out`,
      ...(cost === null ? [] : [`cost ${money(cost)}`]),
    ];
    return `  ${pc.dim("model")} ${name}  ${parts.join("  ")}`;
  });
}

function money(amount: number): string {
  return amount.toLocaleString("en-US", { maximumFractionDigits: amount < 1 ? 4 : 2 });
}

/** The same as one line, for logs. */
export function plainLine(status: RunStatus | null, planned: number): string {
  if (!status || status.phase === "plan") return `planning: ${count(planned)} groups read`;
  const { rate, left } = pace(status);
  const failed = [...status.scorers.values()].reduce((sum, cells) => sum + cells.failed, 0);
  const parts = [
    `${PHASES[status.phase].toLowerCase()}: ${count(status.done)}/${count(status.total)} groups`,
    `${count(rate)}/s`,
    ...(failed === 0 ? [] : [`${count(failed)} cells failed`]),
    ...status
      .usage()
      .map(
        ({ name, answered, cached, cost }) =>
          `${name} ${count(answered)} calls${cached > 0 ? ` + ${count(cached)} cached` : ""}${cost === null ? "" : ` cost ${money(cost)}`}`,
      ),
    ...(left === null ? [] : [`${duration(left)} left`]),
  ];
  return parts.join(", ");
}

function pace(status: RunStatus): { rate: number; left: number | null } {
  const seconds = (performance.now() - status.phaseStarted) / 1000;
  const rate = seconds > 0 ? (status.done - status.resumed) / seconds : 0;
  return { rate, left: rate > 0 ? ((status.total - status.done) / rate) * 1000 : null };
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
