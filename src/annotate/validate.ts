import type { PlannedCalls } from "../core/scorer.ts";
import { estimateTokens, messageTokens } from "../core/token-estimate.ts";
import type { Group, SampledResponse } from "../core/types.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import { openModelAccess } from "./model-access.ts";
import { closeModels } from "./models.ts";
import { makePlan, type Plan } from "./plan.ts";
import { openRecipeInput, type PlanWish, planOptions } from "./plan-file.ts";
import { lastQuestion, rephraseMessages } from "./rephrase.ts";
import { type ResolvedRecipe, resolveRecipe } from "./resolve.ts";
import type { Catalog } from "./resolve-scorer.ts";

/** What a run would ask of one model, estimated from the input; what the cache holds already is not looked at. */
export interface CallEstimate {
  /** The recipe's name of the model. */
  readonly model: string;
  /** "sample", "rephrase", or a scorer's key. */
  readonly purpose: string;
  readonly calls: number;
  /** Estimated: a token for every four characters of text, and four for every message. */
  readonly promptTokens: number;
  /** Estimated at half of what each call may give at most. */
  readonly outputTokens: number;
  /** In the currency of the model's price; null without one. */
  readonly money: number | null;
}

/** What `validate` tells; nothing is paid for. */
export interface Validation {
  readonly resolved: ResolvedRecipe;
  readonly plan: Plan;
  readonly estimates: readonly CallEstimate[];
}

/** The plan of a run and what it would cost, without running it. */
export async function validate(
  loaded: LoadedRecipe,
  catalog: Catalog,
  options: PlanWish & { readonly scratch: string },
): Promise<Validation> {
  const access = openModelAccess(loaded, { offline: false, budget: null });
  try {
    const resolved = await resolveRecipe(loaded, catalog, access.runtime);
    const input = await openRecipeInput(resolved, options.scratch);
    try {
      const estimator = startEstimator(resolved);
      const plan = await makePlan(resolved, input, {
        ...planOptions(resolved, options),
        beforeSampling: resolved.recipe.sample !== undefined,
        onGroup: estimator.add,
      });
      return { resolved, plan, estimates: estimator.result() };
    } finally {
      await input.close();
      await closeModels(resolved.models);
    }
  } finally {
    await access.close();
  }
}

function startEstimator(resolved: ResolvedRecipe) {
  const { sample } = resolved.recipe;
  const sums = new Map<string, { purpose: string; calls: PlannedCalls }>();
  const note = (purpose: string, calls: PlannedCalls): void => {
    if (calls.calls === 0) return;
    const key = JSON.stringify([purpose, calls.model]);
    const known = sums.get(key)?.calls;
    sums.set(key, {
      purpose,
      calls: {
        model: calls.model,
        calls: (known?.calls ?? 0) + calls.calls,
        promptTokens: (known?.promptTokens ?? 0) + calls.promptTokens,
        outputTokens: (known?.outputTokens ?? 0) + calls.outputTokens,
      },
    });
  };
  return {
    add: (group: Group): void => {
      for (const filled of sample ? afterSampling(group, sample, note) : [group]) {
        for (const run of resolved.scorers)
          for (const calls of run.plannedCalls(filled)) note(run.key, calls);
      }
    },
    result: (): CallEstimate[] =>
      [...sums.values()].map(({ purpose, calls }) => {
        const price = resolved.models.get(calls.model)?.price ?? null;
        const money = price ? (calls.promptTokens * price.in + calls.outputTokens * price.out) / 1e6 : null;
        return { purpose, ...calls, money };
      }),
  };
}

/** The groups that sampling will make of one, their texts as long as half of what may be sampled. */
function afterSampling(
  group: Group,
  section: NonNullable<ResolvedRecipe["recipe"]["sample"]>,
  note: (purpose: string, calls: PlannedCalls) => void,
): Group[] {
  const prompt = messageTokens(group.prompt.messages) + estimateTokens(section.system ?? "");
  const { rephrase } = section;
  const makesTwin = rephrase !== undefined && group.siblingId === undefined;
  if (makesTwin) {
    note("rephrase", {
      model: rephrase.model,
      calls: 1,
      promptTokens: messageTokens(rephraseMessages(lastQuestion(group.prompt.messages))),
      outputTokens: rephrase.maxTokens / 2,
    });
    if (rephrase.checkModel !== undefined) {
      const outputTokens = rephrase.maxTokens;
      note("rephrase", { model: rephrase.checkModel, calls: 2, promptTokens: 2 * prompt, outputTokens });
    }
  }
  const fill = (present: readonly SampledResponse[]): SampledResponse[] => {
    const missing = Math.max(0, section.n - present.filter(({ role }) => role === "candidate").length);
    const sources = section.from ?? [{ model: section.model ?? "" }];
    const drawn = Array.from({ length: missing }, (_, index): SampledResponse => {
      const source = sources[index % sources.length] ?? { model: "" };
      const most = ("maxTokens" in source ? source.maxTokens : undefined) ?? section.maxTokens;
      note("sample", { model: source.model, calls: 1, promptTokens: prompt, outputTokens: most / 2 });
      // Different, since equal texts are judged once.
      return { id: String(index), text: String(index).padEnd(2 * most), role: "candidate", metadata: {} };
    });
    return [...present, ...drawn];
  };
  const filled: Group = { ...group, responses: fill(group.responses) };
  if (!makesTwin) return [filled];
  const twin: Group = { ...group, responses: fill([]) };
  return [
    { ...filled, sibling: twin },
    { ...twin, sibling: filled },
  ];
}
