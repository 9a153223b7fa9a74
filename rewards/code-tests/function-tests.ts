import { z } from "zod";
import type { SandboxEnd } from "../../src/core/sandbox/job.ts";
import {
  cancelled,
  isTrouble,
  type Judged,
  notStarted,
  type TestSettings,
  type Trouble,
  type Verdict,
  verdictOf,
} from "./outcome.ts";
import { type Peer, startPeer } from "./peer.ts";
import type { Suite } from "./suite.ts";

type FunctionSuite = Extract<Suite, { kind: "functions" }>;

const programSays = z.union([
  z.object({ names: z.array(z.string()) }),
  z.object({ error: z.tuple([z.string(), z.string(), z.string()]) }),
]);
const verdict = z.object({ status: z.enum(["pass", "fail", "error"]), why: z.string() });

/**
 * Runs tests that call the program's functions. The tests run in one sandbox and the program in another; calls and
 * values go between them as data, through this process. The program never sees the tests, has no part in comparing,
 * and cannot reach the line on which a verdict is given.
 *
 * After a test that took too long, what is left is run with a fresh program.
 */
export async function runFunctionTests(
  program: string,
  suite: FunctionSuite,
  settings: TestSettings,
): Promise<Judged> {
  const source = withPrefix(program, suite, settings);
  const deadline = performance.now() + settings.totalSeconds * 1000;
  const verdicts: Verdict[] = [];
  while (verdicts.length < suite.tests.length) {
    const left = (deadline - performance.now()) / 1000;
    if (left <= 0) {
      verdicts.push({ status: "timeout", why: "no time was left for it" });
      continue;
    }
    const tests = suite.tests.slice(verdicts.length);
    const judged = await runOnce(source, { ...suite, tests }, { ...settings, totalSeconds: left });
    if (isTrouble(judged)) return judged;
    verdicts.push(...judged);
    if (settings.stopEarly && verdicts.some(({ status }) => status !== "pass")) break;
  }
  return verdicts;
}

/**
 * HumanEval's prompt ends inside a function. A body goes on there; a whole function stands below it in Python, where the
 * prompt is complete by its docstring, and alone in JavaScript, where it is not.
 */
function withPrefix(
  program: string,
  { prefix, entry }: FunctionSuite,
  { interpreter }: TestSettings,
): string {
  if (prefix === "" || entry === null) return prefix + program;
  const name = entry.replaceAll("$", "\\$");
  if (interpreter.language === "python") {
    const isWhole = new RegExp(`^(async )?(def|class) +${name}\\b|^${name} *=`, "m").test(program);
    if (!isWhole) return prefix + program;
    return `${prefix}${prefix.trimEnd().endsWith(":") ? "\n    pass\n" : "\n"}${program}`;
  }
  const isWhole = new RegExp(`\\b(function\\*?|const|let|var|class) +${name}\\b|\\b${name} *=`).test(program);
  return isWhole ? program : prefix + program;
}

/** At least one verdict, up to the first test that took too long or ended the program. */
async function runOnce(source: string, suite: FunctionSuite, settings: TestSettings): Promise<Judged> {
  const verdicts: Verdict[] = [];
  let trouble: Trouble | null = null;
  let loadFault: Verdict | null = null;
  let slow = false;
  let isLoaded = false;
  let clock: NodeJS.Timeout | undefined;

  const stopAll = (): void => {
    program.running.stop("stopped");
    tester.running.stop("stopped");
  };
  const restartClock = (): void => {
    clearTimeout(clock);
    clock = setTimeout(() => {
      slow = true;
      stopAll();
    }, settings.wallSeconds * 1000);
  };

  function onProgramLine(line: string): void {
    const text = settings.interpreter.language === "javascript" ? marked(line) : line;
    if (text === null) return;
    if (isLoaded) {
      tester.send(text);
      return;
    }
    isLoaded = true;
    const loaded = readLoaded(text);
    if ("status" in loaded) {
      loadFault = loaded;
      stopAll();
      return;
    }
    const { prefix, setup, tests, entry } = suite;
    tester.send(JSON.stringify({ prefix, setup, tests, entry, names: loaded.names }));
    restartClock();
  }

  function onTesterLine(line: string): void {
    const body = line.slice(1);
    if (line.startsWith("C")) {
      program.send(body);
      return;
    }
    const said = parsedOrNull(body);
    const given = verdict.safeParse(said);
    if (line.startsWith("V") && given.success) {
      verdicts.push(given.data);
      if (settings.stopEarly && given.data.status !== "pass") stopAll();
      else restartClock();
    } else {
      trouble = {
        trouble: "unreadable_tests",
        why: String(said ?? "the tests wrote to the line of verdicts"),
      };
      stopAll();
    }
  }

  const program: Peer = startPeer("program", settings, onProgramLine);
  const tester: Peer = startPeer("tester", settings, onTesterLine);
  // Nothing of the tests goes there: words of theirs may be answers.
  program.send(JSON.stringify({ program: source, entry: suite.entry, promises: true }));
  restartClock();

  // Whichever ends first, the other has nobody left to talk to.
  const programEnd = program.ended.then((end) => {
    tester.running.closeInput();
    return end;
  });
  const testerEnd = await tester.ended.then((end) => {
    program.running.closeInput();
    if (end.ending !== "exited") program.running.stop("stopped");
    return end;
  });
  const end = await programEnd;
  clearTimeout(clock);

  if (settings.signal.aborted) return cancelled();
  if (trouble !== null) return trouble;
  if (loadFault !== null) return suite.tests.map(() => loadFault as Verdict);
  const unstarted = [end, testerEnd].find(({ ending }) => ending === "not-started");
  if (unstarted) return notStarted(unstarted);
  const isSettled = settings.stopEarly && verdicts.some(({ status }) => status !== "pass");
  if (verdicts.length === suite.tests.length || isSettled) return verdicts;
  if (slow || [end, testerEnd].some(({ ending }) => ending === "timeout")) {
    return [...verdicts, { status: "timeout", why: "took too long" }];
  }
  if (!isLoaded) return suite.tests.map(() => verdictOf(end));
  return [...verdicts, ending(end)];
}

/** The test that was running when the program ended. */
function ending(end: SandboxEnd): Verdict {
  return end.ending === "stopped"
    ? { status: "error", why: "the test ended before it gave a verdict" }
    : verdictOf(end);
}

function readLoaded(line: string): { readonly names: readonly string[] } | Verdict {
  const fault = (why: string): Verdict => ({ status: "error", why });
  const said = parsedOrNull(line);
  const result = programSays.safeParse(said);
  if (!result.success) return fault("the program broke the line it is called on");
  if ("names" in result.data) return result.data;
  const [, name, text] = result.data.error;
  return fault(
    `could not be loaded: ${name || result.data.error[0]}: ${text}`.replace(/\s+/g, " ").slice(0, 200),
  );
}

function parsedOrNull(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** What a JavaScript program may print by itself does not start with the mark. */
function marked(line: string): string | null {
  return line.startsWith("R") ? line.slice(1) : null;
}
