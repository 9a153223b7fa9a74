import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventOf, linesOf, MARK, versionsOf } from "../../../src/trainers/train/events.ts";
import { launchCommand } from "../../../src/trainers/train/launch.ts";
import { shellLine } from "../../../src/trainers/train/shell-line.ts";

async function collect(pieces: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(
    (async function* () {
      yield* pieces;
    })(),
  ))
    lines.push(line);
  return lines;
}

describe("the training process's lines", () => {
  it("are the same however the bytes are cut", async () => {
    const text = fc.array(
      fc.string({ unit: "grapheme", maxLength: 20 }).map((line) => line.replace(/[\r\n]/g, "")),
    );
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(50)), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""), "utf8");
        const pieces: Uint8Array[] = [];
        let from = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        pieces.push(bytes.subarray(from));
        expect(await collect(pieces)).toEqual(
          lines.map((line) => Buffer.from(line, "utf8").toString("utf8")),
        );
      }),
    );
  });

  it("keep a last line without an end", async () => {
    expect(await collect([Buffer.from("a\nb")])).toEqual(["a", "b"]);
  });

  it.each([
    ["Loading weights", null],
    [`${MARK}{"event":"end","kind":"done","step":1,"of":1}`, { event: "end", kind: "done", step: 1, of: 1 }],
    [` ${MARK}{"event":"end"}`, null],
    [`${MARK}{"event":"unknown"}`, null],
    [`${MARK}{"event":"log"`, null],
    [`${MARK}null`, null],
    [`${MARK}[]`, null],
  ])("%j", (line, event) => {
    expect(eventOf(line)).toEqual(event);
  });

  it("tell versions among the talk of a noisy start", () => {
    expect(versionsOf(`warning\n${MARK}{"trl":"1.13.0"}\n`)).toEqual({ trl: "1.13.0" });
    expect(versionsOf("Python 3.11")).toBeNull();
    expect(versionsOf(`${MARK}{`)).toBeNull();
  });
});

describe("the command", () => {
  it("is Python itself for one process, accelerate for several GPUs, and torch's launcher for several on the CPU", () => {
    const options = { python: "py", cpu: false };
    expect(launchCommand("run/config.json", { ...options, processes: 1 })).toEqual([
      "py",
      expect.stringMatching(/prefkit_train\.py$/),
      "run/config.json",
    ]);
    const several = launchCommand("c", { ...options, processes: 4 });
    expect(several.slice(0, 5)).toEqual(["py", "-m", "accelerate.commands.launch", "--num_processes", "4"]);
    expect(several).toContain("--multi_gpu");
    expect(launchCommand("c", { ...options, processes: 2, cpu: true })).toContain("torch.distributed.run");
  });

  it("is shown as a shell takes it", () => {
    expect(shellLine(["py", "a b", "it's", "$HOME"])).toBe(`py 'a b' 'it'\\''s' '$HOME'`);
  });
});
