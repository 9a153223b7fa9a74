import { describe, expect, it } from "vitest";
import { type PairwiseJudgeOptions, pairwiseJudge } from "../../../rewards/pairwise-judge.ts";
import { CallFailure } from "../../../src/core/errors.ts";
import { canaryFor } from "../../../src/judging/canaries.ts";
import { guarded } from "../../../src/judging/guard.ts";
import type { ChatModel } from "../../../src/models/ports.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { sectionOf, toyJudge } from "../../judging/toy-judge.ts";
import { context, partsOf, scoresOf } from "./shared.ts";

describe("pairwise-judge and canaries", () => {
  const group = groupOf(["2", "1"]);
  const canary = canaryFor(0, group.prompt.id, 1);
  if (!canary) throw new Error("a share of 1 has a canary for every prompt");
  /** Knows the canary's answers by heart, and prefers the one it is told to. */
  const knowing = (preferred: string | null) => {
    const toy = toyJudge();
    const isCanary = (text: string): boolean =>
      text.includes("[[turn 1 user|") && text.includes(canary.prompt);
    return fakeChatModel({
      reply: async (request) => {
        if (!isCanary(request.messages[0]?.content ?? "")) {
          return (await toy.generate(request, { signal: context.signal })).text;
        }
        if (preferred === null) return "?";
        return sectionOf(request, "response A") === guarded(preferred).text ? "[[A]]" : "[[B]]";
      },
    });
  };
  const withCanary = async (judge: ChatModel, more: PairwiseJudgeOptions = {}) =>
    pairwiseJudge({ canaries: { share: 1 }, ...more }, { judge }).score(group, context);

  it("says on the first response whether the better answer of the canary won", async () => {
    for (const [preferred, hit] of [
      [canary.better, 1],
      [canary.worse, 0],
    ] as const) {
      const judge = knowing(preferred);
      const [first, second] = await withCanary(judge);
      expect(partsOf(first).canary).toBe(hit);
      expect(partsOf(second)).not.toHaveProperty("canary");
      // Two calls for the group's pair, two for the canary.
      expect(judge.calls).toHaveLength(4);
    }
  });

  it("changes no score, nor fails the group, when a canary cannot be read", async () => {
    const without = await scoresOf(["2", "1"]);
    expect(await withCanary(knowing(null))).toEqual(without);
  });

  it("fails the group when a canary's call failed, so that another try gives the same scores as a run without the fault", async () => {
    for (let failAt = 1; failAt <= 4; failAt++) {
      const judge = failingChatModel(knowing(canary.better), { failAt });
      expect(await withCanary(judge)).toMatchObject([{ code: "server_error" }, { code: "server_error" }]);
    }
  });

  it("counts a canary that the server refuses as no outcome", async () => {
    const toy = toyJudge();
    const judge: ChatModel = {
      id: "refusing",
      generate: async (request, call) => {
        if ((request.messages[0]?.content ?? "").includes(canary.prompt))
          throw new CallFailure("bad_request", "400: content policy");
        return toy.generate(request, call);
      },
    };
    expect(await withCanary(judge)).toEqual(await scoresOf(["2", "1"]));
  });

  it("is asked in an order of its own where the group's pairs are asked in one: its better answer does not always stand first", async () => {
    const seen = new Set<boolean>();
    for (let index = 0; index < 20; index++) {
      const judge = fakeChatModel({ reply: "[[A]]" });
      const other = groupOf(["2", "1"], { prompt: `Question ${index}?` });
      const hidden = canaryFor(0, other.prompt.id, 1);
      await pairwiseJudge({ canaries: { share: 1 }, orders: "one" }, { judge }).score(other, context);
      const call = judge.calls.find(({ messages }) => messages[0]?.content.includes(hidden?.prompt ?? "?"));
      if (call) seen.add(sectionOf(call, "response A") === guarded(hidden?.better ?? "").text);
    }
    expect(seen.size).toBe(2);
  });
});
