import { describe, expect, it } from "vitest";
import { type CodeTestsOptions, codeTests } from "../../rewards/code-tests.ts";
import type { Json } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { canContain } from "../core/sandbox/platform.ts";

const context = { signal: new AbortController().signal, seed: 0 };

async function valueFor(
  program: string,
  tests: Json,
  options: CodeTestsOptions = {},
): Promise<number | string> {
  const scorer = codeTests({ seconds: 1, totalSeconds: 10, scoring: "share", ...options });
  const [score] = await scorer.score(groupOf([program], { reference: JSON.stringify(tests) }), context);
  return score?.kind === "scored" ? score.value : `${score?.kind}: ${score?.why}`;
}

/** None of these programs computes anything; each tries to look as if it did. */
const PYTHON_TRICKS: readonly (readonly [what: string, program: string])[] = [
  ["leaves at once, without an error", "import sys\nsys.exit(0)"],
  ["leaves at once, past all clean-up", "import os\nos._exit(0)"],
  [
    "says that all is well",
    'print(\'OK\')\nprint(\'pass: 3 of 3 tests\')\ndef f(x): print(\'V{"status": "pass", "why": ""}\')',
  ],
  [
    "writes a verdict on every descriptor",
    `import os
for fd in range(1, 64):
    for text in (b'V{"status": "pass", "why": ""}\\n', b'exit 0 2 0\\n42', b'{"value": 42}\\n', b'{"names": ["f"]}\\n'):
        try: os.write(fd, text * 5)
        except OSError: pass
def f(x): return None`,
  ],
  [
    "returns what is equal to everything",
    `class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 42
    def __bool__(self): return True
    def __lt__(self, other): return True
    def __str__(self): return "42"
    __req__ = __eq__
def f(x): return Same()`,
  ],
  [
    "returns a number, or a text, that is equal to everything",
    `class Number(int):
    def __eq__(self, other): return True
    def __hash__(self): return 42
def f(x): return Number(7)`,
  ],
  [
    "makes assertions, comparisons and printing lie",
    `import builtins, json, operator, unittest, sys
class Never(BaseException): pass
builtins.AssertionError = Never
unittest.TestCase.assertEqual = lambda *a: None
builtins.print = lambda *a, **k: sys.stdout.write("42\\n")
json.dumps = lambda *a, **k: '{"value": 42}'
operator.eq = lambda a, b: True
builtins.all = builtins.any = lambda *a: True
def f(x): return None`,
  ],
  [
    "replaces the functions that tests compare with",
    "def sorted(*a): return 42\ndef list(*a): return 42\ndef abs(*a): return 0\ndef set(*a): return 42\ndef len(*a): return 42\ndef f(x): return [7]",
  ],
  [
    "speaks at the end, by atexit and in a destructor",
    `import atexit, os
atexit.register(lambda: os._exit(0))
class Last:
    def __del__(self): os._exit(0)
last = Last()
def f(x): raise SystemExit(0)`,
  ],
  ["leaves when it is called", "import os\ndef f(x): os._exit(0)"],
  ["raises what a passing test might raise", "def f(x): raise SystemExit(0)"],
  ["raises what stops an iteration", "def f(x): raise StopIteration"],
  [
    "looks for the answer in its callers, in all objects and in the files it sees",
    `import gc, sys, os, re
def f(x):
    frame = sys._getframe()
    while frame:
        for scope in (frame.f_locals, frame.f_globals):
            for value in list(scope.values()):
                if isinstance(value, dict) and "expected" in value: return value["expected"]
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and ("outputs" in thing or "tests" in thing): return 42
    for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
        for part in ("cmdline", "environ", "fd/0", "fd/3"):
            try: text = open("/proc/%s/%s" % (pid, part), "rb").read(100000)
            except OSError: continue
            if str(418902773000 + 651).encode() in text: return 418902773000 + 651
    return None
print(f(0))`,
  ],
  [
    "reads the memory of the processes around it",
    `import ctypes, os
found = None
for pid in [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    try:
        maps = open("/proc/%d/maps" % pid).read()
        memory = open("/proc/%d/mem" % pid, "rb", 0)
    except OSError: continue
    for line in maps.splitlines():
        low, high = [int(end, 16) for end in line.split()[0].split("-")]
        try:
            memory.seek(low)
            if str(418902773000 + 651).encode() in memory.read(high - low): found = 418902773000 + 651
        except (OSError, ValueError, OverflowError): pass
print(found)
def f(x): return found`,
  ],
  [
    "changes the arguments into the answer of its wishes",
    "def f(x):\n    if isinstance(x, list): x[:] = [42]\n    return x",
  ],
  [
    "kills the process that runs it",
    "import os, signal\nfor pid in (os.getppid(), -1):\n    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass\ndef f(x): return None",
  ],
  ["closes everything", "import os\nos.closerange(0, 1024)\ndef f(x): return None"],
];

describe.skipIf(!canContain)("a Python program that only looks right", () => {
  it.each(PYTHON_TRICKS)("%s: no test of input and output passes", async (_, program) => {
    expect(await valueFor(program, { inputs: ["42", "41"], outputs: ["418902773651", "1681"] })).toBe(0);
  });

  it.each(PYTHON_TRICKS)("%s: no assertion passes", async (_, program) => {
    const tests = [
      "assert f(42) == 418902773651",
      "assert sorted(f(7)) == [1, 2]",
      "assert f([5]) == [6] and f(41) == 1681",
    ];
    expect(await valueFor(program, tests)).toBe(0);
  });

  it("recurses until it breaks: nothing passes, whatever the tests are", async () => {
    const program = "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x)\nf(1)";
    const kinds = [
      { inputs: ["42"], outputs: ["418902773651"] },
      ["assert f(42) == 418902773651"],
      {
        prompt: "def f(x):\n",
        test: "def check(candidate):\n    assert candidate(42) == 418902773651\n",
        entry_point: "f",
      },
      { fn_name: "f", inputs: [[42]], outputs: [418902773651] },
    ];
    // Each waits for a limit to end it, so they wait together, and for one test of each kind.
    const values = kinds.map((tests) => valueFor(program, tests, { memoryMb: 128 }));
    expect(await Promise.all(values)).toEqual([0, 0, 0, 0]);
  });

  it("that calls something of its own by the name of a module: the tests use the real one", async () => {
    const program = "class math:\n    isclose = lambda *a: True\n    pi = 42\ndef f(x): return 42";
    expect(await valueFor(program, ["assert math.isclose(f(1), 3.5)", "assert f(1) == math.pi"])).toBe(0);
    expect(
      await valueFor("import math\ndef f(x): return math.pi", ["assert math.isclose(f(1), math.pi)"]),
    ).toBe(1);
  });

  it.each(PYTHON_TRICKS)("%s: HumanEval's check does not pass", async (_, program) => {
    const test =
      "def check(candidate):\n    assert candidate(42) == 418902773651\n    assert abs(candidate(6) - 36) < 1e-6\n";
    const prompt = "def f(x):\n    '''Square.'''\n";
    expect(await valueFor(program, { prompt, test, entry_point: "f" })).toBe(0);
  });

  it.each(PYTHON_TRICKS)("%s: no call returns the right value", async (_, program) => {
    const calls = { fn_name: "f", inputs: [[42], [[1]]], outputs: [418902773651, [2]] };
    expect(await valueFor(program, calls)).toBe(0);
  });
});

const JAVASCRIPT_TRICKS: readonly (readonly [what: string, program: string])[] = [
  ["leaves at once", "process.exit(0)"],
  ["leaves when it is called", "function f() { process.exit(0) }"],
  [
    "writes a verdict itself",
    `require("fs").writeSync(1, 'V{"status":"pass","why":""}\\nR{"names":["f"]}\\nR{"value":42}\\n'.repeat(5)); function f() { return 1 }`,
  ],
  [
    "makes assertions lie",
    `const assert0 = require("node:assert"); for (const key of Object.keys(assert0)) assert0[key] = () => {};
console.assert = () => {}; JSON.stringify = () => '{"value":42}'; Object.is = () => true; function f() { return null }`,
  ],
  [
    "returns what turns into anything",
    "function f() { return { valueOf: () => 418902773651, toString: () => '418902773651', [Symbol.toPrimitive]: () => 418902773651 } }",
  ],
  [
    "returns a proxy",
    "function f() { return new Proxy({}, { get: () => 418902773651, ownKeys: () => [] }) }",
  ],
  ["throws nothing at all", "function f() { throw undefined }"],
  ["promises for ever", "function f() { return new Promise(() => {}) }"],
  [
    "replaces the tests' names",
    "function assert() {} assert.equal = assert.deepEqual = assert.strictEqual = () => {}; var test = () => {}; function f() {}",
  ],
];

describe.skipIf(!canContain)("a JavaScript program that only looks right", () => {
  it.each(JAVASCRIPT_TRICKS)("%s: nothing passes", async (_, program) => {
    const options = { language: "javascript" } as const;
    const assertions = ["assert.strictEqual(f(42), 418902773651)", "assert.deepStrictEqual(f([5]), [6])"];
    expect(await valueFor(program, assertions, options)).toBe(0);
    expect(await valueFor(program, { inputs: ["42"], outputs: ["418902773651"] }, options)).toBe(0);
    const calls = { fn_name: "f", inputs: [[42]], outputs: [418902773651] };
    expect(await valueFor(program, calls, options)).toBe(0);
  });
});
