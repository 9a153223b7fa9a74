import { afterEach, describe, expect, it } from "vitest";
import { perResponse, scored } from "../../src/core/scorer.ts";
import { openrlhfAnswer } from "../../src/serve/openrlhf.ts";
import type { Asked } from "../../src/serve/request.ts";
import type { Rewarder, RewarderOptions } from "../../src/serve/rewarder.ts";
import { createService, type ServiceOptions } from "../../src/serve/service.ts";
import { type VirtualClock, virtualClock } from "../models/virtual-clock.ts";
import { askedOf, client, never, numberInText, rewarderOf } from "./support.ts";

const open: Rewarder[] = [];
afterEach(async () => {
  for (const rewarder of open.splice(0)) await rewarder.close();
});

async function serviceOf(
  recipe: Parameters<typeof rewarderOf>[0],
  options: Omit<ServiceOptions, "rewarder"> & Pick<RewarderOptions, "clock"> = {},
) {
  const rewarder = await rewarderOf(recipe, options.clock ? { clock: options.clock } : {});
  open.push(rewarder);
  const service = createService({ rewarder, ...options });
  const ask = (texts: readonly string[], deadlineMs: number | null = null, prompts = ["p"]) =>
    service.score(
      askedOf({ groups: prompts.map((prompt) => ({ prompt, responses: texts })) }),
      deadlineMs,
      client(),
    );
  return { service, ask };
}

const withTransform = (...transform: readonly { readonly use: string; readonly relative?: boolean }[]) => ({
  scorers: { n: { use: numberInText } },
  reward: { terms: [{ score: "n", transform: [...transform] }] },
});

describe("a group that came only in part", () => {
  it.each([["standardize"], ["rank"], ["min-max"], ["advantage"], ["centered"]])(
    "has no reward where the reward compares its responses: %s",
    async (use) => {
      const clock = virtualClock();
      const { service, ask } = await serviceOf(withTransform({ use }, { use: "sigmoid" }), {
        clock,
        groupSize: 8,
      });
      const [outcome] = await clock.run(ask(["3", "1"]));
      expect(outcome?.rewards).toEqual([null, null]);
      expect(outcome?.problem).toBe(
        `2 of 8 responses came, and the reward compares those of a whole group: ${use} (term n).`,
      );
      expect(() => openrlhfAnswer([{ ...outcome, rewards: [null] } as never], {})).toThrow(
        /2 of 8 responses came/,
      );
      expect(await service.metrics.registry.metrics()).toContain('prefkit_responses_total{reward="none"} 2');
    },
  );

  it("keeps its rewards where each hangs on its own response alone", async () => {
    const clock = virtualClock();
    const { ask } = await serviceOf(withTransform({ use: "tanh", relative: false }, { use: "sigmoid" }), {
      clock,
      groupSize: 8,
    });
    const [outcome] = await clock.run(ask(["0"]));
    // sigmoid(tanh(0)) = 1 / (1 + exp(0))
    expect(outcome?.rewards).toEqual([0.5]);
  });
});

/** A scorer that gives 1 after a second of the clock. */
function answersIn1000(clock: VirtualClock) {
  return perResponse(
    { name: "slow", version: 1, range: [0, 1] },
    () =>
      new Promise((resolve) => {
        clock.after(1000, () => resolve(scored(1)));
      }),
  );
}

describe("deadlines", () => {
  it("of gathered samples are their own: one that will not wait harms no other", async () => {
    const clock = virtualClock();
    const slow = answersIn1000(clock);
    const recipe = {
      scorers: { n: { use: numberInText }, slow: { use: slow } },
      reward: { terms: [{ score: "n" }, { score: "slow", onUnscored: "drop-term" as const }] },
    };
    const { ask } = await serviceOf(recipe, { clock, groupSize: 3, windowMs: 100 });
    const answered: [string, number, unknown][] = [];
    const started = clock.now();
    const asked = [
      ["2", null],
      ["4", 300],
      ["6", null],
    ] as const;
    const all = asked.map(([text, deadlineMs]) =>
      ask([text], deadlineMs).then(([outcome]) => {
        answered.push([text, clock.now() - started, outcome?.rewards]);
      }),
    );
    await clock.run(Promise.all(all));
    // 4 alone, as its second term is dropped at 300 ms; the others with the 1 that came at 1,000 ms.
    expect(answered).toEqual([
      ["4", 300, [4]],
      ["2", 1000, [3]],
      ["6", 1000, [7]],
    ]);
  });

  it("are seen between groups, though every scorer answers at once", async () => {
    const clock = virtualClock();
    let calls = 0;
    const busy = perResponse({ name: "busy", version: 1, range: [0, 1] }, () => {
      calls += 1;
      return scored(1);
    });
    // Each look at the clock costs 10 ms.
    const ticking = { ...clock, now: () => clock.now() + calls * 10 };
    const { ask } = await serviceOf({ scorers: { busy: { use: busy } } }, { clock: ticking });
    const prompts = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const outcomes = await ask(["a"], 50, prompts);
    const rewards = outcomes.map(({ rewards: [reward] }) => reward);
    expect(rewards).toEqual([...Array(5).fill(1), ...Array(95).fill(null)]);
    expect(outcomes[5]?.columns[0]?.scores[0]).toMatchObject({ kind: "failed", code: "timeout" });
  });

  it("count from the arrival of a request, not from when it was read", async () => {
    const clock = virtualClock();
    const { service } = await serviceOf({ scorers: { n: { use: numberInText } } }, { clock });
    const asked = askedOf({ groups: [{ prompt: "p", responses: ["7"] }] });
    const rewardsAfter = async (ms: number) =>
      (await service.score(asked, 50, { ...client(), waitedMs: () => ms }))[0]?.rewards;
    expect([await rewardsAfter(49), await rewardsAfter(50)]).toEqual([[7], [null]]);
  });

  it("and a large request let a small one in between", async () => {
    const busy = perResponse({ name: "busy", version: 1, range: [0, 1] }, () => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      return scored(1);
    });
    const { ask } = await serviceOf({ scorers: { busy: { use: busy } } });
    const order: string[] = [];
    const prompts = Array.from({ length: 50 }, (_, index) => `p${index}`);
    const large = ask(["a"], null, prompts).then(() => order.push("large"));
    await new Promise<void>((resolve) => setImmediate(resolve));
    await ask(["a"]).then(() => order.push("small"));
    await large;
    expect(order).toEqual(["small", "large"]);
  });
});

describe("a drain", () => {
  it("waits for samples of other processes that are being scored here", async () => {
    const clock = virtualClock();
    const slow = answersIn1000(clock);
    const { service } = await serviceOf({ scorers: { slow: { use: slow } } }, { clock, groupSize: 2 });
    const samples = ["a", "b"].map((text) => {
      const [asked] = askedOf({ groups: [{ prompt: "p", responses: [text] }] });
      return { group: (asked as Asked).group, deadline: clock.now() + 5000 };
    });
    const told: string[] = [];
    const met = samples.map((sample) =>
      service.meet("key", sample, never).then(({ rewards }) => told.push(`scored ${rewards}`)),
    );
    const drained = service.drain().then(() => told.push("drained"));
    await clock.run(Promise.all([...met, drained]));
    expect(told).toEqual(["scored 1", "scored 1", "drained"]);
  });
});

describe("a client that leaves", () => {
  it("has its groups left alone that are not begun, and its place in the queue given free", async () => {
    const controller = new AbortController();
    let calls = 0;
    const leaves = perResponse({ name: "leaves", version: 1, range: [0, 1] }, () => {
      calls += 1;
      if (calls === 3) controller.abort();
      return scored(1);
    });
    const { service } = await serviceOf({ scorers: { leaves: { use: leaves } } });
    const prompts = Array.from({ length: 100 }, (_, index) => `p${index}`);
    const asked = askedOf({ groups: prompts.map((prompt) => ({ prompt, responses: ["a"] })) });
    await service.score(asked, null, client(controller.signal));
    expect(calls).toBe(3);
    const metrics = await service.metrics.registry.metrics();
    expect(metrics).toContain('prefkit_scores_total{scorer="leaves",kind="failed",code="cancelled"} 97');
    expect(metrics).toContain("prefkit_queue_depth 0");
  });
});
