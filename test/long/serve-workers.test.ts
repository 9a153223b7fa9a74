import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { randomFor } from "../../src/core/random.ts";

const dist = process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url));

/** The number in the text after as many milliseconds as the other one says, with the process that scored it. */
const SCORER = `export const slow = {
  name: "slow", version: 1, range: [0, 1e9], cpuBound: false,
  score: ({ responses }) => Promise.all(responses.map(async ({ text }) => {
    const [value, ms] = text.split(" ").map(Number);
    if (ms > 0) await new Promise((done) => setTimeout(done, ms));
    return { kind: "scored", value, why: String(process.pid) };
  })),
};
`;

const directory = mkdtempSync(join(tmpdir(), "prefkit-serve-workers-"));
writeFileSync(join(directory, "slow.mjs"), SCORER);
writeFileSync(
  join(directory, "recipe.yaml"),
  "input: { path: x.jsonl }\nscorers: { slow: { use: ./slow.mjs#slow } }\n",
);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
  }
});

async function serve(...flags: readonly string[]) {
  const child = spawn(
    process.execPath,
    [join(dist, "src/cli/main.js"), "serve", "recipe.yaml", "--port", "0", "--json", "--quiet", ...flags],
    {
      cwd: directory,
      env: { ...process.env, PREFKIT_CACHE_DIR: join(directory, "cache") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, url: new URL((JSON.parse(line) as { url: string }).url) };
}

/** Longer than anything here may take: what is neither answered nor cut off by then hangs. */
const HANGS_MS = 30_000;

type Ending =
  | { readonly kind: "answered"; readonly pid: number }
  | { readonly kind: "refused"; readonly status: number }
  | { readonly kind: "cut" };

/** Asks for one number, checks id and reward of the answer, and tells how it ended. A request that hangs rejects. */
function ask(url: URL, id: number, ms: number, agent: Agent | false): Promise<Ending> {
  const body = JSON.stringify({
    groups: [{ id: `g${id}`, prompt: "Q", responses: [{ id: `r${id}`, text: `${id} ${ms}` }] }],
  });
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sending = request(new URL("/score", url), { method: "POST", agent, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("error", () => resolve({ kind: "cut" }));
      reply.on("close", () => {
        clearTimeout(timer);
        if (!reply.complete) return resolve({ kind: "cut" });
        const status = reply.statusCode ?? 0;
        if (status !== 200) return resolve({ kind: "refused", status });
        try {
          const { groups } = JSON.parse(Buffer.concat(chunks).toString());
          expect(groups).toMatchObject([{ id: `g${id}`, responses: [{ id: `r${id}`, reward: id }] }]);
          resolve({ kind: "answered", pid: Number(groups[0].responses[0].scores.slow.why) });
        } catch (error) {
          reject(error);
        }
      });
    });
    const timer = setTimeout(() => {
      reject(new Error(`request ${id} was neither answered nor cut off within ${HANGS_MS} ms`));
      sending.destroy();
    }, HANGS_MS);
    sending.on("error", () => {
      clearTimeout(timer);
      resolve({ kind: "cut" });
    });
    sending.end(body);
  });
}

/** Clients that ask again and again until `isOver`, half of them with a new connection for each request. */
function load(url: URL, clients: number, delayMs: () => number, isOver: () => boolean) {
  const endings: Ending[] = [];
  const agents = Array.from({ length: clients }, (_, index) =>
    index % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : false,
  );
  let next = 1;
  const client = async (agent: Agent | false): Promise<void> => {
    while (!isOver()) {
      const ending = await ask(url, next++, delayMs(), agent);
      endings.push(ending);
      // A port where nobody listens refuses at once.
      if (ending.kind === "cut") await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const all = Promise.all(agents.map(client)).finally(() => {
    for (const agent of agents) if (agent !== false) agent.destroy();
  });
  return { endings, all };
}

describe("serving processes behind one port", () => {
  const KILLS = Math.max(6, Math.round(Number(process.env.PREFKIT_FUZZ ?? 600) / 100));

  it(
    `leave no request hanging when one of them is killed under load, ${KILLS} times, and come back`,
    async () => {
      const { url } = await serve("--workers", "3");
      const random = randomFor(11, "kills");
      let isOver = false;
      const { endings, all } = load(
        url,
        24,
        () => random.below(20),
        () => isOver,
      );
      const working = (async () => {
        const killed = new Set<number>();
        for (let kill = 0; kill < KILLS; kill++) {
          // All three answer again, none of them one that was killed.
          const from = endings.length;
          const seen = new Set<number>();
          while (seen.size < 3) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            for (const ending of endings.slice(from)) {
              if (ending.kind !== "answered") continue;
              if (!killed.has(ending.pid)) seen.add(ending.pid);
            }
          }
          const victim = random.pick([...seen]);
          await new Promise((resolve) => setTimeout(resolve, random.below(100)));
          killed.add(victim);
          process.kill(victim, "SIGKILL");
        }
        return killed;
      })().finally(() => {
        isOver = true;
      });
      const [killed] = await Promise.all([working, all]);
      expect(killed.size).toBe(KILLS);
      const count = (kind: Ending["kind"]) => endings.filter((ending) => ending.kind === kind).length;
      expect(count("refused")).toBe(0);
      // Each kill cuts off what that process held, and nothing else.
      expect(count("cut")).toBeGreaterThan(0);
      expect(count("cut")).toBeLessThan(24 * KILLS);
      expect(count("answered")).toBeGreaterThan(count("cut"));
    },
    10 * 60_000,
  );

  it("answer what is under way when they are told to end, however slow, and then end", async () => {
    const { url, child } = await serve("--workers", "2", "--deadline-ms", "20000");
    let isOver = false;
    const { endings, all } = load(
      url,
      16,
      () => 1500,
      () => isOver,
    );
    const exit = once(child, "exit");
    while (endings.length < 16) await new Promise((resolve) => setTimeout(resolve, 20));
    const before = endings.length;
    child.kill("SIGTERM");
    setTimeout(() => {
      isOver = true;
    }, 1000);
    const [code] = await exit;
    await all;
    expect(code).toBe(143);
    const after = endings.slice(before);
    // Every client had one under way, or about to be sent; the next ones find a server that is ending, or none.
    expect(after.filter(({ kind }) => kind === "answered").length).toBeGreaterThanOrEqual(8);
    for (const ending of after) if (ending.kind === "refused") expect(ending.status).toBe(503);
  });
});
