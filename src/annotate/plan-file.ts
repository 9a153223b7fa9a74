import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ioError, PrefkitError } from "../core/errors.ts";
import { type Files, writeWhole } from "../core/files.ts";
import { availableCodec } from "../store/compression.ts";
import { openInput } from "../store/input/index.ts";
import type { Input } from "../store/input/types.ts";
import { MANIFEST_FILE, readManifest } from "../store/manifest.ts";
import { readPlan, workPaths, writePlan } from "./journal.ts";
import { makePlan, type Plan, type PlanOptions, planId } from "./plan.ts";
import type { ResolvedRecipe } from "./resolve.ts";

/** What of a run's options its plan depends on. */
export interface PlanWish {
  readonly limit?: number;
  readonly onPlanning?: (groups: number) => void;
}

export async function openRecipeInput(resolved: ResolvedRecipe, workDirectory: string): Promise<Input> {
  return openInput(resolved.recipe.input, { baseDirectory: resolved.loaded.directory, workDirectory });
}

export function planOptions(resolved: ResolvedRecipe, options: PlanWish): PlanOptions {
  return {
    codec: resolved.recipe.output.codec ?? availableCodec(),
    limit: options.limit ?? null,
    ...(options.onPlanning ? { onProgress: options.onPlanning } : {}),
  };
}

/** The directory's own plan where it still holds; else a scan of the input, checked against what is there. */
export async function planFor(
  files: Files,
  out: string,
  resolved: ResolvedRecipe,
  input: Input,
  options: PlanWish,
): Promise<Plan> {
  const wanted = planOptions(resolved, options);
  const paths = workPaths(out);
  const existing = await readPlan(files, out);
  const marks = await fileMarks(resolved, input);
  if (existing && planId(resolved, existing.input.fingerprint, wanted) === existing.id) {
    if ((await seenMarks(files, out)) === marks) return existing;
  }
  const plan = await makePlan(resolved, input, wanted);
  if (existing && existing.id !== plan.id) throw changedPlan(out, existing, plan);
  if (!existing) {
    const finished = (await files.exists(join(out, MANIFEST_FILE))) ? await readManifest(files, out) : null;
    if (finished && finished.planId !== plan.id) throw otherRun(out);
    await writePlan(files, out, plan);
  }
  await writeWhole(files, paths.scan, marks);
  return plan;
}

/**
 * Throws `plan_changed` when the input is no longer what was planned: what was scored in between may be neither the one nor
 * the other.
 */
export async function checkStillPlanned(
  files: Files,
  out: string,
  resolved: ResolvedRecipe,
  input: Input,
  plan: Plan,
): Promise<void> {
  if ((await seenMarks(files, out)) === (await fileMarks(resolved, input))) return;
  const now = await openRecipeInput(resolved, workPaths(out).input);
  try {
    if ((await now.fingerprint()) === plan.input.fingerprint) return;
  } finally {
    await now.close();
  }
  throw new PrefkitError(
    "plan_changed",
    `the input changed while ${out} was made from it.`,
    "restore it and run the same command again, or start over with --force (paid scores of what is unchanged come from the cache).",
  );
}

async function seenMarks(files: Files, out: string): Promise<string> {
  const { scan } = workPaths(out);
  return (await files.exists(scan)) ? Buffer.from(await files.readAll(scan)).toString("utf8") : "";
}

/** Sizes and times of the input files on this machine: when they are as they were, the input need not be scanned again. */
async function fileMarks(resolved: ResolvedRecipe, input: Input): Promise<string> {
  const marks = await Promise.all(
    input.files.map(async ({ path }) => {
      const file = resolve(resolved.loaded.directory, path);
      const { size, mtimeMs, ino } = await stat(file).catch((cause: unknown) => {
        throw ioError("look at", file, cause);
      });
      return { path, size, mtimeMs, ino };
    }),
  );
  return JSON.stringify(marks);
}

function changedPlan(out: string, existing: Plan, plan: Plan): PrefkitError {
  const what =
    existing.codec !== plan.codec
      ? `codec ${existing.codec}, and this run would use ${plan.codec}`
      : existing.input.fingerprint !== plan.input.fingerprint
        ? "another content of the input"
        : existing.toolkit !== plan.toolkit
          ? `prefkit ${existing.toolkit}, and this is ${plan.toolkit}`
          : "other scorers, options, seed or limit";
  return new PrefkitError(
    "plan_changed",
    `the directory ${out} was planned with ${what}.`,
    "choose another --out (paid scores come from the cache, so nothing is paid twice), undo the change, or start over with --force.",
  );
}

function otherRun(out: string): PrefkitError {
  return new PrefkitError(
    "not_this_run",
    `the directory ${out} holds the dataset of another run.`,
    "choose another --out (paid scores come from the cache), or start over with --force.",
  );
}
