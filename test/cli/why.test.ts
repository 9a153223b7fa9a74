import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyCommand } from "../../src/cli/commands/why.ts";
import { invoke, RECORDS, smallDataset, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
let ids: string[];

beforeAll(async () => {
  directory = await temporary.make();
  await smallDataset(directory);
  const listed = await invoke(whyCommand, ["out"], { directory });
  ids = listed.out.split("\n").map((line) => line.split(" ")[0] ?? "");
});
afterAll(temporary.removeAll);

const why = (...args: string[]) => invoke(whyCommand, ["out", ...args], { directory });

describe("prefkit why", () => {
  it("lists ids, margins and prompts when no id is given", async () => {
    const { out, exitCode } = await why();
    expect(out).toMatch(
      /^[0-9a-f]{32} {2}margin 1\.40984 {2}sum\n[0-9a-f]{32} {2}margin 4\.1171 {2}product$/,
    );
    expect(exitCode).toBe(0);
  });

  it("explains a pair by the first digits of its id", async () => {
    const { out, err, exitCode } = await why((ids[0] ?? "").slice(0, 8));
    expect(out.split("\n").map((line) => line.trimEnd())).toEqual([
      `pair ${ids[0]}  out/pairs/train-00000-of-00001.parquet, row 0`,
      'rule best-vs-worst  {"use":"best-vs-worst"}',
      "",
      "prompt sum",
      "  user:",
      "    What is 40 + 2?",
      "  reference: 42",
      "",
      expect.stringMatching(/^chosen {2}reward 1\.32201 {2}[0-9a-f]{32}$/),
      "    A: 42",
      "",
      expect.stringMatching(/^rejected {2}reward -0\.087822 {2}[0-9a-f]{32}$/),
      "    A: 41",
      "",
      "margin 1.40984 = 1.32201 − -0.087822",
      "rewards of the group: 1.32201 (chosen), -0.087822 (rejected), 0.929596",
      "",
      "scores                         chosen  rejected",
      "  correct (math-answer 2)      1       0",
      "    textAfter                  0       0",
      "    truncated                  0       0",
      "    candidates                 1       1",
      expect.stringMatching(/^ {6}chosen: equal: /),
      expect.stringMatching(/^ {6}rejected: different: /),
      "  grade (precomputed 1)        3       1",
      "  length (overlong-penalty 1)  0       0",
      "",
      "reward = Σ weight × value    weight  chosen                rejected",
      "  correct                    1       1        -> 1         0         -> 0",
      "  grade → standardize        0.2     1.61007  -> 0.322014  -0.43911  -> -0.087822",
      "  length                     0.5     0        -> 0         0         -> 0",
      "  sum                                         -> 1.32201             -> -0.087822",
      "  gate grade below 0.5 -> reward -3: did not decide",
      "",
      "config",
      expect.stringMatching(/^ {2}[0-9a-f]{16} {2}correct: \{"use":"math-answer"/),
      expect.stringMatching(/^ {2}[0-9a-f]{16} {2}grade: \{"use":"precomputed"/),
      expect.stringMatching(/^ {2}[0-9a-f]{16} {2}length: \{"use":"overlong-penalty"/),
    ]);
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("makes control characters and direction overrides in texts visible", async () => {
    const { out } = await why(ids[1] ?? "");
    expect(out).toContain("␛[31mHm.␛[0m\\u{202e}");
    expect(out).toContain("gate grade below 0.5 -> reward -3: decided on rejected");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  it("prints everything as one JSON object, texts as they are", async () => {
    const { out } = await why(ids[1] ?? "", "--json");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
    expect(out).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      pairId: ids[1],
      promptId: "product",
      rejected: { response: { text: RECORDS[1]?.responses[0]?.text }, reward: -3 },
      terms: [{ score: "correct" }, { score: "grade" }, { score: "length" }],
    });
  });

  it("shortens long texts in the middle, so that the final answer is seen", async () => {
    const other = await temporary.make();
    const text = `${"so ".repeat(1000)}\nA: 42`;
    const responses = [
      { text, metadata: { grade: 1 } },
      { text: "A: 41", metadata: { grade: 0 } },
    ];
    await smallDataset(
      other,
      {
        scorers: { correct: { use: "math-answer" } },
        reward: undefined,
      },
      {},
      [{ id: "long", prompt: "What is 40 + 2?", reference: "42", responses }],
    );
    const listed = await invoke(whyCommand, ["out"], { directory: other });
    const { out } = await invoke(whyCommand, ["out", listed.out.slice(0, 8)], { directory: other });
    // 3 × 1000 characters, a line break and "A: 42" make 3006; 600 are shown.
    expect(out).toContain("[… 2406 more characters …]");
    expect(out).toContain("A: 42");
    expect(out.length).toBeLessThan(3000);
  });

  it("refuses an unknown id, naming the nearest and how to list more", async () => {
    const error: unknown = await why("zzzz").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "unknown_name" });
    for (const id of ids) expect(String(error)).toContain(id);
  });
});
