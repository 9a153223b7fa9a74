import { resolve } from "node:path";
import { type FinishChange, type RecombineOptions, recombine } from "../annotate/recombine.ts";
import type { CommandSetup } from "./program.ts";
import { startProgress } from "./progress.ts";
import { datasetLines, shortPath } from "./run-summary.ts";
import { exitCodes, listenForSignals } from "./signals.ts";

export interface RecombineFlags {
  readonly out?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Changes a dataset's rewards and pairs, with progress; shared by combine and pair. */
export async function recombineWith(
  { terminal, exit }: CommandSetup,
  directory: string,
  change: FinishChange,
  label: string,
  flags: RecombineFlags,
  check?: RecombineOptions["check"],
): Promise<void> {
  const progress = startProgress(terminal, { quiet: flags.quiet ?? false });
  const signals = listenForSignals((name) =>
    progress.note(`${name}: stopping; the dataset stays as it was.`),
  );
  try {
    const made = await recombine(directory, change, label, {
      stop: signals.stop,
      onStart: progress.start,
      ...(check && { check }),
      ...(flags.out === undefined ? {} : { out: resolve(terminal.directory, flags.out) }),
    });
    progress.stop();
    if (!made) {
      terminal.err("Stopped; the dataset is as it was.");
      return exit(exitCodes(signals.received()));
    }
    const { manifest, out } = made;
    if (flags.json)
      terminal.out(JSON.stringify({ ok: true, out, summary: manifest.summary, files: manifest.files }));
    else for (const line of datasetLines(manifest, shortPath(out, terminal.directory))) terminal.out(line);
  } finally {
    progress.stop();
    signals.close();
  }
}
