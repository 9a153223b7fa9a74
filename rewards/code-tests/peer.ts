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

/** Lists in lists in one line. A value nested as deep as either side writes it takes three for each of its 200 levels. */
const MOST_NESTED = 700;
/** Values in one line. Small ones take far more memory here than in the line. */
const MOST_VALUES = 4_000_000;

/** What stands for a line that no one could read. */
const UNREADABLE = JSON.stringify({
  error: ["ValueError", "ValueError", "a value is nested too deep, or too large"],
});

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
  const instead = role === "program" && language === "javascript" ? `R${UNREADABLE}` : UNREADABLE;
  const read = lineReader((line) => onLine(isReadable(line) ? line.toString("utf8") : instead));
  const running = startProgram(job, settings.confinement, read);
  return {
    running,
    send: (line) => running.write(`${line}\n`),
    ended: endOrAbort(running, signal),
  };
}

/** Whether the values in a line are nested no deeper, and are no more, than they may be. Texts do not count. */
function isReadable(line: Buffer): boolean {
  let depth = 0;
  let values = 0;
  let isText = false;
  for (let place = 0; place < line.length; place += 1) {
    const byte = line[place];
    if (isText && byte === BACKSLASH) place += 1;
    else if (byte === QUOTE) isText = !isText;
    else if (isText) continue;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth += 1;
    else if (byte === COMMA) values += 1;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    if (depth > MOST_NESTED || values > MOST_VALUES) return false;
  }
  return true;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, COMMA] = Buffer.from('"\\[]{},');

function lineReader(onLine: (line: Buffer) => void): (bytes: Buffer) => void {
  let pending: Buffer[] = [];
  return (bytes) => {
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      pending.push(bytes.subarray(start, end));
      onLine(Buffer.concat(pending));
      pending = [];
      start = end + 1;
    }
    if (start < bytes.length) pending.push(bytes.subarray(start));
  };
}
