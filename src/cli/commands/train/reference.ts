import { join } from "node:path";
import { loadRecipe } from "../../../annotate/load-recipe.ts";
import { openModelAccess } from "../../../annotate/model-access.ts";
import { closeModels, modelFor, openModels, portOf } from "../../../annotate/models.ts";
import { catalog } from "../../../catalog.ts";
import { PrefkitError } from "../../../core/errors.ts";
import { nodeFiles } from "../../../core/files.ts";
import { loadTrainerTokenizer } from "../../../trainers/check/index.ts";
import { referenceLogprobs } from "../../../trainers/train/index.ts";
import type { Terminal } from "../../terminal.ts";

export interface ReferenceWish {
  readonly terminal: Terminal;
  /** The recipe, and its name of the reference model. */
  readonly recipe: string;
  readonly name: string;
  readonly dataset: string;
  /** The model that is trained, whose tokens are scored. */
  readonly trained: string;
  readonly maxLength: number;
  readonly run: string;
  readonly stop: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Computes the reference's log-probs into the run, and gives their directory. */
export async function computeReference(wish: ReferenceWish): Promise<string> {
  const { terminal, name, run, stop, onProgress } = wish;
  const loaded = await loadRecipe(wish.recipe, terminal.environment);
  const access = openModelAccess(loaded, { offline: false, budget: null });
  try {
    const models = await openModels(loaded, new Set([name]), catalog.providers, access.runtime);
    try {
      const found = modelFor(loaded, models, { port: "logprobs" }, name, ["models"]);
      if (!found) throw new PrefkitError("internal", `no model is called ${name}.`, "report this.");
      const runtime = { ...access.runtime, directory: terminal.directory };
      const out = join(run, "reference-logprobs");
      await referenceLogprobs({
        files: nodeFiles,
        dataset: wish.dataset,
        out,
        model: portOf(found, "logprobs"),
        tokenizer: await loadTrainerTokenizer(wish.trained, { runtime }),
        maxLength: wish.maxLength,
        stop,
        onProgress,
      });
      return out;
    } finally {
      await closeModels(models);
    }
  } finally {
    await access.close();
  }
}
