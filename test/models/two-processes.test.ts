import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelUsage } from "../../src/models/usage.ts";

// Processes are started here, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const dist = resolve(process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url)));
const hammer = fileURLToPath(new URL("./fixtures/hammer.mjs", import.meta.url));

let directory: string;
let server: Server;
let origin: string;
/** When each request came, by its number. */
let asked: { readonly index: number; readonly at: number }[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "prefkit-shared-"));
  asked = [];
  server = createServer((request, response) => {
    const index = Number(request.url?.slice(1));
    asked.push({ index, at: performance.now() });
    response.end(JSON.stringify({ index, text: "x".repeat(index % 500) }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Outcome {
  readonly replies: readonly { readonly index: number; readonly text: string }[];
  readonly usage: readonly ModelUsage[];
}

async function hammered(from: number, to: number, perMinute = 0): Promise<Outcome> {
  const args = [hammer, dist, directory, origin, from, to, perMinute].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return JSON.parse(out) as Outcome;
}

function isWhole({ replies }: Outcome, from: number): void {
  expect(replies.map(({ index }) => index)).toEqual(replies.map((_, at) => from + at));
  expect(replies.every(({ index, text }) => text.length === index % 500)).toBe(true);
}

describe("two processes with one cache and one limit file", () => {
  it("write at the same time, each reads what the other wrote, and no call is sent twice", async () => {
    const outcomes = await Promise.all([hammered(0, 600), hammered(400, 1000)]);
    isWhole(outcomes[0], 0);
    isWhole(outcomes[1], 400);
    const before = asked.length;
    expect(before).toBe(1000);
    const again = await hammered(0, 1000);
    isWhole(again, 0);
    expect(asked.length).toBe(before);
    expect(again.usage).toMatchObject([{ cached: 1000, sent: 0 }]);
  });

  it("keep one limit together", async () => {
    // 1,200 a minute are 20 per second, and 20 at once: 80 calls take 3 s. Apart they would take 1 s.
    await Promise.all([hammered(0, 40, 1200), hammered(1000, 1040, 1200)]);
    const times = asked.map(({ at }) => at).sort((a, b) => a - b);
    expect(times).toHaveLength(80);
    expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(2500);
  });
});
