import { availableParallelism } from "node:os";
import { z } from "zod";
import { isPrefkitError } from "../src/core/errors.ts";
import { DEFAULT_LIMITS } from "../src/core/sandbox/job.ts";
import { probeContainment } from "../src/core/sandbox/probe.ts";
import type { Confinement } from "../src/core/sandbox/run.ts";
import { slots } from "../src/core/sandbox/slots.ts";
import { defineScorer, failed, parseOptions, perResponse, scored } from "../src/core/scorer.ts";
import type { Json, Prompt, Score, Scorer } from "../src/core/types.ts";
import { runCallTests } from "./code-tests/call-tests.ts";
import { extractProgram, LANGUAGES, type Language } from "./code-tests/extract.ts";
import { runFunctionTests } from "./code-tests/function-tests.ts";
import { findInterpreter, proveInterpreter } from "./code-tests/interpreters.ts";
import { isTrouble, type Judged, type TestSettings, type Verdict } from "./code-tests/outcome.ts";
import { runStdinTests } from "./code-tests/stdin-tests.ts";
import { readSuite, type Suite } from "./code-tests/suite.ts";

export interface CodeTestsOptions {
  /** Default: python. */
  readonly language?: Language;
  /** The interpreter's name or path. Default: python3; for JavaScript the node that runs prefkit. */
  readonly interpreter?: string;
  /** Where the tests are: `reference` (default), `metadata`, or a dotted path into the prompt's metadata. */
  readonly tests?: string;
  /** Which fenced block is the program, when there are several. Default: the last. */
  readonly fence?: "first" | "last";
  /** Whether a response without a fence is a program as a whole. Default: true. */
  readonly bare?: boolean;
  /** `all` (default): 1 when every test passes, else 0. `share`: passed / total. */
  readonly scoring?: "all" | "share";
  /** Look at no more than the first so many tests. Default: all. */
  readonly firstTests?: number;
  /** Numbers may differ by so much, times the larger of 1 and the expected one. Default 0: outputs are compared as text. */
  readonly tolerance?: number;
  /** Processor time for one test, in seconds; by the clock it may take twice that and one more. Default 5. */
  readonly seconds?: number;
  /** By the clock, for all tests of a response. Default 30. */
  readonly totalSeconds?: number;
  /** MiB, for one process and for all together. Default 512. */
  readonly memoryMb?: number;
  /** Processes and threads at one time. Default 32. */
  readonly processes?: number;
  /** MiB of files. Default 16. */
  readonly fileMb?: number;
  /** KiB of output of one test. Default 4096. */
  readonly outputKb?: number;
  /** Responses tested at one time. Default: as many as there are cores. */
  readonly concurrency?: number;
  /** `unsafe` runs programs even where they cannot be contained, and says so with each score. Default: required. */
  readonly sandbox?: "required" | "unsafe";
}

const optionsSchema = z.strictObject({
  language: z.enum(LANGUAGES).default("python").describe("The language of the programs and of the tests."),
  interpreter: z.string().min(1).exactOptional().describe("The interpreter's name or path."),
  tests: z
    .string()
    .min(1)
    .default("reference")
    .describe("Where the tests are: reference, or a path into the metadata."),
  fence: z.enum(["first", "last"]).default("last").describe("Which fenced block is the program."),
  bare: z.boolean().default(true).describe("Whether a response without a fence is a program as a whole."),
  scoring: z
    .enum(["all", "share"])
    .default("all")
    .describe("1 when every test passes, or the share that does."),
  firstTests: z.int().positive().exactOptional().describe("Look at no more than the first so many tests."),
  tolerance: z.number().min(0).max(1).default(0).describe("How far numbers may differ."),
  seconds: z.int().positive().max(3600).default(5).describe("Processor time for one test."),
  totalSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(30)
    .describe("Clock time for all tests of a response."),
  memoryMb: z.number().min(64).default(DEFAULT_LIMITS.memoryMb).describe("Memory, in MiB."),
  processes: z.int().min(16).default(DEFAULT_LIMITS.processes).describe("Processes and threads at one time."),
  fileMb: z.number().positive().default(DEFAULT_LIMITS.fileMb).describe("Files, in MiB."),
  outputKb: z.number().positive().default(DEFAULT_LIMITS.outputKb).describe("Output of one test, in KiB."),
  concurrency: z.int().positive().exactOptional().describe("Responses tested at one time."),
  sandbox: z.enum(["required", "unsafe"]).default("required").describe("Whether programs must be contained."),
});

/** A longer program is not run. */
const MAX_PROGRAM = 1_000_000;

/**
 * Runs the program in a response against tests.
 *
 * Source: the test layouts of APPS (Hendrycks et al. 2021; also prime_code), HumanEval (Chen et al. 2021) and MBPP
 *         (Austin et al. 2021).
 * Shape:  group of G responses -> G scores, same order. The tests are the prompt's, as JSON.
 * Range:  [0, 1]. `all`: 1 when every test passes, else 0, and no test is run after one that did not pass. `share`:
 *         passed / total. Parts: passed, run, total.
 * Worked: 3 of 4 tests pass -> `share` 0.75, `all` 0.
 * `why` starts with the status: pass, fail, timeout, error, or no-code; of several, that of the first test not passed.
 * Fails with `unreadable_tests`, with `sandbox_failed` when the sandbox did not start, with `cancelled`.
 * Throws: at construction, `sandbox_unfit` when programs cannot be contained here, `missing_dependency` when no interpreter
 *         starts.
 */
export function codeTests(options: CodeTestsOptions = {}): Scorer {
  const settings = parseOptions("code-tests", optionsSchema, options);
  const { language, scoring, seconds, tests: place, firstTests = Number.POSITIVE_INFINITY } = settings;
  const confinement = confinementFor(settings.sandbox);
  const interpreter = findInterpreter(language, settings.interpreter);
  const inTurn = slots(settings.concurrency ?? availableParallelism());
  const wallSeconds = Math.min(2 * seconds + 1, settings.totalSeconds);
  const testSettings: Omit<TestSettings, "signal"> = {
    interpreter,
    confinement,
    wallSeconds,
    totalSeconds: settings.totalSeconds,
    tolerance: settings.tolerance,
    stopEarly: scoring === "all",
    limits: {
      cpuSeconds: seconds,
      wallSeconds,
      memoryMb: settings.memoryMb,
      processes: settings.processes,
      fileMb: settings.fileMb,
      outputKb: settings.outputKb,
      openFiles: DEFAULT_LIMITS.openFiles,
    },
  };
  proveInterpreter(interpreter, confinement, testSettings.limits);
  const note = confinement === "unsafe" ? " (unsafe: not contained)" : "";
  const fault = (status: string, why: string, total: number): Score =>
    scored(0, { why: `${status}: ${why}${note}`, parts: { passed: 0, run: 0, total } });

  const traits = {
    name: "code-tests",
    version: 1,
    range: [0, 1],
    ...(place === "reference" ? { needs: { reference: true as const } } : {}),
  } as const;
  return perResponse(traits, async ({ text }, { prompt }, { signal }) => {
    const suite = readSuite(testsOf(prompt, place));
    if (typeof suite === "string") return failed("unreadable_tests", `the tests (${place}): ${suite}`);
    const chosen = firstOf(suite, firstTests);
    const total = sizeOf(chosen);
    const program = extractProgram(text, settings);
    if (program === null) return fault("no-code", `no ${language} program in the response`, total);
    if (program.length > MAX_PROGRAM) {
      return fault("error", `the program is longer than ${MAX_PROGRAM} characters`, total);
    }
    const judged = await inTurn(() => runSuite(program, chosen, { ...testSettings, signal }));
    if (isTrouble(judged)) return failed(judged.trouble, judged.why);
    return scoreOf(judged, total, { scoring, note });
  });
}

export const definition = defineScorer<CodeTestsOptions>({
  name: "code-tests",
  version: 1,
  summary:
    "Runs the program in a response against tests, contained: 1 when all pass, or the share that does.",
  options: optionsSchema,
  // Each program has limits of its own, and may wait long for its turn.
  timesItself: true,
  create: codeTests,
});

function confinementFor(sandbox: "required" | "unsafe"): Confinement {
  try {
    return probeContainment();
  } catch (error) {
    if (sandbox === "unsafe" && isPrefkitError(error)) return "unsafe";
    throw error;
  }
}

async function runSuite(program: string, suite: Suite, settings: TestSettings): Promise<Judged> {
  if (settings.signal.aborted) return { trouble: "cancelled", why: "the run was stopped" };
  if (suite.kind === "stdin") return runStdinTests(program, suite.cases, settings);
  if (suite.kind === "calls") return runCallTests(program, suite, settings);
  return runFunctionTests(program, suite, settings);
}

function scoreOf(
  verdicts: readonly Verdict[],
  total: number,
  { scoring, note }: { readonly scoring: "all" | "share"; readonly note: string },
): Score {
  const passed = verdicts.filter(({ status }) => status === "pass").length;
  const first = verdicts.findIndex(({ status }) => status !== "pass");
  const parts = { passed, run: verdicts.length, total };
  const bad = verdicts[first];
  if (bad === undefined) return scored(1, { why: `pass: ${passed} of ${total} tests${note}`, parts });
  const value = scoring === "all" ? 0 : passed / total;
  // Addresses in memory differ from run to run; a score does not.
  const why = bad.why.replace(/\b0x[0-9a-f]{6,}\b/gi, "0x…");
  return scored(value, { why: `${bad.status}: test ${first + 1} of ${total} ${why}${note}`, parts });
}

function testsOf({ reference, metadata }: Prompt, place: string): Json | undefined {
  if (place === "reference") return reference;
  const keys = place.split(".");
  let value: Json | undefined = metadata;
  for (const key of keys[0] === "metadata" ? keys.slice(1) : keys) {
    const holder: Json | undefined = value;
    if (typeof holder !== "object" || holder === null || Array.isArray(holder)) return undefined;
    value = Object.hasOwn(holder, key) ? (holder as Readonly<Record<string, Json>>)[key] : undefined;
  }
  return value;
}

function sizeOf(suite: Suite): number {
  return suite.kind === "functions" ? suite.tests.length : suite.cases.length;
}

function firstOf(suite: Suite, count: number): Suite {
  switch (suite.kind) {
    case "stdin":
      return { ...suite, cases: suite.cases.slice(0, count) };
    case "calls":
      return { ...suite, cases: suite.cases.slice(0, count) };
    case "functions":
      return { ...suite, tests: suite.tests.slice(0, count) };
  }
}
