import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { tableRows } from "../../src/annotate/rework.ts";
import { run as runOffline } from "../../src/annotate/run.ts";
import { memoryScoreCache } from "../../src/annotate/score-cache.ts";
import { nodeFiles } from "../../src/core/files.ts";
import { perResponse, scored } from "../../src/core/scorer.ts";
import type { Scorer } from "../../src/core/types.ts";
import type { Rewarder } from "../../src/serve/rewarder.ts";
import { type RewardServer, type ServerOptions, startServer } from "../../src/serve/server.ts";
import { readManifest } from "../../src/store/manifest.ts";
import type { Row } from "../../src/store/table.ts";
import { msSwift } from "../../src/trainers/ms-swift.ts";
import { rewardClientSource } from "../../src/trainers/reward-client.ts";
import type { TrainerAdapter } from "../../src/trainers/trainer-adapter.ts";
import { trl } from "../../src/trainers/trl.ts";
import { verl } from "../../src/trainers/verl.ts";
import { directoryOf, testCatalog } from "../annotate/small-run.ts";
import { groupCount, needsEight, numberInText, rewarderOf } from "../serve/support.ts";
import { groupWith, layoutOf, pairOf, rowsOf } from "../trainers/layouts.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const python = process.env.PREFKIT_PYTHON ?? join(root, ".cache/venv/bin/python");
const absent = existsSync(python) ? "" : ` (absent: no Python at ${python}; set PREFKIT_PYTHON)`;

const open: { readonly server: RewardServer; readonly rewarder: Rewarder }[] = [];
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const { server, rewarder } of open.splice(0)) {
    await server.drain();
    await rewarder.close();
  }
  for (const close of closing.splice(0)) await close();
});

async function start(
  recipe: Parameters<typeof rewarderOf>[0],
  options: ServerOptions = {},
): Promise<RewardServer> {
  const rewarder = await rewarderOf(recipe);
  const server = await startServer(rewarder, { port: 0, ...options });
  open.push({ server, rewarder });
  return server;
}

/** A server that answers as it is told; gives its URL and what it was sent. */
async function fake(
  answer: (
    body: Body,
    request: IncomingMessage,
  ) => { status?: number; headers?: Record<string, string>; body: unknown },
) {
  const sent: Body[] = [];
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
      sent.push(body);
      const { status = 200, headers = {}, body: answered } = answer(body, request);
      reply.writeHead(status, { "content-type": "application/json", ...headers });
      reply.end(typeof answered === "string" ? answered : JSON.stringify(answered));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

interface Body {
  readonly groups: readonly {
    readonly id?: string;
    readonly prompt?: unknown;
    readonly reference?: unknown;
    readonly metadata?: unknown;
    readonly responses: readonly { readonly id: string }[];
  }[];
}

/** Runs Python that has imported the client and prints one line of JSON. */
function run(url: string, code: string, environment: Record<string, string> = {}): Promise<unknown> {
  const script = [
    "import asyncio, json, sys",
    `sys.path.insert(0, ${JSON.stringify(join(root, "src/trainers/python"))})`,
    "sys.dont_write_bytecode = True",
    "import prefkit_reward as p",
    "def caught(work):",
    "    try:",
    "        return work()",
    "    except p.PrefkitError as error:",
    "        return 'PrefkitError: ' + str(error)",
    code,
  ].join("\n");
  return new Promise((resolve, reject) => {
    execFile(
      python,
      ["-c", script],
      { env: { PATH: process.env.PATH ?? "", PREFKIT_REWARD_URL: url, ...environment } },
      (error, stdout, stderr) => {
        if (error) reject(new Error(stderr));
        else resolve(JSON.parse(stdout));
      },
    );
  });
}

const TWO = { scorers: { n: { use: numberInText }, count: { use: groupCount } } };
const sum = { ...TWO, reward: { terms: [{ score: "n" }, { score: "count", weight: 100 }] } };

/** What the scorer saw of each response, as one number the test knows to read: tokens, reference, metadata. */
const seen: Scorer = perResponse(
  { name: "seen", version: 1, range: [0, 1e6] },
  ({ tokenCount = 0 }, { prompt }) =>
    scored(tokenCount + 100 * Number(prompt.reference) + 10_000 * Number(prompt.metadata.level)),
);

/** 1 for a response that is the reference, as it is written; else 0. */
const sameAsReference: Scorer = perResponse(
  { name: "same", version: 1, range: [0, 1] },
  ({ text }, { prompt }) => scored(Number(text === prompt.reference)),
);

describe.skipIf(absent !== "")(`the Python client${absent}`, { timeout: 120_000 }, () => {
  it("is the file that exports put beside their data, and reads with Python 3.9", async () => {
    expect(await rewardClientSource()).toContain("def trl_reward(");
    const code = `
import ast
tree = ast.parse(open(p.__file__).read(), feature_version=(3, 9))
names = {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
print(json.dumps(sorted(names - set(sys.stdlib_module_names))))`;
    // Looked for by reward_func alone, which OpenRLHF calls, and OpenRLHF has it.
    expect(await run("http://127.0.0.1:1", code)).toEqual(["torch"]);
  });

  it("gives TRL its rewards, whole groups at a time, and None where there is none", async () => {
    const { url } = await start(sum);
    const code = `
prompts = ["a"] * 3 + ["b"] * 3
completions = ["1", "2", "x", "4", "5", "6"]
logged = {}
rewards = p.trl_reward(prompts, completions, log_metric=logged.__setitem__, trainer_state=object())
print(json.dumps([rewards, logged]))`;
    // 3 responses in each group: 300, and the number in the text.
    const expected = [301, 302, null, 304, 305, 306];
    expect(await run(url, code)).toEqual([expected, { "prefkit/unscored": 1 / 6 }]);
    const messages = `
prompts = [[{"role": "user", "content": "a"}]] * 2
completions = [[{"role": "assistant", "content": c}] for c in ("1", "2")]
print(json.dumps(asyncio.run(p.trl_reward_async(prompts, completions))))`;
    expect(await run(url, messages)).toEqual([201, 202]);
    const size = { PREFKIT_GROUP_SIZE: "2" };
    const twice = `print(json.dumps(p.trl_reward(["a"] * 4, ["1", "2", "3", "4"])))`;
    expect(await run(url, twice, size)).toEqual([201, 202, 203, 204]);
    expect(await run(url, `print(json.dumps(p.trl_reward([], [])))`)).toEqual([]);
  });

  it("sends references, metadata and token counts, and answers more groups than one request holds in order", async () => {
    const { url } = await start({ scorers: { seen: { use: seen } } });
    const code = `
rewards = p.trl_reward(
    ["a", "b"], ["x", "y"], completion_ids=[[1, 2], [3]], reference=["7", "8"], level=[1, 2], prompt_id=["i", "j"])
many = p.trl_reward(
    [str(n) for n in range(200)], ["x"] * 200, reference=[str(n % 50) for n in range(200)], level=[0] * 200)
print(json.dumps([rewards, many == [100.0 * (n % 50) for n in range(200)]]))`;
    expect(await run(url, code)).toEqual([[10_702, 20_801], true]);
  });

  /** Reference answers that are no text: as JSON and Python write them, and as a file's reader writes them out. */
  const REFERENCES = [
    ["2.0", "2.0", "2"],
    ["2", "2", "2"],
    ["2.50", "2.50", "2.5"],
    ["1e-7", "1e-7", "1e-7"],
    ["0", "0", "0"],
    ["-0.0", "-0.0", "0"],
    ["1e15", "1e15", "1000000000000000"],
    ["true", "True", "true"],
    ["false", "False", "false"],
    ["2.0", "numpy.float64(2)", "2"],
    ["0.5", "numpy.float32(0.5)", "0.5"],
    ["0", "numpy.int64(0)", "0"],
    ["true", "numpy.bool_(True)", "true"],
  ] as const;

  it("gives answers to references that are no text the rewards that a run on a file of them gives", async () => {
    const texts = [
      "2",
      "2.0",
      "2.5",
      "1e-7",
      "1e-07",
      "0",
      "-0.0",
      "0.5",
      "1000000000000000",
      "true",
      "True",
      "false",
    ];
    const scorers = { equal: { use: sameAsReference } };
    const lines = REFERENCES.map(
      ([json], index) =>
        `{"id": "${index}", "prompt": "Q", "reference": ${json}, "responses": ${JSON.stringify(texts)}}\n`,
    );
    const directory = await directoryOf({ "rows.jsonl": lines.join("") });
    const out = join(directory, "out");
    const recipe = recipeFromCode({ input: { path: "rows.jsonl" }, scorers }, directory, {});
    await runOffline(recipe, testCatalog, { out, openCache: memoryScoreCache, workers: 1 });
    const offline: unknown[] = [];
    for await (const rows of tableRows(nodeFiles, out, await readManifest(nodeFiles, out), "groups")) {
      for (const { responses } of rows)
        offline.push((responses as readonly { readonly reward: unknown }[]).map(({ reward }) => reward));
    }
    expect(offline).toEqual(REFERENCES.map(([, , written]) => texts.map((text) => Number(text === written))));

    const { url } = await start({ scorers });
    const code = `
import numpy
texts = ${JSON.stringify(texts)}
references = [${REFERENCES.map(([, written]) => written).join(", ")}]
trl = [p.trl_reward(["Q"] * len(texts), texts, reference=[value] * len(texts)) for value in references]
verl = [[p.compute_score("m", text, value, {"prompt": "Q"})["score"] for text in texts] for value in references]
print(json.dumps([trl, verl]))`;
    expect(await run(url, code)).toEqual([offline, offline]);
  });

  it("shows scorers the metadata that they see in a run: numbers, booleans, lists and null, through every export", async () => {
    const metadata = {
      level: 3,
      share: 0.5,
      hard: true,
      tags: ["a", 1],
      note: null,
      year: "1999",
      in: { a: 1 },
    };
    const fields = [...Object.keys(metadata), "absent"];
    let found: unknown[] = [];
    const facts: Scorer = perResponse({ name: "facts", version: 1, range: [0, 1] }, (_, { prompt }) => {
      found.push(prompt.metadata);
      return scored(1);
    });
    const scorers = { facts: { use: facts } };
    const line = { id: "p", prompt: "Q", reference: "4", metadata, responses: ["4"] };
    const directory = await directoryOf({ "rows.jsonl": `${JSON.stringify(line)}\n` });
    const recipe = recipeFromCode({ input: { path: "rows.jsonl" }, scorers }, directory, {});
    const options = { out: join(directory, "out"), openCache: memoryScoreCache, workers: 1 };
    await runOffline(recipe, testCatalog, options);
    expect(found).toEqual([metadata]);
    found = [];

    const { url } = await start({ scorers });
    const group = groupWith([1], { id: "p", reference: "4", metadata: { ...metadata, other: 1 } });
    const rowOf = (trainer: TrainerAdapter): Row =>
      rowsOf(layoutOf(trainer, "prompts", { columns: fields.join() }), pairOf(), group).rows[0] ?? {};
    const { prompt, ...columns } = rowOf(trl);
    // The text columns are there too, for reward functions of one's own.
    expect(columns).toMatchObject({ level: "3", hard: "true", note: null, year: "1999", absent: null });
    const code = `
row = json.loads(${JSON.stringify(JSON.stringify({ prompt, columns, swift: rowOf(msSwift), verl: rowOf(verl) }))})
repeated = lambda columns: {name: [value] * 2 for name, value in columns.items()}
trl = p.trl_reward([row["prompt"]] * 2, ["4", "5"], **repeated(row["columns"]))
p.os.environ["PREFKIT_METADATA"] = "level,year"
named = p.trl_reward([row["prompt"]] * 2, ["4", "5"], **repeated(row["columns"]))
swift = p.PrefkitORM()(completions=["4", "5"], **repeated(row["swift"]))
verl = p.compute_score("prefkit", "4", "4", row["verl"]["extra_info"])["score"]
print(json.dumps([trl, named, swift, verl]))`;
    expect(await run(url, code)).toEqual([[1, 1], [1, 1], [1, 1], 1]);
    expect(found).toEqual([...Array(6).fill(metadata), { ...metadata, data_source: "prefkit" }]);
  });

  it("lets as many samples of verl's wait as a batch has, so that groups come whole", async () => {
    // 40 prompts of 2: the first samples of all wait before the first second one comes. asyncio's own threads are at most 32.
    const { url } = await start(sum, { groupSize: 2, windowMs: 10_000 });
    const code = `
async def all():
    ask = lambda n, half: p.compute_score_async("m", str(n), "4", {"prompt": str(n)})
    return await asyncio.gather(*[ask(n, half) for half in range(2) for n in range(40)])
print(json.dumps([one["score"] for one in asyncio.run(all())]))`;
    const half = Array.from({ length: 40 }, (_, n) => 200 + n);
    expect(await run(url, code)).toEqual([...half, ...half]);
  });

  it("keeps every digit of an integer that JSON would round, writes lists as JSON, and takes any NaN for no reference", async () => {
    const { url, sent } = await fake(({ groups }) => ({
      body: {
        groups: groups.map(({ responses }) => ({
          responses: responses.map(({ id }) => ({ id, reward: 1 })),
        })),
        missing: [],
      },
    }));
    const code = `
import numpy
for value in [2**64 + 1, -(2**53), 2**53 - 1, float("nan"), numpy.float32("nan"), numpy.array(["a", "b"]), ""]:
    p.trl_reward(["Q"], ["x"], reference=[value])
print(json.dumps(0))`;
    await run(url, code);
    expect(sent.map(({ groups }) => groups[0]?.reference)).toEqual([
      "18446744073709551617",
      "-9007199254740992",
      9007199254740991,
      undefined,
      undefined,
      '["a", "b"]',
      "",
    ]);
  });

  it("gathers what verl sends one by one into groups, and raises where a sample has no reward", async () => {
    const { url } = await start(sum, { groupSize: 4, windowMs: 10_000 });
    const code = `
from concurrent.futures import ThreadPoolExecutor
def one(n):
    return p.compute_score("math", str(n), "4", {"prompt": "Q", "prompt_id": "q", "index": n})
with ThreadPoolExecutor(8) as threads:
    print(json.dumps(list(threads.map(one, range(8)))))`;
    expect(await run(url, code)).toEqual(
      Array.from({ length: 8 }, (_, n) => ({ score: 400 + n, unscored: 0 })),
    );
    const { url: single } = await start(sum);
    const unscored = `
ask = lambda: p.compute_score(data_source="m", solution_str="x", ground_truth="4", extra_info={"question": "Q"})
print(json.dumps(caught(ask)))`;
    expect(await run(single, unscored)).toContain("PREFKIT_UNSCORED");
    expect(await run(single, unscored, { PREFKIT_UNSCORED: "-2" })).toEqual({ score: -2, unscored: 1 });
    const prompts = `
import inspect
forms = [{"prompt": [{"role": "user", "content": "Q"}]}, {"prompt": '[{"role": "user", "content": "Q"}]'}, {"question": "[1]?"}]
scores = [asyncio.run(p.compute_score_async("m", "5", "4", info))["score"] for info in forms]
print(json.dumps([scores, inspect.iscoroutinefunction(p.compute_score_async), caught(lambda: p.compute_score("m", "5", "4", {}))]))`;
    expect(await run(single, prompts)).toEqual([
      [105, 105, 105],
      true,
      expect.stringContaining("holds no prompt"),
    ]);
  });

  it("registers with ms-swift where it is loaded by it, and gives OpenRLHF's function its shape", async () => {
    const { url } = await start(sum);
    const code = `
import importlib, types
swift, rewards = types.ModuleType("swift"), types.ModuleType("swift.rewards")
class ORM:
    def __init__(self, args=None, **kwargs): self.args = args
rewards.ORM, rewards.orms = ORM, {}
sys.modules.update({"swift": swift, "swift.rewards": rewards})
q = importlib.reload(p)
messages = [[{"role": "user", "content": "Q"}, {"role": "assistant", "content": t}] for t in ("1", "2")]
orm = rewards.orms["prefkit"](args=1)
given = p.reward_func(["Q: 3</s>", "Q: 4</s>"], ["Q: ", "Q: "], ["", ""])
given = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in given.items() if name != "extra_logs"}
print(json.dumps([orm(["1", "2"], messages=messages, trainer_state=1), given, p.reward_func([], [], [])]))`;
    expect(await run(url, code)).toEqual([
      [201, 202],
      { rewards: [103, 104], scores: [103, 104] },
      { rewards: [], scores: [], extra_logs: {} },
    ]);
  });

  it.each([
    ["other ids", (body: Body) => rename(body, (id) => `${id}x`), "asked for responses"],
    ["the ids of one response twice", (body: Body) => rename(body, () => "0"), "answered twice"],
    ["too few groups", () => ({ groups: [] }), "asked for 1 groups, got 0"],
    ["no list", () => ({ groups: 7 }), "got none"],
    ["a response without a reward", () => ({ groups: [{ responses: [{ id: "0" }] }] }), "without a reward"],
    ["a text for a reward", (body: Body) => rename(body, (id) => id, "1.5"), "for a reward"],
    ["true for a reward", (body: Body) => rename(body, (id) => id, true), "for a reward"],
    ["something else than JSON", () => "<html>", "did not answer JSON"],
  ])("refuses an answer with %s: a reward never lands on another sample", async (_, answer, message) => {
    const { url } = await fake((body) => ({ body: answer(body) }));
    expect(
      await run(url, `print(json.dumps(caught(lambda: p.trl_reward(["a", "a"], ["1", "2"]))))`),
    ).toContain(message);
  });

  it("finds its rewards by id where the answer has another order", async () => {
    const { url } = await fake(({ groups }) => ({
      body: {
        groups: groups.map(({ responses }) => ({
          responses: responses.map(({ id }) => ({ id, reward: Number(id) })).reverse(),
        })),
      },
    }));
    expect(await run(url, `print(json.dumps(p.trl_reward(["a"] * 3, ["x", "y", "z"])))`)).toEqual([0, 1, 2]);
  });

  it("asks again after 429, 503 and a cut connection, as long as the server says, and not after a refusal", async () => {
    let asked = 0;
    const { url } = await fake((body, request) => {
      asked += 1;
      if (asked === 1) return { status: 429, headers: { "retry-after": "0.05" }, body: {} };
      if (asked === 2) return { status: 503, headers: { "retry-after": "0.05" }, body: "not JSON" };
      if (asked === 3) request.socket.destroy();
      return { body: rename(body, (id) => id, 1) };
    });
    expect(await run(url, `print(json.dumps(p.trl_reward(["a"], ["x"])))`)).toEqual([1]);
    expect(asked).toBe(4);
    const refusal = { error: { code: "bad_request", message: "no.", fix: "do." } };
    const refusing = await fake(() => ({ status: 400, body: refusal }));
    expect(
      await run(refusing.url, `print(json.dumps(caught(lambda: p.trl_reward(["a"], ["x"]))))`),
    ).toContain("answered 400: bad_request: no. Fix: do.");
    expect(refusing.sent).toHaveLength(1);
  });

  it("gives up after the tries it has, or answers None where it was told to", async () => {
    const nobody = "http://127.0.0.1:9";
    const code = `print(json.dumps(caught(lambda: p.trl_reward(["a"], ["x"]))))`;
    expect(await run(nobody, code, { PREFKIT_RETRIES: "1" })).toContain("no reward after 2 tries");
    const lenient = { PREFKIT_RETRIES: "1", PREFKIT_ON_FAILURE: "none" };
    expect(await run(nobody, code, lenient)).toEqual([null]);
    expect(await run("ftp://x", code)).toContain("is no URL");
  });

  it("bears as long without a server, however many URLs it has", async () => {
    const code = `
def borne(urls):
    pauses = []
    p.time.sleep, p.random.uniform = pauses.append, lambda low, high: 1
    client = p.PrefkitClient(["http://127.0.0.1:9/" + str(n) for n in range(urls)])
    return [caught(lambda: client.post("/score", {}))[:40], sum(pauses), len(pauses)]
print(json.dumps([borne(1), borne(8)]))`;
    // 0.25 + 0.5 + 1 + 2 + 4 + 8 = 15.75, then 24 times 10.
    const four = ["PrefkitError: no reward after 31 tries; ", 255.75, 30];
    expect(await run("http://127.0.0.1:9", code)).toEqual([four, four]);
  });

  it("waits as long as the first of several servers says, and not for the last", async () => {
    const busy = (seconds: string) =>
      fake(() => ({ status: 429, headers: { "retry-after": seconds }, body: {} }));
    const [soon, late] = [await busy("3"), await busy("50")];
    const code = `
pauses = []
p.time.sleep, p.random.uniform = pauses.append, lambda low, high: 1
print(json.dumps([caught(lambda: p.trl_reward(["a"], ["x"]))[:40], pauses]))`;
    const answer = await run(`${soon.url},${late.url}`, code, { PREFKIT_RETRIES: "2" });
    expect(answer).toEqual(["PrefkitError: no reward after 3 tries; t", [3, 3]]);
    expect([soon.sent.length, late.sent.length]).toEqual([3, 3]);
  });

  it("keeps a group together whatever stands beside its completions, and sends what is equal in it", async () => {
    const { url, sent } = await fake((body) => ({ body: rename(body, (id) => id, 1) }));
    const code = `
p.trl_reward(
    ["q"] * 4 + ["r"] * 2, list("abcdef"), env_reward=[.1, .2, .3, .4, .5, .5], level=[1, 1, 1, 1, 2, 2],
    mixed=[1, True, 1, 1, 0, 0], gap=[None, 1, 1, 1, float("nan"), float("nan")])
messages = [[{"role": "user", "content": "q"}, {"role": "assistant", "content": c}] for c in "abcd"]
p.PrefkitORM()(
    list("abcd"), messages=messages, prompt_id=["prompt_0"] * 4, request_id=["chatcmpl-1"] * 4,
    finish_reason=["stop"] * 4, is_truncated=[False] * 4, rollout_infos=[{}] * 4,
    response_token_ids=[[[1]]] * 4, reference=["7"] * 4, trainer_state=object())
print(json.dumps(0))`;
    await run(url, code);
    const shapes = (at: number) =>
      sent[at]?.groups.map(({ responses, ...facts }) => ({ ...facts, responses: responses.length }));
    expect(shapes(0)).toEqual([
      { prompt: "q", metadata: { level: 1 }, responses: 4 },
      { prompt: "r", metadata: { env_reward: 0.5, level: 2, mixed: 0 }, responses: 2 },
    ]);
    // The id that ms-swift counts anew in every batch is no id.
    expect(shapes(1)).toEqual([{ prompt: [{ role: "user", content: "q" }], reference: "7", responses: 4 }]);
  });

  it("takes the columns that it is told for facts about the prompt, which tell equal prompts apart", async () => {
    const { url, sent } = await fake((body) => ({ body: rename(body, (id) => id, 1) }));
    const code = `
print(json.dumps(p.trl_reward(["q"] * 4, list("abcd"), level=[1, 1, 2, 2], env_reward=[0] * 4)))`;
    await run(url, code, { PREFKIT_METADATA: "level, other" });
    expect(
      sent[0]?.groups.map(({ responses, ...facts }) => ({ ...facts, responses: responses.length })),
    ).toEqual([
      { prompt: "q", metadata: { level: 1 }, responses: 2 },
      { prompt: "q", metadata: { level: 2 }, responses: 2 },
    ]);
  });

  it("counts bytes of all that it sends, and halves what a server finds too long", async () => {
    const code = `
groups = [{"prompt": "问", "metadata": {"long": "题" * 10000}, "responses": [
    {"id": f"{i}.{j}", "text": f"{i}.{j}" + " 答" * 15000} for j in range(8)]} for i in range(32)]
sizes = [sum(len(data) for _, data in chunk) for chunk in p._chunks(groups)]
many = [{"prompt": "a", "responses": [{"id": "0", "text": "x"}] * 1000}] * 9
rewards = p.default_client().score(groups)
print(json.dumps([len(sizes), max(sizes) <= 4 * 2**20, [len(c) for c in p._chunks(many)], rewards]))`;
    const first: Scorer = perResponse({ name: "first", version: 1, range: [0, 100] }, ({ text }) =>
      scored(Number(text.split(" ")[0])),
    );
    // A group: 8 texts of 15,000 × (1 + 3) bytes and 30,000 bytes of metadata, so 510 kB, and 8 of them in 4 MiB; the
    // server takes 1 MiB, which is two.
    const { url } = await start({ scorers: { first: { use: first } } }, { bodyLimit: 2 ** 20 });
    const expected = Array.from({ length: 32 }, (_, i) =>
      Array.from({ length: 8 }, (_, j) => Number(`${i}.${j}`)),
    );
    expect(await run(url, code, { PREFKIT_RETRIES: "1" })).toEqual([4, true, [4, 4, 1], expected]);
  });

  it("says so where one group alone is too long, or holds what is no JSON, as a failure it was told to bear", async () => {
    const { url } = await start(sum, { bodyLimit: 1000 });
    const code = `
long = lambda: p.trl_reward(["a"], ["1" * 2000])
nan = lambda: p.trl_reward([[{"role": "user", "content": float("nan")}]], ["1"])
text = lambda: p.trl_reward(["a"], ["1"], metadata=['{"x": NaN, "y": 1}'], reference=[float("nan")])
half = lambda: p.trl_reward(["a\ud800"], ["1"])
print(json.dumps([caught(work) for work in (long, nan, text, half)]))`;
    expect(await run(url, code)).toEqual([
      expect.stringMatching(/413: too_large.*--body-mb/s),
      expect.stringContaining("is no JSON"),
      [101],
      [101],
    ]);
    const lenient = { PREFKIT_ON_FAILURE: "none" };
    expect(await run(url, code, lenient)).toEqual([[null], [null], [101], [101]]);
  });

  it("gives OpenRLHF's function the declared number for the one sample without a reward, at once", async () => {
    const { url } = await start(sum);
    const code = `
p.time.sleep = lambda seconds: sys.exit("it waited")
def given(queries):
    found = p.reward_func(queries, ["Q: "] * len(queries), [""] * len(queries))
    lists = {"rewards": found["rewards"], "unscored": found["extra_logs"]["unscored"]}
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in lists.items()}
print(json.dumps([caught(lambda: given(["Q: 3", "Q: x", "Q: 4"])), caught(lambda: given(["Q: x"]))]))`;
    expect(await run(url, code, { PREFKIT_UNSCORED: "-1" })).toEqual([
      { rewards: [103, -1, 104], unscored: [0, 1, 0] },
      { rewards: [-1], unscored: [1] },
    ]);
    const refused = expect.stringMatching(/unscored.*PREFKIT_UNSCORED/s);
    expect(await run(url, code)).toEqual([refused, refused]);
    // A number that the server declares is known for one, and the client's own goes before it.
    const { url: declared } = await start(sum, { openrlhf: { unscored: -5 } });
    const [first] = (await run(declared, code)) as unknown[];
    expect(first).toEqual({ rewards: [103, -5, 104], unscored: [0, 1, 0] });
    const [own] = (await run(declared, code, { PREFKIT_UNSCORED: "-1" })) as unknown[];
    expect(own).toEqual({ rewards: [103, -1, 104], unscored: [0, 1, 0] });
  });

  it("gives verl no number for a group that did not come whole, and says why", async () => {
    const code = `
one = lambda: p.compute_score("math", "12", "4", {"prompt": "Q"})
print(json.dumps(caught(one)))`;
    const standardized = {
      ...TWO,
      reward: { terms: [{ score: "n", transform: [{ use: "standardize" }] }] },
    };
    for (const recipe of [standardized, { scorers: { eight: { use: needsEight } } }]) {
      const { url } = await start(recipe, { groupSize: 8, windowMs: 50 });
      expect(await run(url, code)).toMatch(
        /not scored \(1 of 8 of its group came in time.*PREFKIT_UNSCORED/s,
      );
      expect(await run(url, code, { PREFKIT_UNSCORED: "-2" })).toEqual({ score: -2, unscored: 1 });
    }
  });

  it.each([
    ["PREFKIT_UNSCORED", "nan"],
    ["PREFKIT_UNSCORED", "-inf"],
    ["PREFKIT_UNSCORED", "none"],
    ["PREFKIT_RETRIES", "-1"],
    ["PREFKIT_RETRIES", "many"],
    ["PREFKIT_TIMEOUT", "inf"],
    ["PREFKIT_GROUP_SIZE", "8.5"],
  ])("refuses %s=%s before it asks for anything", async (name, value) => {
    const { url, sent } = await fake((body) => ({ body: rename(body, (id) => id, 1) }));
    const isForAll = name !== "PREFKIT_UNSCORED";
    const code = isForAll
      ? `p.trl_reward(["a"], ["x"])`
      : `p.compute_score("m", "x", "4", {"prompt": "Q"}), p.reward_func(["Qx"], ["Q"], [""])`;
    expect(await run(url, `print(json.dumps(caught(lambda: (${code}))))`, { [name]: value })).toContain(
      `${name} is '${value}'`,
    );
    expect(sent).toHaveLength(0);
  });

  it("asks the next of several servers at once when one is dead, whatever path its URL ends in", async () => {
    const { url } = await start(sum);
    const code = `
import time
started = time.time()
rewards = [p.trl_reward(["a"], [str(n)])[0] for n in range(4)]
print(json.dumps([rewards, time.time() - started < 5]))`;
    expect(await run(`http://127.0.0.1:9, ${url}/get_reward`, code)).toEqual([[100, 101, 102, 103], true]);
  });

  it("carries the token, and is told when it is wrong", async () => {
    const { url } = await start(sum, { token: "correct-horse" });
    const code = `print(json.dumps(caught(lambda: p.trl_reward(["a"], ["1"]))))`;
    expect(await run(url, code, { PREFKIT_SERVE_TOKEN: "correct-horse" })).toEqual([101]);
    expect(await run(url, code, { PREFKIT_SERVE_TOKEN: "other-horse" })).toContain("401: unauthorized");
  });

  it("takes the token from a URL, and shows it in no error", async () => {
    const { url } = await start(sum, { token: "correct-h@rse" });
    const withToken = (token: string) => url.replace("//", `//any:${token}@`);
    const code = `print(json.dumps(caught(lambda: p.trl_reward(["a"], ["1"]))))`;
    const lost = { PREFKIT_SERVE_TOKEN: "of-another-server", PREFKIT_RETRIES: "0" };
    expect(await run(withToken("correct-h%40rse"), code, lost)).toEqual([101]);
    const refused = [
      await run(withToken("SECRET"), code),
      await run("http://any:SECRET@127.0.0.1:9", code, lost),
      await run("http://any:SECRET/more@127.0.0.1:9", code),
      await run("http://any:12/SECRET@127.0.0.1:9", code),
      await run("any:SECRET@127.0.0.1:9", code),
      await run(withToken("SECRET%0Ax"), code),
      await run(url, code, { PREFKIT_SERVE_TOKEN: "SECRET\nx" }),
    ];
    for (const error of refused) {
      expect(error).toMatch(/^PrefkitError: /);
      expect(error).not.toContain("SECRET");
    }
  });

  it("waits for a server that ends and comes back, and goes on", async () => {
    const first = await start(sum);
    const code = `
rewards = [p.trl_reward(["a"], ["0"])[0]]
sys.stderr.flush()
import time
for n in range(1, 30):
    rewards.append(p.trl_reward(["a"], [str(n)])[0])
    time.sleep(0.05)
print(json.dumps(rewards))`;
    const answer = run(first.url, code);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await first.drain();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await start(sum, { port: Number(new URL(first.url).port) });
    expect(await answer).toEqual(Array.from({ length: 30 }, (_, n) => 100 + n));
  });
});

/** An answer with the ids changed. */
function rename({ groups }: Body, change: (id: string) => string, reward: unknown = 1): unknown {
  return {
    groups: groups.map(({ responses }) => ({
      responses: responses.map(({ id }) => ({ id: change(id), reward })),
    })),
  };
}
