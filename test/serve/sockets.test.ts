import { setMaxListeners } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { randomFor } from "../../src/core/random.ts";
import { perGroup, perResponse, scored } from "../../src/core/scorer.ts";
import type { Rewarder, RewarderOptions } from "../../src/serve/rewarder.ts";
import { type RewardServer, type ServerOptions, startServer } from "../../src/serve/server.ts";
import { hostileRequests } from "./hostile.ts";
import { groupCount, numberInText, opened, rewarderOf } from "./support.ts";

const open: { readonly server: RewardServer; readonly rewarder: Rewarder }[] = [];
afterEach(async () => {
  for (const { server, rewarder } of open.splice(0)) {
    await server.drain();
    await rewarder.close();
  }
});

async function start(
  recipe: Parameters<typeof rewarderOf>[0] = { scorers: { n: { use: numberInText } } },
  options: ServerOptions = {},
  rewarderOptions: RewarderOptions = {},
): Promise<{ url: URL; server: RewardServer }> {
  const rewarder = await rewarderOf(recipe, rewarderOptions);
  const server = await startServer(rewarder, { port: 0, ...options });
  open.push({ server, rewarder });
  return { url: new URL(server.url), server };
}

interface Reply {
  readonly status: number;
  readonly body: { readonly [name: string]: never } & {
    readonly groups: readonly {
      readonly id: string;
      readonly responses: readonly { id: string; reward: number }[];
    }[];
    readonly error: { readonly code: string };
  };
}

/** Posts JSON over a connection of its own; `gone` cuts it off. */
function post(url: URL, path: string, body: unknown, gone?: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sending = request(
      new URL(path, url),
      {
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json" },
        ...(gone && { signal: gone }),
      },
      (reply) => {
        const chunks: Buffer[] = [];
        reply.on("data", (chunk: Buffer) => chunks.push(chunk));
        reply.on("error", reject);
        reply.on("end", () =>
          resolve({ status: reply.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
        );
      },
    );
    sending.on("error", reject);
    sending.end(JSON.stringify(body));
  });
}

/** Writes bytes as they are and gives all that comes back until the server closes. */
function raw(url: URL, text: string | Buffer, after: (socket: Socket) => void = () => {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => {
      socket.write(text);
      after(socket);
    });
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(answer);
      else reject(error);
    });
  });
}

const groups = (...texts: readonly string[]) => ({
  groups: [{ id: "g", prompt: "Q", responses: texts.map((text, index) => ({ id: `r${index}`, text })) }],
});

describe("a server on a socket", () => {
  it("answers a body that does not come in time with 408, and closes", async () => {
    const { url } = await start(undefined, { requestTimeoutMs: 200 });
    const head =
      "POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    const answer = await raw(url, head);
    expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"slow_request"/);
  });

  it("answers what is no HTTP with 400, in JSON", async () => {
    const { url } = await start();
    expect(await raw(url, "\u0000\u0001 nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [\s\S]*"bad_request"/);
  });

  it("refuses to listen beyond loopback without a token, on a taken port, or with a window beyond the deadline", async () => {
    const { url } = await start();
    const rewarder = await rewarderOf({ scorers: { n: { use: numberInText } } }, { deadlineMs: 100 });
    try {
      await expect(startServer(rewarder, { host: "0.0.0.0", port: 0 })).rejects.toThrow("missing_key");
      await expect(startServer(rewarder, { port: Number(url.port) })).rejects.toThrow(
        /cannot listen[\s\S]*\[io\]/,
      );
      await expect(startServer(rewarder, { port: 0, groupSize: 8, windowMs: 100 })).rejects.toThrow(
        /--window-ms smaller/,
      );
    } finally {
      await rewarder.close();
    }
  });

  it("drains: what is under way is answered, what waits for its group is refused, then nobody listens", async () => {
    const gate = opened<void>();
    const waits = perGroup({ name: "waits", version: 1, range: [0, 1] }, async ({ responses }) => {
      await gate.promise;
      return responses.map(() => scored(1));
    });
    const { url, server } = await start({ scorers: { waits: { use: waits } } }, { groupSize: 2 });
    const whole = post(url, "/score", groups("a", "b"));
    const part = post(url, "/score", groups("c"));
    await vi.waitFor(async () => {
      const text = await server.service.metrics.registry.metrics();
      expect(text).toMatch(/prefkit_queue_depth 2\n[\s\S]*prefkit_waiting_samples 1\n/);
    });
    const drained = server.drain();
    expect(await part).toMatchObject({ status: 503, body: { error: { code: "draining" } } });
    gate.resolve();
    expect((await whole).body.groups[0]?.responses.map(({ reward }) => reward)).toEqual([1, 1]);
    await drained;
    await expect(post(url, "/score", groups("d"))).rejects.toThrow("ECONNREFUSED");
  });

  it("takes back what a client that leaves has sent", async () => {
    const { url, server } = await start(
      { scorers: { count: { use: groupCount } } },
      { groupSize: 2, windowMs: 5000 },
    );
    const client = new AbortController();
    const left = post(url, "/score", groups("a"), client.signal).catch((error: unknown) => error);
    const depth = (text: string) =>
      vi.waitFor(async () => expect(await server.service.metrics.registry.metrics()).toContain(text));
    await depth("prefkit_waiting_samples 1\n");
    client.abort();
    await left;
    await depth("prefkit_waiting_samples 0\n");
    await depth("prefkit_queue_depth 0\n");
    const answers = await Promise.all([post(url, "/score", groups("b")), post(url, "/score", groups("c"))]);
    expect(answers.map(({ body }) => body.groups[0]?.responses[0]?.reward)).toEqual([2, 2]);
  });

  it("answers within the deadline though a scorer sleeps, many clients at a time", async () => {
    const sleeps = perResponse(
      { name: "sleeps", version: 1, range: [0, 1] },
      (_response, _group, { signal }) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => resolve(scored(1)), 5000);
          signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
        }),
    );
    const recipe = {
      scorers: { n: { use: numberInText }, sleeps: { use: sleeps } },
      reward: { terms: [{ score: "n" }, { score: "sleeps" }] },
    };
    const { url } = await start(recipe, {}, { deadlineMs: 300 });
    const times = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const started = performance.now();
        const { body } = await post(url, "/score", groups(String(index)));
        expect(body.groups[0]?.responses[0]?.reward).toBeNull();
        expect(body.missing).toMatchObject([{ score: "sleeps", code: "timeout" }]);
        return performance.now() - started;
      }),
    );
    // A fifth more than the deadline, and room for a busy machine.
    expect(Math.max(...times)).toBeLessThan(1500);
  });
});

describe("clients as they are", () => {
  const head = (body: string | Buffer, more = ""): string =>
    `POST /score HTTP/1.1\r\nhost: x\r\n${more}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;

  it("read why a long body is refused, though they write it whole before they read", async () => {
    const long = Buffer.alloc(8 * 2 ** 20, "x");
    const { url } = await start(undefined, { bodyLimit: 1000 });
    const answer = await raw(url, Buffer.concat([Buffer.from(head(long, "connection: close\r\n")), long]));
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*"too_large"/);
    const guarded = await start(undefined, { token: "correct-horse" });
    const wrong = Buffer.concat([Buffer.from(head(long)), long]);
    expect(await raw(guarded.url, wrong)).toMatch(/^HTTP\/1\.1 401 [\s\S]*"unauthorized"/);
  });

  it("may send the next requests before the first is answered: the answers come in order", async () => {
    const gate = opened<void>();
    const first = perResponse({ name: "first", version: 1, range: [0, 9] }, async ({ text }) => {
      if (text === "1") await gate.promise;
      else gate.resolve();
      return scored(Number(text));
    });
    const { url } = await start({ scorers: { first: { use: first } } });
    const bodies = ["1", "2", "3"].map((text) => JSON.stringify(groups(text)));
    const requests = bodies.map(
      (body, index) => head(body, index === 2 ? "connection: close\r\n" : "") + body,
    );
    const answer = await raw(url, requests.join(""));
    expect([...answer.matchAll(/"reward":(\d)/g)].map(([, reward]) => reward)).toEqual(["1", "2", "3"]);
  });

  it("may leave a thousand requests behind: none counts as answered, and nothing of them stays", async () => {
    const gate = opened<void>();
    const waits = perResponse({ name: "waits", version: 1, range: [0, 1] }, async ({ text }) => {
      if (text === "left") await gate.promise;
      return scored(1);
    });
    const { url, server } = await start({ scorers: { waits: { use: waits } } });
    const metrics = () => server.service.metrics.registry.metrics();
    for (let left = 0; left < 1000; left += 100) {
      const client = new AbortController();
      setMaxListeners(0, client.signal);
      const all = Array.from({ length: 100 }, () =>
        post(url, "/score", groups("left"), client.signal).catch((error: Error) => error.name),
      );
      // Their work goes on, and counts as what is under way.
      await vi.waitFor(
        async () => expect(await metrics()).toContain(`prefkit_queue_depth ${left + 100}\n`),
        10_000,
      );
      client.abort();
      expect(new Set(await Promise.all(all))).toEqual(new Set(["AbortError"]));
    }
    await vi.waitFor(async () => expect(await server.connections()).toBe(0), 10_000);
    gate.resolve();
    expect((await post(url, "/score", groups("stays"))).status).toBe(200);
    await vi.waitFor(async () => {
      const text = await metrics();
      expect(text).toContain("prefkit_queue_depth 0\n");
      expect(text).toContain('prefkit_requests_total{route="/score",status="200"} 1\n');
    });
  });
});

it("a drain does not wait for requests that never come whole", async () => {
  const { url, server } = await start();
  const answer = raw(url, "POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n");
  await vi.waitFor(async () => expect(await server.connections()).toBe(1));
  await server.drain();
  expect(await answer).toBe("");
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Tried a thousand at a time, so that memory can be looked at in between. */
const ROUNDS = Math.max(1, Math.round(Number(process.env.PREFKIT_FUZZ ?? 1000) / 1000));
const HOSTILE = 1000;

describe(`${ROUNDS * HOSTILE} malformed, oversized, slow and cut-off requests`, () => {
  it(
    "change nothing for the others: no crash, no wrong id, no leak",
    async () => {
      const { url, server } = await start(
        { scorers: { n: { use: numberInText } } },
        { groupSize: 2, windowMs: 20, requestTimeoutMs: 150, bodyLimit: 10_000 },
      );
      const random = randomFor(7, "hostile");
      let hostile = hostileRequests(random, HOSTILE);
      let next = 0;
      let honest = 1;
      const statuses = new Map<string, number>();
      const attack = async (): Promise<void> => {
        for (let at = next++; at < hostile.length; at = next++) {
          const { bytes, end } = hostile[at] as (typeof hostile)[number];
          const answer = await raw(url, bytes, (socket) => {
            if (end === "cut") socket.destroy();
            else if (end === "close") socket.end();
          });
          const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "none";
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          // Never a success for what is none, never a fault of ours.
          expect(["200", "500"]).not.toContain(status);
        }
      };
      const ask = async (): Promise<void> => {
        while (next < hostile.length) {
          const own = honest++;
          const body = {
            groups: [
              {
                id: `g${own}`,
                prompt: `Q${own}`,
                responses: [
                  { id: `a${own}`, text: String(own) },
                  { id: `b${own}`, text: String(-own) },
                ],
              },
            ],
          };
          const { body: answer } = await post(url, "/score", body);
          expect(answer.groups).toMatchObject([
            {
              id: `g${own}`,
              responses: [
                { id: `a${own}`, reward: own },
                { id: `b${own}`, reward: -own },
              ],
            },
          ]);
        }
      };
      const heap: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        hostile = hostileRequests(random, HOSTILE);
        next = 0;
        await Promise.all([...Array.from({ length: 24 }, attack), ask(), ask()]);
        hostile = [];
        collectGarbage();
        heap.push(process.memoryUsage().heapUsed / 2 ** 20);
      }
      // MiB; from the second round on nothing new is learned or compiled.
      if (heap.length > 2) expect((heap.at(-1) ?? 0) - (heap[1] ?? 0)).toBeLessThan(16);
      expect(next).toBeGreaterThanOrEqual(HOSTILE);
      expect(honest).toBeGreaterThan(20);
      for (const status of ["400", "404", "408", "413", "415"])
        expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
      await vi.waitFor(async () => {
        expect(await server.connections()).toBe(0);
        const text = await server.service.metrics.registry.metrics();
        expect(text).toContain("prefkit_queue_depth 0\n");
        expect(text).toContain("prefkit_waiting_samples 0\n");
      });
    },
    60_000 * ROUNDS,
  );
});
