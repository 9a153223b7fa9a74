import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mathAnswer } from "../../rewards/math-answer.ts";
import type { Group, Score } from "../../src/core/types.ts";

interface Row {
  readonly id: string;
  readonly form: "answer" | "response";
  readonly gold: string;
  readonly prediction: string;
  readonly expected: "equal" | "different" | "no-answer" | "unparsable";
}

/** Equal answers that are not accepted, with the reason. A find goes into half B; nothing is added here to hide one. */
const NOT_ACCEPTED: Readonly<Record<string, string>> = {
  "b-761": "an equation whose left side holds unknowns: its right side stands for it by no convention",
  "b-861": "a definite integral that nothing here integrates exactly",
};

const context = { signal: new AbortController().signal, seed: 0 };
const scorer = mathAnswer({ symbolicTimeoutMs: 5_000 });

/** A bare answer is put into a box, as a model would write it. */
function groupOf({ form, gold, prediction }: Row): Group {
  const bare = /^\$([^$]+)\$$/.exec(prediction.trim())?.[1] ?? prediction;
  const text = form === "answer" ? `\\boxed{${bare}}` : prediction;
  return {
    prompt: { id: "p", messages: [{ role: "user", content: "?" }], reference: gold, metadata: {} },
    responses: [{ id: "r", text, role: "candidate", metadata: {} }],
  };
}

describe.each(["a", "b"])("math-answer on half %s of the corpus", (half) => {
  const lines = readFileSync(new URL(`answers-${half}.jsonl`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  const rows = lines.map((line) => JSON.parse(line) as Row);

  it("accepts no wrong answer, and every right one but those named, under 1 %", async () => {
    const accepted: string[] = [];
    const rejected: string[] = [];
    for (const row of rows) {
      const [score] = (await scorer.score(groupOf(row), context)) as [Score];
      const isAccepted = score.kind === "scored" && score.value === 1;
      if (isAccepted && row.expected !== "equal") accepted.push(`${row.id}: ${score.why}`);
      if (!isAccepted && row.expected === "equal") rejected.push(row.id);
    }
    expect(accepted).toEqual([]);
    expect(rejected).toEqual(Object.keys(NOT_ACCEPTED).filter((id) => id.startsWith(half)));
    expect(rejected.length / rows.filter(({ expected }) => expected === "equal").length).toBeLessThan(0.01);
  });
});
