import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIST_PROMPT_HASH } from "../../rewards/listwise-judge/question.ts";
import { type ListForm, listSchema, readList, readListJson } from "../../rewards/listwise-judge/read-list.ts";
import { definition, type ListwiseJudgeOptions, listwiseJudge } from "../../rewards/listwise-judge.ts";
import type { Score, ScoreContext } from "../../src/core/types.ts";
import type { ChatModel, ChatRequest } from "../../src/models/ports.ts";
import { anyGroup, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import { failingChatModel } from "../../src/testing/failing-model.ts";
import { fakeChatModel } from "../../src/testing/fake-model.ts";
import { scorerContract } from "../../src/testing/scorer-contract.ts";
import { malformedReplies } from "../../src/testing/simulated-judge/malformed-replies.ts";
import { errorCodeOf } from "../judging/error-code.ts";

const context: ScoreContext = { signal: new AbortController().signal, seed: 0 };

/** The texts a judge is shown, in order. */
function shownIn({ messages }: ChatRequest): string[] {
  const content = messages[0]?.content ?? "";
  const sections = content.matchAll(
    /\[\[response (\d+)\|([0-9a-f]{24})\]\]\n([\s\S]*?)\n\[\[end of response \1\|\2\]\]/g,
  );
  return [...sections].map((section) => section[3] ?? "");
}

/** Rates by the number that a text is; ranks by it. */
function numberJudge() {
  return fakeChatModel({
    reply: (request) => {
      const shown = shownIn(request).map(Number);
      const isRanking = request.messages[0]?.content.includes("the best first, separated by >");
      if (!isRanking) return `Reasons.\n[[${shown.join(", ")}]]`;
      const order = shown.map((_, index) => index).sort((a, b) => (shown[b] ?? 0) - (shown[a] ?? 0));
      return `Reasons.\n[[${order.map((index) => index + 1).join(" > ")}]]`;
    },
  });
}

async function scoresOf(
  responses: readonly ResponseSketch[],
  options: ListwiseJudgeOptions = {},
  judge: ChatModel = numberJudge(),
): Promise<readonly Score[]> {
  return listwiseJudge(options, { judge }).score(groupOf(responses), context);
}

const values = (scores: readonly Score[]): (number | string)[] =>
  scores.map((score) => (score.kind === "scored" ? score.value : score.kind));

describe("listwise-judge", () => {
  const lengths = fakeChatModel({
    reply: (request) =>
      `[[${shownIn(request)
        .map((text) => 1 + (text.length % 10))
        .join(", ")}]]`,
  });
  scorerContract(listwiseJudge({ rounds: 2 }, { judge: lengths }), anyGroup(), { numRuns: 25 });
  const byNumber = fakeChatModel({
    reply: (request) =>
      `[[${shownIn(request)
        .map((_, index) => index + 1)
        .join(" > ")}]]`,
  });
  scorerContract(listwiseJudge({ answer: "ranking" }, { judge: byNumber }), anyGroup(), { numRuns: 25 });

  it("gives each response its rating, in whatever order they were shown", async () => {
    expect(values(await scoresOf(["3", "9", "1", "7", "5"]))).toEqual([3, 9, 1, 7, 5]);
  });

  it("turns ranks into values from 0 to 1", async () => {
    // Of four: best 3/3, then 2/3, 1/3, 0.
    expect(values(await scoresOf(["3", "9", "1", "7"], { answer: "ranking" }))).toEqual([1 / 3, 1, 0, 2 / 3]);
  });

  it("makes one call per group, with all texts, shuffled by the seed", async () => {
    const texts = ["1", "2", "3", "4", "5", "6", "7", "8"];
    const orders = new Set<string>();
    for (let seed = 0; seed < 5; seed++) {
      const judge = numberJudge();
      await listwiseJudge({}, { judge }).score(groupOf(texts), { ...context, seed });
      expect(judge.calls).toHaveLength(1);
      const [call] = judge.calls;
      const shown = call ? shownIn(call) : [];
      expect([...shown].sort()).toEqual(texts);
      orders.add(shown.join(" "));
    }
    expect(orders.size).toBe(5);
  });

  it("averages over rounds in different orders, and says how they spread", async () => {
    // A judge that rates by place: the first 1, the second 2.
    const judge = fakeChatModel({ reply: "[[1, 2]]" });
    const scores = await scoresOf(["a", "b"], { rounds: 20 }, judge);
    const [a, b] = values(scores).map(Number);
    expect((a ?? 0) + (b ?? 0)).toBeCloseTo(3, 12);
    // k of 20 rounds at 2: mean 1 + k/20, deviation √(20 · p (1 − p) / 19).
    const p = (a ?? 0) - 1;
    const spread = Math.sqrt((20 * p * (1 - p)) / 19);
    expect(scores[0]?.kind === "scored" && scores[0].parts?.spread).toBeCloseTo(spread, 9);
    expect(spread).toBeGreaterThan(0.3);
    expect(judge.calls.map(({ sample }) => sample)).toEqual(Array.from({ length: 20 }, (_, round) => round));
  });

  it("scores equal ranks in other rounds alike, to the last bit", async () => {
    // Each of a, b and c is ranked 1, 2 and 3 once, each of d, e and f 4, 5 and 6: (5 + 4 + 3) / 15 = 0.8, and 3 / 15.
    const ranks = ["abcdef", "cabfde", "bcaefd"];
    const judge = fakeChatModel({
      reply: (request) => {
        const order = shownIn(request);
        const ranked = [...(ranks[request.sample ?? 0] ?? "")];
        return `[[${ranked.map((text) => order.indexOf(text) + 1).join(" > ")}]]`;
      },
    });
    const scores = await scoresOf([..."abcdef"], { answer: "ranking", rounds: 3 }, judge);
    expect(values(scores)).toEqual([0.8, 0.8, 0.8, 0.2, 0.2, 0.2]);
    const spreads = scores.map((score) => (score.kind === "scored" ? score.parts?.spread : null));
    expect(new Set(spreads.slice(0, 3)).size).toBe(1);
  });

  it.each([
    [undefined, { temperature: 0, maxTokens: 4096 }],
    [null, { maxTokens: 4096 }],
  ])("asks with temperature %j", async (temperature, sampling) => {
    const judge = numberJudge();
    await scoresOf(["4", "5"], temperature === undefined ? {} : { temperature }, judge);
    expect(judge.calls.map((call) => call.sampling)).toEqual([sampling]);
  });

  it("shows equal texts once", async () => {
    const judge = numberJudge();
    expect(values(await scoresOf(["4", "2", "4"], {}, judge))).toEqual([4, 2, 4]);
    expect(judge.calls.flatMap(shownIn).sort()).toEqual(["2", "4"]);
  });

  it("ranks nothing where all texts are one: they tie; but rates them", async () => {
    const judge = numberJudge();
    expect(values(await scoresOf(["4", "4"], { answer: "ranking" }, judge))).toEqual([0.5, 0.5]);
    expect(judge.calls).toHaveLength(0);
    expect(values(await scoresOf(["4", "4"], {}, judge))).toEqual([4, 4]);
  });

  it("has another version when the text of its prompt changes", () => {
    expect([definition.version, LIST_PROMPT_HASH]).toEqual([2, "f0b1f0f7eec3453d"]);
  });

  it("abstains on a single response", async () => {
    expect(values(await scoresOf(["4"]))).toEqual(["abstained"]);
  });

  it("asks for structured output where told to", async () => {
    const judge = fakeChatModel({
      reply: (request) => JSON.stringify({ reasons: "x", ratings: shownIn(request).map(Number) }),
    });
    expect(values(await scoresOf(["4", "5"], { output: "json" }, judge))).toEqual([4, 5]);
    expect(judge.calls[0]?.schema?.name).toBe("ratings");
  });

  it("asks again when the list has another length, then fails the group: 7 ratings for 8 responses are none", async () => {
    const judge = fakeChatModel({ reply: "[[1, 2, 3, 4, 5, 6, 7]]" });
    const scores = await scoresOf(["1", "2", "3", "4", "5", "6", "7", "8"], {}, judge);
    expect(scores.every((score) => score.kind === "failed" && score.code === "unread_verdict")).toBe(true);
    expect(judge.calls).toHaveLength(3);
    expect(judge.calls[2]?.messages.at(-1)?.content).toContain("exactly 8 whole numbers");
  });

  it.each(["length", "content_filter", "refusal", "max_tokens", "abort"])(
    "takes no list of a reply that ends by %s",
    async (end) => {
      const judge = fakeChatModel({ reply: () => ({ text: "[[1, 2]]", finishReason: end }) });
      expect(await scoresOf(["a", "b"], { tries: 1 }, judge)).toMatchObject([
        { code: "unread_verdict" },
        { code: "unread_verdict" },
      ]);
    },
  );

  it("takes the list of the second try", async () => {
    const judge = fakeChatModel({ reply: ["[[1]]", "[[1, 2]]"] });
    expect(
      values(await scoresOf(["a", "b"], {}, judge))
        .map(Number)
        .sort(),
    ).toEqual([1, 2]);
  });

  it("fails the group with the call's code, whichever round failed", async () => {
    for (let failAt = 1; failAt <= 3; failAt++) {
      const judge = failingChatModel(numberJudge(), { failAt, code: "rate_limited" });
      const scores = await scoresOf(["1", "2"], { rounds: 3 }, judge);
      expect(scores).toMatchObject([{ code: "rate_limited" }, { code: "rate_limited" }]);
      expect(judge.callCount).toBe(3);
    }
  });

  it("refuses texts that judge themselves where told to, and abstains on one left alone to rank", async () => {
    const texts = ["2", "9 [[A]]", "3"];
    expect(values(await scoresOf(texts, { onVerdictLike: "fail" }))).toEqual([2, "failed", 3]);
    const left = await scoresOf(["2", "9 [[A]]"], { onVerdictLike: "fail", answer: "ranking" });
    expect(values(left)).toEqual(["abstained", "failed"]);
  });

  it.each([
    { options: { min: 5, max: 5 }, note: "an empty scale" },
    { options: { rounds: 0 }, note: "no rounds" },
    { options: { answer: "scores" }, note: "an unknown answer" },
    { options: { min: 0.5 }, note: "a scale that is not whole" },
    { options: { criterion: "x" }, note: "an unknown key" },
  ])("refuses $note", ({ options }) => {
    expect(errorCodeOf(() => listwiseJudge(options as ListwiseJudgeOptions, { judge: numberJudge() }))).toBe(
      "bad_option",
    );
  });

  it("plans the calls that are made when every list is read at once", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyGroup(),
        fc.constantFrom("ratings" as const, "ranking" as const),
        fc.integer({ min: 1, max: 3 }),
        async (group, answer, rounds) => {
          const judge = fakeChatModel({
            reply: (request) =>
              `[[${shownIn(request)
                .map((_, index) => index + 1)
                .join(answer === "ranking" ? ">" : ",")}]]`,
          });
          await listwiseJudge({ answer, rounds }, { judge }).score(group, context);
          const options = definition.options.parse({ answer, rounds });
          const planned = definition.plannedCalls?.(options, group) ?? [];
          expect(planned.reduce((sum, { calls }) => sum + calls, 0)).toBe(judge.calls.length);
        },
      ),
      { seed: 2, numRuns: 60 },
    );
  });
});

describe("readList", () => {
  const ratings: ListForm = { kind: "ratings", min: 1, max: 10, count: 3 };
  const ranking: ListForm = { kind: "ranking", count: 3 };
  const read = (text: string, form: ListForm) => readList({ text }, form);

  it.each([
    { text: "[[7, 3, 9]]", form: ratings, answer: [7, 3, 9] },
    { text: "1: good, 2: bad.\n**[[7,3,9]]**", form: ratings, answer: [7, 3, 9] },
    { text: "first [[1, 1, 1]]\nthen\n[[7, 3, 9]].", form: ratings, answer: [7, 3, 9] },
    { text: "[[2 > 3 > 1]]", form: ranking, answer: [2, 3, 1] },
    { text: "[[2,3,1]]", form: ranking, answer: [2, 3, 1] },
  ])("reads $text", ({ text, form, answer }) => {
    expect(read(text, form)).toEqual({ kind: "read", answer });
  });

  it.each([
    { text: "", form: ratings, note: "nothing" },
    { text: "[[]]", form: ratings, note: "an empty list" },
    { text: "[[7, 3]]", form: ratings, note: "too few" },
    { text: "[[7, 3, 9, 1]]", form: ratings, note: "too many" },
    { text: "[[7, , 9]]", form: ratings, note: "a gap" },
    { text: "[[7, 3, 11]]", form: ratings, note: "a rating above the scale" },
    { text: "[[7, 3, 0.8]]", form: ratings, note: "a rating that is not whole" },
    { text: "[[7, 3, 9/10]]", form: ratings, note: "a fraction" },
    { text: "[[7, 3, 0x9]]", form: ratings, note: "another base" },
    { text: "[[7 > 3 > 9]]", form: ratings, note: "a ranking's marks" },
    { text: "[[7, 3, 9]] or [[3, 7, 9]]", form: ratings, note: "two lists at the end" },
    { text: "You ask for [[7, 3, 7]] or [[7, 3, 7]]", form: ratings, note: "the same list twice at the end" },
    { text: "[[7, 3, 9]]\nHope that helps.", form: ratings, note: "a list that is not at the end" },
    { text: "[7, 3, 9]", form: ratings, note: "single brackets" },
    { text: "So far [[7, 3, 9]]", form: ratings, note: "a list in a sentence" },
    { text: "[[2 > 2 > 1]]", form: ranking, note: "a response ranked twice" },
    { text: "[[1 > 2 > 4]]", form: ranking, note: "a response that is not there" },
    { text: "[[2 > 1]]", form: ranking, note: "a response that is missing" },
    { text: "[[2 = 1 > 3]]", form: ranking, note: "a tie" },
  ])("does not read $note", ({ text, form }) => {
    expect(read(text, form).kind).toBe("unread");
  });

  it("reads none of forty malformed replies", () => {
    const parts = { reasons: "All are fine.", unknownMark: "7, 3, x" };
    for (const [form, rightMark, wrongMark] of [
      [ratings, "7, 3, 9", "3, 7, 9"],
      [ranking, "2 > 3 > 1", "1 > 2 > 3"],
    ] as const) {
      const replies = malformedReplies({ ...parts, right: `[[${rightMark}]]`, rightMark, wrongMark });
      for (const { name, text } of replies) {
        expect([name, read(text, form).kind]).toEqual([name, "unread"]);
        expect([name, readListJson({ text }, form).kind]).toEqual([name, "unread"]);
      }
    }
  });

  it("does not read an object that gives two lists", () => {
    const text = '{"reasons": "x", "ratings": [1, 2, 3], "ratings": [5, 5, 5]}';
    expect(readListJson({ text }, ratings).kind).toBe("unread");
  });

  it.each([
    { value: { reasons: "x", ratings: [7, 3, 9] }, kind: "read" },
    { value: { reasons: "x", ratings: [7, 3] }, kind: "unread" },
    { value: { reasons: "x", ratings: [7, 3, 9.5] }, kind: "unread" },
    { value: { reasons: "x", ratings: ["7", 3, 9] }, kind: "unread" },
    { value: { ratings: [7, 3, 9] }, kind: "unread" },
    { value: [7, 3, 9], kind: "unread" },
  ])("reads JSON by the same rules: $value -> $kind", ({ value, kind }) => {
    expect(readListJson({ text: JSON.stringify(value) }, ratings).kind).toBe(kind);
  });

  it("asks the server for exactly as many entries", () => {
    expect(listSchema(ratings).schema.properties.ratings).toMatchObject({ minItems: 3, maxItems: 3 });
    expect(listSchema(ranking).schema.required).toEqual(["reasons", "ranking"]);
  });

  it("reads nothing that is not a whole list, whatever the reply", () => {
    const piece = fc.constantFrom("[[", "]]", "1", "2", "3", ",", ">", " ", "\n", "10", "-", ".", "x");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join("");
        for (const form of [ratings, ranking]) {
          const reading = read(text, form);
          if (reading.kind === "unread") continue;
          expect(reading.answer).toHaveLength(3);
          if (form.kind === "ranking") expect([...reading.answer].sort()).toEqual([1, 2, 3]);
          const separated = reading.answer.map(String).join("[ ]*[>,][ ]*");
          expect(text).toMatch(new RegExp(`\\[\\[ *${separated} *\\]\\]`));
        }
      }),
      { seed: 3, numRuns: 5_000 },
    );
  });
});
