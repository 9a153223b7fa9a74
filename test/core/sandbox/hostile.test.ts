import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findInterpreter } from "../../../rewards/code-tests/interpreters.ts";
import { CLEAN_ENVIRONMENT, containedCommand } from "../../../src/core/sandbox/contain.ts";
import {
  DEFAULT_LIMITS,
  type SandboxEnd,
  type SandboxJob,
  type SandboxLimits,
} from "../../../src/core/sandbox/job.ts";
import { probeContainment, whyNotRunning } from "../../../src/core/sandbox/probe.ts";
import { startProgram } from "../../../src/core/sandbox/run.ts";
import { canContain } from "./platform.ts";

const LIMITS: SandboxLimits = {
  ...DEFAULT_LIMITS,
  cpuSeconds: 1,
  // Far more than anything here needs, on a busy machine too; what is to run into the clock says so itself.
  wallSeconds: 15,
  memoryMb: 128,
  processes: 16,
  fileMb: 1,
  outputKb: 64,
};

interface Ran extends SandboxEnd {
  readonly stdout: string;
  readonly seconds: number;
}

/** Runs Python in a sandbox, and looks afterwards whether any process that carries its mark is left. */
async function run(program: string, limits: Partial<SandboxLimits> = {}): Promise<Ran> {
  const python = findInterpreter("python", undefined);
  const mark = `mark-${randomUUID()}`;
  const chunks: Buffer[] = [];
  const started = performance.now();
  const running = startProgram(
    {
      command: [...python.command, "-c", program, mark],
      readable: python.readable,
      reserved: python.reserved,
      limits: { ...LIMITS, ...limits },
    },
    probeContainment(),
    (bytes) => chunks.push(bytes),
  );
  running.closeInput();
  const end = await running.ended;
  const seconds = (performance.now() - started) / 1000;
  expect(alive(mark)).toEqual([]);
  return { ...end, stdout: Buffer.concat(chunks).toString(), seconds };
}

/** Process ids with this mark among their arguments. */
function alive(mark: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(mark);
    } catch (error) {
      if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  });
}

/** What a program may do in its own process. */
async function expectWell(): Promise<void> {
  expect(await run("print('well')")).toMatchObject({ ending: "exited", exitCode: 0, stdout: "well\n" });
}

describe.skipIf(!canContain)("a hostile program", () => {
  it("that forks without end is held to its number of processes, and is gone afterwards", async () => {
    const bomb = `
import os, sys, time
count = 0
try:
    for _ in range(100):
        if os.fork() == 0:
            while True: time.sleep(60)
        count += 1
except OSError: print("held at", count, flush=True)
while True:
    try: os.fork()
    except OSError: pass
`;
    const ran = await run(bomb, { wallSeconds: 4 });
    expect(ran.ending).toBe("timeout");
    expect(Number(/held at (\d+)/.exec(ran.stdout)?.[1])).toBeLessThan(LIMITS.processes);
    await expectWell();
  });

  it("that forks in every child is gone afterwards", async () => {
    const bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
    expect((await run(bomb, { wallSeconds: 2 })).ending).toBe("timeout");
    await expectWell();
  });

  it("that asks for all memory is refused it", async () => {
    const ran = await run("x = []\nwhile True: x.append(bytearray(10_000_000))");
    expect(ran).toMatchObject({ ending: "exited", exitCode: 1 });
    expect(ran.stderr).toContain("MemoryError");
  });

  it("that spreads its memory over many processes is ended", async () => {
    const spread = `
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(60_000_000)
        time.sleep(60)
time.sleep(60)
`;
    expect((await run(spread)).ending).toBe("memory");
  });

  it("that hides its children behind a thread is ended too", async () => {
    const spread = `
import os, time, threading
def work():
    for _ in range(5):
        if os.fork() == 0:
            x = bytearray(60_000_000)
            time.sleep(60)
    time.sleep(60)
threading.Thread(target=work).start()
`;
    expect((await run(spread)).ending).toBe("memory");
  });

  it("that shares anonymous memory is held to its address space", async () => {
    const ran = await run("import mmap\nx = mmap.mmap(-1, 300_000_000)\nx.write(b'x' * 300_000_000)");
    expect(ran).toMatchObject({ ending: "exited", exitCode: 1 });
  });

  it("that loops is ended by its processor time", async () => {
    const ran = await run("while True: pass", { wallSeconds: 25 });
    expect(ran.ending).toBe("timeout");
    expect(ran.seconds).toBeLessThan(20);
  });

  it("that ignores the signal about its processor time is ended all the same", async () => {
    const ran = await run("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", {
      wallSeconds: 25,
    });
    expect(ran.ending).toBe("killed");
  });

  it("that sleeps is ended by the clock", async () => {
    expect((await run("import time\ntime.sleep(60)", { wallSeconds: 0.5 })).ending).toBe("timeout");
  });

  it.each(["1", "2"])(
    "that writes without end to descriptor %s is cut off, and not kept in memory",
    async (fd) => {
      const ran = await run(`import os\nwhile True: os.write(${fd}, b'x' * 65536)`);
      expect(ran.ending).toBe("output");
      expect(ran.stdout.length).toBeLessThanOrEqual(LIMITS.outputKb * 1024);
    },
  );

  it("that writes files writes them in its own directory in memory alone, and not for long", async () => {
    const target = join(tmpdir(), `prefkit-escape-${randomUUID()}`);
    const program = `
import os
for path in ["${target}", "/usr/x", "/etc/x", "/dev/x", "/x", "/proc/sys/kernel/hostname", "${join(homedir(), "x")}", "${process.cwd()}/x"]:
    try:
        open(path, "w").write("x")
        print("wrote", path)
    except OSError: pass
try:
    for n in range(100):
        open("big%d" % n, "wb").write(b"x" * 500_000)
except OSError as error: print("full after", n, error.errno)
`;
    const { stdout } = await run(program);
    // /tmp is the program's own directory, in memory.
    const wrote = stdout.split("\n").filter((line) => line.startsWith("wrote"));
    expect(wrote.filter((line) => !line.startsWith("wrote /tmp/"))).toEqual([]);
    expect(stdout).toMatch(/full after [12] 28/);
    expect(existsSync(target)).toBe(false);
    expect(existsSync(join(process.cwd(), "x"))).toBe(false);
  });

  it("that writes a huge file is stopped at the limit", async () => {
    const ran = await run("f = open('huge', 'wb')\nwhile True: f.write(b'x' * 65536)");
    expect(ran.ending === "exited" ? ran.exitCode : ran.ending).toBe(1);
  });

  it("finds no network, neither this machine's nor any other", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    let connections = 0;
    server.on("connection", () => {
      connections += 1;
    });
    const program = `
import socket
for host, port in [("127.0.0.1", ${port}), ("192.0.2.1", 80), ("::1", ${port})]:
    try:
        socket.create_connection((host, port), 0.3)
        print("connected", host)
    except OSError as error: print("refused")
try:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    print("raw")
except PermissionError: print("refused")
import os
print(os.listdir("/sys") if os.path.exists("/sys") else "no sys")
`;
    try {
      const { stdout } = await run(program);
      expect(stdout.trim().split("\n")).toEqual(["refused", "refused", "refused", "refused", "no sys"]);
      expect(connections).toBe(0);
    } finally {
      server.close();
    }
  });

  it("finds nothing of our environment, our process or our files", async () => {
    process.env.PREFKIT_TEST_SECRET = "open-sesame";
    const program = `
import os, sys
print("environment", sorted(os.environ))
seen = [name for name in os.listdir("/proc") if name.isdigit()]
print("processes", len(seen))
for pid in seen:
    for part in ("environ", "cmdline", "mem", "fd", "root", "cwd"):
        try: text = open("/proc/%s/%s" % (pid, part), "rb").read()
        except OSError: continue
        if b"open-" + b"sesame" in text: print("secret in", pid, part)
for path in ["/home", "/root/.ssh", "/var", "/run", "/opt", "/srv", "/mnt", "/etc/shadow", "/etc/hosts", "/sys", "${process.cwd()}"]:
    if os.path.exists(path): print("sees", path)
print("user", os.getuid() in (0, ${process.getuid?.()}))
print("capabilities", [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")])
`;
    try {
      const { stdout } = await run(program);
      const [environment, processes, ...rest] = stdout.trim().split("\n");
      expect(environment?.replace(" 'PWD',", "")).toBe(
        "environment ['HOME', 'LANG', 'PATH', 'PYTHONHASHSEED', 'TMPDIR']",
      );
      expect(Number(processes?.split(" ")[1])).toBeLessThanOrEqual(3);
      expect(rest.filter((line) => /^(secret|sees)/.test(line))).toEqual([]);
      expect(rest).toContain("capabilities ['0000000000000000']");
      if (process.getuid?.() === 0) expect(rest).toContain("user False");
    } finally {
      delete process.env.PREFKIT_TEST_SECRET;
    }
  });

  it("that kills its parent, and everything it can see, kills nobody but itself", async () => {
    const program = `
import os, signal
for pid in [os.getppid(), 1, ${process.pid}, -1, *range(2, 3000)]:
    if pid == os.getpid(): continue
    try: os.kill(pid, signal.SIGKILL)
    except OSError: pass
print("still here", flush=True)
`;
    const { stdout } = await run(program);
    expect(stdout).toBe("still here\n");
    await expectWell();
  });

  it("cannot trace the process that set its sandbox up", async () => {
    const program = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid()):
    print(libc.ptrace(16, pid, 0, 0))
    try: print(open("/proc/%d/mem" % pid, "rb").read(1))
    except OSError: print("closed")
`;
    expect((await run(program)).stdout.split("\n")).toEqual(["-1", "closed", "-1", "closed", ""]);
  });

  it("cannot mount, make namespaces with rights of their own on our files, or become somebody else", async () => {
    const program = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(libc.mount(b"none", b"/box", b"tmpfs", 0, b""), libc.umount2(b"/usr", 2), libc.chroot(b"/usr"), libc.setuid(12345), libc.sethostname(b"x", 1))
import resource
try:
    resource.setrlimit(resource.RLIMIT_NPROC, (1000, 1000))
    print("raised")
except (ValueError, OSError): print("held")
`;
    expect((await run(program)).stdout).toBe("-1 -1 -1 -1 -1\nheld\n");
  });

  it.each([
    [
      "a double fork",
      "if os.fork() == 0:\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)\nos.wait()",
    ],
    ["a session of its own", "if os.fork() == 0:\n    os.setsid()\n    time.sleep(60)"],
    [
      "ignored signals",
      "if os.fork() == 0:\n    for s in range(1, 65):\n        try: signal.signal(s, signal.SIG_IGN)\n        except (OSError, ValueError): pass\n    time.sleep(60)",
    ],
    [
      "no signal at its parent's death",
      "if os.fork() == 0:\n    import ctypes\n    ctypes.CDLL(None).prctl(1, 0)\n    os.setsid()\n    time.sleep(60)",
    ],
  ])("that leaves a child behind, by %s, leaves none", async (_, program) => {
    const ran = await run(
      `import os, signal, time\n${program}\nprint("parent ends", flush=True)\nos._exit(0)`,
    );
    expect(ran).toMatchObject({ ending: "exited", exitCode: 0, stdout: "parent ends\n" });
  });

  it("makes no user namespace, and so no file system in memory that is outside its limits", async () => {
    const program = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
results = [libc.unshare(0x10000000), libc.unshare(0x10000000 | 0x20000)]
# clone(CLONE_NEWUSER | SIGCHLD): its number differs between processors.
child = libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], 0x10000000 | 17, 0, 0, 0, 0)
if child == 0: os._exit(0)
print(results, child, libc.mount(b"none", b"/box", b"tmpfs", 0, b"size=1g"))
`;
    expect((await run(program)).stdout).toBe("[-1, -1] -1 -1\n");
  });

  it("that fills memory files which it never maps is ended", async () => {
    const program = `
import os, time
kept = [os.memfd_create("x") for _ in range(40)]
for number in range(300): os.write(kept[number % 40], b"x" * 1_000_000)
time.sleep(60)
`;
    const ran = await run(program, { fileMb: 16 });
    expect(ran.ending).toBe("memory");
  });

  it("gets no shared memory and no messages of System V, where the limits of a namespace can be set", async () => {
    const program = `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def limit(name):
    try: return open("/proc/sys/kernel/" + name).read().strip()
    except OSError: return "unknown"
print([limit(name) for name in ("shmmni", "shmall", "msgmni")], libc.shmget(0, 20 << 20, 0o1600), libc.msgget(0, 0o1600))
`;
    const { stdout } = await run(program);
    // Older kernels keep these limits for the first user namespace.
    if (probeContainment().by === "user" && !stdout.startsWith("['0', '0', '0']")) return;
    expect(stdout.slice(stdout.indexOf("]") + 1)).toBe(" -1 -1\n");
  });

  it("gains nothing over our files by a user namespace of its own", async () => {
    const program = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
# CLONE_NEWUSER | CLONE_NEWNS; then a writable remount, unmounts, and a look for what lies below the root.
made = libc.unshare(0x10000000 | 0x00020000)
tries = [libc.mount(b"none", b"/usr", None, 0x1000 | 0x20, None), libc.umount2(b"/usr", 2), libc.umount2(b"/proc", 2)]
for name in ("/usr/x", "/etc/x"):
    try: open(name, "w"); tries.append("wrote")
    except OSError: tries.append(-1)
print(made, tries, [name for name in ("/home", "/var", "/etc/shadow") if os.path.exists(name)])
`;
    expect((await run(program)).stdout).toBe("-1 [-1, -1, -1, -1, -1] []\n");
  });

  const ways = (["root", "user"] as const).flatMap((by) => [true, false].map((proc) => ({ by, proc })));
  it.each(ways)("is as contained in a sandbox built otherwise: %o", async (way) => {
    const job: SandboxJob = { command: ["/bin/true"], readable: [], limits: LIMITS };
    // This machine may not allow this way.
    if (whyNotRunning(job, way) !== null) return;
    const look = `
ls /proc | grep -c '^[0-9]' | grep -q '^[0-9]$' && echo few processes
[ -e /proc/1 ] && echo proc
unshare --user true || mount -t tmpfs none /box || chroot /usr /bin/true || echo held
ls -d /root /home /var /etc/shadow /etc/etc /proc/1/root/home /proc/kcore
`;
    const chunks: Buffer[] = [];
    const { ended } = startProgram({ ...job, command: ["/bin/sh", "-c", look] }, way, (bytes) => {
      chunks.push(bytes);
    });
    expect((await ended).ending).toBe("exited");
    const seen = Buffer.concat(chunks).toString().trim().split("\n");
    expect(seen.filter((line) => line !== "/proc/kcore")).toEqual([
      "few processes",
      ...(way.proc ? ["proc"] : []),
      "held",
    ]);
    expect(seen.includes("/proc/kcore")).toBe(way.proc && existsSync("/proc/kcore"));
  });

  it("dies with us when we are killed", async () => {
    const mark = `mark-${randomUUID()}`;
    const program = "import ctypes, os, time; ctypes.CDLL(None).prctl(1, 0); os.setsid(); time.sleep(60)";
    const directory = mkdtempSync(join(tmpdir(), "prefkit-test-"));
    const script = join(directory, "host.mjs");
    const { command, readable, reserved } = findInterpreter("python", undefined);
    const limits = { ...LIMITS, wallSeconds: 60 };
    const job: SandboxJob = { command: [...command, "-c", program, mark], readable, reserved, limits };
    const [file, ...rest] = containedCommand(job, probeContainment());
    writeFileSync(
      script,
      `import { spawn } from "node:child_process";
spawn(${JSON.stringify(file)}, ${JSON.stringify(rest)}, { env: ${JSON.stringify(CLEAN_ENVIRONMENT)}, detached: true, stdio: ["pipe", "ignore", "ignore", "pipe", "pipe"] });
setInterval(() => {}, 1000);`,
    );
    const host: ChildProcess = spawn(process.execPath, [script], { stdio: "ignore" });
    try {
      await expect.poll(() => alive(mark).length, { timeout: 10_000 }).toBeGreaterThan(2);
      host.kill("SIGKILL");
      await expect.poll(() => alive(mark), { timeout: 10_000 }).toEqual([]);
    } finally {
      host.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
