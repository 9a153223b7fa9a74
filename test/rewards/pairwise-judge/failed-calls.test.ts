import { describe, expect, it } from "vitest";
import { pairwiseJudge } from "../../../rewards/pairwise-judge.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { toyJudge } from "../../judging/toy-judge.ts";
import { context, scoresOf, values } from "./shared.ts";

describe("pairwise-judge and calls that fail", () => {
  it("fails the group with the call's code, whichever call it was, and is whole again without the fault", async () => {
    for (let failAt = 1; failAt <= 6; failAt++) {
      const judge = failingChatModel(toyJudge(), { failAt, code: "server_error" });
      const scorer = pairwiseJudge({}, { judge });
      const scores = await scorer.score(groupOf(["1", "2", "3"]), context);
      expect(scores.map((score) => score.kind === "failed" && score.code)).toEqual(
        new Array(3).fill("server_error"),
      );
      // All calls of the group were made, none was left behind.
      expect(judge.callCount).toBe(6);
      expect(values(await scorer.score(groupOf(["1", "2", "3"]), context))).toEqual(
        values(await scoresOf(["1", "2", "3"])),
      );
    }
  });

  it("passes on what is no call's failure", async () => {
    const judge = fakeChatModel({
      reply: () => {
        throw new TypeError("a bug");
      },
    });
    await expect(scoresOf(["1", "2"], {}, judge)).rejects.toThrow("a bug");
  });

  it("ends when it is aborted", async () => {
    const scores = await pairwiseJudge({}, { judge: toyJudge() }).score(groupOf(["1", "2"]), {
      ...context,
      signal: AbortSignal.abort(),
    });
    expect(scores).toMatchObject([{ code: "cancelled" }, { code: "cancelled" }]);
  });
});
