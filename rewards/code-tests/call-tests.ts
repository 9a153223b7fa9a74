import { z } from "zod";
import { sameReturn } from "./compare.ts";
import {
  cancelled,
  type Judged,
  notStarted,
  PASS,
  type TestSettings,
  type Verdict,
  verdictOf,
} from "./outcome.ts";
import { startPeer } from "./peer.ts";
import type { Suite } from "./suite.ts";
import { plainValue, wireValue } from "./values.ts";

type CallSuite = Extract<Suite, { kind: "calls" }>;

const reply = z.union([
  z.object({ value: z.unknown() }),
  z.object({ error: z.tuple([z.string(), z.string(), z.string()]) }),
]);

/**
 * Calls a function of the program with each list of arguments and compares what it returns, here and not where it runs.
 * After a call that took too long, or that ended the program, the rest goes to a fresh program.
 */
export async function runCallTests(
  program: string,
  suite: CallSuite,
  settings: TestSettings,
): Promise<Judged> {
  const deadline = performance.now() + settings.totalSeconds * 1000;
  const verdicts: Verdict[] = [];
  while (verdicts.length < suite.cases.length) {
    const left = (deadline - performance.now()) / 1000;
    if (left <= 0) {
      verdicts.push({ status: "timeout", why: "no time was left for it" });
      continue;
    }
    const cases = suite.cases.slice(verdicts.length);
    const judged = await runOnce(program, { ...suite, cases }, { ...settings, totalSeconds: left });
    if ("trouble" in judged) return judged;
    verdicts.push(...judged);
    if (settings.stopEarly && verdicts.some(({ status }) => status !== "pass")) break;
  }
  return verdicts;
}

async function runOnce(program: string, { name, cases }: CallSuite, settings: TestSettings): Promise<Judged> {
  const { language } = settings.interpreter;
  const verdicts: Verdict[] = [];
  let loadFault: Verdict | null = null;
  let isLoaded = false;
  let slow = false;
  let clock: NodeJS.Timeout | undefined;
  const restartClock = (): void => {
    clearTimeout(clock);
    clock = setTimeout(() => {
      slow = true;
      peer.running.stop("stopped");
    }, settings.wallSeconds * 1000);
  };
  const callNext = (): void => {
    const next = cases[verdicts.length];
    const isSettled = settings.stopEarly && verdicts.some(({ status }) => status !== "pass");
    if (next === undefined || isSettled) {
      peer.running.stop("stopped");
      return;
    }
    const args = next.args.map((value) => wireValue(value));
    const receiver = language === "javascript" ? [["u", 0]] : [];
    peer.send(JSON.stringify({ task: "call", args: [["h", name], ...receiver, ...args] }));
    restartClock();
  };
  const peer = startPeer("program", settings, (line) => {
    const text = language === "python" ? line : line.startsWith("R") ? line.slice(1) : null;
    if (text === null || verdicts.length >= cases.length) return;
    const said = readReply(text);
    if (!isLoaded) {
      isLoaded = true;
      if (said !== null && "error" in said) loadFault = faultOf(said.error, "could not be loaded: ");
      return loadFault === null ? callNext() : peer.running.stop("stopped");
    }
    const test = cases[verdicts.length];
    if (test !== undefined) verdicts.push(judge(said, test, settings));
    callNext();
  });
  peer.send(JSON.stringify({ program, entry: name }));
  restartClock();
  const end = await peer.ended;
  clearTimeout(clock);
  if (settings.signal.aborted) return cancelled();
  if (end.ending === "not-started") return notStarted(end);
  if (loadFault !== null) return cases.map(() => loadFault as Verdict);
  const isSettled = settings.stopEarly && verdicts.some(({ status }) => status !== "pass");
  if (isSettled || verdicts.length === cases.length) return verdicts;
  if (slow || end.ending === "timeout") return [...verdicts, { status: "timeout", why: "took too long" }];
  return isLoaded ? [...verdicts, verdictOf(end)] : cases.map(() => verdictOf(end));
}

type Reply = { value?: unknown } | { error: [string, string, string] } | null;

function readReply(line: string): Reply {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  // The first line names what the program defines.
  if (typeof said === "object" && said !== null && "names" in said) return {};
  const result = reply.safeParse(said);
  return result.success ? result.data : null;
}

function judge(
  said: Reply,
  { expected, text }: CallSuite["cases"][number],
  { tolerance }: TestSettings,
): Verdict {
  if (said === null) return { status: "error", why: "the program broke the line it is called on" };
  if ("error" in said) return faultOf(said.error, "");
  const value = plainValue(said.value);
  if (sameReturn(value, expected, tolerance) || (text !== null && value === text)) return PASS;
  return { status: "fail", why: `got ${shown(value)}, expected ${shown(expected)}` };
}

function faultOf([base, name, text]: readonly [string, string, string], prefix: string): Verdict {
  return { status: "error", why: `${prefix}${name || base}: ${text}`.replace(/\s+/g, " ").slice(0, 200) };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
