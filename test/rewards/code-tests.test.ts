import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CodeTestsOptions, codeTests, definition } from "../../rewards/code-tests.ts";
import type { Group, Json, Score, Scored } from "../../src/core/types.ts";
import { anyGroup, anyText, groupOf, HOSTILE_TEXTS } from "../../src/testing/arbitraries.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";
import { canContain } from "../core/sandbox/platform.ts";

const context = { signal: new AbortController().signal, seed: 0 };

/** Limits of about a second, so that what loops does not hold the tests up. */
const QUICK: CodeTestsOptions = { seconds: 1, totalSeconds: 20 };

async function scoreOne(program: string, tests: Json, options: CodeTestsOptions = {}): Promise<Score> {
  const scorer = codeTests({ ...QUICK, ...options });
  const [score] = await scorer.score(groupOf([program], { reference: JSON.stringify(tests) }), context);
  if (score === undefined) throw new RangeError("no score");
  return score;
}

/** A score of a program that was run, with its status. */
async function judged(
  program: string,
  tests: Json,
  options: CodeTestsOptions = {},
): Promise<{ value: number; status: string; why: string; parts: Scored["parts"] }> {
  const score = await scoreOne(program, tests, options);
  if (score.kind !== "scored") throw new TypeError(`not scored: ${score.why}`);
  const why = score.why ?? "";
  return { value: score.value, status: why.split(":")[0] ?? "", why, parts: score.parts };
}

const DOUBLE = "print(2 * int(input()))";
const DOUBLES = { inputs: ["1\n", "2\n", "3\n", "4\n"], outputs: ["2\n", "4\n", "6\n", "8\n"] };

/** Groups whose tests can be read, with programs among their responses. */
function anyTestedGroup(): fc.Arbitrary<Group> {
  const program = fc.constantFrom(DOUBLE, `\`\`\`python\n${DOUBLE}\n\`\`\``, "print(4)", "1 / 0", "print((");
  return anyGroup({
    text: fc.oneof(program, anyText()),
    reference: fc.constantFrom(JSON.stringify(DOUBLES), null),
    maxResponses: 3,
  });
}

describe.skipIf(!canContain)("code-tests", () => {
  scorerContract(codeTests(QUICK), anyGroup());
  scorerContract(codeTests({ ...QUICK, scoring: "share" }), anyTestedGroup(), { numRuns: 5 });

  it("runs any hostile text as a program, and gives it 0", async () => {
    const group = groupOf([...HOSTILE_TEXTS], { reference: JSON.stringify(DOUBLES) });
    for (const score of await codeTests(QUICK).score(group, context)) {
      expect(score).toMatchObject({ kind: "scored", value: 0 });
    }
  });

  describe("programs that read and write", () => {
    it("scores 1 when every test passes", async () => {
      const fenced = `Double it.\n\`\`\`python\n${DOUBLE}\n\`\`\`\nDone.`;
      expect(await scoreOne(fenced, DOUBLES)).toEqual({
        kind: "scored",
        value: 1,
        why: "pass: 4 of 4 tests",
        parts: { passed: 4, run: 4, total: 4 },
      });
    });

    // Section 6.6 of the reference: 3 of 4 tests pass -> continuous .75, strict 0.
    const three = { inputs: DOUBLES.inputs, outputs: ["2", "4", "6", "9"] };

    it("scores the share that passes", async () => {
      expect(await judged(DOUBLE, three, { scoring: "share" })).toEqual({
        value: 0.75,
        status: "fail",
        why: 'fail: test 4 of 4 got "8", expected "9"',
        parts: { passed: 3, run: 4, total: 4 },
      });
    });

    it("scores 0 when one of four tests does not pass and all must", async () => {
      expect(await judged(DOUBLE, three)).toMatchObject({ value: 0, status: "fail" });
    });

    it("stops at the first failure when all must pass", async () => {
      const first = { inputs: DOUBLES.inputs, outputs: ["0", "4", "6", "8"] };
      expect((await judged(DOUBLE, first)).parts).toEqual({ passed: 0, run: 1, total: 4 });
    });

    // Section 6.6: 12 tests of which the first 10 pass and 2 fail -> 1.0 continuous (only 10 looked at), 0 strict.
    const numbers = Array.from({ length: 12 }, (_, index) => index);
    const twelve = {
      inputs: numbers.map(String),
      outputs: numbers.map((number) => String(number < 10 ? 2 * number : -1)),
    };

    it("looks at the first ten tests alone, as prime_code does, when told so", async () => {
      expect(await judged(DOUBLE, twelve, { scoring: "share", firstTests: 10 })).toMatchObject({
        value: 1,
        parts: { passed: 10, run: 10, total: 10 },
      });
      expect(await judged(DOUBLE, twelve)).toMatchObject({ value: 0 });
    });

    it("runs the whole text when there is no fence, as prime_code does", async () => {
      expect(await judged(DOUBLE, DOUBLES)).toMatchObject({ value: 1 });
      expect(await judged("I do not know.", DOUBLES, { bare: false })).toMatchObject({
        value: 0,
        why: "no-code: no python program in the response",
      });
    });

    it("gives each test a process and a directory of its own", async () => {
      const counting = "import os\nprint(os.listdir('.'))\nopen('left', 'w').write('x')\n";
      expect(await judged(counting, { inputs: ["", ""], outputs: ["[]", "[]"] })).toMatchObject({ value: 1 });
    });

    it("runs the block under __main__, and reads input in every way", async () => {
      const program = `
import sys, fileinput
def solve():
    first = input()
    second = sys.stdin.readline().strip()
    third = open(0).read().strip()
    print(first, second, third)
    exit()
if __name__ == "__main__":
    solve()
`;
      const tests = { inputs: ["a\nb\nc"], outputs: ["a b"] };
      // Python's own buffers have read ahead by then: as with any interpreter, open(0) finds nothing more.
      expect(await judged(program, tests)).toMatchObject({ value: 1 });
    });

    it.each([
      [
        "a thread that is still at work",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print(1))).start()",
        "pass",
      ],
      ["what atexit has registered", "import atexit\natexit.register(print, 1)", "pass"],
      ["an exit in the middle", "import sys\nprint(1)\nsys.exit()\nprint(2)", "pass"],
      ["an exit with a message", "import sys\nprint(1)\nsys.exit('no')", "error"],
      ["an exit with a number", "import sys\nprint(1)\nsys.exit(2)", "error"],
      ["output that was never flushed", "import sys\nsys.stdout.write('1')", "pass"],
      [
        "a stdout of its own",
        "import sys, io\nsys.stdout = io.StringIO()\nprint(2)\nsys.stdout = sys.__stdout__\nprint(1)",
        "pass",
      ],
      [
        "a child process",
        "import subprocess\nprint(subprocess.run(['echo', '1'], capture_output=True, text=True).stdout)",
        "pass",
      ],
      [
        "multiprocessing",
        "from multiprocessing import Pool\ndef f(x): return x\nif __name__ == '__main__':\n    with Pool(2) as pool: print(sum(pool.map(f, [0, 1])))",
        "pass",
      ],
      [
        "its own module by name",
        "import __main__, pickle\nclass A: pass\nprint(int(type(pickle.loads(pickle.dumps(A()))) is __main__.A))",
        "pass",
      ],
    ])("ends as an interpreter does, with %s", async (_, program, status) => {
      expect(await judged(program, { inputs: [""], outputs: ["1"] }, { seconds: 2 })).toMatchObject({
        status,
      });
    });

    it("names the error of a program that ends with one", async () => {
      expect(await judged("print(1)\n1 / 0", { inputs: [""], outputs: ["1"] })).toMatchObject({
        value: 0,
        why: "error: test 1 of 1 ended with exit code 1: ZeroDivisionError: division by zero",
      });
      expect((await judged("print((", DOUBLES)).why).toContain("SyntaxError");
    });

    it("ends what loops, by its processor time or by the clock", async () => {
      const tests = { inputs: ["1", "2"], outputs: ["1", "2"] };
      const program = "x = input()\nif x == '1':\n    while True: pass\nprint(x)";
      expect(await judged(program, tests, { scoring: "share" })).toMatchObject({
        value: 0.5,
        status: "timeout",
      });
    });

    it("cuts a program off that prints without end", async () => {
      const tests = { inputs: [""], outputs: [""] };
      const endless = "while True: print('x' * 1000)";
      expect((await judged(endless, tests)).why).toContain("more output than allowed");
      const script = "for (;;) require('fs').writeSync(1, 'x'.repeat(1000))";
      expect((await judged(script, tests, { language: "javascript" })).why).toContain(
        "more output than allowed",
      );
    });

    it("ends a program that asks for too much memory, and goes on", async () => {
      const hungry = "x = input()\nif x == '1': y = bytearray(2_000_000_000)\nprint(x)";
      expect(
        await judged(hungry, { inputs: ["1", "2"], outputs: ["1", "2"] }, { scoring: "share" }),
      ).toMatchObject({ value: 0.5, why: expect.stringContaining("MemoryError") });
    });

    it("holds JavaScript to its limits", async () => {
      const tests = { inputs: [""], outputs: ["1"] };
      expect(await judged("for (;;);", tests, { language: "javascript" })).toMatchObject({
        status: "timeout",
      });
      const js = { language: "javascript", memoryMb: 128, seconds: 5 } as const;
      expect(
        await judged("const x = []; for (;;) x.push(new Array(1e5).fill(1.5));", tests, js),
      ).toMatchObject({
        status: "error",
      });
      const buffers = "const x = []; for (;;) x.push(Buffer.alloc(1e7, 1));";
      expect(await judged(buffers, tests, js)).toMatchObject({ status: "error" });
      const quick = { ...js, seconds: 1 };
      const bomb =
        "const { spawn } = require('child_process'); const go = () => { for (let i = 0; i < 9; i++) spawn(process.execPath, [__filename]).on('error', () => {}) }; setInterval(go, 1)";
      expect((await judged(bomb, tests, quick)).value).toBe(0);
      expect(await judged("console.log(1)", tests, js)).toMatchObject({ value: 1 });
    });

    it("runs JavaScript", async () => {
      const program = `const lines = require("fs").readFileSync("/dev/stdin", "utf8").split("\\n");
console.log(2 * Number(lines[0]));`;
      expect(await judged(`\`\`\`js\n${program}\n\`\`\``, DOUBLES, { language: "javascript" })).toMatchObject(
        {
          value: 1,
        },
      );
      const lines = `require("readline").createInterface({ input: process.stdin }).on("line", (x) => console.log(2 * x));`;
      expect(await judged(lines, DOUBLES, { language: "javascript" })).toMatchObject({ value: 1 });
      expect(await judged("throw new TypeError('no')", DOUBLES, { language: "javascript" })).toMatchObject({
        why: "error: test 1 of 4 ended with exit code 1: TypeError: no",
      });
    });
  });

  describe("functions called with arguments (fn_name)", () => {
    const tests = {
      fn_name: "add",
      inputs: [
        [1, 2],
        [[1], [2]],
      ],
      outputs: [3, [1, 2]],
    };

    it.each([
      ["python", "def add(a, b): return a + b"],
      ["python", "class Solution:\n    def add(self, a, b): return a + b"],
    ] as const)("in %s: %s", async (language, program) => {
      expect(await judged(program, tests, { language })).toMatchObject({ value: 1 });
    });

    it("in JavaScript", async () => {
      const program = "function add(a, b) { return Array.isArray(a) ? a.concat(b) : a + b }";
      expect(await judged(program, tests, { language: "javascript" })).toMatchObject({ value: 1 });
    });

    it("names what came back, and goes on after a call that takes too long", async () => {
      const program = "def f(x):\n    while x == 2: pass\n    return (x, 1.0)";
      const calls = {
        fn_name: "f",
        inputs: [[1], [2], [3]],
        outputs: [
          [1, 1],
          [2, 1],
          [3, 2],
        ],
      };
      const score = await judged(program, calls, { scoring: "share", seconds: 1 });
      expect(score).toMatchObject({ status: "timeout", parts: { passed: 1, run: 3, total: 3 } });
    });

    it("says when the function is missing", async () => {
      expect((await judged("x = 1", tests)).why).toContain("NameError: the program defines no add");
    });
  });

  describe("HumanEval's layout", () => {
    const prompt = 'def add(x: int, y: int):\n    """Add two numbers."""\n';
    const test = "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n";
    const tests = { prompt, test, entry_point: "add" };

    it.each([
      ["a body that goes on where the prompt ends", "    return x + y\n", "pass"],
      ["a whole function", "```python\ndef add(x, y):\n    return x + y\n```", "pass"],
      ["a wrong body", "    return x - y\n", "fail"],
      ["a body that raises", "    raise ValueError('no')\n", "error"],
      ["a body that loops", "    while True: pass\n", "timeout"],
      ["a body that is no Python", "    return x +\n", "error"],
    ])("%s: %s -> %s", async (_, program, status) => {
      const score = await judged(program, tests);
      expect(score).toMatchObject({ status, value: status === "pass" ? 1 : 0 });
    });

    it("lets the tests use the prompt's other functions", async () => {
      const helpers = `def twice(x):\n    return 2 * x\n\n${prompt}`;
      const using = "def check(candidate):\n    assert candidate(twice(1), 3) == 5\n";
      const suite = { prompt: helpers, test: using, entry_point: "add" };
      expect(await judged("    return x + y\n", suite)).toMatchObject({ status: "pass" });
    });

    it("runs JavaScript in the layout of MultiPL-E and of HumanEval-X", async () => {
      const multiple = {
        prompt: "function add(x, y){\n",
        test: "const assert = require('node:assert');\nfunction test() {\n  let candidate = add;\n  assert.deepEqual(candidate(2, 3), 5);\n}\n\ntest();",
        entry_point: "add",
      };
      const humanEvalX = {
        prompt: "const add = (x, y) => {\n",
        test: "const testAdd = () => {\n  console.assert(add(2, 3) === 5)\n}\n\ntestAdd()",
        entry_point: "add",
      };
      for (const suite of [multiple, humanEvalX]) {
        const js = { language: "javascript" } as const;
        expect(await judged("  return x + y;\n}", suite, js)).toMatchObject({ status: "pass" });
        expect(await judged("  return x - y;\n}", suite, js)).toMatchObject({ status: "fail" });
      }
    });
  });

  describe("MBPP's layout", () => {
    it("counts each assertion as a test", async () => {
      const tests = {
        test_list: ["assert half([2, 4]) == [1, 2]", "assert half((6,)) == [3]", "assert half([]) == [0]"],
      };
      const program = "def half(items):\n    return [x // 2 for x in items]";
      expect(await judged(program, tests, { scoring: "share" })).toEqual({
        value: 2 / 3,
        status: "fail",
        why: "fail: test 3 of 3 assert half([]) == [0]",
        parts: { passed: 2, run: 3, total: 3 },
      });
    });

    it.each([
      [
        "objects of the program's classes",
        "class Pair:\n    def __init__(self, a, b):\n        self.a, self.b = a, b\ndef chain(pairs): return sum(p.a for p in pairs)",
        "assert chain([Pair(5, 24), Pair(15, 25)]) == 20",
      ],
      [
        "attributes and methods",
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n    def pop(self): return self.items.pop()",
        "s = Stack()\ns.push(3)\nassert s.items == [3] and s.pop() == 3",
      ],
      [
        "tuples, sets, floats, bytes, big integers",
        "def same(x): return x",
        "for x in [(1, 2), {1, 2}, frozenset([1]), 0.1, float('inf'), b'ab', 10 ** 30, -(10 ** 30), {1: (2,)}, None, True, 1j]:\n    assert same(x) == x and type(same(x)) is type(x)",
      ],
      [
        "arguments that are changed",
        "def bubble(x): x.sort()",
        "x = [3, 1, 2]\nbubble(x)\nassert x == [1, 2, 3]",
      ],
      [
        "exceptions",
        "def check_positive(x):\n    if x < 0: raise ValueError('negative')\n    return x",
        "try:\n    check_positive(-1)\n    assert False\nexcept ValueError as error:\n    assert 'negative' in str(error)",
      ],
      ["generators", "def count(n):\n    for x in range(n): yield x", "assert list(count(3)) == [0, 1, 2]"],
      [
        "functions as arguments",
        "def apply(f, xs): return [f(x) for x in xs]",
        "assert apply(lambda x: x + 1, [1, 2]) == [2, 3]",
      ],
      ["a function with a builtin's name", "def sum(a, b): return a + b + 1", "assert sum(1, 2) == 4"],
      [
        "modules of the tests' own",
        "def area(r):\n    import math\n    return math.pi * r * r",
        "import math\nassert math.isclose(area(1), math.pi)",
      ],
    ])("carries %s", async (_, program, test) => {
      expect(await judged(program, [test])).toMatchObject({ why: "pass: 1 of 1 tests" });
    });

    it("carries JavaScript's values, classes, promises and callbacks", async () => {
      const program = `class Counter { constructor(start) { this.n = start } next() { return ++this.n } }
const same = (x) => x;
async function later(x) { return x * 2 }
function apply(f, xs) { return xs.map((x) => f(x)) }
function reverse(xs) { xs.reverse() }
function fail() { throw new RangeError("no") }`;
      const tests = [
        "const c = new Counter(4); assert.equal(c.next(), 5); assert.equal(c.n, 5)",
        "for (const x of [1, 'a', null, undefined, NaN, -0, 10n, [1, [2]], { a: { b: 1 } }, new Map([[1, 2]]), new Set([1]), new Date(5)]) assert.deepStrictEqual(same(x), x)",
        "assert.equal(await later(4), 8)",
        "assert.deepEqual(apply((x) => x + 1, [1, 2]), [2, 3])",
        "const xs = [1, 2]; reverse(xs); assert.deepEqual(xs, [2, 1])",
        "assert.throws(() => fail(), RangeError)",
      ];
      expect(await judged(program, tests, { language: "javascript", scoring: "share" })).toMatchObject({
        why: "pass: 6 of 6 tests",
      });
      const wrong = ["assert.equal(same(1), 2)", "(async () => { assert.equal(await later(4), 9) })()"];
      expect(await judged(program, wrong, { language: "javascript", scoring: "share" })).toMatchObject({
        value: 0,
      });
    });

    it("carries values of many megabytes", async () => {
      const program = "def double(xs): return [2 * x for x in xs]";
      const test = "assert double(list(range(500_000)))[-1] == 999_998";
      expect(await judged(program, [test, test], { seconds: 10 })).toMatchObject({ value: 1 });
    });

    it("runs what is left after a test that took too long", async () => {
      const program = "def f(x):\n    while x == 1: pass\n    return x";
      const tests = ["assert f(0) == 0", "assert f(1) == 1", "assert f(2) == 2"];
      expect(await judged(program, tests, { scoring: "share" })).toMatchObject({
        status: "timeout",
        parts: { passed: 2, run: 3, total: 3 },
      });
    });
  });

  describe("tests that cannot be used are our trouble", () => {
    it.each<[string, string]>([
      ["not JSON", "they are not JSON"],
      ["{}", "none of the keys"],
      ['{"inputs": ["1"], "outputs": []}', "differ in number"],
      ['{"inputs": [], "outputs": []}', "inputs"],
      ['{"inputs": [1], "outputs": ["1"]}', "neither text nor a list of lines"],
      ['{"inputs": ["x"], "outputs": [1], "fn_name": "f"}', "not a list of arguments"],
      ['["assert f("]', "SyntaxError"],
      ['{"test_list": ["assert f(1)"], "test_setup_code": "import no_such_module"}', "no_such_module"],
      ['["assert f(object())"]', "cannot be sent"],
    ])("%s", async (reference, why) => {
      const [score] = await codeTests(QUICK).score(groupOf(["def f(x): return x"], { reference }), context);
      expect(score).toEqual({ kind: "failed", code: "unreadable_tests", why: expect.stringContaining(why) });
    });

    it("looks for tests where the options say", async () => {
      const group = groupOf([DOUBLE]);
      const metadata = { checks: { public: DOUBLES } };
      const placed = { ...group, prompt: { ...group.prompt, metadata } };
      const [found] = await codeTests({ tests: "checks.public" }).score(placed, context);
      expect(found).toMatchObject({ value: 1 });
      const [none] = await codeTests({ tests: "checks.private" }).score(placed, context);
      expect(none).toEqual({
        kind: "failed",
        code: "unreadable_tests",
        why: "the tests (checks.private): there are none",
      });
    });
  });

  it("leaves addresses in memory out of the reason, which is the same in every run", async () => {
    const tests = { inputs: [""], outputs: ["1"] };
    expect((await judged("print(object())", tests)).why).toBe(
      'fail: test 1 of 1 got "<object object at 0x…>", expected "1"',
    );
  });

  it("compares numbers within the tolerance, and text to the letter", async () => {
    const tests = { inputs: [""], outputs: ["0.333333 ok"] };
    expect(await judged("print(1 / 3, 'ok')", tests)).toMatchObject({ value: 0 });
    expect(await judged("print(1 / 3, 'ok')", tests, { tolerance: 1e-6 })).toMatchObject({ value: 1 });
    expect(await judged("print(1 / 3, 'OK')", tests, { tolerance: 1e-6 })).toMatchObject({ value: 0 });
  });

  it("gives up, without a number, when the run is stopped", async () => {
    const stop = new AbortController();
    const scores = codeTests({ seconds: 20 }).score(
      groupOf(["while True: pass", "while True: pass"], { reference: JSON.stringify(DOUBLES) }),
      { signal: stop.signal, seed: 0 },
    );
    setTimeout(() => stop.abort(), 200);
    const cancelled = { kind: "failed", code: "cancelled", why: "the run was stopped" };
    expect(await scores).toEqual([cancelled, cancelled]);
  });

  it("gives the same score for the same program, whatever the seed of its hashes would be", async () => {
    const program = "print({'a', 'b', 'c', 'd', 'e'})";
    const tests = { inputs: ["", ""], outputs: ["?", "?"] };
    expect(await scoreOne(program, tests)).toEqual(await scoreOne(program, tests));
  });

  it("says which interpreter is missing", () => {
    expect(() => codeTests({ interpreter: "no-such-python" })).toThrowError(
      expect.objectContaining({
        code: "missing_dependency",
        message: expect.stringContaining("no-such-python"),
      }),
    );
  });

  it("names a misspelt option", () => {
    const { error } = definition.options.safeParse({ timeout: 5 });
    expect(error?.issues[0]?.message).toContain('"timeout"');
  });
});
