import { describe, expect, it } from "vitest";
import { CALL_FAILURES, type CallFailureCode } from "../../../src/core/errors.ts";
import type { ChatModel } from "../../../src/models/ports.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { failingChatModel } from "../../../src/testing/failing-model.ts";
import { CHECKS, GOOD, judgeOf, score } from "./shared.ts";

describe("a call of rubric-judge that fails", () => {
  const codes = Object.keys(CALL_FAILURES) as CallFailureCode[];

  it.each(codes)(
    "fails the cell by %s, whichever call it is, and leaves the other responses alone",
    async (code) => {
      const group = groupOf(["a", "b"]);
      for (let failAt = 1; failAt <= 6; failAt++) {
        const judge = failingChatModel(judgeOf(GOOD), { failAt, code });
        const scores = await score({ rubric: CHECKS, output: "text" }, judge, group);
        const bad = failAt <= 3 ? 0 : 1;
        expect(scores[bad]).toMatchObject({ kind: "failed", code });
        expect(scores[1 - bad]).toMatchObject({ kind: "scored", value: 0.5 });
        expect(judge.callCount).toBe(6);
      }
    },
  );

  it.each(codes)(
    "goes from structured output to marked text when the server has none, here by %s",
    async (code) => {
      const texts = judgeOf(GOOD);
      const judge: ChatModel = {
        id: "no-json",
        generate: (request, given) =>
          request.schema
            ? failingChatModel(texts, { failAt: 1, code }).generate(request, given)
            : texts.generate(request, given),
      };
      const [one] = await score({ rubric: CHECKS }, judge);
      const goesOn = ["bad_request", "bad_reply", "in_process"].includes(code);
      expect(one).toMatchObject(goesOn ? { kind: "scored", value: 0.5 } : { kind: "failed", code });
      expect((await score({ rubric: CHECKS, output: "json" }, judge))[0]).toMatchObject({
        kind: "failed",
        code,
      });
    },
  );
});
