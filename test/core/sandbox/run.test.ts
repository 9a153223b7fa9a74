import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, type SandboxEnd, type SandboxJob } from "../../../src/core/sandbox/job.ts";
import { residentMb } from "../../../src/core/sandbox/memory.ts";
import { probeContainment } from "../../../src/core/sandbox/probe.ts";
import { type Confinement, startProgram } from "../../../src/core/sandbox/run.ts";
import { slots } from "../../../src/core/sandbox/slots.ts";
import { sweep } from "../../../src/core/sandbox/unsafe.ts";
import { canContain } from "./platform.ts";

const limits = { ...DEFAULT_LIMITS, cpuSeconds: 5, wallSeconds: 20, outputKb: 16 };

async function run(
  script: string,
  confinement: Confinement,
  more: Partial<SandboxJob> = {},
): Promise<SandboxEnd & { readonly stdout: string }> {
  const chunks: Buffer[] = [];
  const job: SandboxJob = { command: ["/bin/sh", "-c", script], readable: [], limits, ...more };
  const running = startProgram(job, confinement, (bytes) => chunks.push(bytes));
  running.closeInput();
  const end = await running.ended;
  return { ...end, stdout: Buffer.concat(chunks).toString() };
}

const ways: readonly (readonly [string, () => Confinement])[] = [
  ...(canContain ? [["contained", probeContainment] as const] : []),
  ...(process.platform === "win32" ? [] : [["unsafe", () => "unsafe" as const] as const]),
];

describe.each(ways)("a program that runs %s", (_, confinement) => {
  it("hands on its output, its error output and its exit code", async () => {
    expect(await run("echo out; echo err >&2; exit 3", confinement())).toEqual({
      ending: "exited",
      exitCode: 3,
      stderr: "err\n",
      stdout: "out\n",
    });
  });

  it("finds its files, byte for byte, and reads standard input from one of them", async () => {
    const text = "é — 'quoted' $HOME `x`\n\0end";
    const files = [
      { name: "first", text },
      { name: "empty", text: "" },
      { name: "second", text: "x".repeat(200_000) },
    ];
    const ran = await run("cat; wc -c <second; wc -c <empty; wc -c <first", confinement(), {
      files,
      stdinFile: "first",
    });
    // é and — take two and three bytes.
    expect(ran.stdout.replaceAll(" ", "")).toBe(
      `${text}200000\n0\n${Buffer.byteLength(text)}\n`.replaceAll(" ", ""),
    );
  });

  it("can be talked with", async () => {
    const chunks: string[] = [];
    const job: SandboxJob = {
      command: ["/bin/sh", "-c", "read a; echo got $a; read b; echo got $b"],
      readable: [],
      limits,
    };
    const running = startProgram(job, confinement(), (bytes) => chunks.push(bytes.toString()));
    running.write("one\n");
    running.write("two\n");
    expect(await running.ended).toMatchObject({ ending: "exited", exitCode: 0 });
    expect(chunks.join("")).toBe("got one\ngot two\n");
  });

  it("starts with an environment of its own", async () => {
    process.env.PREFKIT_TEST_SECRET = "open-sesame";
    try {
      expect((await run("env", confinement())).stdout).not.toContain("open-sesame");
    } finally {
      delete process.env.PREFKIT_TEST_SECRET;
    }
  });

  it("is ended when told so, with the first reason", async () => {
    const job: SandboxJob = { command: ["/bin/sh", "-c", "sleep 60"], readable: [], limits };
    const running = startProgram(job, confinement(), () => undefined);
    running.stop("timeout");
    running.stop("stopped");
    expect(await running.ended).toMatchObject({ ending: "timeout", exitCode: null });
  });

  it("is ended by the clock, and for its output", async () => {
    expect(await run("sleep 60", confinement(), { limits: { ...limits, wallSeconds: 0.3 } })).toMatchObject({
      ending: "timeout",
    });
    expect(await run("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", confinement())).toMatchObject({
      ending: "output",
    });
  });

  it("is ended when its output cannot be read, with the reason, and we are not", async () => {
    const job: SandboxJob = { command: ["/bin/sh", "-c", "echo x; exec sleep 60"], readable: [], limits };
    const running = startProgram(job, confinement(), () => {
      throw new RangeError("no such thing");
    });
    expect(await running.ended).toMatchObject({
      ending: "unreadable",
      exitCode: null,
      stderr: "no such thing",
    });
  });

  it("keeps only the end of its error output", async () => {
    const ran = await run("i=0; while [ $i -lt 500 ]; do echo line $i >&2; i=$((i+1)); done", confinement());
    expect(ran.stderr.length).toBe(2000);
    expect(ran.stderr.endsWith("line 499\n")).toBe(true);
  });

  it("does not mind input that it does not read", async () => {
    const job: SandboxJob = { command: ["/bin/sh", "-c", "exit 0"], readable: [], limits };
    const running = startProgram(job, confinement(), () => undefined);
    running.write("x".repeat(1_000_000));
    running.closeInput();
    expect(await running.ended).toMatchObject({ ending: "exited", exitCode: 0 });
  });

  it("leaves no directory behind", async () => {
    const mine = (): string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(`prefkit-box-${process.pid}-`));
    await run("echo x >file; mkdir -p a/b", confinement());
    expect(mine()).toEqual([]);
  });
});

describe("a program that cannot be started", () => {
  it.skipIf(!canContain)("is not told from a fault of its own by chance: nothing of it has run", async () => {
    const ran = await run("echo ran", probeContainment(), { readable: ["/proc/no/such/place"] });
    expect(ran).toMatchObject({ ending: "not-started", exitCode: null, stdout: "" });
    expect(ran.stderr).toContain("/proc/no");
  });

  it("says which command there is not", async () => {
    const job: SandboxJob = { command: ["/no/such/interpreter"], readable: [], limits };
    const end = await startProgram(job, "unsafe", () => undefined).ended;
    expect(end.ending === "not-started" || end.exitCode === 127 || end.exitCode === 1).toBe(true);
    expect(end.stderr).toContain("/no/such/interpreter");
  });
});

describe("directories of programs that ran without a sandbox", () => {
  it("are swept by the next process when theirs was killed", () => {
    // A process id that has just ended.
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    const stale = join(tmpdir(), `prefkit-box-${pid}-stale`);
    const ours = join(tmpdir(), `prefkit-box-${process.ppid}-live`);
    mkdirSync(join(stale, "deep"), { recursive: true });
    mkdirSync(ours, { recursive: true });
    try {
      sweep();
      expect(existsSync(stale)).toBe(false);
      expect(existsSync(ours)).toBe(true);
    } finally {
      rmSync(stale, { recursive: true, force: true });
      rmSync(ours, { recursive: true, force: true });
    }
  });
});

describe("slots", () => {
  it("lets no more work run at one time than there are, in order, and survives work that fails", async () => {
    const inTurn = slots(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = (number: number): Promise<number> =>
      inTurn(async () => {
        running += 1;
        most = Math.max(most, running);
        order.push(number);
        await Promise.resolve();
        running -= 1;
        if (number === 1) throw new RangeError("one");
        return number;
      });
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
    expect(most).toBe(2);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });
});

describe.skipIf(process.platform !== "linux")("resident memory", () => {
  it("of this process is more than none, and of one that has ended unknown", () => {
    const own = residentMb(process.pid);
    // Null on kernels that list no children.
    if (own !== null) expect(own).toBeGreaterThan(1);
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    expect(residentMb(pid)).toBeNull();
  });
});
