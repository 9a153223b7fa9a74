import { join } from "node:path";
import { cacheDirectory } from "../../../core/disk-cache.ts";
import { isPrefkitError } from "../../../core/errors.ts";
import { nodeFiles } from "../../../core/files.ts";
import {
  checkInputs,
  checkPython,
  findPython,
  installCommands,
  kindFor,
  launchCommand,
  lookAtRun,
  plannedTrainer,
  planTraining,
  shellLine,
  type TrainOptions,
  type TrainSettings,
} from "../../../trainers/train/index.ts";
import type { Terminal } from "../../terminal.ts";
import { visibleJson, visibleLine } from "../../visible.ts";
import type { Flags } from "./flags.ts";
import { settingsLines } from "./lines.ts";

/** The part of a training's options that can be looked at without Python. */
export type TrainInputs = Omit<TrainOptions, "python" | "environment" | "stop">;

/**
 * All that a training would be; what is wrong with the Python is told, and is no fault yet. Everything else that the training
 * would refuse is refused here: throws as `train` does.
 */
export async function dryRun(terminal: Terminal, flags: Flags, inputs: TrainInputs): Promise<string> {
  const { files, settings, from: dataset, out: run, resume = false, force = false } = inputs;
  const exported = await checkInputs(inputs);
  await lookAtRun(files, run, { resume, force });
  const planned = { ...planTraining(settings), trainer: plannedTrainer(inputs) };
  const { python, versions, problem } = await pythonFound(flags, settings, terminal);
  const command = launchCommand(join(run, "config.json"), {
    python: python ?? "python",
    processes: settings.processes,
    cpu: flags.cpu ?? false,
  });
  if (flags.json) {
    return visibleJson({
      ok: problem === null,
      ...{ settings, planned, dataset, run, command, python, versions, problem },
    });
  }
  const kind = kindFor(settings.method);
  return [
    ...settingsLines(settings, planned),
    `data: ${kind} rows for trl, ${exported ? "read from" : "exported from"} ${visibleLine(dataset, 300)}`,
    `run: ${visibleLine(run, 300)}`,
    `command: ${visibleLine(shellLine(command), 1000)}`,
    problem === null
      ? `python: ${Object.entries(versions ?? {})
          .map(([name, version]) => `${name} ${version ?? "absent"}`)
          .join(", ")}`
      : `python: ${problem}`,
    "Nothing was done: this is a dry run.",
  ].join("\n");
}

async function pythonFound(flags: Flags, settings: TrainSettings, terminal: Terminal) {
  try {
    const python = await pythonOf(flags, terminal);
    const lora = settings.loraRank !== null;
    return {
      python,
      versions: await checkPython(python, { lora, environment: terminal.environment }),
      problem: null,
    };
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    return { python: flags.python ?? null, versions: null, problem: error.message };
  }
}

/** What `--install` would run. */
export async function installDryRun(terminal: Terminal, { python, json }: Flags): Promise<string> {
  const { environment } = terminal;
  const commands = await installCommands(nodeFiles, {
    ...(python === undefined ? {} : { named: python }),
    environment,
    cacheDirectory: cacheDirectory(environment),
  });
  if (json) return visibleJson({ ok: true, install: commands });
  return [
    ...commands.map((command) => `install: ${visibleLine(shellLine(command), 1000)}`),
    "Nothing was installed: this is a dry run.",
  ].join("\n");
}

export function pythonOf({ python }: Flags, { environment }: Terminal): Promise<string> {
  return findPython(nodeFiles, {
    ...(python === undefined ? {} : { named: python }),
    environment,
    cacheDirectory: cacheDirectory(environment),
  });
}
