import { join } from "node:path";
import type { Files } from "../core/files.ts";
import type { JsonObject } from "../core/types.ts";
import { openInput } from "../store/input/index.ts";
import type { Input } from "../store/input/types.ts";
import { workPaths } from "./journal.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type PlanWish, planOptions } from "./plan-file.ts";
import type { ResolvedRecipe } from "./resolve.ts";
import { sampledInput, sampleFacts, samplePhase } from "./sample.ts";
import type { RunStatus } from "./status.ts";

export interface SampleFirst {
  readonly files: Files;
  readonly out: string;
  readonly resolved: ResolvedRecipe;
  readonly input: Input;
  readonly status: RunStatus;
  readonly stop: AbortSignal;
  readonly options: PlanWish & {
    readonly concurrency?: number;
    readonly acceptFailed?: boolean;
    readonly onStart?: (status: RunStatus, plan: Plan) => void;
  };
}

export type SampledFirst =
  | { readonly kind: "stopped"; readonly plan: Plan }
  | {
      readonly kind: "sampled";
      /** The recipe with what was sampled in place of its input. */
      readonly resolved: ResolvedRecipe;
      readonly input: Input;
      readonly facts: JsonObject;
    };

/** Groups in flight while sampling, each with n calls: the models' own limits are what holds calls back. */
export const SAMPLE_CONCURRENCY = 64;

/** Draws the samples of a run into its work directory, from where they are scored like any other input. */
export async function sampleFirst(setup: SampleFirst): Promise<SampledFirst> {
  const { files, out, resolved, input, status, stop, options } = setup;
  const plan = await makePlan(resolved, input, { ...planOptions(resolved, options), beforeSampling: true });
  options.onStart?.(status, plan);
  const directory = join(workPaths(out).root, "sampled");
  const counts = await samplePhase({
    files,
    directory,
    input,
    plan,
    resolved,
    concurrency: options.concurrency ?? SAMPLE_CONCURRENCY,
    acceptFailed: options.acceptFailed ?? false,
    stop,
    status,
  });
  if (counts === null) return { kind: "stopped", plan };
  const spec = sampledInput(plan);
  return {
    kind: "sampled",
    resolved: {
      ...resolved,
      loaded: { ...resolved.loaded, directory },
      recipe: { ...resolved.recipe, input: spec },
    },
    input: await openInput(spec, { baseDirectory: directory, workDirectory: workPaths(out).input }),
    facts: {
      ...sampleFacts(resolved, counts),
      input: { ...(plan.input as unknown as JsonObject), limit: plan.limit },
    },
  };
}
