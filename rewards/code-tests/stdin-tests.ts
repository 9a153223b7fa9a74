import type { SandboxEnd, SandboxJob } from "../../src/core/sandbox/job.ts";
import { startProgram } from "../../src/core/sandbox/run.ts";
import { sameOutput } from "./compare.ts";
import { type Frame, frameReader } from "./frames.ts";
import {
  cancelled,
  endOrAbort,
  type Judged,
  notStarted,
  PASS,
  said,
  type TestSettings,
  type Verdict,
  verdictOf,
} from "./outcome.ts";
import { PYTHON_STDIN } from "./python-stdin.ts";
import type { Suite } from "./suite.ts";

type Case = Extract<Suite, { kind: "stdin" }>["cases"][number];

/** Runs the program once per case, with the case's input, and compares what it writes, here and not where it runs. */
export function runStdinTests(
  program: string,
  cases: readonly Case[],
  settings: TestSettings,
): Promise<Judged> {
  return settings.interpreter.language === "python"
    ? runForked(program, cases, settings)
    : runApart(program, cases, settings);
}

function judge(output: string, { output: expected }: Case, tolerance: number): Verdict {
  if (sameOutput(output, expected, tolerance)) return PASS;
  return { status: "fail", why: `got ${shown(output)}, expected ${shown(expected)}` };
}

function shown(text: string): string {
  const line = text.trimEnd().slice(0, 200);
  return JSON.stringify(line.length <= 60 ? line : `${line.slice(0, 59)}…`);
}

/** A sandbox for each case. */
async function runApart(program: string, cases: readonly Case[], settings: TestSettings): Promise<Judged> {
  const { interpreter, limits, signal } = settings;
  const verdicts: Verdict[] = [];
  const deadline = performance.now() + settings.totalSeconds * 1000;
  for (const test of cases) {
    const left = (deadline - performance.now()) / 1000;
    if (left <= 0) return withTimeouts(verdicts, cases.length);
    const job: SandboxJob = {
      command: [...interpreter.command, `--max-old-space-size=${Math.ceil(limits.memoryMb)}`, "program.js"],
      readable: interpreter.readable,
      reserved: interpreter.reserved,
      files: [
        { name: "program.js", text: program },
        { name: "input", text: test.input },
      ],
      stdinFile: "input",
      limits: { ...limits, wallSeconds: Math.min(settings.wallSeconds, left) },
    };
    const output: Buffer[] = [];
    const running = startProgram(job, settings.confinement, (bytes) => output.push(bytes));
    const end = await endOrAbort(running, signal);
    if (signal.aborted) return cancelled();
    if (end.ending === "not-started") return notStarted(end);
    const clean = end.ending === "exited" && end.exitCode === 0;
    const verdict = clean
      ? judge(Buffer.concat(output).toString(), test, settings.tolerance)
      : verdictOf(end);
    verdicts.push(verdict);
    if (settings.stopEarly && verdict.status !== "pass") break;
  }
  return verdicts;
}

/** Tests that nobody got round to, because those before took all the time. */
function withTimeouts(verdicts: readonly Verdict[], total: number): Verdict[] {
  const late: Verdict = { status: "timeout", why: "no time was left for it" };
  return [...verdicts, ...Array.from({ length: total - verdicts.length }, () => late)];
}

/** One sandbox and one interpreter for all cases, which forks for each: see `PYTHON_STDIN`. */
async function runForked(program: string, cases: readonly Case[], settings: TestSettings): Promise<Judged> {
  const { interpreter, limits, signal } = settings;
  const job: SandboxJob = {
    command: [...interpreter.command, "-c", PYTHON_STDIN],
    readable: interpreter.readable,
    reserved: interpreter.reserved,
    limits: {
      ...limits,
      // The parent's own time, for handing over what its children write.
      cpuSeconds: limits.cpuSeconds + 10,
      wallSeconds: settings.totalSeconds,
      // Room for the output of each case, and for the line before it.
      outputKb: (limits.outputKb + 4) * cases.length,
      processes: limits.processes + 1,
      fileMb: Math.max(
        limits.fileMb,
        ...cases.map(({ input }) => Math.ceil(Buffer.byteLength(input) / 2 ** 20) + 1),
      ),
    },
  };
  const verdicts: Verdict[] = [];
  const isSettled = (): boolean =>
    verdicts.length >= cases.length ||
    (settings.stopEarly && verdicts.some(({ status }) => status !== "pass"));
  const outputBytes = limits.outputKb * 1024;
  // A program that gets at the line of the process that runs it can say how a case ended, but what it is judged by is
  // still its own output, case by case, and there are no more verdicts than cases.
  const readFrames = frameReader({ count: cases.length, limit: outputBytes }, (frame) => {
    const test = cases[verdicts.length];
    if (test === undefined || isSettled()) return;
    verdicts.push(readFrame(frame, test, settings.tolerance));
    if (isSettled()) running.stop("stopped");
  });
  const running = startProgram(job, settings.confinement, readFrames);
  const texts = [program, ...cases.map(({ input }) => input)];
  const head = [
    Math.round(settings.wallSeconds * 1000),
    Math.ceil(limits.cpuSeconds),
    outputBytes,
    settings.confinement === "unsafe" ? 0 : 1,
    ...texts.map((text) => Buffer.byteLength(text)),
  ];
  running.write(`${head.join(" ")}\n${texts.join("")}`);
  running.closeInput();
  const end = await endOrAbort(running, signal);
  if (signal.aborted) return cancelled();
  if (end.ending === "not-started") return notStarted(end);
  if (isSettled()) return verdicts;
  // The program ended its own test run, by killing the process that runs it or by using up what all tests share.
  const rest = restOf(end);
  return [...verdicts, ...Array.from({ length: cases.length - verdicts.length }, () => rest)];
}

function restOf(end: SandboxEnd): Verdict {
  if (end.ending === "timeout") return { status: "timeout", why: "no time was left for it" };
  return verdictOf(end);
}

function readFrame({ how, value, stdout, stderr }: Frame, test: Case, tolerance: number): Verdict {
  if (how === "timeout" || (how === "signal" && value === 24))
    return { status: "timeout", why: "took too long" };
  if (how === "output") return { status: "error", why: "wrote more output than allowed" };
  if (how === "signal") return { status: "error", why: `was killed by signal ${value}${said(stderr)}` };
  if (value !== 0) return { status: "error", why: `ended with exit code ${value}${said(stderr)}` };
  return judge(stdout, test, tolerance);
}
