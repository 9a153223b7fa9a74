import { afterEach, describe, expect, it } from "vitest";
import { createPeers, type PeerMessage, type Peers } from "../../src/serve/peers.ts";
import type { Rewarder } from "../../src/serve/rewarder.ts";
import { createService, type Service } from "../../src/serve/service.ts";
import { virtualClock } from "../models/virtual-clock.ts";
import { askedOf, client, groupCount, needsEight, never, rewarderOf } from "./support.ts";

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
              if (copy.kind === "lost" || copy.kind === "closed") return;
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
    const asked = askedOf({ groups: [{ prompt, responses: [{ id, text: id }] }] });
    return (services[slot] as Service).score(asked, null, client(gone)).then(([outcome]) => outcome);
  };
  /** The prompts that meet in a process, found by asking. */
  const end = (slot: number): void => {
    listeners.delete(slot);
    for (const listener of listeners.values()) listener({ kind: "lost", slot });
  };
  /** It ends and stays away. */
  const close = (slot: number): void => {
    end(slot);
    for (const listener of listeners.values()) listener({ kind: "closed", slot });
  };
  const hang = (slot: number): void => {
    listeners.set(slot, () => {});
  };
  return { clock, services, peers, ask, end, close, hang };
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
        Number(/groups_total\{worker="\d"\} (\d+)/.exec(await metrics.registry.metrics())?.[1]),
      ),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(PROMPTS.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("tell each other when a client left, and when a window closed short", async () => {
    const { clock, ask } = await processes(2);
    for (const prompt of PROMPTS) {
      const controller = new AbortController();
      const left = [0, 1].map((slot) =>
        ask(slot, prompt, `left ${slot}`, controller.signal).catch(() => "left"),
      );
      const stays = ask(0, prompt, "stays");
      await clock.advance(10);
      controller.abort(new Error("the client left"));
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

  it("gather elsewhere what met in a process that stays away, and in one of them, whichever was sent it", async () => {
    const { clock, ask, close } = await processes(3);
    close(1);
    const answers = PROMPTS.flatMap((prompt) =>
      Array.from({ length: 8 }, (_, index) => ask(index % 2 === 0 ? 0 : 2, prompt, String(index))),
    );
    const outcomes = await clock.run(Promise.all(answers));
    // 8 responses, counted by two scorers.
    expect(outcomes.map((outcome) => outcome?.rewards)).toEqual(answers.map(() => [16]));
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

  it("tell their metrics apart, without one that has ended or hangs", async () => {
    const { clock, ask, peers, end, hang } = await processes(4);
    await clock.run(Promise.all(PROMPTS.map((prompt, index) => ask(index % 4, prompt, "a"))));
    const shortBy = async () => {
      const text = (await peers[0]?.metricsText()) ?? "";
      const found = [...text.matchAll(/windows_total\{closed="short",worker="(\d)"\} (\d+)/g)];
      return new Map(found.map(([, worker, count]) => [Number(worker), Number(count)]));
    };
    const all = await shortBy();
    expect([...all.keys()].sort()).toEqual([0, 1, 2, 3]);
    expect([...all.values()].reduce((sum, count) => sum + count)).toBe(PROMPTS.length);
    // What the others count is as it was: nothing falls that may only rise.
    end(2);
    hang(3);
    expect(await shortBy()).toEqual(new Map([...all].filter(([worker]) => worker < 2)));
  });
});
