import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Frame, frameReader } from "../../rewards/code-tests/frames.ts";
import { type CodeTestsOptions, codeTests } from "../../rewards/code-tests.ts";
import type { Json } from "../../src/core/types.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { canContain } from "../core/sandbox/platform.ts";

const context = { signal: new AbortController().signal, seed: 0 };

async function why(program: string, tests: Json, options: CodeTestsOptions = {}): Promise<string> {
  const scorer = codeTests({ seconds: 2, totalSeconds: 20, scoring: "share", ...options });
  const [score] = await scorer.score(groupOf([program], { reference: JSON.stringify(tests) }), context);
  return score?.kind === "scored" ? `${score.value} ${score.why}` : `${score?.kind}: ${score?.why}`;
}

describe("reading what the process that runs a program says of each case", () => {
  const frame: fc.Arbitrary<Frame> = fc.record({
    how: fc.constantFrom("exit", "signal", "timeout", "output"),
    value: fc.nat(255),
    stdout: fc.string({ unit: "grapheme", maxLength: 200 }),
    stderr: fc.string({ unit: "grapheme", maxLength: 20 }),
  });
  const bytesOf = ({ how, value, stdout, stderr }: Frame): Buffer =>
    Buffer.from(
      `${how} ${value} ${Buffer.byteLength(stdout)} ${Buffer.byteLength(stderr)}\n${stdout}${stderr}`,
    );

  /** The bytes, in pieces of these sizes. */
  function feed(bytes: Buffer, sizes: readonly number[], read: (bytes: Buffer) => void): void {
    let start = 0;
    for (let turn = 0; start < bytes.length; turn += 1) {
      const end = start + (sizes[turn % sizes.length] ?? 1);
      read(bytes.subarray(start, end));
      start = end;
    }
  }
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

  it("finds every frame, wherever the bytes are cut", () =>
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), sizes, (frames, cuts) => {
        const found: Frame[] = [];
        const read = frameReader({ count: frames.length, limit: 5000 }, (one) => found.push(one));
        feed(Buffer.concat(frames.map(bytesOf)), cuts, read);
        expect(found).toEqual(frames);
      }),
    ));

  it("ends on any bytes whatever, with no more frames than there are cases", () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(frame.map(bytesOf), fc.uint8Array().map(Buffer.from)), { maxLength: 9 }),
        sizes,
        (parts, cuts) => {
          let count = 0;
          const read = frameReader({ count: 2, limit: 5000 }, () => {
            count += 1;
          });
          try {
            feed(Buffer.concat(parts), cuts, read);
          } catch (error) {
            expect(String(error)).toContain("the program broke the line");
          }
          expect(count).toBeLessThanOrEqual(2);
        },
      ),
    ));

  it.each([
    "exit 0 -12 0\n",
    "exit 0 NaN 0\n",
    "exit 0 1e9 0\n",
    "exit 0 99999999999 0\n",
    "exit 0 4000 4000\n",
    "exit -1 0 0\n",
    "exits 0 0 0\n",
    " exit 0 0 0\n",
    "\n",
    "x".repeat(64),
  ])("refuses %j", (head) => {
    const read = frameReader({ count: 3, limit: 5000 }, () => undefined);
    expect(() => read(Buffer.from(head))).toThrow("the program broke the line");
  });

  it("waits for the rest of a line, but not for ever", () => {
    const read = frameReader({ count: 1, limit: 5000 }, () => undefined);
    for (let count = 0; count < 63; count += 1) read(Buffer.from("e"));
    expect(() => read(Buffer.from("e"))).toThrow("the program broke the line");
  });
});

describe.skipIf(!canContain)("a program that aims at the process that scores it", () => {
  const io = { inputs: ["1", "2"], outputs: ["1", "2"] };
  /** Takes descriptor 1 of its parent, in every way there is, and writes on it. */
  const taking = (text: string): string => `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()
# pidfd_open, pidfd_getfd
held = [libc.syscall(438, libc.syscall(434, parent, 0), 1, 0)]
try: held.append(os.open("/proc/%d/fd/1" % parent, os.O_WRONLY))
except OSError: pass
for fd in held:
    if fd >= 0: os.write(fd, ${text})
try: open("/proc/%d/mem" % parent, "r+b", 0); print("memory")
except OSError: pass
print(len([fd for fd in held if fd >= 0]))
`;

  it.each(['b"exit 0 -12 0\\n"', 'b"exit 0 1 0\\n1exit 0 1 0\\n2"', 'b"x" * 1000'])(
    "cannot reach the line of the process that runs it: %s",
    async (text) => {
      expect(await why(taking(text), { inputs: ["1", "2"], outputs: ["0", "0"] })).toBe(
        "1 pass: 2 of 2 tests",
      );
    },
  );

  const nested: readonly (readonly [string, string])[] = [
    ["of an unknown kind", `'{"value": ["zz", ' + '[' * 200000 + ']' * 200000 + ']}'`],
    ["of lists", `'{"value": ' + '["l",[' * 100000 + ']]' * 100000 + '}'`],
    ["of objects", `'{"value": ' + '{"a":' * 100000 + '1' + '}' * 100000 + '}'`],
    ["of nothing else", `'[' * 200000`],
    ["of many values", `'{"value": ["l",[' + '1,' * 5000000 + '1]]}'`],
    ["of what is no text", `'{"value": ["i", {"toString": 1}]}'`],
    ["of no value", `'{"value": null, "error": [1]}'`],
  ];
  it.each(nested)("writes a reply nested too deep, or too large, %s: no call passes", async (_, text) => {
    const reply = `import __main__\ndef f(x):\n    __main__.outbox.write(${text} + '\\n')\n    __main__.outbox.flush()\n    return 1`;
    expect(await why(reply, { fn_name: "f", inputs: [[1]], outputs: [2] })).toMatch(/^0 (error|fail): /);
    expect(await why(reply, ["assert f(1) == 2"])).toMatch(/^0 (error|fail): /);
  });

  it("writes the same before it is called: nothing passes", async () => {
    for (const [, text] of nested) {
      const first = `import __main__\n__main__.outbox.write(${text} + '\\n')\n__main__.outbox.flush()\ndef f(x): return 1`;
      expect(await why(first, { fn_name: "f", inputs: [[1]], outputs: [2] })).toMatch(/^0 (error|fail): /);
    }
  });

  it("writes the same in JavaScript: nothing passes", async () => {
    const deep = `'R{"value": ' + '["l",['.repeat(100000) + ']]'.repeat(100000) + '}\\n'`;
    const program = `function f(x) { require("fs").writeSync(1, ${deep}); return 1 }`;
    const options = { language: "javascript" } as const;
    expect(await why(program, { fn_name: "f", inputs: [[1]], outputs: [2] }, options)).toMatch(/^0 error: /);
    expect(await why(program, ["assert.equal(f(1), 2)"], options)).toMatch(/^0 error: /);
  });

  it("leaves a directory in the way, without rights: the tests that follow are run as ever", async () => {
    const leaving = `
import os
number = input()
for name in ("/box/t1", "/box/t2", "/box/input", "inner/deeper"):
    try: os.makedirs(name)
    except OSError: pass
open("inner/file", "w").close()
for path in ("inner/deeper", "inner", os.getcwd(), "/box/t1", "/box/t2"):
    try: os.chmod(path, 0)
    except OSError: pass
print(number)
os.chmod("/box", 0)
`;
    expect(await why(leaving, { inputs: ["1", "2", "3"], outputs: ["1", "2", "3"] })).toBe(
      "1 pass: 3 of 3 tests",
    );
  });

  it("leaves directories that are nested too deep for a path: the next test is run as ever", async () => {
    const deep =
      "import os\nprint(input())\nfor _ in range(1500):\n    os.mkdir('d' * 9)\n    os.chdir('d' * 9)";
    expect(await why(deep, io)).toBe("1 pass: 2 of 2 tests");
  });
});
