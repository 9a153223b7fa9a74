import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import pc from "picocolors";
import { type LoadedRecipe, loadRecipe } from "../../annotate/load-recipe.ts";
import { PrefkitError } from "../../core/errors.ts";
import { nodeFiles } from "../../core/files.ts";
import { suggestion } from "../../core/nearest.ts";
import type { JsonObject } from "../../core/types.ts";
import {
  checkPython,
  checkTraining,
  type GivenReference,
  parseSet,
  planTraining,
  TRAIN_METHODS,
  type TrainOptions,
  type TrainSettings,
  train,
} from "../../trainers/train/index.ts";
import type { CommandSetup } from "../program.ts";
import { decimal, integer } from "../run-options.ts";
import { shortPath } from "../run-summary.ts";
import { exitCodes, listenForSignals } from "../signals.ts";
import { stageProgress } from "../stage-progress.ts";
import type { Terminal } from "../terminal.ts";
import { visibleJson, visibleLine } from "../visible.ts";
import { dryRun, installDryRun, pythonOf, type TrainInputs } from "./train/dry-run.ts";
import type { Flags } from "./train/flags.ts";
import { install, installedLines } from "./train/install.ts";
import { outcomeLines } from "./train/lines.ts";
import { trainProgress } from "./train/progress.ts";
import { computeReference } from "./train/reference.ts";

export function trainCommand(setup: CommandSetup): Command {
  return new Command("train")
    .description("Train a model on a finished dataset with TRL: SimPO, DPO or GRPO.")
    .argument("[dir]", "a finished dataset, or an export of one for trl")
    .addOption(new Option("--method <method>", "how").choices(TRAIN_METHODS))
    .option("--model <model>", "a model's folder, or its id on the Hugging Face hub")
    .option("--out <dir>", "the run's directory")
    .option("--beta <number>", "SimPO 2, DPO 0.1, GRPO 0 (no KL term)", decimal)
    .option("--gamma-ratio <number>", "SimPO: gamma / beta, the authors' convention (0.5)", decimal)
    .option("--lr <number>", "learning rate (1e-6)", decimal)
    .option("--steps <n>", "optimizer steps; goes before --epochs", integer(1))
    .option("--epochs <number>", "passes over the data (1; GRPO 3)", decimal)
    .option("--batch-size <n>", "rows per process and forward pass (8)", integer(1))
    .option(
      "--grad-accum <n>",
      "forward passes per step (so many that a step has 128 pairs in SimPO, 64 in DPO, 8 completions in GRPO)",
      integer(1),
    )
    .option("--max-length <n>", "tokens of prompt and response (SimPO 2048, DPO 1024)", integer(1))
    .option("--lora", "train LoRA adapters on all linear layers, not all weights")
    .option("--lora-rank <n>", "their rank (16); implies --lora", integer(1))
    .option("--processes <n>", "training processes, one per GPU, by accelerate", integer(1), 1)
    .option("--reward <url>", "GRPO: the reward server (prefkit serve), or several separated by commas")
    .option("--group-size <n>", "GRPO: completions per prompt (8)", integer(2))
    .option("--max-completion-length <n>", "GRPO: tokens per completion (512)", integer(1))
    .option("--columns <names>", "GRPO: metadata fields that the reward server gets, separated by commas")
    .option("--reference-logprobs <dir>", "DPO: the reference's log-probs, a `logprobs` table by ids")
    .option("--reference-model <name>", "DPO: compute them now with this model of --recipe")
    .option("--recipe <file>", "the recipe with the reference model")
    .option("--save-every <n>", "steps between checkpoints; the last two are kept", integer(1), 100)
    .option("--seed <n>", "of order, dropout and sampling", integer(0), 0)
    .option("--set <name=value...>", "any field of TRL's config, as in --set warmup_steps=0.1")
    .option("--python <path>", "a Python with TRL (default: PREFKIT_PYTHON, else the installed one)")
    .option("--install", "make a Python environment with TRL in the cache, about 1.5 GB")
    .option("--cpu", "leave a GPU alone")
    .option("--trace", "keep what the first losses are computed from, in trace.jsonl")
    .option("--resume", "go on from the last checkpoint of --out")
    .option("--force", "start over in a directory that holds a training")
    .option("--dry-run", "print what would be done, and do nothing")
    .option("--quiet", "no progress")
    .option("--json", "print the result as JSON on stdout")
    .addHelpText("after", HELP)
    .action((directory: string | undefined, flags: Flags) => trainWith(setup, directory, flags));
}

const HELP = `
The defaults follow each method's authors; --dry-run prints every setting. The token of the reward server is
read from PREFKIT_SERVE_TOKEN alone. Ctrl-C saves a checkpoint after the step under way; --resume goes on
from the last one, after a kill too.

Examples:
  $ prefkit train --install
  $ prefkit train out --method simpo --model Qwen/Qwen3-0.6B --out run --dry-run
  $ prefkit train out --method simpo --model Qwen/Qwen3-0.6B --out run
  $ prefkit train out --method dpo --model ./my-model --lora --steps 200 --out run --processes 4
  $ prefkit train out --method grpo --model ./my-model --reward http://127.0.0.1:8300 --out run
  $ prefkit train out --method simpo --model Qwen/Qwen3-0.6B --out run --resume`;

async function trainWith(setup: CommandSetup, directory: string | undefined, flags: Flags): Promise<void> {
  const { terminal, exit } = setup;
  const progress = trainProgress(terminal, { quiet: flags.quiet ?? false });
  let isTraining = false;
  const signals = listenForSignals((name) => {
    const what = isTraining ? "saving a checkpoint after the step under way" : "stopping";
    progress.note(`${name}: ${what}. Once more quits at once.`);
  });
  try {
    // What is wrong with the training is said before gigabytes are installed.
    const wish = directory === undefined && flags.install ? null : wishOf(terminal, directory, flags);
    let installed: string | null = null;
    if (flags.install && flags.dryRun) terminal.out(await installDryRun(terminal, flags));
    else if (flags.install) {
      const made = await install(terminal, flags, progress.note, signals.stop);
      if (made === null) {
        terminal.err("Stopped: the installation is not finished. The same command makes it anew.");
        return exit(exitCodes(signals.received()));
      }
      installed = made.python;
      if (wish === null) for (const line of installedLines(made, terminal, flags)) terminal.out(line);
    }
    if (wish === null) return exit(0);
    const { settings, run } = wish;
    const given = { ...wish, progress, stop: signals.stop };
    if (flags.dryRun) {
      terminal.out(await dryRun(terminal, flags, await inputsOf(terminal, flags, settings, given)));
      return exit(0);
    }
    const options = await optionsOf(
      terminal,
      // What was just installed trains; --python named what it was made from.
      installed === null ? flags : { ...flags, python: installed },
      settings,
      given,
    );
    isTraining = true;
    const outcome = await train(options);
    progress.stop();
    if (outcome === null) {
      terminal.err("Stopped before the first step.");
      if (flags.json) terminal.out(visibleJson({ ok: false, out: run, kind: "stopped", step: 0 }));
    } else if (flags.json) terminal.out(visibleJson({ ok: outcome.kind === "done", out: run, ...outcome }));
    else for (const line of outcomeLines(outcome, shortPath(run, terminal.directory))) terminal.out(line);
    exit(outcome?.kind === "done" ? 0 : exitCodes(signals.received()));
  } finally {
    progress.stop();
    signals.close();
  }
}

interface Wish extends Pick<Run, "dataset" | "run"> {
  readonly settings: TrainSettings;
}

function wishOf(terminal: Terminal, directory: string | undefined, flags: Flags): Wish {
  const settings = settingsOf(flags, terminal);
  const from = needed(directory, "no dataset", "name one: `prefkit train DIR …`.");
  const out = needed(flags.out, "no --out", "add --out RUN.");
  return {
    settings,
    dataset: resolve(terminal.directory, from),
    run: resolve(terminal.directory, out),
  };
}

function needed<Value>(value: Value | undefined, missing: string, fix: string): Value {
  if (value !== undefined) return value;
  throw new PrefkitError("bad_option", `train was given ${missing}.`, fix);
}

function settingsOf(flags: Flags, terminal: Terminal): TrainSettings {
  const { beta, gammaRatio, steps, epochs, batchSize, gradAccum, maxLength } = flags;
  const { reward, groupSize, maxCompletionLength, processes, saveEvery, seed } = flags;
  const model = needed(flags.model, "no --model", "add --model with a folder or a hub id.");
  const settings: TrainSettings = {
    method: needed(flags.method, "no --method", `add --method ${TRAIN_METHODS.join(", ")}.`),
    // A folder is named from here; the training runs elsewhere.
    model: existsSync(resolve(terminal.directory, model)) ? resolve(terminal.directory, model) : model,
    loraRank: flags.loraRank ?? (flags.lora ? 16 : null),
    ...{ processes, saveEvery, seed },
    set: parseSet(flags.set ?? []),
    ...present({ beta, gammaRatio, learningRate: flags.lr, steps, epochs, batchSize, gradAccum, maxLength }),
    ...present({ reward, groupSize, maxCompletionLength }),
  };
  checkTraining(settings);
  return settings;
}

function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };
}

interface Run {
  readonly dataset: string;
  readonly run: string;
  readonly progress: ReturnType<typeof trainProgress>;
  readonly stop: AbortSignal;
}

async function optionsOf(
  terminal: Terminal,
  flags: Flags,
  settings: TrainSettings,
  given: Run,
): Promise<TrainOptions> {
  const inputs = await inputsOf(terminal, flags, settings, given);
  const { environment } = terminal;
  const python = await pythonOf(flags, terminal);
  await checkPython(python, { lora: settings.loraRank !== null, environment });
  return {
    ...inputs,
    ...{ python, environment, stop: given.stop },
    cpu: flags.cpu ?? false,
    trace: flags.trace ?? false,
    onEvent: given.progress.event,
    onNote: (text) => given.progress.note(`${pc.yellow("warning:")} ${text}`),
  };
}

/** What is read, and where it goes; refuses flags that the method has no use for, in a dry run too. */
async function inputsOf(
  terminal: Terminal,
  flags: Flags,
  settings: TrainSettings,
  { dataset, run, progress, stop }: Run,
): Promise<TrainInputs> {
  const onStage = stageProgress<string>(progress.note);
  const reference = await referenceOf(terminal, flags, settings, { dataset, stop, onStage });
  return {
    files: nodeFiles,
    from: dataset,
    out: run,
    ...{ settings, onStage },
    resume: flags.resume ?? false,
    force: flags.force ?? false,
    layoutOptions: layoutOptions(flags, settings),
    ...(reference === null ? {} : { reference }),
  };
}

function layoutOptions({ columns }: Flags, { method }: TrainSettings): JsonObject {
  if (columns === undefined) return {};
  if (method === "grpo") return { columns };
  throw new PrefkitError(
    "bad_option",
    `--columns was given, and ${method} asks no reward server.`,
    "leave it out.",
  );
}

async function referenceOf(
  terminal: Terminal,
  flags: Flags,
  settings: TrainSettings,
  {
    dataset,
    stop,
    onStage,
  }: Pick<Run, "dataset" | "stop"> & { onStage: NonNullable<TrainOptions["onStage"]> },
): Promise<GivenReference | null> {
  const { referenceLogprobs, referenceModel, recipe } = flags;
  if (referenceModel === undefined && referenceLogprobs === undefined) return null;
  if (settings.method !== "dpo" || (referenceModel !== undefined && referenceLogprobs !== undefined)) {
    throw new PrefkitError(
      "bad_option",
      settings.method === "dpo"
        ? "--reference-model and --reference-logprobs were both given."
        : `log-probs of a reference were given, and ${settings.method} has no reference.`,
      settings.method === "dpo" ? "give one of them." : "leave them out, or choose --method dpo.",
    );
  }
  if (referenceLogprobs !== undefined) {
    return { directory: resolve(terminal.directory, referenceLogprobs) };
  }
  const name = referenceModel ?? "";
  const file = resolve(
    terminal.directory,
    needed(recipe, "--reference-model without --recipe", "add --recipe FILE, which has the model."),
  );
  if (!existsSync(file))
    throw new PrefkitError(
      "no_input_file",
      `there is no recipe ${visibleLine(file, 300)}.`,
      "correct --recipe.",
    );
  requireModelOf(await loadRecipe(file, terminal.environment), name);
  const maxLength = planTraining(settings).trainer.max_length;
  return {
    name,
    make: (run) =>
      computeReference({
        ...{ terminal, recipe: file, name, dataset, run, stop },
        trained: settings.model,
        maxLength: typeof maxLength === "number" ? maxLength : Number.POSITIVE_INFINITY,
        onProgress: (done, total) => onStage("Reference log-probs of pairs", done, total),
      }),
  };
}

/** Before anything is exported for it: a dry run says so, too. */
function requireModelOf({ recipe: { models }, label }: LoadedRecipe, name: string): void {
  const names = Object.keys(models);
  if (names.includes(name)) return;
  throw new PrefkitError(
    "bad_recipe",
    `${label} has no model "${visibleLine(name)}" under \`models\`.`,
    suggestion(name, names),
  );
}
