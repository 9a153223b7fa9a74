import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheCommand } from "../../src/cli/commands/cache.ts";
import { doctorCommand } from "../../src/cli/commands/doctor.ts";
import { runCommand } from "../../src/cli/commands/run.ts";
import { sampleCommand } from "../../src/cli/commands/sample.ts";
import { validateCommand } from "../../src/cli/commands/validate.ts";
import { startServer, type TestServer } from "../models/servers/http-server.ts";
import { chatCompletion } from "../models/servers/shapes.ts";
import { invoke, type Outcome } from "./small-dataset.ts";

const root = mkdtempSync(join(tmpdir(), "prefkit-cli-models-"));
const environment = { PREFKIT_CACHE_DIR: join(root, "cache"), POLICY_KEY: "sk-planted-0987654321" };
let server: TestServer;
beforeAll(async () => {
  server = await startServer(({ body }) => {
    const { messages, model, seed } = body as {
      messages: { content: string }[];
      model: string;
      seed?: number;
    };
    return { json: chatCompletion(`${messages.at(-1)?.content} ${seed}`, { reply: { model } }) };
  });
  await writeFile(
    join(root, "prompts.jsonl"),
    ["One?", "Two?", "Three?"]
      .map((prompt, id) => `${JSON.stringify({ id: String(id), prompt })}\n`)
      .join(""),
  );
  const recipe = (price: string) => `input: { path: prompts.jsonl }
models:
  policy: { provider: openai, baseUrl: "${server.url}/v1", model: tiny, key: "\${POLICY_KEY}"${price} }
sample: { model: policy, n: 2, maxTokens: 100 }
scorers:
  short: { use: contains, text: "7" }
pairs: { use: best-vs-worst }
output: { codec: snappy }
`;
  await writeFile(join(root, "recipe.yaml"), recipe(", price: { in: 1, out: 2 }"));
  await writeFile(join(root, "unpriced.yaml"), recipe(""));
  await writeFile(
    join(root, "plain.yaml"),
    "input: { path: prompts.jsonl }\nscorers: { short: { use: contains, text: x } }\n",
  );
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

type Make = Parameters<typeof invoke>[0];
const call = (command: Make, name: string, ...rest: string[]): Promise<Outcome> =>
  invoke(command, [join(root, name), ...rest], { directory: root, environment });
const asked = (): number => server.received.filter(({ path }) => path.endsWith("/chat/completions")).length;

describe("prefkit validate with models", () => {
  it("tells calls, tokens and money before anything is spent", async () => {
    const { out } = await call(validateCommand, "recipe.yaml", "--quiet");
    // Prompts of 4, 4 and 6 characters: 1 + 1 + 2 tokens and 4 for each message, twice; replies are taken as 50 tokens.
    expect(out).toContain("sample → policy  6 calls  32 tokens in  300 out  0.000632");
    expect(out).toContain("--max-cost sets a limit");
    const json = JSON.parse((await call(validateCommand, "recipe.yaml", "--quiet", "--json")).out);
    expect(json.models).toMatchObject([{ model: "policy", purpose: "sample", calls: 6, money: 0.000632 }]);
    expect(asked()).toBe(0);
  });

  it("says where a price is missing", async () => {
    expect((await call(validateCommand, "unpriced.yaml", "--quiet")).out).toContain("no price");
  });
});

describe("prefkit sample", () => {
  it("draws, tells what was drawn, and asks nothing again", async () => {
    const first = await call(sampleCommand, "recipe.yaml", "--out", "drawn", "--quiet");
    expect(first).toMatchObject({ exitCode: 0, out: "" });
    expect(first.err).toContain("drawn  3 groups, 6 responses sampled");
    const before = asked();
    const again = await call(sampleCommand, "recipe.yaml", "--out", "again", "--quiet", "--json");
    expect(JSON.parse(again.out)).toMatchObject({
      ok: true,
      outcome: "done",
      counts: { groups: 3, sampled: 6 },
    });
    expect(asked()).toBe(before);
  });

  it("leaves replies that are cleared with --yes alone, and the copy it names holds them", async () => {
    await expect(
      invoke(cacheCommand, ["clear", "--replies"], { directory: root, environment }),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/would remove \d+ paid replies/),
      fix: "give --yes to remove them; `prefkit cache export FILE --replies` keeps a copy.",
    });
  });

  it("needs to know where to, even where the recipe has a directory for its dataset", async () => {
    await expect(call(sampleCommand, "recipe.yaml")).rejects.toMatchObject({
      code: "bad_option",
      fix: "add --out DIR.",
    });
  });

  it("needs a section `sample`", async () => {
    await expect(call(sampleCommand, "plain.yaml", "--out", "none")).rejects.toThrow(/no section `sample`/);
  });
});

describe("prefkit run with models", () => {
  it("ends with exit code 4 when the money is spent, and the same command with more goes on", async () => {
    const other = ["--seed", "5", "--out", "limited", "--quiet"];
    const limited = await call(runCommand, "recipe.yaml", ...other, "--max-cost", "0.00023", "--json");
    expect(limited.exitCode).toBe(4);
    expect(JSON.parse(limited.out)).toMatchObject({ ok: false, outcome: "budget", error: "budget_reached" });
    const whole = await call(runCommand, "recipe.yaml", ...other, "--max-cost", "1");
    expect(whole.exitCode).toBe(0);
    expect(whole.out).toContain("3 prompts, 6 responses");
  });

  it("refuses --max-cost without a price before anything is asked", async () => {
    const before = asked();
    await expect(
      call(runCommand, "unpriced.yaml", "--out", "unpriced", "--quiet", "--max-cost", "1"),
    ).rejects.toMatchObject({ code: "missing_price" });
    expect(asked()).toBe(before);
  });

  it("keeps the key to the request's header", async () => {
    const { err } = await call(runCommand, "recipe.yaml", "--out", "keyed");
    expect(server.received.at(-1)?.headers.authorization).toBe("Bearer sk-planted-0987654321");
    expect(err).not.toContain("sk-planted");
    expect(readFileSync(join(root, "keyed/run.json"), "utf8")).toContain("POLICY_KEY");
    expect(readFileSync(join(root, "keyed/run.json"), "utf8")).not.toContain("sk-planted");
  });
});

describe("prefkit doctor", () => {
  it("tells what it found of every model, and that all are fit", async () => {
    const { exitCode, out } = await call(doctorCommand, "recipe.yaml", "--quiet");
    expect(out).toMatch(/policy {2}openai/);
    expect(out).toMatch(/ok {2,}reachable/);
    expect(exitCode).toBe(0);
  });

  it("exits with 2 for a model that cannot be reached, and a run refuses it", async () => {
    await writeFile(
      join(root, "gone.yaml"),
      readFileSync(join(root, "recipe.yaml"), "utf8").replace(server.url, "http://127.0.0.1:9"),
    );
    const { exitCode, out } = await call(doctorCommand, "gone.yaml", "--quiet", "--json");
    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ ok: false, models: [{ model: "policy" }] });
    for (const command of [runCommand, sampleCommand]) {
      await expect(call(command, "gone.yaml", "--out", "gone", "--quiet")).rejects.toMatchObject({
        code: "endpoint_unfit",
      });
    }
  });

  it("names the models there are when asked for another", async () => {
    await expect(call(doctorCommand, "recipe.yaml", "--model", "judge")).rejects.toThrow(/no model "judge"/);
  });
});
