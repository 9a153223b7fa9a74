import { afterEach, describe, expect, it, vi } from "vitest";
import { perResponse, scored } from "../../src/core/scorer.ts";
import { createApp } from "../../src/serve/app.ts";
import type { Rewarder, RewarderOptions } from "../../src/serve/rewarder.ts";
import { createService, type ServiceOptions } from "../../src/serve/service.ts";
import { virtualClock } from "../models/virtual-clock.ts";
import { groupCount, needsEight, numberInText, opened, rewarderOf } from "./support.ts";

const open: { readonly app: ReturnType<typeof createApp>; readonly rewarder: Rewarder }[] = [];
afterEach(async () => {
  for (const { app, rewarder } of open.splice(0)) {
    await app.close();
    await rewarder.close();
  }
});

interface Setup {
  readonly recipe?: Parameters<typeof rewarderOf>[0];
  readonly rewarder?: RewarderOptions;
  readonly service?: Omit<ServiceOptions, "rewarder">;
  readonly app?: Omit<Parameters<typeof createApp>[0], "service" | "token">;
  readonly token?: string;
}

async function setup(given: Setup = {}) {
  const rewarder = await rewarderOf(
    given.recipe ?? { scorers: { n: { use: numberInText } } },
    given.rewarder,
  );
  const service = createService({ rewarder, ...given.service });
  const app = createApp({ service, token: given.token ?? null, ...given.app });
  open.push({ app, rewarder });
  const post = async (url: string, payload: object | string, headers: Record<string, string> = {}) => {
    const reply = await app.inject({
      method: "POST",
      url,
      payload,
      headers: { "content-type": "application/json", ...headers },
    });
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
  };
  /** Resolves when so many groups are under way. */
  const depth = (count: number) =>
    vi.waitFor(async () =>
      expect((await app.inject("/metrics")).body).toContain(`prefkit_queue_depth ${count}\n`),
    );
  return { app, service, rewarder, post, depth };
}

const groups = (...texts: readonly string[]) => ({
  groups: [{ id: "g", prompt: "Q", responses: texts.map((text, index) => ({ id: `r${index}`, text })) }],
});

describe("POST /score", () => {
  it("answers each reward beside the id that it was asked under, with the scores it comes from", async () => {
    const { post } = await setup({
      recipe: {
        scorers: { n: { use: numberInText }, eight: { use: needsEight } },
        reward: { terms: [{ score: "n" }, { score: "eight", onUnscored: "drop-term" }] },
      },
    });
    expect((await post("/score", groups("2", "x"))).body).toEqual({
      groups: [
        {
          id: "g",
          responses: [
            {
              id: "r0",
              reward: 2,
              scores: {
                n: { kind: "scored", value: 2 },
                eight: { kind: "abstained", value: null, why: "group has 2 responses, needs 8" },
              },
            },
            {
              id: "r1",
              reward: null,
              scores: {
                n: { kind: "failed", value: null, code: "not_finite", why: "value is NaN" },
                eight: { kind: "abstained", value: null, why: "group has 2 responses, needs 8" },
              },
            },
          ],
        },
      ],
      missing: [{ group: "g", score: "n", code: "not_finite", why: "value is NaN", responses: ["r1"] }],
    });
  });

  it("answers no groups with no groups", async () => {
    const { post } = await setup();
    expect((await post("/score", { groups: [] })).body).toEqual({ groups: [], missing: [] });
  });

  it("answers within the deadline of the request, and lists what is missing", async () => {
    const clock = virtualClock();
    const hangs = perResponse({ name: "hangs", version: 1, range: [0, 1] }, () => new Promise(() => {}));
    const { post } = await setup({
      recipe: {
        scorers: { n: { use: numberInText }, hangs: { use: hangs, timeoutMs: 5 } },
        reward: { terms: [{ score: "n" }, { score: "hangs", onUnscored: "drop-term" }] },
      },
      rewarder: { clock, deadlineMs: 60_000 },
      service: { clock },
    });
    const answer = post("/score", { ...groups("2"), deadline_ms: 300 });
    const { body } = await clock.run(answer);
    expect(body.groups[0].responses[0].reward).toBe(2);
    expect(body.missing).toMatchObject([{ group: "g", score: "hangs", code: "timeout", responses: ["r0"] }]);
  });

  it.each([
    ["cut off", '{"groups": [', 400, "bad_json"],
    ["empty", "", 400, "bad_json"],
    ["poisoned", '{"__proto__": {"groups": []}}', 400, "bad_request"],
    ["of another shape", "[]", 400, "bad_request"],
    ["nested a million deep", `${"[".repeat(1e6)}${"]".repeat(1e6)}`, 400, "bad_request"],
  ])("refuses a body that is %s, in JSON", async (_, payload, status, code) => {
    const { post } = await setup();
    const reply = await post("/score", payload);
    expect([reply.status, reply.body.error.code]).toEqual([status, code]);
    expect(Object.keys(reply.body.error)).toEqual(["code", "message", "fix"]);
  });

  it("refuses what is too long, of another type, or for no route", async () => {
    const { app, post } = await setup({ app: { bodyLimit: 1000 } });
    const long = await post("/score", groups("1".repeat(1000)));
    expect([long.status, long.body.error.code]).toEqual([413, "too_large"]);
    const text = await post("/score", "hello", { "content-type": "text/plain" });
    expect([text.status, text.body.error.code]).toEqual([415, "unsupported_media_type"]);
    const route = await post("/nothing", {});
    expect([route.status, route.body.error.code]).toEqual([404, "not_found"]);
    expect((await app.inject({ method: "GET", url: "/score" })).statusCode).toBe(404);
  });

  it("answers 500 without a stack or a text where the server itself is at fault", async () => {
    const { post, service } = await setup();
    Object.assign(service, { score: () => Promise.reject(new Error("SECRET at /home")) });
    const reply = await post("/score", groups("1"));
    expect([reply.status, reply.body.error.code]).toEqual([500, "internal"]);
    expect(JSON.stringify(reply.body)).not.toContain("SECRET");
  });
});

describe("POST /get_reward", () => {
  it("answers OpenRLHF's requests, one sample or many, or none", async () => {
    const { post } = await setup();
    const one = { query: ["Q: 2</s>"], prompts: ["Q: "], labels: [""] };
    expect((await post("/get_reward", one)).body).toEqual({
      rewards: [2],
      scores: [2],
      extra_logs: { unscored: [0] },
    });
    const many = { query: ["Q: 2", "R: 3", "Q: 2"], prompts: ["Q: ", "R: ", "Q: "], labels: ["a", "b", "a"] };
    expect((await post("/get_reward", many)).body.rewards).toEqual([2, 3, 2]);
    expect((await post("/get_reward", { query: [], prompts: [], labels: [] })).body.rewards).toEqual([]);
  });

  it("answers 503 with retry-after where a sample is unscored, unless a number was declared", async () => {
    const unreadable = { query: ["Q: x"], prompts: ["Q: "], labels: [""] };
    const strict = await (await setup()).post("/get_reward", unreadable);
    expect([strict.status, strict.body.error.code, strict.headers["retry-after"]]).toEqual([
      503,
      "unscored",
      "1",
    ]);
    const { post } = await setup({ app: { openrlhf: { unscored: -1 } } });
    expect((await post("/get_reward", unreadable)).body.rewards).toEqual([-1]);
  });
});

describe("groups of samples that come one by one", () => {
  const gathering = {
    recipe: {
      scorers: { count: { use: groupCount }, eight: { use: needsEight } },
      reward: { terms: [{ score: "count" }, { score: "eight" }] },
    },
    service: { groupSize: 8, windowMs: 20 },
  };
  const sample = (index: number) => ({ query: [`Q: ${index}`], prompts: ["Q: "], labels: ["4"] });

  it("are scored as whole groups, over both protocols", async () => {
    // Windows close when they are full: how busy the machine is must not matter.
    const { post } = await setup({ ...gathering, service: { groupSize: 8, windowMs: 20_000 } });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => post("/get_reward", sample(index))),
    );
    expect(answers.map(({ body }) => body.rewards)).toEqual(Array.from({ length: 16 }, () => [16]));
    const parts = await Promise.all([
      post("/score", groups("1", "2", "3")),
      post("/score", groups("4", "5", "6", "7", "8")),
    ]);
    expect(parts.map(({ body }) => body.groups[0].gathered)).toEqual(
      Array.from({ length: 2 }, () => ({ expected: 8, present: 8 })),
    );
    expect(parts[0]?.body.groups[0].responses.map(({ id }: { id: string }) => id)).toEqual([
      "r0",
      "r1",
      "r2",
    ]);
  });

  it("that close short say so: reason, answer and metrics", async () => {
    const { app, post } = await setup(gathering);
    const [short] = await Promise.all([post("/score", groups("1")), post("/score", groups("2"))]);
    expect(short?.body.groups[0]).toMatchObject({
      gathered: { expected: 8, present: 2 },
      responses: [
        {
          reward: null,
          scores: {
            count: { value: 2 },
            eight: { why: "group has 2 responses, needs 8: the window closed with 2 of 8" },
          },
        },
      ],
    });
    const { body } = await app.inject("/metrics");
    expect(body).toContain('prefkit_windows_total{closed="short"} 1');
  });

  it("refuses a deadline that the window alone would outlast", async () => {
    const { post } = await setup(gathering);
    expect((await post("/score", { ...groups("1"), deadline_ms: 20 })).body.error.message).toContain("20 ms");
  });
});

describe("admission", () => {
  it("refuses with 429 and retry-after beyond the queue, and takes more once there is room", async () => {
    const gate = opened<void>();
    const waits = perResponse({ name: "waits", version: 1, range: [0, 1] }, async () => {
      await gate.promise;
      return scored(1);
    });
    const { post, depth } = await setup({
      recipe: { scorers: { waits: { use: waits } } },
      service: { queue: 2 },
    });
    const held = [post("/score", groups("a")), post("/score", groups("b"))];
    await depth(2);
    const refused = await post("/score", groups("c"));
    expect([refused.status, refused.body.error.code, refused.headers["retry-after"]]).toEqual([
      429,
      "queue_full",
      "1",
    ]);
    gate.resolve();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await post("/score", groups("c"))).status).toBe(200);
  });

  it("takes a request of more groups than there is room for as soon as there is any", async () => {
    const gate = opened<void>();
    const waits = perResponse({ name: "waits", version: 1, range: [0, 1] }, async () => {
      await gate.promise;
      return scored(1);
    });
    const { post, depth } = await setup({
      recipe: { scorers: { waits: { use: waits } } },
      service: { queue: 2 },
    });
    const held = post("/score", groups("a"));
    await depth(1);
    const three = ["b", "c", "d"].map((text) => ({ ...groups(text).groups[0], id: text }));
    const large = post("/score", { groups: three });
    await depth(4);
    expect((await post("/score", groups("e"))).status).toBe(429);
    gate.resolve();
    expect([(await held).status, (await large).status]).toEqual([200, 200]);
  });

  it("takes a request of more groups than the queue holds when nothing else is under way", async () => {
    const { post } = await setup({ service: { queue: 1 } });
    const two = { groups: [...groups("1").groups, { ...groups("2").groups[0], id: "h" }] };
    expect((await post("/score", two)).status).toBe(200);
  });

  it("answers what is under way while it drains, and 503 to what comes", async () => {
    const gate = opened<void>();
    const waits = perResponse({ name: "waits", version: 1, range: [0, 1] }, async () => {
      await gate.promise;
      return scored(1);
    });
    const { app, post, service, depth } = await setup({ recipe: { scorers: { waits: { use: waits } } } });
    const held = post("/score", groups("a"));
    await depth(1);
    const drained = service.drain();
    const refused = await post("/score", groups("b"));
    expect([refused.status, refused.body.error.code, refused.headers["retry-after"]]).toEqual([
      503,
      "draining",
      "1",
    ]);
    expect((await app.inject("/healthz")).statusCode).toBe(503);
    gate.resolve();
    await drained;
    expect((await held).body.groups[0].responses[0].reward).toBe(1);
  });
});

describe("who may ask", () => {
  it("is whoever carries the token, as a bearer or in the URL; health alone is open", async () => {
    const { app, post } = await setup({ token: "correct-horse" });
    const asking = async (authorization?: string) =>
      (await post("/score", groups("1"), authorization === undefined ? {} : { authorization })).status;
    expect(await asking("Bearer correct-horse")).toBe(200);
    expect(await asking(`Basic ${Buffer.from("any:correct-horse").toString("base64")}`)).toBe(200);
    for (const wrong of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer correct-hors",
      "Bearer correct-horse2",
      "Digest correct-horse",
      `Basic ${Buffer.from("correct-horse:x").toString("base64")}`,
    ])
      expect(await asking(wrong)).toBe(401);
    expect((await app.inject("/metrics")).statusCode).toBe(401);
    expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
    expect((await post("/healthz", { any: "body" })).status).toBe(401);
  });

  it("is no web page, where there is no token", async () => {
    const { post } = await setup();
    const reply = await post("/score", groups("1"), { origin: "https://example.org" });
    expect([reply.status, reply.body.error.code]).toEqual([403, "forbidden"]);
  });
});

describe("metadata", () => {
  it("may have any key, as in files, and changes nothing but itself", async () => {
    const keys = perResponse({ name: "keys", version: 1, range: [0, 9] }, (_, { prompt }) =>
      scored(Object.keys(prompt.metadata).length),
    );
    const { post } = await setup({ recipe: { scorers: { keys: { use: keys } } } });
    const metadata = '{"__proto__": {"x": 1}, "constructor": {"prototype": 1}}';
    const body = `{"groups": [{"prompt": "Q", "metadata": ${metadata}, "responses": ["a"]}]}`;
    expect((await post("/score", body)).body.groups[0].responses[0].reward).toBe(2);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe("GET /metrics", () => {
  it("counts requests, groups, responses and scores, and holds no text", async () => {
    const { app, post } = await setup();
    await post("/score", groups("1", "SECRET"));
    await post("/nothing-SECRET", {});
    const { body } = await app.inject("/metrics");
    for (const line of [
      'prefkit_requests_total{route="/score",status="200"} 1',
      'prefkit_requests_total{route="other",status="404"} 1',
      "prefkit_groups_total 1",
      'prefkit_responses_total{reward="yes"} 1',
      'prefkit_responses_total{reward="none"} 1',
      'prefkit_scores_total{scorer="n",kind="scored",code=""} 1',
      'prefkit_scores_total{scorer="n",kind="failed",code="not_finite"} 1',
      "prefkit_queue_depth 0",
      'prefkit_cached_scores{scorer="n"} 0',
    ])
      expect(body).toContain(line);
    expect(body).not.toContain("SECRET");
  });
});
