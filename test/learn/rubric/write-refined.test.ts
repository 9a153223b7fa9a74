import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CallFailure } from "../../../src/core/errors.ts";
import { nodeFiles } from "../../../src/core/files.ts";
import type { Group } from "../../../src/core/types.ts";
import { type Memo, memoryMemo, openMemo } from "../../../src/learn/memo.ts";
import type { ReferenceSource } from "../../../src/learn/rubric/references.ts";
import {
  type GroupOutcome,
  type RefineGroups,
  refineGroups,
} from "../../../src/learn/rubric/refine-groups.ts";
import { writeRefined } from "../../../src/learn/rubric/write-refined.ts";
import { countingFiles, failingFiles } from "../../../src/testing/failing-files.ts";
import { fakeChatModel } from "../../../src/testing/fake-model.ts";
import { pace, type Script, scripted, WORLD } from "./world.ts";

let root: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "prefkit-refined-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newDirectory = async (): Promise<string> => {
  const directory = join(root, String(++made));
  await nodeFiles.makeDirectory(directory);
  return directory;
};

const groupOf = (id: string, metadata: Group["prompt"]["metadata"] = {}): Group => ({
  prompt: { id, messages: [{ role: "user", content: `About ${id}?` }], reference: null, metadata },
  responses: ["r0", "r1", "r2", "r3"].map((text) => ({
    id: `${id} ${text}`,
    text,
    role: "candidate",
    metadata: {},
  })),
});
const GROUPS = [groupOf("tower"), groupOf("bridge"), groupOf("lake")];

async function* batches(groups: readonly Group[], size = 2): AsyncGenerator<readonly Group[]> {
  for (let start = 0; start < groups.length; start += size) yield groups.slice(start, start + size);
}

interface Setup {
  readonly groups?: readonly Group[];
  readonly script?: Script;
  readonly memo?: Memo;
  readonly references?: ReferenceSource;
  readonly pace?: RefineGroups["pace"];
}

const outcomesOf = ({ groups = GROUPS, script, memo = memoryMemo(), references, ...rest }: Setup = {}) =>
  refineGroups(batches(groups), {
    models: scripted(WORLD, script).models,
    references: references ?? { kind: "none" },
    ...{ options: {}, memo, pace, ...rest },
  });
const write = (directory: string, setup: Setup = {}) =>
  writeRefined(nodeFiles, directory, outcomesOf(setup), { options: {} });
const all = async (setup: Setup): Promise<readonly GroupOutcome[]> => {
  const outcomes: GroupOutcome[] = [];
  for await (const batch of outcomesOf(setup)) outcomes.push(...batch);
  return outcomes;
};
const filesOf = async (directory: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(directory)).map(
        async (name) => [name, await readFile(join(directory, name), "utf8")] as const,
      ),
    ),
  );

describe("writeRefined", () => {
  it("counts what became of the criteria of all prompts", async () => {
    const report = await write(await newDirectory());
    // Of each prompt: B, D, A1, A2a in (no references: D stays); A and A2 apart; C, E, b. and A2b out.
    expect(report).toMatchObject({
      ...{ prompts: 3, withRubric: 3, withoutRubric: 0, withoutReferences: 3, failed: {} },
      decisions: { accepted: 12, decomposed: 6, rejected: 12 },
      rejections: { redundant: 3, conflict: 3, duplicate: 3, met_by_none: 3 },
      ...{ stops: { queue_empty: 3 }, weightNotes: {}, unread: {} },
    });
  });

  it("writes prompts in their order, and a rubric by itself only for a single prompt", async () => {
    const several = await newDirectory();
    await write(several);
    const many = await filesOf(several);
    expect(Object.keys(many).sort()).toEqual(["report.json", "rubrics.jsonl", "trace.jsonl"]);
    expect(
      [...(many["rubrics.jsonl"] ?? "").matchAll(/^\{"prompt_id":"(\w+)"/gm)].map(([, id]) => id),
    ).toEqual([...["tower", "bridge", "lake"]]);
    const directory = await newDirectory();
    await write(directory, { groups: GROUPS.slice(0, 1) });
    expect(Object.keys(await filesOf(directory))).toContain("rubric.yaml");
    // The rubric of another work must not stay behind.
    await write(directory);
    expect(Object.keys(await filesOf(directory))).not.toContain("rubric.yaml");
  });

  it("gives the same files after a kill at any call", async () => {
    const whole = await newDirectory();
    await write(whole);
    const expected = await filesOf(whole);
    const calls = scripted(WORLD);
    for await (const _ of refineGroups(batches(GROUPS), {
      models: calls.models,
      ...{ references: { kind: "none" }, options: {}, memo: memoryMemo(), pace },
    }));
    for (let killedAt = 0; killedAt < calls.calls.length; killedAt += 13) {
      const directory = await newDirectory();
      const file = join(root, `memo-${made}.jsonl`);
      const first = await openMemo(file, "work");
      const instead: Script["instead"] = (_, __, ___, call) => {
        if (call >= killedAt) throw new Error("killed");
        return undefined;
      };
      await expect(write(directory, { script: { instead }, memo: first })).rejects.toThrow("killed");
      await first.close();
      expect(await filesOf(directory)).toEqual({});
      const second = await openMemo(file, "work");
      await write(directory, { memo: second });
      await second.close();
      expect(await filesOf(directory)).toEqual(expected);
    }
  }, 60_000);

  it("leaves no half of a file when the disk fails, whatever it was doing", async () => {
    const counted = countingFiles(nodeFiles);
    await writeRefined(counted, await newDirectory(), outcomesOf(), {});
    expect(counted.calls).toBeGreaterThan(10);
    for (let failAt = 1; failAt <= counted.calls; failAt++) {
      const directory = await newDirectory();
      const files = failingFiles(nodeFiles, { failAt });
      await expect(writeRefined(files, directory, outcomesOf(), {})).rejects.toMatchObject({ code: "io" });
      const rubrics = (await filesOf(directory))["rubrics.jsonl"];
      if (rubrics !== undefined) expect(rubrics.trimEnd().split("\n")).toHaveLength(3);
    }
  });
});

describe("refineGroups", () => {
  it("begins the next prompt as soon as any one is done, however small the pieces are that they come in", async () => {
    const many = Array.from({ length: 8 }, (_, index) => groupOf(`p${index}`));
    let underWay = 0;
    let most = 0;
    const { models } = scripted(WORLD);
    const proposer: typeof models.proposer = {
      id: "slow",
      generate: async (request, context) => {
        underWay += 1;
        most = Math.max(most, underWay);
        // Until the window is full, were it not for pieces that wait for each other.
        for (let turn = 0; turn < 50 && underWay < 4; turn++) await new Promise(setImmediate);
        underWay -= 1;
        return models.proposer.generate(request, context);
      },
    };
    const ids: string[] = [];
    for await (const outcomes of refineGroups(batches(many, 1), {
      models: { ...models, proposer },
      ...{ references: { kind: "none" }, options: {}, memo: memoryMemo(), pace },
    }))
      ids.push(...outcomes.map(({ promptId }) => promptId));
    expect(ids).toEqual(many.map(({ prompt }) => prompt.id));
    expect(most).toBe(4);
  });

  it("fails a prompt alone whose call fails", async () => {
    const instead: Script["instead"] = (stage, content) => {
      if (stage === "vote" && content.includes("About bridge?"))
        throw new CallFailure("too_long", "too long");
      return undefined;
    };
    const outcomes = await all({ script: { instead } });
    expect(outcomes.map(({ kind, promptId }) => `${promptId} ${kind}`)).toEqual([
      "tower refined",
      "bridge failed",
      "lake refined",
    ]);
    expect(outcomes[1]).toMatchObject({ code: "too_long", why: "too long" });
  });

  it.each(["budget", "cancelled", "not_cached"] as const)("ends as a whole on %s", async (code) => {
    const instead: Script["instead"] = (_, __, ___, call) => {
      if (call > 20) throw new CallFailure(code, "ended");
      return undefined;
    };
    await expect(all({ script: { instead } })).rejects.toMatchObject({ code });
  });

  it("begins nothing once it is to stop", async () => {
    const stopped = { ...pace, stop: AbortSignal.abort() };
    await expect(all({ pace: stopped })).rejects.toMatchObject({ code: "cancelled" });
  });

  it("refuses a prompt that comes twice", async () => {
    await expect(all({ groups: [...GROUPS, groupOf("tower")] })).rejects.toMatchObject({
      code: "duplicate_id",
    });
  });
});

describe("references", () => {
  const answering = (id: string, text: string | (() => string)) =>
    fakeChatModel({ id, reply: () => (typeof text === "string" ? text : text()) });
  const sampling = { temperature: 0, maxTokens: 100 };
  const referencesOf = async (references: ReferenceSource, group = groupOf("tower")) => {
    const [outcome] = await all({ groups: [group], references });
    return outcome;
  };

  it("are what two models answer, each asked once, under ids that may be the same", async () => {
    const [strong, weak] = [answering("m", "strong"), answering("m", "weak")];
    const outcome = await referencesOf({ kind: "models", strong, weak, sampling });
    expect(outcome).toMatchObject({ kind: "refined", hasReferences: true });
    expect(strong.calls).toHaveLength(1);
    expect(weak.calls).toHaveLength(1);
    // D is met by the weak one alone.
    if (outcome?.kind !== "refined") throw new Error("it is refined");
    expect(outcome.refined.trace.find(({ text }) => text === "D")).toMatchObject({ reason: "misaligned" });
  });

  it.each([
    { note: "a blank answer", text: " \n" },
    {
      note: "a content filter",
      text: () => {
        throw new CallFailure("bad_request", "content filter");
      },
    },
  ])("are none, and flagged, with $note", async ({ text }) => {
    const outcome = await referencesOf({
      ...{ kind: "models", strong: answering("s", text), weak: answering("w", "weak"), sampling },
    });
    expect(outcome).toMatchObject({ kind: "refined", hasReferences: false });
  });

  it.each([
    { note: "cut at its limit", reply: { text: "half an ans", finishReason: "length" } },
    { note: "broken off by its server", reply: { text: "half an ans", finishReason: "abort" } },
    { note: "refused", reply: { text: "no", finishReason: "refusal" } },
    { note: "still thinking", reply: { text: "<think>\nperhaps" } },
    { note: "nothing but thinking", reply: { text: "<think>perhaps</think>\n " } },
  ])("are none when the answer is $note", async ({ reply }) => {
    const strong = fakeChatModel({ id: "s", reply: () => reply });
    const outcome = await referencesOf({ kind: "models", strong, weak: answering("w", "weak"), sampling });
    expect(outcome).toMatchObject({ kind: "refined", hasReferences: false });
  });

  it("are what is said after thinking", async () => {
    const strong = answering("s", "<think>Is it weak?</think>\n\nstrong");
    const weak = answering("w", "<think>Is it strong?</think>weak");
    const outcome = await referencesOf({ kind: "models", strong, weak, sampling });
    if (outcome?.kind !== "refined") throw new Error("it is refined");
    // D is met by the weak one alone, by these very words.
    expect(outcome.refined.trace.find(({ text }) => text === "D")).toMatchObject({ reason: "misaligned" });
  });

  it("that cannot be had for another reason fail the prompt", async () => {
    const down = answering("s", () => {
      throw new CallFailure("overloaded", "busy");
    });
    const outcome = await referencesOf({
      kind: "models",
      strong: down,
      weak: answering("w", "weak"),
      sampling,
    });
    expect(outcome).toMatchObject({ kind: "failed", code: "overloaded" });
  });

  it.each([
    { metadata: { good: "strong", bad: "weak" }, has: true },
    { metadata: { good: "strong" }, has: false },
    { metadata: { good: "strong", bad: 3 }, has: false },
    { metadata: { good: "", bad: "weak" }, has: false },
  ])("come from metadata where both are texts: $metadata", async ({ metadata, has }) => {
    const source: ReferenceSource = { kind: "metadata", strong: "good", weak: "bad" };
    expect(await referencesOf(source, groupOf("tower", metadata))).toMatchObject({ hasReferences: has });
  });
});
