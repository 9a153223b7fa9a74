import { describe, expect, it } from "vitest";
import { listwiseJudge } from "../../rewards/listwise-judge.ts";
import { pairwiseJudge } from "../../rewards/pairwise-judge.ts";
import { rubricJudge } from "../../rewards/rubric-judge.ts";
import { randomFor } from "../../src/core/random.ts";
import type { Score } from "../../src/core/types.ts";
import { comparisonQuestion } from "../../src/judging/pairwise/question.ts";
import type { ChatRequest } from "../../src/models/ports.ts";
import {
  chatModelContract,
  groupOf,
  type SimulatedJudgeOptions,
  simulatedJudge,
} from "../../src/testing/index.ts";

const calm = { signal: new AbortController().signal, seed: 1 };

/** "quality 0.25 …" is as good as it says. */
const truth = (text: string): number => Number(/quality (\d\.\d+)/.exec(text)?.[1] ?? 0);
const judgeOf = (options: Partial<SimulatedJudgeOptions> = {}) => simulatedJudge({ truth, ...options });
const values = (scores: readonly Score[]) =>
  scores.map((score) => (score.kind === "scored" ? score.value : score.kind));

const answered = (first: string, second: string, ties = true): ChatRequest =>
  comparisonQuestion(
    { prompt: { messages: [{ role: "user", content: "Which?" }] }, reference: null, first, second },
    { criteria: null, ties, output: "text", temperature: 0, maxTokens: 100, hidden: "strip" },
  ).request;

/** The verdicts on n comparisons of a good and a bad answer, the good one first in half of them. */
async function verdicts(options: Partial<SimulatedJudgeOptions>, n: number, [good, bad] = ["", ""]) {
  const judge = judgeOf(options);
  const replies = await Promise.all(
    Array.from({ length: n }, async (_, index) => {
      const [best, worst] = [`quality 0.9 ${index} ${good}`, `quality 0.1 ${index} ${bad}`];
      const [first, second] = index % 2 === 0 ? [best, worst] : [worst, best];
      const { text } = await judge.generate(answered(first, second), calm);
      return { first: text.endsWith("[[A]]"), right: text.endsWith(index % 2 === 0 ? "[[A]]" : "[[B]]") };
    }),
  );
  const share = (key: "first" | "right") => replies.filter((reply) => reply[key]).length / n;
  return { first: share("first"), right: share("right") };
}

describe("a simulated judge", () => {
  chatModelContract(() => judgeOf());

  const group = groupOf(["quality 0.75 a", "quality 0.25 b", "quality 1.0 c"], { prompt: "Which is best?" });

  it("knows the truth when it is asked to compare", async () => {
    const scores = await pairwiseJudge({ score: "win-rate" }, { judge: judgeOf() }).score(group, calm);
    expect(values(scores)).toEqual([0.5, 0, 1]);
  });

  it.each(["text", "json"] as const)(
    "knows it when it is asked for criteria, ratings and lists, in %s",
    async (output) => {
      const criteria = [
        { id: "good", text: "It is good." },
        { id: "bad", text: "It is bad.", polarity: "negative" as const },
      ];
      const scale = [{ id: "level", text: "How good it is.", scale: { min: 1, max: 5 } }];
      const judge = judgeOf();
      for (const calls of ["per-criterion", "per-response"] as const) {
        const binary = rubricJudge({ rubric: { name: "r", version: 1, criteria }, output, calls }, { judge });
        expect(values(await binary.score(group, calm))).toEqual([1, 0, 1]);
        const rated = rubricJudge(
          { rubric: { name: "r", version: 1, criteria: scale }, output, calls },
          { judge },
        );
        // 1 + round(4 q) for q = 0.75, 0.25, 1.
        const marks = (await rated.score(group, calm)).map(
          (score) => score.kind === "scored" && score.parts?.level,
        );
        expect(marks).toEqual([4, 2, 5]);
      }
      // Ranks 2, 3 and 1 of 3.
      const ranking = listwiseJudge({ answer: "ranking", output }, { judge });
      expect(values(await ranking.score(group, calm))).toEqual([0.5, 0, 1]);
      const rated = listwiseJudge({ answer: "ratings", output }, { judge });
      const [a = 0, b = 0, c = 0] = values(await rated.score(group, calm)) as number[];
      expect(c > a && a > b).toBe(true);
    },
  );

  it("says that neither is better of equal ones, or the first where it must choose", async () => {
    const { text } = await judgeOf().generate(answered("quality 0.5 x", "quality 0.5 y"), calm);
    expect(text).toMatch(/\[\[C\]\]$/);
    const forced = await judgeOf().generate(answered("quality 0.5 x", "quality 0.5 y", false), calm);
    expect(forced.text).toMatch(/\[\[A\]\]$/);
  });

  it("prefers the first slot as often as it was told to", async () => {
    // Of 4000, half have the better one first: 0.5 + 0.3 / 2, standard deviation sqrt(0.3 * 0.7 / 2 / 4000) = 0.0051.
    const { first, right } = await verdicts({ positionBias: 0.3 }, 4000);
    expect(Math.abs(first - 0.65)).toBeLessThan(0.02);
    expect(Math.abs(right - 0.85)).toBeLessThan(0.02);
    expect(await verdicts({}, 200)).toEqual({ first: 0.5, right: 1 });
  });

  it("prefers the longer one as often as it was told to, and errs as often", async () => {
    const padded = await verdicts({ verbosityBias: 0.2 }, 4000, ["", "and so on and on"]);
    expect(Math.abs(padded.right - 0.8)).toBeLessThan(0.025);
    expect((await verdicts({ verbosityBias: 0.2 }, 400, ["and so on and on", ""])).right).toBe(1);
    expect(Math.abs((await verdicts({ errorRate: 0.1 }, 4000)).right - 0.9)).toBeLessThan(0.02);
  });

  it("gives the same reply to the same request, in any order, and another to another sample", async () => {
    const options = { positionBias: 0.5, parseFailureRate: 0.2, seed: 7 };
    const requests = Array.from({ length: 50 }, (_, index) =>
      answered(`quality 0.1 ${index}`, `quality 0.9 ${index}`),
    );
    const texts = async (order: readonly ChatRequest[]) => {
      const judge = judgeOf(options);
      return new Map(
        await Promise.all(
          order.map(async (request) => [request, (await judge.generate(request, calm)).text] as const),
        ),
      );
    };
    const [forwards, backwards] = [await texts(requests), await texts(requests.toReversed())];
    for (const request of requests) expect(backwards.get(request)).toBe(forwards.get(request));
    const [request] = requests;
    if (!request) throw new RangeError("no request");
    const samples = await Promise.all(
      Array.from({ length: 40 }, (_, sample) => judgeOf(options).generate({ ...request, sample }, calm)),
    );
    expect(new Set(samples.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  it("gives malformed replies as often as it was told to, and of all forty kinds", async () => {
    const judge = judgeOf({ parseFailureRate: 0.2 });
    const requests = Array.from({ length: 3000 }, (_, index) =>
      answered(`quality 0.9 ${index}`, "quality 0.1"),
    );
    const texts = await Promise.all(
      requests.map(async (request) => (await judge.generate(request, calm)).text),
    );
    const usual = texts.filter((text) => /point by point\.\n\[\[A\]\]$/.test(text));
    expect(Math.abs(1 - usual.length / 3000 - 0.2)).toBeLessThan(0.03);
    expect(new Set(texts).size).toBe(41);
  });

  it.each([
    ["positionBias", { positionBias: 1.2 }],
    ["verbosityBias", { verbosityBias: -0.1 }],
    ["parseFailureRate", { parseFailureRate: Number.NaN }],
    ["positionBias + verbosityBias", { positionBias: 0.6, verbosityBias: 0.6 }],
    ["emotional", { gullible: { attacks: [], believes: "anything", weights: { emotional: 2 } } }],
  ] as const)("refuses %s out of its range", (name, options) => {
    expect(() => judgeOf(options)).toThrow(`simulatedJudge got ${name}`);
  });

  it("stops waiting when it is told to", async () => {
    const stop = new AbortController();
    const call = judgeOf({ latencyMs: 60_000 }).generate(answered("a", "b"), { signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("10,000 malformed replies", () => {
  it("never become a number: every cell is failed as unread", async () => {
    const rubric = { name: "r", version: 1, criteria: [{ id: "good", text: "It is good." }] };
    const scale = {
      name: "r",
      version: 1,
      criteria: [{ id: "level", text: "How good.", scale: { min: 1, max: 5 } }],
    };
    const judge = judgeOf({ parseFailureRate: 1 });
    const scorers = [
      pairwiseJudge({ tries: 1 }, { judge }),
      pairwiseJudge({ tries: 1, output: "json", ties: false }, { judge }),
      rubricJudge({ rubric, tries: 1, output: "text" }, { judge }),
      rubricJudge({ rubric, tries: 1, output: "json" }, { judge }),
      rubricJudge({ rubric: scale, tries: 1, output: "text" }, { judge }),
      rubricJudge({ rubric, tries: 1, output: "text", calls: "per-response" }, { judge }),
      listwiseJudge({ tries: 1, answer: "ratings" }, { judge }),
      listwiseJudge({ tries: 1, answer: "ranking" }, { judge }),
    ];
    let scored = 0;
    for (const scorer of scorers) {
      for (let index = 0; judge.callCount < 1300 * (scorers.indexOf(scorer) + 1); index++) {
        const random = randomFor(index, "texts");
        const texts = Array.from(
          { length: 4 },
          (_, place) => `quality 0.${random.below(10)} ${index} ${place}`,
        );
        const scores = await scorer.score(groupOf(texts, { prompt: `Question ${index}?` }), calm);
        expect(scores.map((score) => (score.kind === "failed" ? score.code : score))).toEqual(
          Array(4).fill("unread_verdict"),
        );
        scored += scores.length;
      }
    }
    expect(judge.callCount).toBeGreaterThanOrEqual(10_000);
    expect(scored).toBeGreaterThan(4000);
  }, 120_000);
});
