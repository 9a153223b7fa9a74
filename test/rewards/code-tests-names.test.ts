import { describe, expect, it } from "vitest";
import { type CodeTestsOptions, codeTests } from "../../rewards/code-tests.ts";
import type { Json } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { canContain } from "../core/sandbox/platform.ts";

const context = { signal: new AbortController().signal, seed: 0 };
const JS: CodeTestsOptions = { language: "javascript" };

/** Value and reason, or the code of the failure and its reason. */
async function why(program: string, tests: Json, options: CodeTestsOptions = {}): Promise<string> {
  const scorer = codeTests({ seconds: 2, totalSeconds: 20, scoring: "share", ...options });
  const [score] = await scorer.score(groupOf([program], { reference: JSON.stringify(tests) }), context);
  if (score?.kind === "scored") return `${score.value} ${score.why}`;
  return `${score?.kind} ${score?.kind === "failed" ? score.code : ""}: ${score?.why}`;
}

const PASSES = /^1 pass: /;
const WRONG = /^0 (fail|error): /;
const UNREADABLE = /^failed unreadable_tests: /;

describe.skipIf(!canContain)("what tests and program know of each other", () => {
  it("is no word of the tests on the program's side, in Python", async () => {
    const looking = `
import gc, sys, __main__
def words(thing, depth=0):
    if isinstance(thing, str): yield thing
    elif isinstance(thing, dict) and depth < 4:
        for pair in list(thing.items()): yield from words(pair, depth + 1)
    elif isinstance(thing, (list, tuple, set)) and depth < 4:
        for item in list(thing): yield from words(item, depth + 1)
backwards = "enohpolyx"
found = any(backwards in w[::-1] for thing in [__main__.__dict__, *gc.get_objects()] for w in words(thing))
def f(x): return backwards[::-1] if found else None`;
    expect(await why(looking, ["assert f(1) == 'xylophone'"])).toMatch(WRONG);
    const check = "def check(candidate):\n    assert candidate(1) == 'xylophone'\n";
    expect(await why(looking, { prompt: "def f(x):\n", test: check, entry_point: "f" })).toMatch(WRONG);
  });

  it("is no word of the tests on the program's side, in JavaScript", async () => {
    const looking = `function f() {
  const seen = Object.getOwnPropertyNames(globalThis);
  let asked; try { asked = job } catch { asked = {} }
  return [...seen, ...(asked.names ?? [])].find((name) => name.startsWith("xylo"));
}`;
    expect(await why(looking, ["assert.equal(f(1), 'xylophone')"], JS)).toMatch(WRONG);
  });

  it.each([
    [
      "function encode() { return null }\nfunction decode() { return null }",
      "decode(encode('hello')), 'hello'",
    ],
    [
      "function find() { return 7 }\nfunction keep() { return 7 }",
      "[find([1], 1), keep(undefined)], [0, null]",
    ],
    [
      "function parse() { return null }\nfunction stringify() { return null }",
      "[parse('[1]'), stringify([1])], [[1], '[1]']",
    ],
    ["function answer() {}\nfunction replyTo() {}\nfunction fault() {}", "answer(), 42"],
    ["var globalThis = {}, process = null, JSON = null;\nfunction f() { return 1 }", "f(), 2"],
  ])("shares no name of ours with a wrong JavaScript program: %s", async (program, values) => {
    expect(await why(program, [`assert.deepStrictEqual(${values})`], JS)).toMatch(WRONG);
  });

  it("leaves a JavaScript program every name it may want", async () => {
    const names =
      "fs vm parse stringify pending kept numbers job before encode decode keep lookUp TASKS words".split(
        " ",
      );
    const program = `${names.map((name) => `const ${name} = 1;`).join("\n")}
const assert = require("assert"), path = require("path");
function find(items, item) { return items.indexOf(item) }
module.exports = { find };`;
    expect(await why(program, ["assert.equal(find([1, 2], 2), 1)"], JS)).toMatch(PASSES);
    const calls = { fn_name: "find", inputs: [[[1, 2], 2]], outputs: [1] };
    expect(await why(program, calls, JS)).toMatch(PASSES);
  });
});

describe.skipIf(!canContain)("a name in a test", () => {
  // HumanEval 32 and 38: the tests use what the prompt defines above the tested function.
  const polynomial = {
    prompt: `import math


def poly(xs: list, x: float):
    """Evaluates."""
    return sum([coeff * math.pow(x, i) for i, coeff in enumerate(xs)])


def find_zero(xs: list):
    """Finds."""
`,
    test: "def check(candidate):\n    for xs in ([1, 2], [3, 5]):\n        assert abs(poly(xs, candidate(list(xs)))) < 1e-4\n",
    entry_point: "find_zero",
  };

  it("is the prompt's helper, whatever the program calls so", async () => {
    const cheat = "def poly(xs, x): return 0\ndef find_zero(xs): return 0\n";
    expect(await why(cheat, polynomial)).toMatch(WRONG);
    expect(await why("def find_zero(xs):\n    return -xs[0] / xs[1]\n", polynomial)).toMatch(PASSES);
    expect(await why("    return -xs[0] / xs[1]\n", polynomial)).toMatch(PASSES);
  });

  it("is the prompt's helper in JavaScript too", async () => {
    const suite = {
      prompt: "function poly(xs, x) {\n  return xs[0] + xs[1] * x;\n}\n\nfunction findZero(xs) {\n",
      test: "assert(Math.abs(poly([1, 2], findZero([1, 2]))) < 1e-4)",
      entry_point: "findZero",
    };
    expect(await why("function poly() { return 0 }\nfunction findZero() { return 0 }", suite, JS)).toMatch(
      WRONG,
    );
    expect(await why("  return -xs[0] / xs[1];\n}", suite, JS)).toMatch(PASSES);
  });

  it.each([
    [
      "class np:\n    allclose = lambda *a: True\n    array = lambda *a: 0\ndef f(x): return 0",
      "assert np.allclose(f(1), np.array([5]))",
    ],
    ["def isclose(*a): return True\ndef f(x): return 0", "assert isclose(f(1), 3.5)"],
    ["def sqrt(x): return 0\ndef f(x): return 0", "assert f(16) == sqrt(16)"],
    [
      "class Counter:\n    def __init__(self, *a): pass\n    def __eq__(self, other): return True\ndef f(x): return Counter()",
      "assert Counter(f(1)) == Counter([1])",
    ],
    ["class math:\n    isclose = lambda *a: True\ndef f(x): return 0", "assert math.isclose(f(1), 3.5)"],
  ])("is a well-known library's before it is the program's: %s", async (program, test) => {
    // Where numpy is not installed, that is said.
    expect(await why(program, [test])).toMatch(
      /^(0 (fail|error): |failed unreadable_tests: a test uses numpy)/,
    );
  });

  it("is the program's where it is what is tested", async () => {
    expect(await why("def gcd(a, b): return 6", ["assert gcd(12, 18) == 6"])).toMatch(PASSES);
    expect(await why("def isclose(a, b): return 'near'", ["assert isclose(1, 2) == 'near'"])).toMatch(PASSES);
    const chain =
      "class Pair:\n    def __init__(self, a): self.a = a\ndef chain(pairs): return sum(p.a for p in pairs)";
    expect(await why(chain, ["assert chain([Pair(5), Pair(15)]) == 20"])).toMatch(PASSES);
  });
});

describe.skipIf(!canContain)("a test that passes without the program", () => {
  const add = { right: "def add(a, b): return a + b", wrong: "def add(a, b): return 99" };
  const head = { prompt: "def add(a, b):\n    '''Adds.'''\n", entry_point: "add" };

  it.each([
    ["pytest's functions", "def test_add():\n    assert add(1, 2) == 3\n"],
    [
      "a class of unittest",
      "import unittest\nclass Tests(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1, 2), 3)\n",
    ],
    [
      "unittest.main",
      "import unittest\nclass Tests(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1, 2), 3)\nunittest.main()",
    ],
    [
      "unittest.main that does not exit",
      "import unittest\nclass Tests(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1, 2), 3)\nunittest.main(argv=['x'], exit=False)",
    ],
    ["asynchronous functions", "async def test_add():\n    assert add(1, 2) == 3\n"],
  ])("is run in the manner of %s", async (_, test) => {
    expect(await why(add.right, { ...head, test })).toMatch(PASSES);
    expect(await why(add.wrong, { ...head, test })).toMatch(WRONG);
  });

  it.each<[string, CodeTestsOptions]>([
    ["x = 1", {}],
    ["def helper(x):\n    assert add(x, 2) == 3", {}],
    ["class Tests:\n    def test_a(self): assert add(1, 2) == 3", {}],
    ["const x = 1", JS],
    ["const later = () => add(1, 2)", JS],
    ["require('node:test')('adds', () => assert.equal(add(1, 2), 3))", JS],
  ])("is our trouble: %s", async (test, options) => {
    const program = options.language === "javascript" ? "function add() { return 99 }" : add.wrong;
    expect(await why(program, { test }, options)).toMatch(UNREADABLE);
  });
});

describe.skipIf(!canContain)("a wrong program", () => {
  it.each<[string, string, Json, CodeTestsOptions]>([
    [
      "without a class that the setup uses",
      "def height(r): return 3",
      { test_list: ["assert height(root) == 3"], test_setup_code: "root = Node(1)" },
      {},
    ],
    ["without the function", "x = 1", ["assert f(1) == 1"], {}],
    ["without the function, in JavaScript", "const x = 1", ["assert.equal(f(1), 1)"], JS],
    ["whose result a test trips over", "def f(x): return None", ["assert f(1)[0] == 1"], {}],
    [
      "whose result a JavaScript test trips over",
      "function f() { return null }",
      ["assert.equal(f(1)[0], 1)"],
      JS,
    ],
    ["with a name of ours", "function keep() {}", ["assert.equal(keep(undefined), 1)"], JS],
  ])("%s gets a number", async (_, program, tests, options) => {
    expect(await why(program, tests, options)).toMatch(WRONG);
  });

  it.each<[string, Json, CodeTestsOptions]>([
    ["a module that is not there", ["import no_such_module\nassert f(1) == 1"], {}],
    ["a fault before the program is called", ["x = 1 / 0\nassert f(1) == 1"], {}],
    ["a setup that fails", { test_list: ["assert f(1) == 1"], test_setup_code: "1 / 0" }, {}],
    ["a fault before the program is called, in JavaScript", ["null.x; assert.equal(f(1), 1)"], JS],
  ])("is not to blame for %s", async (_, tests, options) => {
    const program = options.language === "javascript" ? "function f(x) { return x }" : "def f(x): return x";
    expect(await why(program, tests, options)).toMatch(UNREADABLE);
  });
});

describe.skipIf(!canContain)("a right program", () => {
  it("has its own errors recognised by the tests", async () => {
    const program = `class MyErr extends Error { constructor(text) { super(text); this.name = "MyErr"; this.code = 5 } }
function f(x) { if (x < 0) throw new MyErr("negative"); return x }`;
    const tests = [
      "assert.throws(() => f(-1), MyErr)",
      "assert.throws(() => f(-1), { name: 'MyErr', code: 5 })",
      "assert.throws(() => f(-1), /negative/)",
    ];
    expect(await why(program, tests, JS)).toMatch(PASSES);
    expect(
      await why("class MyErr extends Error {}\nfunction f() { throw new TypeError('x') }", tests, JS),
    ).toMatch(/^0 /);
  });

  it("has its errors' arguments as they were", async () => {
    const test = (fact: string) =>
      `try:\n    f(1)\n    assert False\nexcept KeyError as e:\n    assert ${fact}`;
    const tests = [test("e.args == ('k',)"), test("str(e) == \"'k'\"")];
    expect(await why("def f(x): return {}['k']", tests)).toMatch(PASSES);
  });

  it("keeps what its own kinds of containers can do", async () => {
    const program = `from collections import namedtuple, Counter, OrderedDict
class Stack(list):
    def push(self, x): self.append(x)
class Cache(OrderedDict):
    def put(self, k, v): self[k] = v
P = namedtuple("P", "x y")
def point(): return P(1, 2)
def norm(p): return p.x + p.y
def count(text): return Counter(text)`;
    const tests = [
      "s = Stack()\ns.push(3)\ns.push(4)\nassert s == [3, 4] and s != [3] and s.pop() == 4 and len(s) == 1 and list(s) == [3]",
      "c = Cache()\nc.put('a', 1)\nassert c['a'] == 1 and 'a' in c and c == {'a': 1}\ndel c['a']\nassert c == {}",
      "p = point()\nassert p == (1, 2) and p.x == 1 and norm(p) == 3 and p._asdict() == {'x': 1, 'y': 2}",
      "assert count('aab') == {'a': 2, 'b': 1} and count('aab').most_common(1) == [('a', 2)] and count('')['z'] == 0",
    ];
    expect(await why(program, tests)).toMatch(PASSES);
    const lying = `class Same(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
class Pair(tuple): __eq__ = lambda self, other: True
def f(x): return Same([7]) if x else Pair((7,))`;
    expect(await why(lying, ["assert f(1) == [1]", "assert f(0) == (1,)", "assert not f(1) != [1]"])).toMatch(
      WRONG,
    );
  });

  it.each<[string, string, CodeTestsOptions]>([
    ["async def f(x): return x + 1", "Python", {}],
    ["async function f(x) { return x + 1 }", "JavaScript", JS],
  ])("may be asynchronous when it is called by name: %s", async (program, _, options) => {
    expect(await why(program, { fn_name: "f", inputs: [[1]], outputs: [2] }, options)).toMatch(PASSES);
    expect(await why(program, { fn_name: "f", inputs: [[1]], outputs: [3] }, options)).toMatch(WRONG);
  });

  it("may return the text of the tests as it stands there", async () => {
    const calls = (output: string) => ({ fn_name: "f", inputs: [[1]], outputs: [output] });
    expect(await why("def f(x): return '5'", calls("5"))).toMatch(PASSES);
    expect(await why("def f(x): return 5", calls("5"))).toMatch(PASSES);
    expect(await why("def f(x): return None", calls("null"))).toMatch(PASSES);
    expect(await why("def f(x): return '6'", calls("5"))).toMatch(WRONG);
  });

  it("knows the file it is in", async () => {
    const program =
      "import os\nprint(os.path.basename(__file__), os.path.dirname(os.path.abspath(__file__)) == os.getcwd())";
    expect(await why(program, { inputs: [""], outputs: ["program.py True"] })).toMatch(PASSES);
  });
});

describe.skipIf(!canContain)("the reason", () => {
  it.each<[string, string, CodeTestsOptions, string]>([
    ["Python", "class A: pass\ndef f(x): return A()", {}, "(an object of class A)"],
    [
      "Python",
      "def f(x): return [{1, 2}, lambda: 1]",
      {},
      '["(a set of 2)","(an object of class function)"]',
    ],
    ["JavaScript", "class A {}\nfunction f() { return new A() }", JS, "(an object)"],
  ])("names what cannot be compared, and no address: %s %s", async (_, program, options, shown) => {
    const got = shown.startsWith("[") ? shown : `"${shown}"`;
    expect(await why(program, { fn_name: "f", inputs: [[1]], outputs: ["x"] }, options)).toBe(
      `0 fail: test 1 of 1 got ${got}, expected "x"`,
    );
  });
});
