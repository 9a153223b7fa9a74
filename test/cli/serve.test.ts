import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { directoryOf } from "../annotate/small-run.ts";

const dist = resolve(process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url)));

const RECIPE = `
input: { path: rows.jsonl }
scorers:
  exact: { use: exact-match }
  fast: { use: ./own.mjs#count }
  own: { use: ./own.mjs#sleepy, timeoutMs: 60000 }
reward:
  terms:
    - { score: exact }
    - { score: fast, weight: 10 }
    - { score: own, weight: 0, onUnscored: drop-term }
`;
// "sleepy" blocks its thread for longer than any deadline here, when the prompt says so.
const OWN = `
export const count = {
  name: "count", version: 1, range: [0, 100], needs: { minResponses: 2 }, cpuBound: false,
  score: ({ responses }) => responses.map(() => ({ kind: "scored", value: responses.length })),
};
export const sleepy = {
  name: "sleepy", version: 1, range: [0, 1],
  score: async ({ prompt, responses }) => {
    if (prompt.messages[0].content === "sleep") await new Promise((done) => setTimeout(done, 5000));
    return responses.map(() => ({ kind: "scored", value: 1 }));
  },
};
`;

interface Served {
  readonly url: string;
  readonly pid: number;
  readonly errors: () => string;
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function spawned(args: readonly string[], environment: Record<string, string> = {}) {
  const directory = await directoryOf({ "recipe.yaml": RECIPE, "own.mjs": OWN });
  const { PREFKIT_SERVE_TOKEN: _token, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(dist, "src/cli/main.js"), "serve", "recipe.yaml", ...args], {
    cwd: directory,
    env: { ...inherited, PREFKIT_CACHE_DIR: join(directory, "cache"), NO_COLOR: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  closing.push(() => {
    child.kill("SIGKILL");
    return exited;
  });
  return { child, exited, errors: () => errors };
}

async function serve(
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Served> {
  const { child, exited, errors } = await spawned(["--port", "0", "--json", ...args], environment);
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    exited.then(() => errors()),
  ]);
  const { url, pid } = JSON.parse(first) as { url: string; pid: number };
  return {
    url,
    pid,
    errors,
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const reply = await fetch(`${url}/score`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: reply.status, body: (await reply.json()) as Answer };
}

/** The processes that this one started, where the system tells. */
function workersOf(pid: number): readonly number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  return existsSync(list) ? readFileSync(list, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
}

interface Answer {
  readonly groups: readonly {
    readonly responses: readonly { readonly id: string; readonly reward: number | null }[];
  }[];
  readonly missing: readonly { readonly score: string; readonly code: string }[];
}

const rewardsOf = ({ groups }: Answer) =>
  groups.flatMap(({ responses }) => responses.map(({ reward }) => reward));
const group = (prompt: string, ...texts: readonly string[]) => ({
  groups: [{ prompt, reference: "4", responses: texts.map((text, index) => ({ id: `${index}`, text })) }],
});

describe("prefkit serve", { timeout: 60_000 }, () => {
  it("serves a recipe until a signal, answers what is under way, and exits as a stopped command does", async () => {
    const { url, pid, errors, end } = await serve(["--deadline-ms", "1500"]);
    expect(pid).toBeGreaterThan(0);
    await vi.waitFor(() => expect(errors()).toContain(`Serving rewards on ${url}`));
    // 1 for the right text, and 10 for each of two responses.
    expect(rewardsOf((await post(url, group("2 + 2?", "4", "5"))).body)).toEqual([21, 20]);
    const slow = post(url, group("sleep", "4", "5"));
    await vi.waitFor(async () =>
      expect(await (await fetch(`${url}/metrics`)).text()).toContain("prefkit_queue_depth 1\n"),
    );
    const ended = end("SIGTERM");
    const { body } = await slow;
    expect(rewardsOf(body)).toEqual([21, 20]);
    expect(body.missing).toMatchObject([{ score: "own", code: "timeout" }]);
    expect(await ended).toBe(143);
  });

  it("answers in time though a scorer hangs its thread, and the others go on", async () => {
    const { url } = await serve(["--deadline-ms", "1000"]);
    await post(url, group("warm up", "4", "5"));
    const times = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const started = performance.now();
        const { body } = await post(url, group(index % 2 === 0 ? "sleep" : `awake ${index}`, "4", "5"));
        expect(rewardsOf(body)).toEqual([21, 20]);
        return performance.now() - started;
      }),
    );
    expect(Math.max(...times)).toBeLessThan(2000);
  });

  it("gathers over several processes behind one port, which are started again when they end", async () => {
    const { url, pid, errors, end } = await serve([
      "--workers",
      "2",
      "--group-size",
      "4",
      "--window-ms",
      "5000",
    ]);
    const ask = (prompt: string) =>
      Promise.all(Array.from({ length: 4 }, (_, index) => post(url, group(prompt, String(index + 2)))));
    const gathered = async (prompt: string) => (await ask(prompt)).map(({ body }) => rewardsOf(body));
    for (const prompt of ["a", "b", "c", "d"])
      expect(await gathered(prompt)).toEqual([[40], [40], [41], [40]]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    // Each process tells those that met in it.
    const full = [...metrics.matchAll(/prefkit_windows_total\{closed="full",worker="\d"\} (\d+)/g)];
    expect(full.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4);
    const [first] = workersOf(pid);
    if (first !== undefined) {
      process.kill(first, "SIGKILL");
      await vi.waitFor(() => expect(errors()).toContain("it is started again"));
      await vi.waitFor(() => expect(workersOf(pid)).toHaveLength(2), 10_000);
      // Until it listens again, the other one answers, or says when to ask again.
      await vi.waitFor(async () => expect(await gathered("e")).toEqual([[40], [40], [41], [40]]), {
        timeout: 30_000,
        interval: 500,
      });
    }
    expect(await end("SIGINT")).toBe(130);
  });

  it("announces an address that can be asked, of IPv6 and several processes too", async () => {
    const { url } = await serve(["--host", "::1", "--workers", "2"]);
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    { args: ["--host", "0.0.0.0"], environment: {}, message: "PREFKIT_SERVE_TOKEN is not set" },
    { args: [], environment: { PREFKIT_SERVE_TOKEN: "short" }, message: "shorter than 8" },
    { args: ["--run", "nothing-there", "--port", "x"], environment: {}, message: "whole number" },
    {
      args: ["--group-size", "4", "--window-ms", "9", "--deadline-ms", "9"],
      environment: {},
      message: "--window-ms smaller",
    },
    {
      args: ["--workers", "2", "--group-size", "4", "--deadline-ms", "9"],
      environment: {},
      message: "--window-ms smaller",
    },
  ])("refuses to start with $args $environment", async ({ args, environment, message }) => {
    const { exited, errors } = await spawned(args, environment);
    expect(await exited).toBe(2);
    expect(errors()).toContain(message);
    expect(errors().split("Fix:").length).toBeLessThanOrEqual(2);
  });

  it("beyond loopback lets in only who carries the token", async () => {
    const { url } = await serve(["--host", "0.0.0.0"], { PREFKIT_SERVE_TOKEN: "correct-horse" });
    const here = url.replace("0.0.0.0", "127.0.0.1");
    expect((await post(here, group("Q", "4", "5"))).status).toBe(401);
    const headers = { authorization: "Bearer correct-horse" };
    expect((await post(here, group("Q", "4", "5"), headers)).status).toBe(200);
  });
});
