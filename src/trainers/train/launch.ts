import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { ioError, PrefkitError, reasonOf } from "../../core/errors.ts";
import { eventOf, linesOf, type TrainEvent } from "./events.ts";
import { TRAIN_SCRIPT } from "./python.ts";

export interface CommandOptions {
  readonly python: string;
  readonly processes: number;
  readonly cpu: boolean;
}

/** The command that trains what the config file says: Python itself, or accelerate for several processes. */
export function launchCommand(
  configPath: string,
  { python, processes, cpu }: CommandOptions,
): readonly string[] {
  if (processes === 1) return [python, TRAIN_SCRIPT, configPath];
  // accelerate starts a single process where there is no GPU; torch's own launcher starts them all.
  if (cpu) {
    const launcher = [python, "-m", "torch.distributed.run", "--standalone"];
    return [...launcher, "--nproc_per_node", String(processes), TRAIN_SCRIPT, configPath];
  }
  return [
    ...[python, "-m", "accelerate.commands.launch"],
    ...["--num_processes", String(processes), "--num_machines", "1"],
    // The precision is the trainer's own setting; accelerate would ask its own config file otherwise.
    ...["--mixed_precision", "no", "--dynamo_backend", "no", "--multi_gpu"],
    TRAIN_SCRIPT,
    configPath,
  ];
}

export interface LaunchOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** All that the libraries say is appended here. */
  readonly logPath: string;
  /** Aborting asks for a checkpoint after the step under way, and an end. */
  readonly stop: AbortSignal;
}

/** Variables that every training runs with, beside the user's own. */
export function trainEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  { cpu }: { readonly cpu: boolean },
): Readonly<Record<string, string | undefined>> {
  return {
    ...environment,
    PREFKIT_TRAIN_SUPERVISED: "1",
    PYTHONUNBUFFERED: "1",
    PYTHONUTF8: "1",
    ...(cpu ? { CUDA_VISIBLE_DEVICES: "" } : {}),
  };
}

const KEPT_LINES = 20;

/**
 * Runs the training process and yields its events; ends when it has ended well. The process stands in a group of its own,
 * so that Ctrl-C reaches us alone and the step under way is finished. When we die, its stdin closes and it ends at once.
 *
 * Throws the error that the process refused with; `missing_dependency` when there is no such program; `contract_broken`
 * with its last lines when it ends otherwise.
 */
export async function* launch({
  command,
  environment,
  logPath,
  stop,
}: LaunchOptions): AsyncGenerator<TrainEvent> {
  const [program = "", ...args] = command;
  const log = createWriteStream(logPath, { flags: "a" });
  const child = spawn(program, args, { env: environment, stdio: ["pipe", "pipe", "pipe"], detached: true });
  const last: string[] = [];
  const keep = (line: string): void => {
    log.write(`${line}\n`);
    if (line.trim() === "") return;
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
  };
  const ended = new Promise<Ending>((resolve) => {
    child.on("error", (error) => resolve({ code: null, signal: null, error }));
    child.on("close", (code, signal) => resolve({ code, signal, error: null }));
  });
  // A process that has ended cannot be asked to stop; how it ended is told below.
  child.stdin.on("error", () => undefined);
  const askToStop = (): void => {
    child.stdin.write("stop\n");
  };
  if (stop.aborted) askToStop();
  stop.addEventListener("abort", askToStop);
  const logFault = finished(log).then(
    () => null,
    (error: unknown) => ioError("write", logPath, error),
  );
  const errors = (async () => {
    for await (const line of linesOf(child.stderr)) keep(line);
  })();
  let refusal: Extract<TrainEvent, { event: "refused" }> | null = null;
  let whole = false;
  try {
    for await (const line of linesOf(child.stdout)) {
      const event = eventOf(line);
      if (event === null) {
        if (line !== "") keep(line);
        continue;
      }
      if (event.event === "refused") refusal = event;
      yield event;
    }
    await errors;
    whole = true;
  } finally {
    stop.removeEventListener("abort", askToStop);
    child.stdin.end();
    // A consumer that stopped listening: the process would go on writing for nobody.
    if (!whole) child.kill("SIGKILL");
    log.end();
  }
  const ending = await ended;
  const fault = await logFault;
  if (fault) throw fault;
  if (refusal) throw refusedError(refusal);
  if (ending.error !== null || ending.code !== 0) throw endedError(program, ending, last, logPath);
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: Error | null;
}

/** Codes that the script may refuse with: it is data to us, and decides on nothing else. */
const REFUSALS = [
  "bad_option",
  "need_unmet",
  "missing_dependency",
  "damaged_file",
  "empty_input",
  "not_finite",
  "io",
] as const;

function refusedError({ code, problem, fix }: Extract<TrainEvent, { event: "refused" }>): PrefkitError {
  const known = REFUSALS.find((name) => name === code);
  return new PrefkitError(known ?? "contract_broken", String(problem), String(fix));
}

function endedError(program: string, ending: Ending, last: readonly string[], logPath: string): PrefkitError {
  if (ending.error !== null) {
    return new PrefkitError(
      "missing_dependency",
      `${program} could not be started: ${reasonOf(ending.error)}.`,
      "name a Python that has TRL by --python.",
      { cause: ending.error },
    );
  }
  const how = ending.signal === null ? `code ${ending.code}` : `signal ${ending.signal}`;
  const lines = last.map((line) => `\n  ${line}`).join("");
  return new PrefkitError(
    "contract_broken",
    `the training process ended with ${how}${last.length === 0 ? "." : `; its last lines:${lines}`}`,
    `look at ${logPath}; after a correction give the same command again, with --resume where steps were trained.`,
  );
}
