import pc from "picocolors";
import type { Plan } from "../annotate/plan.ts";
import type { RunStatus } from "../annotate/status.ts";
import { ERROR_CODES } from "../core/errors.ts";
import type { CommandSetup } from "./program.ts";
import { startProgress } from "./progress.ts";
import { exitCodes, listenForSignals } from "./signals.ts";
import { visible } from "./visible.ts";

/** What long work is stopped by, and whom it tells how far it is. */
export interface Watch {
  readonly stop: AbortSignal;
  readonly onStart: (status: RunStatus, plan?: Plan) => void;
  readonly onPlanning: (groups: number) => void;
  readonly onWarning: (warning: string) => void;
}

export interface WatchOptions {
  readonly quiet: boolean | undefined;
  /** What a signal has it do before it ends. */
  readonly onSignal: string;
}

/**
 * Long work of a command: with progress, stopped by the first signal, its outcome printed. The exit code is that of the
 * signal, of money that is spent, or what `print` gives (default 0).
 */
export async function watched<Outcome extends { readonly kind: string }>(
  { terminal, exit }: CommandSetup,
  { quiet, onSignal }: WatchOptions,
  work: (watch: Watch) => Promise<Outcome>,
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands have no exit code of their own to give.
  print: (outcome: Outcome) => Promise<number | void> | number | void,
): Promise<void> {
  const progress = startProgress(terminal, { quiet: quiet ?? false });
  const signals = listenForSignals((name) => progress.note(`${name}: ${onSignal}. Once more quits at once.`));
  try {
    const outcome = await work({
      stop: signals.stop,
      onStart: progress.start,
      onPlanning: progress.planning,
      onWarning: (warning) => progress.note(`${pc.yellow("warning:")} ${visible(warning)}`),
    });
    progress.stop();
    const code = (await print(outcome)) ?? 0;
    if (outcome.kind === "stopped") exit(exitCodes(signals.received()));
    else exit(outcome.kind === "budget" ? ERROR_CODES.budget_reached[0] : code);
  } finally {
    progress.stop();
    signals.close();
  }
}
