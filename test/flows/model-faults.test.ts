import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { tableRows } from "../../src/annotate/rework.ts";
import { type RunOutcome, run } from "../../src/annotate/run.ts";
import { catalog } from "../../src/catalog.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { sha256 } from "../../src/core/ids.ts";
import { randomFor } from "../../src/core/random.ts";
import { type Answer, startServer, type TestServer } from "../models/servers/http-server.ts";
import { hashScorer, vllmShape } from "../models/servers/shapes.ts";

const toy = fileURLToPath(new URL("../../datasets/samples/toy-pair/strong", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "prefkit-model-faults-"));
const GROUPS = 6;

/** What a server does to a request instead of answering it. */
const FAULTS: readonly Answer[] = [
  { status: 429, headers: { "retry-after-ms": "5" } },
  { status: 503, headers: { "retry-after-ms": "5" } },
  { status: 500, headers: { "retry-after-ms": "5" } },
  "reset",
  "cut",
  { text: '{"choices":[{"prompt_logprobs":[nul' },
];

/** How often a request is hit before it is answered, by a draw of its own. */
let faultsFor: (body: string) => number = () => 0;
const seen = new Map<string, number>();
const answered = new Map<string, number>();
let server: TestServer;

beforeAll(async () => {
  const shape = vllmShape({ model: "tiny", score: (ids) => hashScorer(ids) });
  server = await startServer(async (received, index) => {
    const body = JSON.stringify(received.body);
    const times = (seen.get(body) ?? 0) + 1;
    seen.set(body, times);
    if (times <= faultsFor(body)) return FAULTS[(times + index) % FAULTS.length] ?? "reset";
    answered.set(body, (answered.get(body) ?? 0) + 1);
    return shape(received, index);
  });
  const rows = Array.from({ length: GROUPS }, (_, id) => ({
    id: `g${id}`,
    prompt: `Question ${id}?`,
    responses: [`First answer to ${id}.`, "The same for all.", `🙂 third ${"word ".repeat(id)}`],
  }));
  await writeFile(join(root, "in.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

async function ratios(name: string, retries = 8): Promise<{ outcome: RunOutcome; scores: string }> {
  seen.clear();
  answered.clear();
  const model = {
    provider: "vllm",
    baseUrl: server.url,
    model: "tiny",
    tokenizer: toy,
    retries,
    concurrency: 8,
  };
  const loaded = recipeFromCode(
    {
      input: { path: "in.jsonl" },
      models: { strong: model, weak: { ...model, scoreBody: { lora: "weak" } } },
      scorers: { ratio: { use: "log-density-ratio", strong: "strong", weak: "weak" } },
      pairs: { use: "best-vs-worst" },
    },
    root,
    { PREFKIT_CACHE_DIR: join(root, `cache-${name}`) },
  );
  const outcome = await run(loaded, catalog, { out: join(root, name) });
  const rows: unknown[] = [];
  if (outcome.manifest) {
    for await (const some of tableRows(nodeFiles, outcome.out, outcome.manifest, "scores"))
      rows.push(...some);
  }
  return { outcome, scores: JSON.stringify(rows) };
}

describe("a run whose model server is troubled", () => {
  it("ends with the scores of an untroubled one, every answer asked for once", async () => {
    const calm = await ratios("calm");
    expect(calm.outcome.manifest?.summary.scorers.ratio).toMatchObject({ scored: 3 * GROUPS, failed: 0 });
    const calls = answered.size;

    faultsFor = (body) => randomFor(1, "faults", sha256(body)).below(4);
    const troubled = await ratios("troubled");
    expect(Math.max(...seen.values())).toBeGreaterThan(3);
    expect(troubled.scores).toBe(calm.scores);
    expect(answered.size).toBe(calls);
    expect([...answered.values()].every((times) => times === 1)).toBe(true);
    const [usage] = troubled.outcome.status.usage();
    expect(usage?.retries).toBeGreaterThan(10);
    expect(usage?.failed).toEqual({});
  }, 120_000);

  it("leaves failed cells with a code, never numbers, where it stays troubled, and fills them once it is well", async () => {
    faultsFor = (body) => (body.includes("lora") ? Number.POSITIVE_INFINITY : 0);
    await expect(ratios("ill", 0)).rejects.toMatchObject({ code: "failed_budget_exceeded" });
    faultsFor = () => 0;
    const healed = await ratios("ill", 0);
    expect(healed.outcome.manifest?.summary.scorers.ratio).toMatchObject({ scored: 3 * GROUPS, failed: 0 });
    // The strong side's answers came the first time; only the weak side was asked again.
    expect([...seen.keys()].every((body) => body.includes("lora"))).toBe(true);
  }, 120_000);
});
