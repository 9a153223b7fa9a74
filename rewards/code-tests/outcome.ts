import type { RunningProgram, SandboxEnd, SandboxLimits } from "../../src/core/sandbox/job.ts";
import type { Confinement } from "../../src/core/sandbox/run.ts";
import type { Interpreter } from "./interpreters.ts";

/** One test, judged. */
export interface Verdict {
  readonly status: "pass" | "fail" | "timeout" | "error";
  /** In words; empty for a pass. */
  readonly why: string;
}

/** Our trouble: no verdict can be given. */
export interface Trouble {
  readonly trouble: string;
  readonly why: string;
}

/** One verdict per test, up to the first that did not pass where `stopEarly` says so. */
export type Judged = readonly Verdict[] | Trouble;

export interface TestSettings {
  readonly interpreter: Interpreter;
  readonly confinement: Confinement;
  readonly limits: SandboxLimits;
  /** Seconds by the clock for one test. */
  readonly wallSeconds: number;
  /** Seconds by the clock for all tests of a response. */
  readonly totalSeconds: number;
  readonly tolerance: number;
  /** Whether a test that did not pass settles it. */
  readonly stopEarly: boolean;
  readonly signal: AbortSignal;
}

export const PASS: Verdict = { status: "pass", why: "" };

export function isTrouble(judged: Judged): judged is Trouble {
  return "trouble" in judged;
}

export function cancelled(): Trouble {
  return { trouble: "cancelled", why: "the run was stopped" };
}

export function notStarted({ stderr }: SandboxEnd): Trouble {
  return {
    trouble: "sandbox_failed",
    why: `the sandbox did not start: ${stderr.replace(/\s+/g, " ").trim().slice(-200)}`,
  };
}

/** What the end of a program means for the test that was running. */
export function verdictOf({ ending, exitCode, stderr }: SandboxEnd): Verdict {
  switch (ending) {
    case "timeout":
      return { status: "timeout", why: "took too long" };
    case "output":
      return { status: "error", why: "wrote more output than allowed" };
    case "memory":
      return { status: "error", why: "used more memory than allowed" };
    case "unreadable":
      return { status: "error", why: "the program broke the line it is called on" };
    case "killed":
      return { status: "error", why: `was killed by a signal${said(stderr)}` };
    default:
      return { status: "error", why: `ended with exit code ${exitCode}${said(stderr)}` };
  }
}

/** The last line of standard error that says something, as an interpreter's error message does. */
export function said(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const line =
    lines.findLast((candidate) => /^[\w.]*(Error|Exception|Interrupt)\b/.test(candidate)) ?? lines.at(-1);
  return line === undefined ? "" : `: ${line.slice(0, 200)}`;
}

/** Waits for the end of a program, and brings it about when the signal aborts. */
export async function endOrAbort(running: RunningProgram, signal: AbortSignal): Promise<SandboxEnd> {
  const abort = (): void => running.stop("stopped");
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const end = await running.ended;
  signal.removeEventListener("abort", abort);
  return end;
}
