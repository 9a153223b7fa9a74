import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { sectionOf } from "../../judging/toy-judge.ts";
import { close, partsOf, scoresOf, values } from "./shared.ts";

describe("pairwise-judge and answers that cannot be read", () => {
  const silent = fakeChatModel({ reply: "No idea." });

  it("fails, and gives no number, when no comparison can be read", async () => {
    const scores = await scoresOf(["2", "1"], {}, silent);
    expect(scores).toMatchObject([
      { kind: "failed", code: "unread_verdict" },
      { kind: "failed", code: "unread_verdict" },
    ]);
    // Two orders, three tries each.
    expect(silent.calls).toHaveLength(6);
  });

  it("asks again, with a reminder of the form", async () => {
    const judge = fakeChatModel({
      reply: ({ messages }) => (messages.length === 1 ? "No idea." : "Then this one.\n[[A]]"),
    });
    await scoresOf(["2", "1"], {}, judge);
    expect(judge.calls).toHaveLength(4);
    expect(judge.calls.at(-1)?.messages.at(-1)?.content).toContain("[[A]], [[B]] or [[C]]");
  });

  /** Cannot be read whenever the worse text of the pair stands first. */
  const onesided = fakeChatModel({
    reply: (request) =>
      Number(sectionOf(request, "response A")) < Number(sectionOf(request, "response B")) ? "?" : "[[A]]",
  });

  it("leaves a comparison with one unread order out, unless the other may speak for both", async () => {
    expect(values(await scoresOf(["2", "1"], {}, onesided))).toEqual(["failed", "failed"]);
    const scores = await scoresOf(["2", "1"], { onUnread: "other-order" }, onesided);
    close(values(scores), [0.549306, -0.549306]);
    expect(partsOf(scores[1])).not.toHaveProperty("as_first_vs_0");
  });

  it("fails only the response that nothing readable is known of, and counts what was unread", async () => {
    const judge = fakeChatModel({
      reply: (request) => {
        const [a, b] = [sectionOf(request, "response A"), sectionOf(request, "response B")];
        if (a === "0" || b === "0") return "?";
        return Number(a) > Number(b) ? "[[A]]" : "[[B]]";
      },
    });
    const scores = await scoresOf(["2", "1", "0"], {}, judge);
    close(values(scores.slice(0, 2)), [0.549306, -0.549306]);
    expect(scores[2]).toMatchObject({ kind: "failed", code: "unread_verdict" });
    expect(partsOf(scores[0])).toMatchObject({ comparisons: 1, unread: 1 });
  });

  it("fails a response that only unread comparisons link to the others, since strengths are relative", async () => {
    // 4 meets 3, 2 meets 1; what is between the two couples cannot be read.
    const judge = fakeChatModel({
      reply: (request) => {
        const [a, b] = [Number(sectionOf(request, "response A")), Number(sectionOf(request, "response B"))];
        if (a > 2 !== b > 2) return "?";
        return a > b ? "[[A]]" : "[[B]]";
      },
    });
    const scores = await scoresOf(["4", "3", "2", "1"], {}, judge);
    expect(values(scores).slice(2)).toEqual(["failed", "failed"]);
    close(values(scores).slice(0, 2), [0.549306, -0.549306]);
    close(values(await scoresOf(["4", "3", "2", "1"], { score: "win-rate" }, judge)), [1, 0, 1, 0]);
  });

  it("never makes a number of garbage: whatever the judge says, a score rests on marks that stand in its replies", async () => {
    const garbage = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.constantFrom(
        "[[A",
        "A]]",
        "[[A]] [[B]]",
        "Verdict: A",
        "[[D]]",
        "[[1]]",
        '{"verdict":"A"}',
        "[[]]",
        "[[A]]\nno",
      ),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (reply) => {
        const judge = fakeChatModel({ reply });
        const scores = await scoresOf(["2", "1"], { tries: 1 }, judge);
        if (scores.some(({ kind }) => kind === "scored")) expect(reply).toMatch(/\[\[\s*([ABC]|tie)\s*\]\]/i);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
