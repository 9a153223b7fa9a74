import type { RunningProgram, SandboxEnd, SandboxJob } from "../../src/core/sandbox/job.ts";
import { startProgram } from "../../src/core/sandbox/run.ts";
import { JAVASCRIPT_PROGRAM, JAVASCRIPT_TESTER } from "./javascript-functions.ts";
import { endOrAbort, type TestSettings } from "./outcome.ts";
import { PYTHON_PROGRAM, PYTHON_TESTER } from "./python-functions.ts";

/** A process in a sandbox that one talks with line by line. */
export interface Peer {
  send(line: string): void;
  readonly running: RunningProgram;
  readonly ended: Promise<SandboxEnd>;
}

const SOURCES = {
  python: { program: PYTHON_PROGRAM, tester: PYTHON_TESTER },
  javascript: { program: JAVASCRIPT_PROGRAM, tester: JAVASCRIPT_TESTER },
} as const;

const ROOM_FOR_VALUES_KB = 65_536;

/** Starts the process that holds the program, or the one that holds the tests. */
export function startPeer(
  role: "program" | "tester",
  settings: TestSettings,
  onLine: (line: string) => void,
): Peer {
  const { interpreter, limits, signal } = settings;
  const { language, command, readable, reserved } = interpreter;
  const source = SOURCES[language][role];
  const job: SandboxJob = {
    command: [
      ...command,
      ...(language === "python"
        ? ["-c", source]
        : [`--max-old-space-size=${Math.ceil(limits.memoryMb)}`, "-e", source]),
    ],
    readable,
    reserved,
    limits: {
      ...limits,
      // The clock for one test is kept outside, where the tests begin and end.
      cpuSeconds: settings.totalSeconds,
      wallSeconds: settings.totalSeconds,
      // Calls and values are counted as output; tests with large arguments must have room for them.
      outputKb: limits.outputKb + ROOM_FOR_VALUES_KB,
    },
  };
  const running = startProgram(job, settings.confinement, lineReader(onLine));
  return {
    running,
    send: (line) => running.write(`${line}\n`),
    ended: endOrAbort(running, signal),
  };
}

function lineReader(onLine: (line: string) => void): (bytes: Buffer) => void {
  let pending: Buffer[] = [];
  return (bytes) => {
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      pending.push(bytes.subarray(start, end));
      onLine(Buffer.concat(pending).toString("utf8"));
      pending = [];
      start = end + 1;
    }
    if (start < bytes.length) pending.push(bytes.subarray(start));
  };
}
