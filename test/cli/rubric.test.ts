import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rubricCommand } from "../../src/cli/commands/rubric.ts";
import { parseRubric } from "../../src/core/rubric/load-rubric.ts";
import { answer, section, WORLD } from "../learn/rubric/world.ts";
import { startServer, type TestServer } from "../models/servers/http-server.ts";
import { chatCompletion } from "../models/servers/shapes.ts";
import { invoke, type Outcome } from "./small-dataset.ts";

const root = mkdtempSync(join(tmpdir(), "prefkit-cli-rubric-"));
const environment = { PREFKIT_CACHE_DIR: join(root, "cache"), A_KEY: "sk-planted-1234567890" };
/** The server refuses what holds this text. */
let refused: string | null = null;
/** Tokens that a reply takes: one with a lower limit is cut while the model still thinks. */
let needed = 1;
let server: TestServer;

beforeAll(async () => {
  server = await startServer(({ body }) => {
    const { messages, model, max_tokens } = body as {
      messages: { content: string }[];
      model: string;
      max_tokens: number;
    };
    const content = messages[0]?.content ?? "";
    if (refused !== null && content.includes(refused))
      return { status: 400, json: { error: { message: "no" } } };
    if (max_tokens < needed)
      return {
        json: chatCompletion("Let me think.", { choice: { finish_reason: "length" }, reply: { model } }),
      };
    const isQuestion = section(content, "turn 1 user") !== null;
    return { json: chatCompletion(isQuestion ? answer(WORLD, content) : model, { reply: { model } }) };
  });
  const row = (id: string, prompt: string, strong = "strong") => ({
    ...{ id, prompt, metadata: { good: strong, bad: "weak" } },
    responses: ["r0", "r1", "r2", "r3"],
  });
  const lines = (rows: readonly object[]): string => rows.map((one) => `${JSON.stringify(one)}\n`).join("");
  await writeFile(join(root, "one.jsonl"), lines([row("tower", "How tall?")]));
  await writeFile(
    join(root, "three.jsonl"),
    lines([row("tower", "How tall?"), row("bridge", "How long?"), row("lake", "How deep?", " ")]),
  );
  await writeFile(join(root, "wide.jsonl"), lines([row("lane", "How wide?")]));
  await writeFile(join(root, "twice.jsonl"), lines([row("tower", "How tall?"), row("tower", "How long?")]));
  const model = (name: string): string =>
    `{ provider: openai, baseUrl: "${server.url}/v1", model: ${name}, key: "\${A_KEY}", price: { in: 1, out: 2 } }`;
  await writeFile(
    join(root, "recipe.yaml"),
    `input: { path: one.jsonl, map: { metadata: { good: metadata.good, bad: metadata.bad } } }
models:
  writer: ${model("writer")}
  judge: ${model("judge")}
  strong: ${model("strong")}
  weak: ${model("weak")}
scorers: { short: { use: contains, text: "7" } }
`,
  );
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const rubric = (...args: string[]): Promise<Outcome> =>
  invoke(rubricCommand, args, { directory: root, environment });
const refine = (input: string, out: string, ...more: string[]): Promise<Outcome> =>
  rubric(
    ...["refine", input, "--recipe", join(root, "recipe.yaml"), "--proposer", "writer", "--judge", "judge"],
    ...["--out", out, "--quiet", ...more],
  );
const read = (...path: string[]): Promise<string> => readFile(join(root, ...path), "utf8");
const linesOf = async (...path: string[]): Promise<Record<string, unknown>[]> =>
  (await read(...path))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("prefkit rubric refine", () => {
  it("writes the rubric, the trace and the report of a prompt", async () => {
    const { err, exitCode } = await refine("one.jsonl", "first", "--strong", "strong", "--weak", "weak");
    expect(exitCode).toBe(0);
    expect(err).toContain("1 prompts, 1 with a rubric; 58 calls");
    expect(err).toContain("3 criteria accepted, 2 taken apart, 5 turned down");
    const { criteria, weighting } = parseRubric(await read("first", "rubric.yaml"), "rubric.yaml");
    expect(criteria.map(({ text }) => text)).toEqual(["B", "A1", "A2a"]);
    expect(weighting).toBe("whitened-uniform");
    const [line, ...others] = await linesOf("first", "rubrics.jsonl");
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      prompt_id: "tower",
      decision_source: "rubric",
      stop: "queue_empty",
      references: true,
    });
    const trace = await linesOf("first", "trace.jsonl");
    expect(trace[0]).toMatchObject({
      ...{ prompt_id: "tower", round: 1, text: "A", decision: "decomposed", reason: "met_by_many" },
      ...{ votes: [1, 1, 1, 1], by: "proposer" },
    });
    expect(JSON.parse(await read("first", "report.json"))).toMatchObject({
      ...{ prompts: 1, withRubric: 1, failed: {}, calls: 58 },
      rejections: { redundant: 1, misaligned: 1, conflict: 1, duplicate: 1, met_by_none: 1 },
    });
    for (const file of [
      "rubrics.jsonl",
      "trace.jsonl",
      "report.json",
      "rubric.yaml",
      ".prefkit/rubric-memo.jsonl",
    ])
      expect(await read("first", file)).not.toContain(environment.A_KEY);
  });

  it("pays nothing for what is there, and gives the same bytes", async () => {
    const before = await read("first", "rubrics.jsonl");
    const asked = server.received.length;
    await refine("one.jsonl", "first", "--strong", "strong", "--weak", "weak");
    expect(server.received.length).toBe(asked);
    expect(await read("first", "rubrics.jsonl")).toBe(before);
    // Another directory knows nothing, but the cache of replies does.
    await refine("one.jsonl", "second", "--strong", "strong", "--weak", "weak", "--offline");
    expect(server.received.length).toBe(asked);
    expect(await read("second", "rubrics.jsonl")).toBe(before);
    expect(await read("second", "trace.jsonl")).toBe(await read("first", "trace.jsonl"));
  });

  it("takes the answers of references from metadata, and flags a prompt that has none", async () => {
    const args = ["--strong-field", "good", "--weak-field", "bad", "--json"];
    const { out, exitCode } = await refine("three.jsonl", "fields", ...args);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      outcome: "done",
      prompts: 3,
      withRubric: 3,
      withoutReferences: 1,
    });
    const lines = await linesOf("fields", "rubrics.jsonl");
    expect(lines.map(({ prompt_id, references }) => [prompt_id, references])).toEqual([
      ["tower", true],
      ["bridge", true],
      ["lake", false],
    ]);
  });

  it("leaves out a prompt whose calls fail, ends with 3, and goes on when they do not", async () => {
    refused = "How long?";
    const broken = await refine("three.jsonl", "broken", "--mode", "augment", "--json");
    refused = null;
    expect(broken.exitCode).toBe(3);
    expect(JSON.parse(broken.out)).toMatchObject({ ok: false, outcome: "open", failed: { bad_request: 1 } });
    expect(await linesOf("broken", "rubrics.jsonl")).toHaveLength(2);
    const mended = await refine("three.jsonl", "broken", "--mode", "augment", "--json");
    expect(mended.exitCode).toBe(0);
    expect(await linesOf("broken", "rubrics.jsonl")).toHaveLength(3);
  });

  it("stops when the money is spent, and goes on with more", async () => {
    const args = ["--weighting", "uniform", "--temperature", "0.5", "--json"];
    const poor = await refine("three.jsonl", "poor", ...args, "--max-cost", "0.0001");
    expect(poor.exitCode).toBe(4);
    expect(JSON.parse(poor.out)).toMatchObject({ ok: false, error: "budget_reached" });
    const rich = await refine("three.jsonl", "poor", ...args, "--max-cost", "100");
    expect(rich.exitCode).toBe(0);
  });

  it("sends no temperature to any model when told to", async () => {
    const asked = server.received.length;
    const args = ["--temperature", "none", "--strong", "strong", "--weak", "weak"];
    expect((await refine("one.jsonl", "cold", ...args)).exitCode).toBe(0);
    const bodies = server.received.slice(asked).map(({ body }) => body as Record<string, unknown>);
    expect(bodies.length).toBeGreaterThan(5);
    expect(bodies.filter((body) => "temperature" in body)).toEqual([]);
  });

  it("has room for models that think, and asks again with other limits what was cut by lower ones", async () => {
    needed = 4096;
    const asked = async (...args: string[]): Promise<{ limits: number[]; told: Record<string, unknown> }> => {
      const from = server.received.length;
      const { out } = await refine("wide.jsonl", "thinkers", "--json", ...args);
      const limits = server.received
        .slice(from)
        .map(({ body }) => (body as { max_tokens: number }).max_tokens);
      return { limits, told: JSON.parse(out) as Record<string, unknown> };
    };
    const low = await asked("--max-tokens", "2048", "--judge-max-tokens", "1024");
    expect(low.told).toMatchObject({ withRubric: 0, unread: { propose: 1 } });
    // Asked for 3 times in all; what could not be read is kept, and the same command asks nothing.
    expect(low.limits).toEqual([2048, 2048, 2048]);
    expect((await asked("--max-tokens", "2048", "--judge-max-tokens", "1024")).limits).toEqual([]);
    const judged = await asked("--judge-max-tokens", "1024");
    expect(judged.told).toMatchObject({ withRubric: 0, rejections: { unread_votes: 5 } });
    const both = await asked();
    needed = 1;
    expect(both.told).toMatchObject({ withRubric: 1, unread: {} });
    // The proposal was read before; two criteria are taken apart. 9 × 4 votes; redundancy on C, D, E, A1, A2a, conflict on all of
    // these but C.
    expect(both.limits.filter((limit) => limit === 8192)).toHaveLength(2);
    expect(both.limits.filter((limit) => limit === 4096)).toHaveLength(36 + 5 + 4);
  });

  it("takes its limits from flags, shows no more of a conversation than it may, and says so in the report", async () => {
    const from = server.received.length;
    await refine(
      ...([
        "one.jsonl",
        "limits",
        "--max-proposed",
        "2",
        "--max-rejections",
        "3",
        "--max-depth",
        "1",
      ] as const),
      ...["--max-rounds", "4", "--tries", "2", "--max-chars", "5"],
    );
    const report = JSON.parse(await read("limits", "report.json")) as Record<string, unknown>;
    expect(report).toMatchObject({
      options: { maxProposed: 2, maxRejections: 3, maxDepth: 1, maxRounds: 4, tries: 2, maxChars: 5 },
      // A and B are looked at, and A2 is as deep as may be; C, D, E and "b." are not.
      decisions: { accepted: 3, decomposed: 1, left: 4 },
    });
    const bodies = server.received.slice(from).map(({ body }) => JSON.stringify(body));
    // Of "How tall?" (9 characters) 3 + 2 are kept.
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(body).toContain("How\\n[4 characters left out]\\nl?");
  });

  it("refuses what is not in the cache when it is offline", async () => {
    await expect(refine("one.jsonl", "offline", "--temperature", "0.9", "--offline")).rejects.toMatchObject({
      code: "reply_missing",
    });
  });

  it("goes on with answers that were kept when there are more prompts or other options", async () => {
    await refine("three.jsonl", "grown", "--limit", "1", "--seed", "5");
    const asked = server.received.length;
    await refine(
      "three.jsonl",
      "grown",
      "--limit",
      "1",
      "--seed",
      "5",
      "--weighting",
      "uniform",
      "--estimator",
      "uncentered",
    );
    expect(server.received.length).toBe(asked);
    await refine("three.jsonl", "grown", "--limit", "2", "--seed", "5");
    expect(await linesOf("grown", "rubrics.jsonl")).toHaveLength(2);
  });

  it.each([
    { args: ["one.jsonl", "x", "--strong", "strong"], code: "bad_option" },
    { args: ["one.jsonl", "x", "--strong", "strong", "--weak-field", "bad"], code: "bad_option" },
    { args: ["one.jsonl", "x", "--strong", "strong", "--weak", "nobody"], code: "bad_recipe" },
    { args: ["one.jsonl", "x", "--temperature", "9"], code: "bad_option" },
    { args: ["twice.jsonl", "x"], code: "duplicate_id" },
    { args: ["none.jsonl", "x"], code: "no_input_file" },
    { args: ["one.jsonl", "full"], code: "not_this_run" },
  ])("refuses $args as $code, before anything is paid", async ({ args, code }) => {
    await mkdir(join(root, "full"), { recursive: true });
    await writeFile(join(root, "full", "thesis.tex"), "mine");
    const asked = server.received.length;
    await expect(refine(args[0] ?? "", args[1] ?? "", ...args.slice(2))).rejects.toMatchObject({ code });
    expect(server.received.length).toBe(asked);
  });

  it("leaves no directory behind when there is no model of a name", async () => {
    await expect(refine("one.jsonl", "zz", "--strong", "strong", "--weak", "nobody")).rejects.toMatchObject({
      code: "bad_recipe",
    });
    expect(await readdir(root)).not.toContain("zz");
  });

  it("goes on in the same directory when a model is reached in another way", async () => {
    const recipe = await read("recipe.yaml");
    const other = recipe.replace(/"\$\{A_KEY\}"/g, (key) => `${key}, headers: { x-team: blue }`);
    expect(other).not.toBe(recipe);
    const asked = async (file: string): Promise<number> => {
      const before = server.received.length;
      const models = ["--proposer", "writer", "--judge", "judge"];
      const args = [
        "refine",
        "one.jsonl",
        "--recipe",
        join(root, file),
        ...models,
        "--out",
        "reached",
        "--quiet",
      ];
      expect((await rubric(...args, "--seed", "8")).exitCode).toBe(0);
      return server.received.length - before;
    };
    await writeFile(join(root, "other.yaml"), other);
    expect(await asked("recipe.yaml")).toBeGreaterThan(0);
    expect(await asked("other.yaml")).toBe(0);
  });

  it("refuses a file as the output directory", async () => {
    await expect(refine("one.jsonl", "one.jsonl")).rejects.toMatchObject({
      code: "not_this_run",
      message: expect.stringContaining("is a file, not a directory"),
    });
  });

  it("needs a proposer and a judge", async () => {
    await expect(rubric("refine", "--recipe", join(root, "recipe.yaml"))).rejects.toThrow(/--proposer/);
  });
});

describe("prefkit rubric show", () => {
  it("shows a rubric that comes with prefkit", async () => {
    const { out, exitCode } = await rubric("show", "honesty");
    expect(exitCode).toBe(0);
    expect(out).toContain("honesty  version 1");
  });

  it("lists the prompts of a refinement, and shows the rubric of one", async () => {
    const file = join("fields", "rubrics.jsonl");
    expect((await rubric("show", file)).out).toMatch(
      /^tower +3 criteria\nbridge +3 criteria\nlake +4 criteria$/,
    );
    const { out } = await rubric("show", file, "--prompt", "bridge");
    expect(out).toMatch(/0\.2930 {2}B {2}c-[0-9a-f]{12}/);
    const yaml = await rubric("show", file, "--prompt", "bridge", "--yaml");
    expect(parseRubric(yaml.out, "shown").criteria).toHaveLength(3);
    expect(JSON.parse((await rubric("show", file, "--prompt", "bridge", "--json")).out)).toMatchObject({
      version: 1,
    });
  });

  it("does not let a criterion speak to the terminal", async () => {
    await writeFile(
      join(root, "red.yaml"),
      'rubric: 1\nname: red\nversion: 1\ncriteria: [{ id: a, text: "is \\e[31mred" }]\n',
    );
    expect((await rubric("show", "red.yaml")).out).toContain("is ␛[31mred");
  });

  it.each([
    { args: ["fields/rubrics.jsonl", "--prompt", "moon"], code: "unknown_name" },
    { args: ["fields/rubrics.jsonl", "--yaml"], code: "bad_option" },
    { args: ["absent.yaml"], code: "bad_option" },
  ])("refuses $args as $code", async ({ args, code }) => {
    await expect(rubric("show", ...args)).rejects.toMatchObject({ code });
  });
});

describe("prefkit rubric show and check", () => {
  it("let nothing in a rubric speak to the terminal", async () => {
    const evil = "e\\u001b\\x9b31m\\u202e\\u200b";
    await writeFile(
      join(root, "evil.yaml"),
      `rubric: 1\nname: evil\nversion: 1\nabout: "${evil}"\nweighting: category\ncategories: { "${evil}": 1 }\ncriteria:\n  - { id: a, text: "${evil}", category: "${evil}" }\n`,
    );
    for (const flags of [[], ["--yaml"], ["--json"]]) {
      const { out } = await rubric("show", "evil.yaml", ...flags);
      expect(out).toContain("31m");
      const plain = stripVTControlCharacters(out);
      for (const hidden of ["\u001b", "\u009b", "\u202e", "\u200b"]) expect(plain).not.toContain(hidden);
    }
  });

  it("say of a file without lines that it holds no rubric", async () => {
    await writeFile(join(root, "empty.jsonl"), "\n");
    const { out, exitCode } = await rubric("check", "empty.jsonl");
    expect(exitCode).toBe(2);
    expect(out).toContain("empty.jsonl holds no rubric.");
    await expect(rubric("show", "empty.jsonl")).rejects.toMatchObject({
      code: "bad_option",
      fix: expect.not.stringContaining("rubric show"),
    });
  });

  it("say of a path that cannot be read nothing of work that is kept", async () => {
    const { out, exitCode } = await rubric("check", ".");
    expect(exitCode).toBe(2);
    expect(out).toContain("check that it is a file");
    await expect(rubric("show", ".")).rejects.toMatchObject({ code: "io" });
  });
});

describe("prefkit rubric check", () => {
  it("says of each file what it holds, or what is wrong and where", async () => {
    await writeFile(
      join(root, "bad.yaml"),
      "rubric: 1\nname: bad\nversion: 1\ncriteria:\n  - { id: a, txt: clear }\n",
    );
    const { out, exitCode } = await rubric(
      "check",
      "first/rubric.yaml",
      "fields/rubrics.jsonl",
      "bad.yaml",
      "absent.yaml",
    );
    expect(exitCode).toBe(2);
    expect(out).toContain("ok  first/rubric.yaml  1 rubrics, 3 criteria");
    expect(out).toContain("ok  fields/rubrics.jsonl  3 rubrics, 10 criteria");
    expect(out).toMatch(/bad bad\.yaml:5: criteria\[0\]\.txt: unknown key\.\n {4}did you mean "text"\?/);
    expect(out).toContain("there is no file");
  });

  it.each([
    { text: "nonsense\n", message: "lines.jsonl:1: this line is no JSON object." },
    { text: '{"rubric": null}\n', message: "lines.jsonl:1: prompt_id: it is no text." },
    { text: '{"prompt_id": "a"}\n', message: "lines.jsonl:1: rubric: it is missing." },
    {
      text: '{"prompt_id": "a", "rubric": null}\n\n{"prompt_id": "a", "rubric": null}\n',
      message: "lines.jsonl:3: prompt a has a rubric on line 1 already.",
    },
    {
      text: '{"prompt_id": "a", "rubric": {"name": "r", "version": 1, "criteria": [{"id": "k"}]}}\n',
      message: "lines.jsonl:1: rubric.criteria[0].text:",
    },
  ])("names the line of a file of rubrics: $message", async ({ text, message }) => {
    await writeFile(join(root, "lines.jsonl"), text);
    const { out, exitCode } = await rubric("check", "lines.jsonl", "--json");
    expect(exitCode).toBe(2);
    const result = JSON.parse(out) as { ok: boolean; files: { message: string }[] };
    expect(result.ok).toBe(false);
    expect(result.files[0]?.message).toContain(message);
  });
});
