import { Command } from "commander";
import pc from "picocolors";
import { checkModels, type ModelCheckup } from "../../annotate/doctor.ts";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { openModelAccess } from "../../annotate/model-access.ts";
import { closeModels, openModels } from "../../annotate/models.ts";
import { catalog } from "../../catalog.ts";
import { PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import type { Finding } from "../../models/provider.ts";
import type { CommandSetup } from "../program.ts";
import { listenForSignals } from "../signals.ts";
import { visibleJson, visibleLine } from "../visible.ts";

interface Flags {
  readonly model?: string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function doctorCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("doctor")
    .description(
      "Look at every model of a recipe: can it be reached, does it do what is asked of it, and what to change.",
    )
    .argument("<recipe>", "a recipe in YAML, or a module whose default export is one")
    .option("--model <name...>", "only these entries of `models`")
    .option("--quiet", "no progress")
    .option("--json", "print what was found as JSON on stdout")
    .addHelpText(
      "after",
      `
A handful of short calls per model. What is found is kept in the cache directory: a run refuses a model
that was found unfit, and warns of one that was never looked at.

Exit codes: 0 all fit (warnings included); 2 a model is unfit.

Examples:
  $ prefkit doctor recipe.yaml
  $ prefkit doctor recipe.yaml --model strong weak --json`,
    )
    .action(async (path: string, flags: Flags) => {
      const loaded = await loadRecipe(path, terminal.environment);
      const names = flags.model ?? Object.keys(loaded.recipe.models);
      const unknown = names.find((name) => !(name in loaded.recipe.models));
      if (unknown !== undefined || names.length === 0) {
        throw new PrefkitError(
          "bad_option",
          unknown === undefined ? `${loaded.label} names no models.` : `there is no model "${unknown}".`,
          "the recipe's section `models` lists what can be looked at.",
        );
      }
      const access = openModelAccess(loaded, { offline: false, budget: null });
      const signals = listenForSignals(() => terminal.err("Stopping."));
      try {
        const models = await openModels(loaded, new Set(names), catalog.providers, access.runtime);
        try {
          const checkups = await checkModels(models, {
            files: nodeFiles,
            cacheDirectory: access.runtime.cacheDirectory,
            signal: signals.stop,
            onModel: (model) => {
              if (!flags.quiet && !flags.json) terminal.err(pc.dim(`looking at ${model} …`));
            },
          });
          const fit = checkups.every(({ findings }) => findings.every(({ verdict }) => verdict !== "bad"));
          if (flags.json) terminal.out(visibleJson({ ok: fit, models: checkups }));
          else for (const line of checkups.flatMap(checkupLines)) terminal.out(line);
          exit(fit ? 0 : 2);
        } finally {
          await closeModels(models);
        }
      } finally {
        signals.close();
        await access.close();
      }
    });
}

const MARKS: Readonly<Record<Finding["verdict"], string>> = {
  good: pc.green("ok  "),
  warn: pc.yellow("warn"),
  bad: pc.red("bad "),
};

function checkupLines({ model, provider, findings, changes }: ModelCheckup): string[] {
  return [
    `${pc.bold(visibleLine(model))}  ${provider}`,
    ...(findings.length === 0 ? ["  nothing to look at: it is used in process"] : []),
    ...findings.flatMap(({ check, verdict, found, fix }) => [
      `  ${MARKS[verdict]} ${check.replaceAll("_", " ").padEnd(18)} ${visibleLine(found, 300)}`,
      ...(fix === null || verdict === "good"
        ? []
        : [`       ${"".padEnd(18)} Fix: ${visibleLine(fix, 300)}`]),
    ]),
    ...changes.map((change) => `  ${pc.yellow("changed since the last look")}: ${visibleLine(change, 300)}`),
  ];
}
