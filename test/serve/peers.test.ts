import { afterEach, describe, expect, it } from "vitest";
import { createPeers, type PeerMessage, type Peers } from "../../src/serve/peers.ts";
import { readScoreRequest } from "../../src/serve/request.ts";
import type { Rewarder } from "../../src/serve/rewarder.ts";
import { createService, type Service } from "../../src/serve/service.ts";
import { virtualClock } from "../models/virtual-clock.ts";
import { groupCount, needsEight, never, rewarderOf } from "./support.ts";

const open: Rewarder[] = [];
afterEach(async () => {
  for (const rewarder of open.splice(0)) await rewarder.close();
});

/** Serving processes without the processes: messages go through JSON and a turn of the event loop. */
async function processes(count: number) {
  const clock = virtualClock();
  const listeners = new Map<number, (message: PeerMessage) => void>();
  const services: Service[] = [];
  const peers: Peers[] = [];
  for (let slot = 0; slot < count; slot++) {
    const rewarder = await rewarderOf(
      {
        scorers: { count: { use: groupCount }, eight: { use: needsEight } },
        reward: { terms: [{ score: "count" }, { score: "eight", onUnscored: "drop-term" }] },
      },
      { clock },
    );
    open.push(rewarder);
    const service = createService({
      rewarder,
      clock,
      groupSize: 8,
      windowMs: 200,
      meeting: (key, sample, gone) => peers[slot]?.meet(key, sample, gone) ?? null,
    });
    services.push(service);
    peers.push(
      createPeers(
        {
          slot,
          count,
          send: (message) => {
            const copy = JSON.parse(JSON.stringify(message)) as PeerMessage;
            setImmediate(() => {
              if (copy.kind === "lost") return;
              const listener = listeners.get(copy.to);
              if (listener) listener(copy);
              else if (copy.kind === "ask") listeners.get(copy.from)?.({ kind: "lost", slot: copy.to });
            });
          },
          listen: (onMessage) => {
            listeners.set(slot, onMessage);
            return () => listeners.delete(slot);
          },
        },
        service,
      ),
    );
  }
  const ask = (slot: number, prompt: string, id: string, gone = never) => {
    const { asked } = readScoreRequest({ groups: [{ prompt, responses: [{ id, text: id }] }] });
    return (services[slot] as Service).score(asked, null, () => gone).then(([outcome]) => outcome);
  };
  /** The prompts that meet in a process, found by asking. */
  const end = (slot: number): void => {
    listeners.delete(slot);
    for (const listener of listeners.values()) listener({ kind: "lost", slot });
  };
  return { clock, services, peers, ask, end };
}

const PROMPTS = Array.from({ length: 12 }, (_, index) => `prompt ${index}`);

describe("processes behind one port", () => {
  it("gather the samples of a prompt in one of them, whichever was sent them", async () => {
    const { clock, ask, services } = await processes(3);
    const answers = PROMPTS.flatMap((prompt) =>
      Array.from({ length: 8 }, (_, index) => ask(index % 3, prompt, String(index))),
    );
    const outcomes = await clock.run(Promise.all(answers));
    expect(outcomes.map((outcome) => outcome?.rewards)).toEqual(answers.map(() => [16]));
    const counts = await Promise.all(
      services.map(async ({ metrics }) =>
        Number(/groups_total (\d+)/.exec(await metrics.registry.metrics())?.[1]),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(PROMPTS.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("tell each other when a client left, and when a window closed short", async () => {
    const { clock, ask } = await processes(2);
    for (const prompt of PROMPTS) {
      const client = new AbortController();
      const left = [0, 1].map((slot) => ask(slot, prompt, `left ${slot}`, client.signal).catch(() => "left"));
      const stays = ask(0, prompt, "stays");
      await clock.advance(10);
      client.abort(new Error("the client left"));
      expect(await clock.run(Promise.all(left))).toEqual(["left", "left"]);
      expect((await clock.run(stays))?.gathered).toEqual({ expected: 8, present: 1 });
    }
  });

  it("refuse what waited in a process that ended, so that it is sent again", async () => {
    const { clock, ask, end } = await processes(2);
    const codes = PROMPTS.map((prompt) =>
      ask(0, prompt, "a").then(
        () => "answered",
        (error: { code: string }) => error.code,
      ),
    );
    await clock.advance(10);
    end(1);
    const found = await clock.run(Promise.all(codes));
    expect([...new Set(found)].sort()).toEqual(["answered", "draining"]);
    const again = await clock.run(
      Promise.all(
        PROMPTS.map((prompt) => ask(0, prompt, "a").catch((error: { code: string }) => error.code)),
      ),
    );
    expect(again.filter((outcome) => outcome === "draining")).toHaveLength(
      found.filter((code) => code === "draining").length,
    );
  });

  it("pass on why one of them refuses", async () => {
    const { clock, ask, services } = await processes(2);
    const drained = services[1]?.drain();
    const found = await clock.run(
      Promise.all(
        PROMPTS.map((prompt) =>
          ask(0, prompt, "a").catch((error: Error & { retryAfter: number }) => error.retryAfter),
        ),
      ),
    );
    await drained;
    expect(found.filter((outcome) => outcome === 1).length).toBeGreaterThan(0);
  });

  it("add up their metrics, without one that has ended", async () => {
    const { clock, ask, peers, end } = await processes(3);
    await clock.run(Promise.all(PROMPTS.map((prompt, index) => ask(index % 3, prompt, "a"))));
    const total = async () =>
      Number(/windows_total\{closed="short"\} (\d+)/.exec((await peers[0]?.metricsText()) ?? "")?.[1]);
    expect(await total()).toBe(PROMPTS.length);
    end(2);
    expect(await total()).toBeLessThan(PROMPTS.length);
  });
});
