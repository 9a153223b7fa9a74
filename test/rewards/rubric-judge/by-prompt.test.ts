import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { definition, rubricJudge } from "../../../rewards/rubric-judge.ts";
import type { Group, Score } from "../../../src/core/types.ts";
import { memoryMemo } from "../../../src/learn/memo.ts";
import { refineGroups } from "../../../src/learn/rubric/refine-groups.ts";
import { rubricRecord } from "../../../src/learn/rubric/write-refined.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { pace, scripted, WORLD } from "../../learn/rubric/world.ts";

let directory: string;
let file: string;

const groupOf = (id: string): Group => ({
  prompt: { id, messages: [{ role: "user", content: `About ${id}?` }], reference: null, metadata: {} },
  responses: ["r0", "r2"].map((text) => ({ id: `${id} ${text}`, text, role: "candidate", metadata: {} })),
});
const line = (id: string, ...texts: readonly string[]): string =>
  JSON.stringify({
    prompt_id: id,
    rubric:
      texts.length === 0
        ? null
        : {
            ...{ name: id, version: 1 },
            criteria: texts.map((text, index) => ({ id: `k${index}`, text, points: index === 0 ? 2 : -1 })),
            weighting: "points",
          },
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-by-prompt-"));
  file = join(directory, "rubrics.jsonl");
  await writeFile(
    file,
    [line("tower", "Says r0"), line("bridge", "Says r0", "Says r2"), line("lake")].join("\n"),
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Says yes where the response holds the criterion's last word. */
const judge = fakeChatModel({
  reply: ({ messages }) => {
    const all = messages.map(({ content }) => content).join("\n");
    const word = /Says (r\d)/.exec(all)?.[1] ?? "none";
    return new RegExp(`\\n${word}\\n`).test(all) ? "So.\n[[Yes]]" : "So.\n[[No]]";
  },
});
const options = () => ({ rubric: file, output: "text" }) as const;
const score = async (id: string): Promise<readonly Score[]> =>
  rubricJudge(options(), { judge }).score(groupOf(id), { signal: new AbortController().signal, seed: 0 });

describe("rubric-judge with a rubric for each prompt", () => {
  it("judges each prompt by its own", async () => {
    // tower: 2 / 2 and 0 / 2. bridge: 2 / 2, and -1 / 2 for what only r2 meets.
    expect(await score("tower")).toMatchObject([
      { kind: "scored", value: 1 },
      { kind: "scored", value: 0 },
    ]);
    expect(await score("bridge")).toMatchObject([
      { kind: "scored", value: 1, parts: { k0: 1, k1: 0 } },
      { kind: "scored", value: -0.5, parts: { k0: 0, k1: 1 } },
    ]);
  });

  it("has the range of all of them together", () => {
    expect(rubricJudge(options(), { judge }).range).toEqual([-0.5, 1]);
  });

  it.each(["lake", "moon"])("abstains, and plans no call, for a prompt without a rubric: %s", async (id) => {
    expect(await score(id)).toEqual(
      Array.from({ length: 2 }, () => ({ kind: "abstained", why: "there is no rubric for this prompt" })),
    );
    const settings = definition.options.parse({ ...options(), judge: "judge" });
    expect(definition.plannedCalls?.(settings, groupOf(id))).toEqual([]);
  });

  it("plans the calls of the prompt's own rubric", () => {
    const settings = definition.options.parse({ ...options(), judge: "judge" });
    const calls = (id: string) => definition.plannedCalls?.(settings, groupOf(id)).map((one) => one.calls);
    expect(calls("tower")).toEqual([2]);
    expect(calls("bridge")).toEqual([4]);
  });

  it("takes what a refinement writes", async () => {
    const refined = join(directory, "refined.jsonl");
    const groups = async function* () {
      yield [
        { ...groupOf("tower"), responses: ["r0", "r1", "r2", "r3"].map((text) => ({ ...responseOf(text) })) },
      ];
    };
    for await (const outcomes of refineGroups(groups(), {
      models: scripted(WORLD).models,
      ...{ references: { kind: "none" }, options: {}, memo: memoryMemo(), pace },
    })) {
      const [outcome] = outcomes;
      if (outcome?.kind !== "refined") throw new Error("it is refined");
      await writeFile(refined, `${JSON.stringify(rubricRecord(outcome))}\n`);
    }
    const asked: string[] = [];
    const yes = fakeChatModel({
      reply: ({ messages }) => {
        asked.push(messages.map(({ content }) => content).join("\n"));
        return "So.\n[[Yes]]";
      },
    });
    const scorer = rubricJudge({ rubric: refined, output: "text" }, { judge: yes });
    const [first] = await scorer.score(groupOf("tower"), { signal: new AbortController().signal, seed: 0 });
    expect(first).toMatchObject({ kind: "scored", value: expect.closeTo(1, 12) });
    // The votes were yes or no, and so are the verdicts.
    expect(asked.some((text) => text.includes("[[NA]]"))).toBe(false);
  });

  it.each([
    { text: `${line("lake")}\n`, message: /holds no rubric/ },
    { text: "{}\n", message: /bad\.jsonl:1: prompt_id/ },
    { text: `${line("a", "x")}\n${line("a", "y")}\n`, message: /bad\.jsonl:2: prompt a/ },
  ])("refuses a file that is none: $message", async ({ text, message }) => {
    const bad = join(directory, "bad.jsonl");
    await writeFile(bad, text);
    expect(() => rubricJudge({ rubric: bad }, { judge })).toThrow(message);
  });
});

function responseOf(text: string): Group["responses"][number] {
  return { id: text, text, role: "candidate", metadata: {} };
}
