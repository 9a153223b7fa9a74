import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { Metrics, TrainEvent, TrainLog } from "../../../trainers/train/index.ts";
import { duration } from "../../progress.ts";
import { number } from "../../run-summary.ts";
import type { Terminal } from "../../terminal.ts";
import { visibleLine } from "../../visible.ts";

export interface TrainProgress {
  readonly event: (event: TrainEvent) => void;
  /** A line that stays. */
  readonly note: (text: string) => void;
  readonly stop: () => void;
}

const LINE_EVERY_MS = 5000;

/** What of TRL's metrics a person looks at first, in this order; the others are in metrics.jsonl. */
const SHOWN: Readonly<Record<string, string>> = {
  loss: "loss",
  reward: "reward",
  "rewards/margins": "margin",
  "rewards/accuracies": "accuracy",
  reward_std: "reward std",
  unscored: "unscored",
  reward_seconds: "s for rewards",
  grad_norm: "grad norm",
  learning_rate: "lr",
};

/** One live block on a terminal; a line every few seconds elsewhere; nothing when quiet. */
export function trainProgress(terminal: Terminal, { quiet }: { readonly quiet: boolean }): TrainProgress {
  const update =
    terminal.isInteractive && !quiet ? createLogUpdate(process.stderr, { showCursor: true }) : null;
  let lastLine = Number.NEGATIVE_INFINITY;
  let firstStep: number | null = null;
  const note = (text: string): void => {
    update?.clear();
    if (!quiet) terminal.err(text);
  };
  return {
    note,
    event: (event) => {
      if (quiet) return;
      if (event.event === "start") {
        const { device, processes, kept, versions } = event;
        const where = `${visibleLine(device)}${processes > 1 ? ` × ${processes}` : ""}`;
        note(`Training on ${where} with ${number(kept)} rows, trl ${visibleLine(String(versions.trl))}`);
      }
      if (event.event !== "log") return;
      firstStep ??= event.step - 1;
      if (update) return update(trainBlock(event, firstStep).join("\n"));
      const now = performance.now();
      if (now - lastLine < LINE_EVERY_MS && event.step < event.of) return;
      lastLine = now;
      terminal.err(trainLine(event, firstStep));
    },
    stop: () => {
      update?.clear();
      update?.done();
    },
  };
}

/** @param firstStep the step that this process went on from */
export function trainBlock(log: TrainLog, firstStep: number): string[] {
  const { step, of, seconds } = log;
  const width = 30;
  const filled = of === 0 ? width : Math.round((step / of) * width);
  const bar = `${pc.green("█".repeat(filled))}${pc.dim("░".repeat(width - filled))}`;
  const left = leftMs(log, firstStep);
  return [
    `${pc.bold("Training")}  ${bar} ${((100 * step) / Math.max(1, of)).toFixed(1)}%`,
    `  step ${number(step)} of ${number(of)}  ${left === null ? "" : `${duration(left)} left  `}${pc.dim(`${duration(1000 * seconds)} in all`)}`,
    `  ${metricParts(log.metrics).join("  ")}`,
  ];
}

/** The same as one line, for logs. */
export function trainLine(log: TrainLog, firstStep: number): string {
  const left = leftMs(log, firstStep);
  return [
    `step ${number(log.step)}/${number(log.of)}`,
    ...metricParts(log.metrics),
    ...(left === null || left === 0 ? [] : [`${duration(left)} left`]),
  ].join(", ");
}

function leftMs({ step, of, seconds }: TrainLog, firstStep: number): number | null {
  const done = step - firstStep;
  return done > 0 ? (1000 * seconds * (of - step)) / done : null;
}

function metricParts(metrics: Metrics): string[] {
  return Object.entries(SHOWN).flatMap(([name, title]) => {
    const value = metrics[name];
    return value === undefined ? [] : [`${title} ${shown(value)}`];
  });
}

function shown(value: number | null): string {
  if (value === null) return "not a number";
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : String(Number(value.toFixed(4)));
}
