import { join } from "node:path";
import { cacheDirectory } from "../../../core/disk-cache.ts";
import { isPrefkitError } from "../../../core/errors.ts";
import { nodeFiles } from "../../../core/files.ts";
import {
  checkPython,
  findPython,
  isExport,
  kindFor,
  launchCommand,
  planTraining,
  shellLine,
  type TrainSettings,
} from "../../../trainers/train/index.ts";
import type { Terminal } from "../../terminal.ts";
import { visibleJson, visibleLine } from "../../visible.ts";
import type { Flags } from "./flags.ts";
import { settingsLines } from "./lines.ts";

/** All that a training would be; what is wrong with the Python is told, and is no fault yet. */
export async function dryRun(
  terminal: Terminal,
  flags: Flags,
  settings: TrainSettings,
  { dataset, run }: { readonly dataset: string; readonly run: string },
): Promise<string> {
  const planned = planTraining(settings);
  const exported = await isExport(nodeFiles, dataset);
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

export function pythonOf({ python }: Flags, { environment }: Terminal): Promise<string> {
  return findPython(nodeFiles, {
    ...(python === undefined ? {} : { named: python }),
    environment,
    cacheDirectory: cacheDirectory(environment),
  });
}
