import { join } from "node:path";
import { type Files, writeWhole } from "../../core/files.ts";
import type { JsonObject } from "../../core/types.ts";
import type { Metrics } from "./events.ts";
import { firstCut } from "./weights-files.ts";

export const CHECKPOINTS = "checkpoints";
export const METRICS_FILE = "metrics.jsonl";

export interface Checkpoint {
  /** Relative to the run, with forward slashes. */
  readonly path: string;
  readonly step: number;
}

/**
 * The run's checkpoints, by step. transformers writes trainer_state.json last, so a checkpoint that was being written when the
 * process was killed has none, or one that cannot be read, and is no checkpoint. `damaged` are those that were finished, and
 * that a power cut or a copy has taken something from since: a file that ends too early.
 */
export async function checkpointsIn(
  files: Files,
  run: string,
): Promise<{
  readonly whole: readonly Checkpoint[];
  readonly damaged: readonly (Checkpoint & { readonly why: string })[];
}> {
  const whole: Checkpoint[] = [];
  const damaged: (Checkpoint & { readonly why: string })[] = [];
  for (const name of (await files.list(join(run, CHECKPOINTS))) ?? []) {
    const step = Number(/^checkpoint-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    if (!Number.isSafeInteger(step)) continue;
    const folder = join(run, CHECKPOINTS, name);
    const state = await jsonIn(files, join(folder, "trainer_state.json"));
    if (state?.global_step !== step) continue;
    const found = { path: `${CHECKPOINTS}/${name}`, step };
    const cut = await firstCut(files, folder);
    if (cut === null) whole.push(found);
    else damaged.push({ ...found, why: `${cut} ends too early` });
  }
  return { whole: whole.sort(byStep), damaged: damaged.sort(byStep) };
}

function byStep(a: Checkpoint, b: Checkpoint): number {
  return a.step - b.step;
}

async function jsonIn(files: Files, path: string): Promise<JsonObject | null> {
  if (!(await files.exists(path))) return null;
  return parsed(Buffer.from(await files.readAll(path)).toString("utf8"));
}

/**
 * Takes the steps after `step` out of the run's metrics: the training goes on from there and logs them again. A last line that
 * a kill cut short goes too.
 */
export async function trimMetrics(files: Files, run: string, step: number): Promise<void> {
  const path = join(run, METRICS_FILE);
  if (!(await files.exists(path))) return;
  const lines = Buffer.from(await files.readAll(path))
    .toString("utf8")
    .split("\n");
  const kept = lines.filter((line) => {
    const logged = parsed(line)?.step;
    return typeof logged === "number" && logged <= step;
  });
  await writeWhole(files, path, kept.map((line) => `${line}\n`).join(""));
}

/** The numbers of the last logged step; empty when nothing was logged. */
export async function lastMetrics(files: Files, run: string): Promise<Metrics> {
  const path = join(run, METRICS_FILE);
  if (!(await files.exists(path))) return {};
  const lines = Buffer.from(await files.readAll(path))
    .toString("utf8")
    .trim()
    .split("\n");
  const { step: _step, epoch: _epoch, seconds: _seconds, ...metrics } = parsed(lines.at(-1) ?? "") ?? {};
  return metrics as Metrics;
}

function parsed(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}
