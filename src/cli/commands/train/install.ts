import { cacheDirectory } from "../../../core/disk-cache.ts";
import { nodeFiles } from "../../../core/files.ts";
import { installPython } from "../../../trainers/train/index.ts";
import type { Terminal } from "../../terminal.ts";
import { visibleJson, visibleLine } from "../../visible.ts";
import type { Flags } from "./flags.ts";

type Installed = NonNullable<Awaited<ReturnType<typeof installPython>>>;

/** Makes or completes the environment; null when it was stopped. */
export function install(
  { environment }: Terminal,
  { python }: Flags,
  onLine: (line: string) => void,
  stop: AbortSignal,
): Promise<Installed | null> {
  return installPython(nodeFiles, {
    ...(python === undefined ? {} : { named: python }),
    ...{ environment, stop, cacheDirectory: cacheDirectory(environment) },
    onLine: (line) => onLine(visibleLine(line, 200)),
  });
}

export function installedLines(
  { python, versions }: Installed,
  { environment }: Terminal,
  { json }: Flags,
): string[] {
  if (json) return [visibleJson({ ok: true, python, versions })];
  const lines = [`${visibleLine(python, 300)} has trl ${versions.trl} and torch ${versions.torch}.`];
  if (environment.PREFKIT_PYTHON)
    lines.push("PREFKIT_PYTHON is set, and goes before it: unset that to train with what was installed.");
  return lines;
}
