import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sameOutput, sameReturn } from "../../rewards/code-tests/compare.ts";
import { extractProgram } from "../../rewards/code-tests/extract.ts";
import { readSuite } from "../../rewards/code-tests/suite.ts";
import { plainValue, wireValue } from "../../rewards/code-tests/values.ts";

describe("finding the program in a response", () => {
  const options = { language: "python", fence: "last", bare: true } as const;
  const two = "```python\na = 1\n```\ntext\n```python\nb = 2\n```\n";

  it.each([
    ["the last fence", two, "b = 2\n"],
    ["a fence with attributes", '```python title="x"\na = 1\n```', "a = 1\n"],
    ["a fence of tildes", "~~~py\na = 1\n~~~", "a = 1\n"],
    ["a longer fence around a shorter one", "````python\n'''\n```\n'''\n````", "'''\n```\n'''\n"],
    ["a fence that is never closed", "Here:\n```python\na = 1", "a = 1"],
    ["a fence of its language before one without", "```python\na = 1\n```\n```\n$ run\n```", "a = 1\n"],
    ["a fence without a language, when there is no other", "```\na = 1\n```", "a = 1\n"],
    ["Windows line ends", "```python\r\na = 1\r\n```\r\n", "a = 1\n"],
    [
      "a fence in a list, without its indent",
      "1. **Code**:\n\n   ```python\n   a = 1\n     b\n   ```\n",
      "a = 1\n  b\n",
    ],
    [
      "a fence far inside a list",
      "- a\n    - b\n\n        ```python\n        a = 1\n\n      b\n        ```",
      "a = 1\n\nb\n",
    ],
    [
      "a fence, past a text that shows one",
      '```python\nx = """\n    ```\n"""\n```',
      'x = """\n    ```\n"""\n',
    ],
    ["the whole text when there is no fence", "    return x\n", "    return x\n"],
  ])("takes %s", (_, text, program) => {
    expect(extractProgram(text, options)).toBe(program);
  });

  it("takes the first fence when told so", () => {
    expect(extractProgram(two, { ...options, fence: "first" })).toBe("a = 1\n");
  });

  it.each([
    ["an empty text", ""],
    ["blanks", " \n\t"],
    ["a fence of another language", "```ruby\nputs 1\n```"],
    ["an empty fence", "```python\n\n```"],
  ])("finds none in %s", (_, text) => {
    expect(extractProgram(text, options)).toBeNull();
  });

  it("finds none without a fence when bare texts are not programs", () => {
    expect(extractProgram("a = 1", { ...options, bare: false })).toBeNull();
  });

  it("finds what was put into a fence, whatever it was", () =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (inner) => {
        fc.pre(!/[`~\r]/.test(inner) && inner.trim() !== "");
        expect(extractProgram(`Sure!\n\`\`\`python\n${inner}\n\`\`\`\nBye.`, options)).toBe(`${inner}\n`);
      }),
    ));
});

describe("comparing outputs", () => {
  it.each([
    ["1\n", "1", 0, true],
    ["1  \n2\t\n\n\n", "1\n2", 0, true],
    ["1\r\n2\r\n", "1\n2\n", 0, true],
    [" 1", "1", 0, false],
    ["1\n\n2", "1\n2", 0, false],
    ["YES", "yes", 0, false],
    ["1.0", "1", 0, false],
    ["", "", 0, true],
    ["", "1", 0, false],
    ["1.0", "1", 1e-9, true],
    ["1.0000001", "1", 1e-6, true],
    ["1.00001", "1", 1e-6, false],
    // 1e-3 × 1,000 = 1 is allowed of 1,000.
    ["1001", "1000", 1e-3, true],
    ["1002", "1000", 1e-3, false],
    ["a 1.0", "a 1", 1e-6, true],
    ["a  1", "a 1", 1e-6, true],
    ["1 2", "1", 1e-6, false],
    ["1\n2", "1 2", 1e-6, false],
    ["nan", "nan", 1e-6, true],
    ["nan", "1", 1, false],
    ["0x10", "16", 1e-6, false],
  ])("%j against %j within %d: %s", (output, expected, tolerance, same) => {
    expect(sameOutput(output, expected, tolerance)).toBe(same);
  });

  it.each([
    [3, 3, true],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    // APPS writes the returned value as a list of one.
    [3, [3], true],
    [[3], [3], true],
    [[[3]], [3], false],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [null, null, true],
    [0, false, false],
    ["1", 1, false],
  ])("a returned %j against %j: %s", (value, expected, same) => {
    expect(sameReturn(value, expected, 0)).toBe(same);
  });
});

describe("values between the processes", () => {
  it("come back as they went, for all JSON", () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        fc.pre(!JSON.stringify(value).includes("__proto__"));
        expect(plainValue(JSON.parse(JSON.stringify(wireValue(value))))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    ));

  it.each([
    [
      ["t", [1, ["t", [2]]]],
      [1, [2]],
    ],
    [["i", "-0x20"], -32],
    [["f", "inf"], Number.POSITIVE_INFINITY],
    [["h", 12, "A"], "(an object of class A)"],
    [["h", 12, "f"], "(a function)"],
    [["s", [1, 2]], "(a set of 2)"],
    [["n", [["a", 2]]], { a: 2 }],
    [["zz", ["x"]], "(zz …)"],
    [{ a: 1 }, "(…)"],
    [["d", 5], {}],
    [["l", "x"], []],
    [[], "(undefined undefined)"],
    [undefined, null],
  ])("%j is read as %j, whoever wrote it", (wire, value) => {
    expect(plainValue(wire)).toEqual(value);
  });
});

describe("reading tests", () => {
  it("reads APPS' layouts, lists of lines among them", () => {
    expect(readSuite('{"inputs": [["1", "2"], "3"], "outputs": [["x"], "y\\n"]}')).toEqual({
      kind: "stdin",
      cases: [
        { input: "1\n2", output: "x" },
        { input: "3", output: "y\n" },
      ],
    });
    expect(readSuite({ fn_name: "f", inputs: [[1, 2], "1\n[2]"], outputs: [[3], "4"] })).toEqual({
      kind: "calls",
      name: "f",
      cases: [
        { args: [1, 2], expected: [3], text: null },
        { args: [1, [2]], expected: 4, text: "4" },
      ],
    });
  });

  it("reads HumanEval's layout, and calls check unless the tests do", () => {
    const base = { prompt: "p", entry_point: "f" };
    expect(readSuite({ ...base, test: "def check(c): pass" })).toMatchObject({
      prefix: "p",
      entry: "f",
      tests: ["def check(c): pass\n\ncheck(f)\n"],
    });
    expect(readSuite({ ...base, test: "def check(c): pass\ncheck(f)" })).toMatchObject({
      tests: ["def check(c): pass\ncheck(f)\n"],
    });
  });

  it("reads MBPP's layout and bare lists", () => {
    const list = ["assert f(1)"];
    const suite = { kind: "functions", prefix: "", setup: "", tests: list, entry: null };
    expect(readSuite(list)).toEqual(suite);
    expect(
      readSuite({ test_list: list, test_imports: ["import math", "import re"], test_setup_code: "x = 1" }),
    ).toEqual({
      ...suite,
      setup: "import math\nimport re\nx = 1",
    });
  });
});
