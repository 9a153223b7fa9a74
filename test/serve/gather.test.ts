import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failed, scored } from "../../src/core/scorer.ts";
import type { Group } from "../../src/core/types.ts";
import { createGatherer, gatherKey, type Outcome } from "../../src/serve/gather.ts";
import type { Rewarded } from "../../src/serve/rewarder.ts";
import { virtualClock } from "../models/virtual-clock.ts";
import { never } from "./support.ts";

const sampleOf = (prompt: string, ...texts: readonly string[]): Group => ({
  prompt: { id: prompt, messages: [{ role: "user", content: prompt }], reference: null, metadata: {} },
  responses: texts.map((text, index) => ({ id: `own ${index}`, text, role: "candidate", metadata: {} })),
});

type RewardOf = (text: string, group: Group) => number | null;

/** Rewards each response with its text's number, and keeps the groups that it was asked for. */
function setup(size: number, rewardOf: RewardOf = (text) => Number(text)) {
  const clock = virtualClock();
  const groups: Group[] = [];
  const closed: string[] = [];
  const gatherer = createGatherer({
    size,
    windowMs: 200,
    clock,
    onClose: ({ present, expected }) => closed.push(`${present} of ${expected}`),
    score: (group, deadlines) => {
      groups.push(group);
      const rewards = group.responses.map(({ text }) => rewardOf(text, group));
      const rewarded: Rewarded = {
        group,
        rewards,
        columns: [
          { name: "n", scores: rewards.map((n) => (n === null ? failed("threw", "no number") : scored(n))) },
        ],
        problem: null,
      };
      return deadlines.map(() => rewarded);
    },
  });
  const add = (group: Group, gone = never): Promise<Outcome> =>
    gatherer.add(gatherKey(group), { group, deadline: clock.now() + 10_000 }, gone);
  return { clock, groups, closed, gatherer, add };
}

describe("gathering", () => {
  it("scores a group as soon as its last sample is there, and gives each sample its own reward", async () => {
    const { groups, closed, add, gatherer } = setup(3);
    const answers = Promise.all([add(sampleOf("p", "5")), add(sampleOf("p", "1")), add(sampleOf("p", "3"))]);
    expect((await answers).map(({ rewards }) => rewards)).toEqual([[5], [1], [3]]);
    expect(groups.map(({ responses }) => responses.map(({ text }) => text))).toEqual([["1", "3", "5"]]);
    expect([closed, gatherer.waiting()]).toEqual([["3 of 3"], 0]);
  });

  it("gives the same group, ids and all, in whatever order the samples come", async () => {
    const [first, second] = [setup(3), setup(3)];
    await Promise.all(["2", "1", "1"].map((text) => first.add(sampleOf("p", text))));
    await Promise.all(["1", "2", "1"].map((text) => second.add(sampleOf("p", text))));
    expect(first.groups).toEqual(second.groups);
    expect(new Set(first.groups[0]?.responses.map(({ id }) => id)).size).toBe(3);
  });

  it("closes short after the window's time, and says how many were there", async () => {
    const { clock, closed, add } = setup(3);
    const answer = add(sampleOf("p", "5"));
    await clock.advance(199);
    expect(closed).toEqual([]);
    await clock.advance(1);
    expect((await answer).gathered).toEqual({ expected: 3, present: 1 });
    expect(closed).toEqual(["1 of 3"]);
  });

  it("keeps prompts apart, and those that differ in reference or metadata alone", async () => {
    const { clock, groups, add } = setup(2);
    const plain = sampleOf("p", "1");
    const answers = Promise.all([
      add(plain),
      add({ ...plain, prompt: { ...plain.prompt, reference: "x" } }),
      add({ ...plain, prompt: { ...plain.prompt, metadata: { a: 1 } } }),
      add(sampleOf("q", "1")),
    ]);
    await clock.advance(200);
    await answers;
    expect(groups.map(({ responses }) => responses.length)).toEqual([1, 1, 1, 1]);
  });

  it("opens a window of its own for what has no room, and fills the older one first", async () => {
    const { clock, groups, add } = setup(4);
    const answers = Promise.all([
      add(sampleOf("p", "1", "2", "3")),
      add(sampleOf("p", "4", "5")),
      add(sampleOf("p", "6")),
    ]);
    expect(groups.map(({ responses }) => responses.map(({ text }) => text))).toEqual([["1", "2", "3", "6"]]);
    await clock.advance(200);
    expect((await answers).map(({ rewards }) => rewards)).toEqual([[1, 2, 3], [4, 5], [6]]);
  });

  it("forgets a sample whose client left, and closes no window for it alone", async () => {
    const { clock, groups, closed, add, gatherer } = setup(2);
    const client = new AbortController();
    const left = add(sampleOf("p", "1"), client.signal);
    const stays = add(sampleOf("q", "2"));
    client.abort(new Error("the client left"));
    await expect(left).rejects.toThrow("the client left");
    expect(gatherer.waiting()).toBe(1);
    await clock.advance(200);
    await stays;
    expect([groups.length, closed]).toEqual([1, ["1 of 2"]]);
    await expect(add(sampleOf("p", "1"), AbortSignal.abort(new Error("gone before")))).rejects.toThrow(
      "gone before",
    );
    expect(gatherer.waiting()).toBe(0);
  });

  it("a sample that is sent again after its client left takes the place that became free", async () => {
    const { groups, add } = setup(2);
    const client = new AbortController();
    const left = add(sampleOf("p", "1"), client.signal).catch((error: unknown) => error);
    client.abort(new Error("cut off"));
    await left;
    const answers = await Promise.all([add(sampleOf("p", "1")), add(sampleOf("p", "2"))]);
    expect(answers.map(({ rewards }) => rewards)).toEqual([[1], [2]]);
    expect(groups).toHaveLength(1);
  });

  it("scores a sample that is sent again, as a scorer had failed on it, among its own group", async () => {
    let isBroken = true;
    const { groups, add } = setup(3, (text) => (text === "9" && isBroken ? null : Number(text)));
    const texts = ["5", "9", "1"];
    const first = await Promise.all(texts.map((text) => add(sampleOf("p", text))));
    expect(first.map(({ rewards }) => rewards)).toEqual([[5], [null], [1]]);
    isBroken = false;
    const again = await add(sampleOf("p", "9"));
    expect([again.rewards, again.gathered]).toEqual([[9], { expected: 3, present: 3 }]);
    expect(groups.map(({ responses }) => responses.map(({ text }) => text))).toEqual([
      ["1", "5", "9"],
      ["1", "5", "9"],
    ]);
  });

  it("takes nothing that was rewarded for sent again: an equal text is a new sample of a new group", async () => {
    const { clock, groups, add } = setup(2);
    await Promise.all([add(sampleOf("p", "1")), add(sampleOf("p", "2"))]);
    const fresh = add(sampleOf("p", "1"));
    await clock.advance(200);
    expect((await fresh).gathered).toEqual({ expected: 2, present: 1 });
    expect(groups.map(({ responses }) => responses.length)).toEqual([2, 1]);
  });

  it("completes a group that closed short without rewards, for who comes late and for who asks again", async () => {
    const whole: RewardOf = (text, { responses }) => (responses.length < 3 ? null : Number(text));
    const { clock, groups, add } = setup(3, whole);
    const short = Promise.all([add(sampleOf("p", "5")), add(sampleOf("p", "1"))]);
    await clock.advance(200);
    expect((await short).map(({ rewards }) => rewards)).toEqual([[null], [null]]);
    await clock.advance(100);
    const late = add(sampleOf("p", "3"));
    await clock.advance(200);
    expect((await late).rewards).toEqual([3]);
    const again = await Promise.all([add(sampleOf("p", "5")), add(sampleOf("p", "1"))]);
    expect(again.map(({ rewards }) => rewards)).toEqual([[5], [1]]);
    expect(groups.map(({ responses }) => responses.length)).toEqual([2, 3, 3]);
  });

  it("forgets a group that nobody asked for again for ten seconds", async () => {
    const { clock, groups, add } = setup(2, () => null);
    await Promise.all([add(sampleOf("p", "1")), add(sampleOf("p", "2"))]);
    await clock.advance(10_001);
    const fresh = add(sampleOf("p", "1"));
    await clock.advance(200);
    await fresh;
    expect(groups.map(({ responses }) => responses.length)).toEqual([2, 1]);
  });

  it("refuses what waits when the server ends, so that it can be sent to the next one", async () => {
    const { clock, groups, add, gatherer } = setup(2);
    const refused = [add(sampleOf("p", "1")), add(sampleOf("q", "1"))].map((answer) =>
      answer.then(
        () => "answered",
        (error: { code?: string }) => error.code,
      ),
    );
    gatherer.refuseAll();
    expect(await Promise.all(refused)).toEqual(["draining", "draining"]);
    await clock.advance(1000);
    expect([groups.length, gatherer.waiting()]).toEqual([0, 0]);
  });

  it("gives every sample that stays its own rewards, whatever comes when and whoever leaves", async () => {
    const event = fc.record({
      prompt: fc.constantFrom("p", "q", "r"),
      responses: fc.integer({ min: 1, max: 3 }),
      leavesAfter: fc.option(fc.integer({ min: 0, max: 300 }), { nil: null, freq: 4 }),
      pause: fc.integer({ min: 0, max: 150 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 30 }),
        fc.integer({ min: 2, max: 5 }),
        async (events, size) => {
          const { clock, groups, add, gatherer } = setup(size);
          let next = 0;
          const asked: { texts: string[]; answer: Promise<Outcome | null> }[] = [];
          for (const { prompt, responses, leavesAfter, pause } of events) {
            const texts = Array.from({ length: Math.min(responses, size - 1) }, () => String(next++));
            const client = new AbortController();
            if (leavesAfter !== null) clock.after(leavesAfter, () => client.abort(new Error("left")));
            asked.push({ texts, answer: add(sampleOf(prompt, ...texts), client.signal).catch(() => null) });
            await clock.advance(pause);
          }
          await clock.advance(1000);
          for (const [index, { texts, answer }] of asked.entries()) {
            const outcome = await answer;
            if (outcome === null) expect(events[index]?.leavesAfter).not.toBeNull();
            else expect(outcome.rewards).toEqual(texts.map(Number));
          }
          expect(groups.every(({ responses }) => responses.length <= size)).toBe(true);
          expect(gatherer.waiting()).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});
