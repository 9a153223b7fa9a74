import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { abstained, failed, scored } from "../../src/core/scorer.ts";
import { splitSteps } from "../../src/core/steps.ts";
import type { Message, Score, ScoredGroup } from "../../src/core/types.ts";
import { anyText, groupOf, type ResponseSketch } from "../../src/testing/arbitraries.ts";
import {
  type LeftOutResponse,
  type ProcessRow,
  type ProcessRowOptions,
  processRows,
  streamProcessRows,
} from "../../src/trainers/process-rows.ts";

/** A score whose spans are the text's steps, with these values in turn. */
function stepScore(text: string, values: readonly (number | null)[]): Score {
  const spans = splitSteps(text).map((step, index) => ({
    ...step,
    value: values[index % values.length] ?? null,
    label: "step",
  }));
  return scored(0.5, { spans });
}

const textOf = (response: ResponseSketch): string =>
  typeof response === "string" ? response : response.text;

function scoredGroup(
  responses: readonly ResponseSketch[],
  values: readonly (number | null)[],
  prompt: string | readonly Message[] = "Q",
): ScoredGroup {
  const scores = responses.map((response) => stepScore(textOf(response), values));
  return { group: groupOf(responses, { prompt }), columns: [{ name: "process", scores }] };
}

const options: ProcessRowOptions = { score: "process" };

describe("process rows", () => {
  it.each([
    { afterFirstError: "as-is", completions: ["a", "👍 b", "c"], labels: [true, false, true] },
    { afterFirstError: "false", completions: ["a", "👍 b", "c"], labels: [true, false, false] },
    { afterFirstError: "drop", completions: ["a", "👍 b"], labels: [true, false] },
  ] as const)(
    "labels steps, $afterFirstError after the first wrong one",
    ({ afterFirstError, ...expected }) => {
      const given = scoredGroup(["a\n\n👍 b\n\nc"], [0.9, 0.2, 0.8]);
      expect(processRows(given, { ...options, afterFirstError })).toEqual({
        rows: [{ prompt: "Q", ...expected }],
        leftOut: [],
      });
    },
  );

  it.each([
    { threshold: 0.5, labels: [true, true, false] },
    { threshold: 0.51, labels: [true, false, false] },
    // Hard estimation by eight rollouts: right when one of them reached the answer.
    { threshold: 1 / 8, labels: [true, true, true] },
  ])("counts a step of $threshold and more as right", ({ threshold, labels }) => {
    const given = scoredGroup(["a\nb\nc"], [0.9, 0.5, 0.125]);
    expect(processRows(given, { ...options, threshold }).rows).toMatchObject([{ labels }]);
  });

  it("keeps the separators when told to, so that the completions are the response", () => {
    const given = scoredGroup([" a\n\n👍 b\r\n\r\nc \n"], [1]);
    const [row] = processRows(given, { ...options, separators: "keep" }).rows;
    expect(row?.completions).toEqual([" a\n\n", "👍 b\r\n\r\n", "c \n"]);
  });

  it("gives back the response: to the letter with separators kept, its start where steps are dropped", () => {
    const anyResponse = fc.oneof(
      anyText(),
      fc.array(anyText(), { minLength: 2 }).map((texts) => texts.join("\n\n")),
    );
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(anyResponse, values, (text, steps) => {
        const given = scoredGroup([text], steps);
        const [kept] = processRows(given, { ...options, separators: "keep" }).rows;
        const [dropped] = processRows(given, {
          ...options,
          separators: "keep",
          afterFirstError: "drop",
        }).rows;
        const [stripped] = processRows(given, options).rows;
        expect(kept === undefined).toBe(splitSteps(text).length === 0);
        if (!kept || !dropped || !stripped) return;
        expect(kept.completions.join("")).toBe(text);
        expect(text.startsWith(dropped.completions.join(""))).toBe(true);
        expect(stripped.completions.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
        for (const { completions, labels } of [kept, dropped, stripped]) {
          expect(labels).toHaveLength(completions.length);
        }
        expect(dropped.labels.indexOf(false)).toSatisfy(
          (at: number) => at === -1 || at === dropped.labels.length - 1,
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("gives the prompt as text or as messages", () => {
    const prompt: Message[] = [
      { role: "system", content: "Be brief." },
      { role: "tool", content: "4", toolCallId: "1" },
      { role: "user", content: "2 + 2?" },
    ];
    const given = scoredGroup(["4"], [1], prompt);
    expect(processRows(given, options).rows[0]?.prompt).toBe("Be brief.\n\n4\n\n2 + 2?");
    expect(processRows(given, { ...options, prompt: "messages" }).rows[0]?.prompt).toEqual([
      { role: "system", content: "Be brief." },
      { role: "tool", content: "4", tool_call_id: "1" },
      { role: "user", content: "2 + 2?" },
    ]);
  });

  it("leaves out what it has no labels for, and says why; baselines it passes over", () => {
    const responses = ["a", "b", "c", "d", "e", { text: "f", role: "baseline" as const }, "g"];
    const scores = [
      abstained("response has no steps"),
      failed("timeout", "too slow"),
      scored(1),
      scored(1, { spans: [] }),
      scored(1, { spans: [{ start: 0, end: 1, value: null, label: "step" }] }),
      stepScore("f", [1]),
    ];
    const group = groupOf(responses);
    const { rows, leftOut } = processRows({ group, columns: [{ name: "process", scores }] }, options);
    expect(rows).toEqual([]);
    expect(leftOut.map(({ why }) => why)).toEqual([
      "abstained: response has no steps",
      "failed: too slow",
      "its score marks no steps",
      "it has no steps",
      "a step has no value",
      "no score",
    ]);
    expect(leftOut.map(({ responseId }) => responseId)).toEqual(
      group.responses.filter(({ role }) => role === "candidate").map(({ id }) => id),
    );
  });

  it.each([
    {
      note: "that overlap",
      spans: [
        [0, 3],
        [2, 4],
      ],
    },
    {
      note: "out of order",
      spans: [
        [2, 4],
        [0, 1],
      ],
    },
    { note: "beyond the text", spans: [[0, 5]] },
    { note: "that end before they start", spans: [[3, 2]] },
  ])("refuses spans $note", ({ spans }) => {
    const steps = spans.map(([start = 0, end = 0]) => ({ start, end, value: 1, label: null }));
    const columns = [{ name: "process", scores: [scored(1, { spans: steps })] }];
    expect(() => processRows({ group: groupOf(["abcd"]), columns }, options)).toThrow(
      expect.objectContaining({ code: "contract_broken" }),
    );
  });

  it("names the scores there are when it is told of another", () => {
    const given = scoredGroup(["a"], [1]);
    expect(() => processRows(given, { score: "proces" })).toThrow(
      expect.objectContaining({ code: "unknown_name", message: expect.stringContaining('"process"') }),
    );
  });

  it.each([{}, { score: "process", threshold: Number.NaN }, { score: "process", afterFirstError: "mask" }])(
    "refuses the options %j",
    (given) => {
      expect(() => processRows(scoredGroup(["a"], [1]), given as ProcessRowOptions)).toThrow(
        expect.objectContaining({ code: "bad_option" }),
      );
    },
  );

  it("streams the rows of groups in order, and asks for a group only when the rows before it are taken", async () => {
    let asked = 0;
    async function* groups(): AsyncGenerator<ScoredGroup> {
      for (const text of ["a\n\nb", "", "c"]) {
        asked += 1;
        yield scoredGroup([text, `${text} again`], [1]);
      }
    }
    const leftOut: LeftOutResponse[] = [];
    const rows: ProcessRow[] = [];
    for await (const row of streamProcessRows(groups(), options, (one) => leftOut.push(one))) {
      rows.push(row);
      if (rows.length === 2) expect(asked).toBe(1);
    }
    expect(rows.map(({ completions }) => completions)).toEqual([
      ["a", "b"],
      ["a", "b again"],
      ["again"],
      ["c"],
      ["c again"],
    ]);
    expect(leftOut).toMatchObject([{ why: "it has no steps" }]);
  });

  it("streams groups at hand too, and nothing from none", async () => {
    const rows: ProcessRow[] = [];
    for await (const row of streamProcessRows([], options)) rows.push(row);
    expect(rows).toEqual([]);
    for await (const row of streamProcessRows([scoredGroup(["a"], [1])], options)) rows.push(row);
    expect(rows).toEqual([{ prompt: "Q", completions: ["a"], labels: [true] }]);
  });
});
