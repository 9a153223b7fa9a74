import { z } from "zod";
import type { Json } from "../../src/core/types.ts";

/** Tests of one prompt, in one of the layouts that are read. */
export type Suite =
  | { readonly kind: "stdin"; readonly cases: readonly { readonly input: string; readonly output: string }[] }
  | {
      readonly kind: "calls";
      readonly name: string;
      readonly cases: readonly {
        readonly args: readonly unknown[];
        readonly expected: unknown;
        /** The expected value as it stands in the tests, when it is text: JSON, or the returned text itself. */
        readonly text: string | null;
      }[];
    }
  | {
      readonly kind: "functions";
      /** Stands before the program: HumanEval's prompt. */
      readonly prefix: string;
      readonly setup: string;
      readonly tests: readonly string[];
      /** What is tested, where the tests say so. */
      readonly entry: string | null;
    };

const text = z.string();
const lines = z
  .union([text, z.array(text)])
  .transform((given) => (Array.isArray(given) ? given.join("\n") : given));

/** APPS, prime_code: `inputs` and `outputs` of equal length; with `fn_name`, arguments and returned values. */
const appsLayout = z
  .object({
    inputs: z.array(z.unknown()).min(1),
    outputs: z.array(z.unknown()),
    fn_name: text.nullish(),
  })
  .refine(({ inputs, outputs }) => inputs.length === outputs.length, "inputs and outputs differ in number");

/** HumanEval: `test` defines check(candidate), which is called with `entry_point`; without one, `test` runs by itself. */
const humanEvalLayout = z.object({
  prompt: text.nullish(),
  test: text,
  entry_point: text.nullish(),
});

/** MBPP: a list of assertions, each a test. */
const mbppLayout = z.object({
  test_list: z.array(text).min(1),
  test_setup_code: text.nullish(),
  test_imports: lines.nullish(),
  challenge_test_list: z.array(text).nullish(),
  entry_point: text.nullish(),
});

/**
 * Reads tests, given as JSON or as JSON text; the layout is told by its keys. A bare list of texts is a list of
 * assertions. Returns what is wrong, as text, for anything else.
 */
export function readSuite(given: Json | undefined): Suite | string {
  if (given === undefined || given === null) return "there are none";
  const value = typeof given === "string" ? parsed(given) : given;
  if (value === undefined) return "they are not JSON";
  const tests = Array.isArray(value) ? { test_list: value as Json } : value;
  if (typeof tests !== "object" || tests === null) return "they are neither an object nor a list";
  if ("inputs" in tests) return read(appsLayout, tests, appsSuite);
  if ("test_list" in tests) return read(mbppLayout, tests, mbppSuite);
  if ("test" in tests) return read(humanEvalLayout, tests, humanEvalSuite);
  return 'they have none of the keys "inputs", "test_list", "test"';
}

function parsed(json: string): Json | undefined {
  try {
    return JSON.parse(json) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function read<T>(layout: z.ZodType<T>, value: unknown, build: (tests: T) => Suite | string): Suite | string {
  const result = layout.safeParse(value);
  if (result.success) return build(result.data);
  const issue = result.error.issues[0];
  return `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`;
}

function appsSuite({ inputs, outputs, fn_name }: z.infer<typeof appsLayout>): Suite | string {
  if (fn_name) return callSuite(fn_name, inputs, outputs);
  const cases = inputs.map((input, index) => ({ input: joined(input), output: joined(outputs[index]) }));
  const bad = cases.findIndex(({ input, output }) => input === null || output === null);
  if (bad >= 0) return `input or output ${bad} is neither text nor a list of lines`;
  return { kind: "stdin", cases: cases as { input: string; output: string }[] };
}

/** A list is one text a line, as in APPS. */
function joined(value: unknown): string | null {
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join("\n") : null;
}

function callSuite(name: string, inputs: readonly unknown[], outputs: readonly unknown[]): Suite | string {
  const cases: Extract<Suite, { kind: "calls" }>["cases"][number][] = [];
  for (const [index, input] of inputs.entries()) {
    // LiveCodeBench and TACO write the arguments as lines of JSON.
    const args = typeof input === "string" ? jsonLines(input) : input;
    const output = outputs[index];
    const text = typeof output === "string" ? output : null;
    const lines = text === null ? null : jsonLines(text);
    if (!Array.isArray(args)) return `inputs.${index}: not a list of arguments`;
    cases.push({ args, expected: lines === null ? output : lines[0], text });
  }
  return { kind: "calls", name, cases };
}

function jsonLines(given: string): Json[] | null {
  const values = given.trim().split("\n").map(parsed);
  return values.every((value) => value !== undefined) ? (values as Json[]) : null;
}

function mbppSuite(given: z.infer<typeof mbppLayout>): Suite {
  const { test_list, test_setup_code, test_imports, challenge_test_list, entry_point } = given;
  return {
    kind: "functions",
    prefix: "",
    setup: [test_imports, test_setup_code].filter(Boolean).join("\n"),
    tests: [...test_list, ...(challenge_test_list ?? [])],
    entry: entry_point ?? null,
  };
}

function humanEvalSuite({ prompt, test, entry_point }: z.infer<typeof humanEvalLayout>): Suite {
  const call =
    entry_point && /\bcheck\b/.test(test) && !/^check\s*\(/m.test(test)
      ? `\n\ncheck(${entry_point})\n`
      : "\n";
  return {
    kind: "functions",
    prefix: prompt ?? "",
    setup: "",
    tests: [`${test}${call}`],
    entry: entry_point ?? null,
  };
}
