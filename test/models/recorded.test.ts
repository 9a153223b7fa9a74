import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCallPath } from "../../src/models/call-path.ts";
import { providers } from "../../src/models/index.ts";
import { memoryReplyCache } from "../../src/models/reply-cache.ts";
import { endpointSettings, modelRuntime } from "../../src/testing/index.ts";
import { startServer } from "./servers/http-server.ts";
import { chatCompletion } from "./servers/shapes.ts";
import { failureOf, KEY } from "./servers/transport-faults.ts";

const calm = { signal: new AbortController().signal };
const asking = (content: string) => ({
  messages: [{ role: "user" as const, content }],
  sampling: { maxTokens: 16 },
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prefkit-recorded-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function openChat(name: string, given: unknown, change = {}) {
  const provider = providers[name];
  if (provider === undefined) throw new Error(`no provider ${name}`);
  return provider.open(
    provider.options.parse(given),
    endpointSettings(),
    modelRuntime({ directory: folder, ...change }),
  );
}

/** Asks a live server once, and writes what was kept as a recording. */
async function record(file: string): Promise<Record<string, unknown>> {
  const server = await startServer(() => ({ json: chatCompletion("Hi") }));
  const kept = memoryReplyCache();
  const lines: string[] = [];
  const cache = {
    ...kept,
    put: async (key: string, value: Parameters<typeof kept.put>[1]) => {
      lines.push(JSON.stringify({ key, ...value }));
    },
  };
  const path = createCallPath({ cache, limits: null, budget: null, offline: false });
  const entry = { provider: "openai", baseUrl: `${server.url}/v1`, model: "small" };
  const { provider: _, ...given } = entry;
  const handle = await openChat("openai", { ...given, key: KEY }, { path });
  await handle.ports.chat?.generate(asking("Hello"), calm);
  await path.close();
  await handle.close();
  await server.close();
  await writeFile(join(folder, file), `${lines.join("\n")}\n`);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain(KEY);
  return entry;
}

describe("recorded replies", () => {
  it("answer what was recorded, without server and key, and nothing else", async () => {
    const entry = await record("replies.jsonl");
    const handle = await openChat("recorded", { path: "replies.jsonl", of: entry });
    const { chat } = handle.ports;
    if (!chat) throw new Error("openai has chat");
    expect((await chat.generate(asking("Hello"), calm)).text).toBe("Hi");
    expect(await failureOf(chat.generate(asking("Bye"), calm))).toMatchObject({ code: "not_cached" });
    expect(await failureOf(chat.generate({ ...asking("Hello"), sample: 1 }, calm))).toMatchObject({
      code: "not_cached",
    });
    await handle.close();
  });

  it("have the identity of the entry that was recorded", async () => {
    await writeFile(join(folder, "empty.jsonl"), "");
    const of = { provider: "openai", model: "small" };
    const handle = await openChat("recorded", { path: "empty.jsonl", of });
    expect(handle.identity).toEqual({
      provider: "openai",
      baseUrl: "https://api.openai.com/v1",
      model: "small",
    });
    await handle.close();
  });

  it.each([
    [{ path: "absent.jsonl", of: { provider: "openai", model: "small" } }, "io"],
    [{ path: "empty.jsonl", of: { provider: "opnai", model: "small" } }, "unknown_name"],
    [{ path: "empty.jsonl", of: { provider: "recorded", path: "x", of: {} } }, "unknown_name"],
    [{ path: "empty.jsonl", of: { provider: "openai" } }, "bad_option"],
  ])("refuse %j", async (given, code) => {
    await expect(openChat("recorded", given)).rejects.toMatchObject({ code });
  });
});
