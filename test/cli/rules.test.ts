import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rulesCommand } from "../../src/cli/commands/rules.ts";
import { parseRubric } from "../../src/core/rubric/load-rubric.ts";
import { answerOf, pairOf, RULES } from "../learn/rules/world.ts";
import { startServer, type TestServer } from "../models/servers/http-server.ts";
import { chatCompletion } from "../models/servers/shapes.ts";
import { invoke, type Outcome } from "./small-dataset.ts";

const root = mkdtempSync(join(tmpdir(), "prefkit-cli-rules-"));
const environment = { PREFKIT_CACHE_DIR: join(root, "cache"), THE_KEY: "sk-planted-1234567890" };
let server: TestServer;
/** What the server does at its n-th call, beside answering. */
let onCall: (call: number) => void = () => {};
let calls = 0;

beforeAll(async () => {
  server = await startServer(({ body }) => {
    onCall(++calls);
    const { messages, model } = body as { messages: { role: "user"; content: string }[]; model: string };
    const request = { messages, sampling: { maxTokens: 1 } };
    const answer = answerOf(request);
    const text = typeof answer === "string" ? answer : (answer.text ?? "");
    return { json: chatCompletion(text, { reply: { model } }) };
  });
  const gold = Array.from({ length: 30 }, (_, index) => {
    const { prompt, chosen, rejected } = pairOf(index);
    return `${JSON.stringify({ prompt: prompt.messages[0]?.content, chosen, rejected })}\n`;
  });
  await writeFile(join(root, "gold.jsonl"), gold.join(""));
  const recipe = (price: string): string => `input: { path: prompts.jsonl }
models:
  thinker: { provider: openai, baseUrl: "${server.url}/v1", model: big, key: "\${THE_KEY}"${price} }
  judge: { provider: openai, baseUrl: "${server.url}/v1", model: small, key: "\${THE_KEY}"${price} }
scorers:
  rules: { use: contains, text: x }
seed: 4
output: { codec: snappy }
`;
  await writeFile(join(root, "recipe.yaml"), recipe(", price: { in: 1, out: 2 }"));
  await writeFile(join(root, "unpriced.yaml"), recipe(""));
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const call = (...args: string[]): Promise<Outcome> =>
  invoke(rulesCommand, args, { directory: root, environment });
const extract = (out: string, ...rest: string[]): Promise<Outcome> =>
  call(
    ...["extract", "gold.jsonl", "--recipe", "recipe.yaml", "--reasoner", "thinker", "--verifier", "judge"],
    ...["--pairs", "8", "--held-out", "4", "--out", out, ...rest],
  );
const filesOf = (out: string): Promise<string[]> =>
  Promise.all(["rules.yaml", "report.json"].map((name) => readFile(join(root, out, name), "utf8")));

describe("prefkit rules extract", () => {
  it("writes a rule set that can be read, a report, and shows what it found", async () => {
    const { out, err, exitCode } = await extract("first", "--source", "explanation");
    expect(exitCode).toBe(0);
    const [yaml = "", report = ""] = await filesOf("first");
    expect(
      parseRubric(yaml, "rules.yaml")
        .criteria.map(({ text }) => text)
        .sort(),
    ).toEqual([...RULES].sort());
    expect(JSON.parse(report)).toMatchObject({
      options: { seed: 4, source: "explanation" },
      models: { reasoner: { name: "thinker", model: "big" }, verifier: { name: "judge", model: "small" } },
      pairs: { given: 30, learn: 8, heldOut: 4 },
    });
    expect(report + yaml).not.toContain("sk-planted");
    expect(out).toMatch(/rule-01 +100\.0 % +51\.0–100\.0 % +100\.0 % +0 {2}The response cites a source\./);
    expect(out).toContain("The fraction of rules followed on held-out pairs:");
    expect(err).toContain("30 preferences: 8 to learn from, 4 to measure on.");
    expect(err).toContain("Measuring rules: 24 to do");
  });

  it("asks nothing again, and gives the same files, in the same directory and in another one", async () => {
    const before = [await filesOf("first"), calls];
    await extract("first", "--source", "explanation", "--quiet");
    expect((await extract("second", "--source", "explanation", "--quiet")).err).not.toMatch(/to do|to learn/);
    expect([await filesOf("first"), calls]).toEqual(before);
    expect(await filesOf("second")).toEqual(before[0]);
    const offline = await extract("third", "--source", "explanation", "--quiet", "--offline", "--json");
    expect(JSON.parse(offline.out)).toMatchObject({
      ok: true,
      outcome: "done",
      ruleSet: { rules: 3 },
      notes: [],
    });
  });

  it("stopped by a signal at any stage, saves what was answered and goes on from there", async () => {
    const options = ["--seed", "9", "--quiet", "--concurrency", "2"];
    const started = calls;
    for (const [round, after] of [3, 6, 4, 5].entries()) {
      const from = calls;
      onCall = (at) => {
        if (at === from + after) process.emit("SIGINT");
      };
      const { exitCode, err, out } = await extract("stopped", ...options, "--json");
      expect(exitCode).toBe(130);
      expect(JSON.parse(out)).toMatchObject({ ok: false, outcome: "stopped" });
      expect(err).toContain("the same command goes on from there");
      expect(await readdir(join(root, "stopped")), `round ${round}`).toEqual([".prefkit"]);
    }
    onCall = () => {};
    await extract("stopped", ...options);
    const spent = calls - started;
    await extract("whole", ...options);
    expect(await filesOf("stopped")).toEqual(await filesOf("whole"));
    // Nothing is paid twice: 8 interpretations, 8 lists, 1 merge, 4 × 2 verdicts on 3 rules, some of them asked before.
    expect(spent).toBeGreaterThan(20);
    expect(spent).toBeLessThanOrEqual(41);
    expect(calls - started).toBe(spent);
  });

  it("stops when the money is spent, and goes on with more of it", async () => {
    const poor = await extract("poor", "--seed", "11", "--quiet", "--max-cost", "0.01");
    expect(poor.exitCode).toBe(4);
    expect(poor.err).toContain("a larger --max-cost goes on");
    expect((await extract("poor", "--seed", "11", "--quiet", "--max-cost", "100")).exitCode).toBe(0);
  });

  it("refuses to mix two extractions in one directory, and to write among other files", async () => {
    await expect(extract("first", "--source", "both")).rejects.toMatchObject({ code: "plan_changed" });
    await expect(extract(".")).rejects.toMatchObject({ code: "not_this_run" });
    await expect(extract("gold.jsonl")).rejects.toMatchObject({
      code: "not_this_run",
      message: expect.stringContaining("is a file, not a directory"),
    });
  });

  it("leaves out rules afterwards in the same directory, for nothing", async () => {
    const before = calls;
    const { out } = await extract("first", "--source", "explanation", "--min-agreement", "0.9", "--quiet");
    expect(out).toContain("1 more rule was left out");
    expect(calls).toBe(before);
  });

  it("measures on no prompt that it learned from, although every row has an id of its own", async () => {
    const rows = Array.from({ length: 60 }, (_, index) => {
      const { prompt, chosen, rejected } = pairOf(index % 6);
      const row = {
        id: `row-${index}`,
        prompt: prompt.messages[0]?.content,
        chosen: `${chosen} ${index}`,
        rejected,
      };
      return `${JSON.stringify(row)}\n`;
    });
    await writeFile(join(root, "rows.jsonl"), rows.join(""));
    const from = server.received.length;
    const { exitCode } = await call(
      ...["extract", "rows.jsonl", "--recipe", "recipe.yaml", "--reasoner", "thinker", "--verifier", "judge"],
      ...["--pairs", "40", "--held-out", "20", "--out", "rows", "--quiet"],
    );
    expect(exitCode).toBe(0);
    const asked = server.received
      .slice(from)
      .map(({ body }) => JSON.stringify((body as { messages: unknown }).messages));
    const promptsOf = (which: (text: string) => boolean): Set<string> =>
      new Set(asked.filter(which).flatMap((text) => /Question \d+\?/.exec(text) ?? []));
    const learned = promptsOf((text) => text.includes("[[response A|"));
    const measured = promptsOf((text) => text.includes("[[rule|"));
    expect(learned.size).toBeGreaterThan(0);
    expect(measured.size).toBeGreaterThan(0);
    expect([...measured].filter((prompt) => learned.has(prompt))).toEqual([]);
  });

  it.each([["--reasoner"], ["--extractor"], ["--verifier"]])(
    "leaves no directory behind when there is no model of the name that %s gives",
    async (flag) => {
      await expect(extract("zz", flag, "zz")).rejects.toMatchObject({ code: "bad_recipe" });
      expect(await readdir(root)).not.toContain("zz");
    },
  );

  it.each([
    [["--offline", "--seed", "77"], "reply_missing"],
    [["--reasoner", "nobody"], "bad_recipe"],
    [["--min-agreement", "3"], "bad_option"],
    [["--recipe", "absent.yaml"], "bad_recipe"],
  ])("refuses %j as %s, and leaves no rule set", async (args, code) => {
    await expect(extract("refused", ...args, "--quiet")).rejects.toMatchObject({ code });
    await expect(readFile(join(root, "refused", "rules.yaml"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("sends no temperature when told to", async () => {
    await extract("cold", "--seed", "21", "--temperature", "none", "--max-tokens", "500", "--quiet");
    const bodies = server.received.map(
      ({ body }) => body as { temperature?: number; max_tokens?: number; messages?: unknown },
    );
    const asked = bodies.filter((body) => body.messages && body.temperature === undefined);
    expect(asked.length).toBeGreaterThan(20);
    expect(JSON.parse((await filesOf("cold"))[1] ?? "")).toMatchObject({
      options: { temperature: null, maxTokens: 500 },
    });
  });

  it("limits verdicts and conversations by its flags, and says so in the report", async () => {
    const from = server.received.length;
    const limits = ["--verdict-max-tokens", "700", "--max-chars", "6"];
    expect((await extract("limits", "--seed", "23", ...limits, "--quiet")).exitCode).toBe(0);
    const asked = server.received.slice(from).map(({ body }) => {
      const { messages, max_tokens } = body as { messages: { content: string }[]; max_tokens: number };
      return { text: messages[0]?.content ?? "", limit: max_tokens };
    });
    const verdicts = asked.filter(({ text }) => text.includes("[[rule|"));
    const interpretations = asked.filter(({ text }) => text.includes("[[response A|"));
    // 3 rules × 4 pairs × 2 responses; 8 pairs.
    expect([verdicts.length, interpretations.length]).toEqual([24, 8]);
    expect(new Set(verdicts.map(({ limit }) => limit))).toEqual(new Set([700]));
    expect(new Set(interpretations.map(({ limit }) => limit))).toEqual(new Set([8192]));
    for (const { text } of [...verdicts, ...interpretations])
      expect(text).toMatch(/\nQue\n\[[56] characters left out\]\n/);
    expect(JSON.parse((await filesOf("limits"))[1] ?? "")).toMatchObject({
      options: { verdictTokens: 700, maxChars: 6 },
    });
  });

  it("says where a price is missing, before anything is paid", async () => {
    const before = calls;
    await expect(extract("x", "--recipe", "unpriced.yaml", "--max-cost", "1")).rejects.toMatchObject({
      code: "missing_price",
    });
    expect(calls).toBe(before);
  });

  it.each([["--reasoner"], ["--verifier"], ["--out"], ["--recipe"]])("needs %s", async (flag) => {
    const all = ["--recipe", "recipe.yaml", "--reasoner", "thinker", "--verifier", "judge", "--out", "o"];
    const at = all.indexOf(flag);
    await expect(call("extract", "gold.jsonl", ...all.toSpliced(at, 2))).rejects.toThrow(flag);
  });
});

describe("prefkit rules show", () => {
  it("shows a rule set with its figures, and without where there is no report", async () => {
    const { out } = await call("show", "second/rules.yaml");
    expect(out).toContain("autorule, version 1, 3 rules");
    expect(out).toContain("100.0 %");
    await writeFile(join(root, "alone.yaml"), await readFile(join(root, "second/rules.yaml")));
    const alone = await call("show", "alone.yaml");
    expect(alone.out).toContain("The response is short.");
    expect(alone.out).not.toContain("%");
    expect(JSON.parse((await call("show", "second/rules.yaml", "--json")).out)).toMatchObject({
      ok: true,
      set: {},
    });
  });

  it.each([
    {
      note: "lacks its rules",
      change: (report: Record<string, unknown>) => ({ ...report, rules: undefined }),
    },
    {
      note: "has rules of another form",
      change: (report: Record<string, unknown>) => ({ ...report, rules: [3] }),
    },
    { note: "is no object", change: () => null },
  ])("shows a rule set without figures when the report beside it $note", async ({ change }) => {
    const directory = await mkdtemp(join(root, "report-"));
    const [yaml = "", report = ""] = await filesOf("second");
    await writeFile(join(directory, "rules.yaml"), yaml);
    const changed = change(JSON.parse(report) as Record<string, unknown>);
    await writeFile(join(directory, "report.json"), JSON.stringify(changed));
    const { out } = await call("show", join(directory, "rules.yaml"));
    expect(out).toContain("The response is short.");
    expect(out).not.toContain("%");
  });

  it("shows a rule set beside a directory called report.json", async () => {
    const directory = await mkdtemp(join(root, "report-"));
    await writeFile(join(directory, "rules.yaml"), (await filesOf("second"))[0] ?? "");
    await mkdir(join(directory, "report.json"));
    expect((await call("show", join(directory, "rules.yaml"))).out).toContain("The response is short.");
  });

  it("says of a path that cannot be read what it is, and nothing of work that is kept", async () => {
    await expect(call("show", root)).rejects.toMatchObject({
      code: "io",
      fix: "check that it is a file, and that you may read it.",
    });
  });

  it("lets no rule speak to the terminal, and refuses what is no rule set", async () => {
    await writeFile(
      join(root, "bad.yaml"),
      'rubric: 1\nname: n\nversion: 1\ncriteria:\n  - { id: a, text: "\\u001b[31mred" }\n',
    );
    expect((await call("show", "bad.yaml")).out).toContain("␛[31mred");
    await expect(call("show", "recipe.yaml")).rejects.toMatchObject({ code: "bad_option" });
    await expect(call("show", "absent.yaml")).rejects.toMatchObject({ code: "bad_option" });
  });
});
