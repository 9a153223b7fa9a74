import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { directoryOf } from "../annotate/small-run.ts";

const dist = resolve(process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url)));

// A paid scorer that notes each call, whichever process makes it.
const PAID = `
import { appendFileSync } from "node:fs";
import { z } from "${import.meta.resolve("zod")}";
export const judged = {
  name: "judged", version: 1, summary: "Notes its calls.", cost: "paid",
  options: z.strictObject({}),
  create: () => ({
    name: "judged", version: 1, range: [0, 100],
    score: async ({ responses }) => {
      appendFileSync("calls.log", "call\\n");
      return responses.map(({ text }) => ({ kind: "scored", value: text.length }));
    },
  }),
};
`;
const RECIPE = `
input: { path: rows.jsonl }
scorers: { judged: { use: "./paid.mjs#judged" } }
`;
const QUESTION = {
  groups: [
    {
      id: "q",
      prompt: "2 + 2?",
      responses: [
        { id: "a", text: "4" },
        { id: "b", text: "four" },
      ],
    },
  ],
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serveIn(directory: string, args: readonly string[] = []): Promise<string> {
  const child = spawn(
    process.execPath,
    [join(dist, "src/cli/main.js"), "serve", "recipe.yaml", "--port", "0", "--json", "--quiet", ...args],
    {
      cwd: directory,
      env: { ...process.env, PREFKIT_CACHE_DIR: join(directory, "cache"), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const exited = once(child, "exit");
  closing.push(() => {
    child.kill("SIGTERM");
    return exited;
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), exited]);
  return (JSON.parse(String(line)) as { url: string }).url;
}

async function ask(url: string): Promise<(number | null)[]> {
  // A connection of its own each time, so that processes behind one port take turns.
  const reply = await fetch(`${url}/score`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(QUESTION),
  });
  const { groups } = (await reply.json()) as { groups: { responses: { reward: number | null }[] }[] };
  return groups.flatMap(({ responses }) => responses.map(({ reward }) => reward));
}

const calls = (directory: string): number =>
  readFileSync(join(directory, "calls.log"), "utf8").trim().split("\n").length;

describe("what prefkit serve has paid for", { timeout: 60_000 }, () => {
  it("is not paid for again by another server with the same cache", async () => {
    const directory = await directoryOf({ "recipe.yaml": RECIPE, "paid.mjs": PAID });
    const urls = await Promise.all([serveIn(directory), serveIn(directory)]);
    for (const url of [...urls, ...urls]) expect(await ask(url)).toEqual([1, 4]);
    expect(calls(directory)).toBe(1);
  });

  it("is not paid for again by another process behind the same port", async () => {
    const directory = await directoryOf({ "recipe.yaml": RECIPE, "paid.mjs": PAID });
    const url = await serveIn(directory, ["--workers", "2"]);
    for (let round = 0; round < 8; round++) expect(await ask(url)).toEqual([1, 4]);
    expect(calls(directory)).toBe(1);
  });
});
