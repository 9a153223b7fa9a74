import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioError } from "../../../src/core/errors.ts";
import { type Files, nodeFiles } from "../../../src/core/files.ts";
import { sha256 } from "../../../src/core/ids.ts";
import {
  checkExport,
  type ExportCheckProgress,
  loadTrainerTokenizer,
  type TrainerTokenizer,
} from "../../../src/trainers/check/index.ts";
import { trainers } from "../../../src/trainers/index.ts";
import type { PairRecord } from "../../../src/trainers/trainer-adapter.ts";
import { trl } from "../../../src/trainers/trl.ts";
import { byteLevel, TEMPLATES, writeTokenizer } from "../../models/fixtures/make-tokenizers.ts";
import { runtimeIn } from "../../models/runtime.ts";
import { editManifest, editRows, makeExport, numberedPair, pairs, plain } from "./exports.ts";

let scratch: string;
let chatml: TrainerTokenizer;
let made = 0;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "prefkit-export-check-"));
  const folder = await writeTokenizer(join(scratch, "tokenizer"), byteLevel({ template: TEMPLATES.chatml }));
  chatml = await loadTrainerTokenizer(folder, { runtime: runtimeIn(scratch) });
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function preference(records: readonly PairRecord[], trainer = plain) {
  made += 1;
  return await makeExport(join(scratch, `export-${made}`), trainer, "preference", { train: records });
}

const base = { files: nodeFiles, trainers: [plain, trl] };

/** `letters` tokens in the side, of a letter that merges with nothing. */
const side = (letters: number) => [{ role: "assistant" as const, content: "x".repeat(letters) }];

describe("lengths and what becomes of them", () => {
  /**
   * Tokens by hand in ChatML, with the fixture's merges: <|im_start|> user \n x <|im_end|> \n <|im_start|> assistant \n
   * 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 = 9 for the prompt; a response of n x: n + <|im_end|> + \n = n + 2.
   */
  const prompt = [{ role: "user" as const, content: "x" }];
  const records = [
    numberedPair(0, { prompt, chosen: side(10), rejected: side(4) }),
    numberedPair(1, { prompt, chosen: side(20), rejected: side(3) }),
    numberedPair(2, {
      prompt: [{ role: "user", content: "x".repeat(22) }],
      chosen: side(1),
      rejected: side(2),
    }),
  ];

  it("are counted as the template renders them", async () => {
    const { directory } = await preference(records);
    const { lengths, examples } = await checkExport({ ...base, directory, tokenizer: chatml });
    expect(examples).toBe(3);
    // Prompts 9, 9, 30; responses 12, 6, 22, 5, 3, 4; with the longer response 21, 31, 34.
    expect(lengths).toEqual({
      prompt: { count: 3, mean: 16, p50: 9, p90: 30, p99: 30, max: 30 },
      responses: { count: 6, mean: 52 / 6, p50: 5, p90: 22, p99: 22, max: 22 },
      total: { count: 3, mean: 86 / 3, p50: 31, p90: 34, p99: 34, max: 34 },
    });
  });

  it("are cut or dropped by each method's own rule, with the first rows named", async () => {
    const { directory } = await preference(records);
    const { fates } = await checkExport({ ...base, directory, tokenizer: chatml, maxLength: 30 });
    const file = "data/train-00000-of-00001.parquet";
    // cut: 21 fits, 31 is cut, a prompt of 30 leaves nothing: dropped. drop: 31 and 34 are too long.
    expect(fates).toMatchObject([
      {
        method: "cut",
        maxLength: 30,
        whole: 1,
        truncated: 1,
        dropped: 1,
        emptied: 0,
        truncatedShare: 1 / 3,
        droppedShare: 1 / 3,
        firstTruncated: [{ file, row: 1 }],
        firstDropped: [{ file, row: 2 }],
      },
      {
        method: "drop",
        whole: 1,
        truncated: 0,
        dropped: 2,
        droppedShare: 2 / 3,
        firstDropped: [{ row: 1 }, { row: 2 }],
      },
    ]);
  });

  it("take each method's default when no length is given, and show SimPO's rule beside DPO's", async () => {
    const { directory } = await preference(
      [numberedPair(0, { chosen: side(900), rejected: side(300) })],
      trl,
    );
    const { fates } = await checkExport({ ...base, directory, tokenizer: chatml });
    expect(fates.map(({ method, maxLength, whole }) => ({ method, maxLength, whole }))).toEqual([
      { method: "DPO", maxLength: 1024, whole: 1 },
      { method: "CPO (SimPO)", maxLength: 1024, whole: 1 },
    ]);
    expect(fates.map(({ lengthFrom }) => lengthFrom)).toEqual(["config", "config"]);
    const told = await checkExport({ ...base, directory, tokenizer: chatml, maxLength: 2048 });
    expect(told.fates[0]).toMatchObject({ maxLength: 2048, lengthFrom: "option" });
  });

  /** As each trainer's config or command spells it. */
  const LENGTH_SETTINGS =
    /(?:max_length[:=]|--data\.max_len|sequence_len:|cutoff_len:|--max_length|max_total_sequence_length=|max_prompt_length=) *(\d+)/g;

  it("are judged by the length that the export's own config sets", () => {
    const facts = { extras: { tools: false, images: false, toolMessages: false }, scores: ["grade"] };
    const files = { train: ["data/train-00000-of-00001.parquet"] };
    const setting = new Set<string>();
    for (const { name, layouts } of trainers) {
      for (const [kind, definition] of Object.entries(layouts)) {
        const options = [{}, { score: "grade" }, { scores: "helpfulness=grade" }]
          .map((given) => definition.options.safeParse(given))
          .find(({ success }) => success)?.data;
        expect(options, `${name} ${kind}`).toBeDefined();
        const layout = definition.create(options ?? {}, facts);
        const texts = layout.companions({ files }).map(({ text }) => text);
        const set = [...texts.join("\n").matchAll(LENGTH_SETTINGS)].map(([, length]) => Number(length));
        const judged = layout.lengthRules.map(({ defaultMaxLength }) => defaultMaxLength);
        for (const length of set) expect(new Set(judged), `${name} ${kind}`).toEqual(new Set([length]));
        if (set.length > 0) setting.add(name);
      }
    }
    expect([...setting].sort()).toEqual([
      "axolotl",
      "llama-factory",
      "ms-swift",
      "nemo-rl",
      "openrlhf",
      "trl",
      "verl",
    ]);
  });

  it("say when SimPO's rule leaves nothing of a response", async () => {
    // 40 x + <|im_end|> + \n + the EOS that CPO puts behind = 43 tokens; at 43 CPO cuts responses to 43 − 43 = 0.
    const { directory } = await preference([numberedPair(0, { chosen: side(40), rejected: side(3) })], trl);
    const { fates } = await checkExport({ ...base, directory, tokenizer: chatml, maxLength: 43 });
    expect(fates.find(({ method }) => method === "CPO (SimPO)")).toMatchObject({ truncated: 1, emptied: 1 });
  });
});

describe("the export check", () => {
  it("only warns of a response that begins with the prompt's text, as a completed function does", async () => {
    const prompt = [{ role: "user" as const, content: "def total(values: list[int]) -> int:" }];
    const body = (text: string) => [
      { role: "assistant" as const, content: `${prompt[0]?.content}\n    ${text}` },
    ];
    const records = [
      numberedPair(0, { prompt, chosen: body("return sum(values)"), rejected: body("return 0") }),
    ];
    const { directory } = await preference(records);
    const check = await checkExport({ ...base, directory, tokenizer: chatml });
    expect(check).toMatchObject({
      state: "sound",
      problems: [{ kind: "begins_with_prompt", severity: "warning", count: 2 }],
    });
  });

  it("takes no word that a prompt begins with for the label of a turn", async () => {
    const prompt = [{ role: "user" as const, content: "User stories need an actor. Write one." }];
    const chosen = [{ role: "assistant" as const, content: `${prompt[0]?.content} As a reader, I want…` }];
    const { directory } = await preference([numberedPair(0, { prompt, chosen })]);
    const { problems } = await checkExport({ ...base, directory, tokenizer: chatml });
    expect(problems.map(({ kind }) => kind)).toEqual(["begins_with_prompt"]);
  });

  it("takes the marks of other models' templates for text when it has the model's own, and not its own", async () => {
    const speaks = (text: string) => [{ role: "assistant" as const, content: text }];
    const records = [
      numberedPair(0, {
        chosen: speaks("Mistral writes [INST] before a question, Gemma <start_of_turn>user."),
      }),
      numberedPair(1, { chosen: speaks("<|im_start|>user\nWhat else?") }),
    ];
    const { directory } = await preference(records);
    const rows = async (tokenizer?: TrainerTokenizer) =>
      (await checkExport({ ...base, directory, ...(tokenizer ? { tokenizer } : {}) })).problems.map(
        ({ kind, first }) => [kind, first.map(({ row }) => row)],
      );
    expect(await rows(chatml)).toEqual([["rendered_template", [1]]]);
    // Without a tokenizer nobody knows whose marks they are.
    expect(await rows()).toEqual([["rendered_template", [0, 1]]]);
  });

  it("does not miss text in which the template only changes white space", async () => {
    const folder = await writeTokenizer(
      join(scratch, "respacing"),
      byteLevel({
        template: TEMPLATES.chatml.replace(
          "{{ m.content }}",
          "{{ m.content.replace('</think>', '\\n</think>\\n\\n') | trim }}",
        ),
      }),
    );
    const tokenizer = await loadTrainerTokenizer(folder, { runtime: runtimeIn(scratch) });
    const chosen = [{ role: "assistant" as const, content: " <think>Sum.</think>42\n" }];
    const { directory } = await preference([numberedPair(0, { chosen })]);
    expect(await checkExport({ ...base, directory, tokenizer })).toMatchObject({
      state: "sound",
      problems: [],
    });
  });

  it("says what it did not look at without a tokenizer", async () => {
    const { directory } = await preference(pairs(2));
    const check = await checkExport({ ...base, directory });
    expect(check).toMatchObject({ state: "sound", lengths: null, fates: [] });
    expect(check.notes).toEqual([expect.stringMatching(/^without a tokenizer these were not looked at: /)]);
  });

  it("counts every problem and keeps the first rows of each kind, without their texts", async () => {
    const written = await preference(pairs(9));
    await editRows(written, (rows) => rows.map((row) => ({ ...row, rejected: row.chosen })));
    const { problems } = await checkExport({ ...base, directory: written.directory, limit: 2 });
    expect(problems).toMatchObject([{ kind: "equal_sides", severity: "problem", count: 9 }]);
    expect(problems[0]?.first.map(({ row }) => row)).toEqual([0, 1]);
    expect(JSON.stringify(problems)).not.toContain("The answer is");
  });

  it("notes a config that was edited, and takes changed pair ids for a problem", async () => {
    const { directory } = await preference(pairs(2));
    await editManifest(directory, (manifest) => ({
      ...manifest,
      files: manifest.files.map((file) => (file.split === null ? { ...file, sha256: "0".repeat(64) } : file)),
    }));
    const check = await checkExport({ ...base, directory, tokenizer: chatml });
    expect(check.notes).toEqual(["config.yaml was changed since it was written."]);
    expect(check.problems).toMatchObject([{ kind: "wrong_hash", first: [{ file: "pair_ids/train.txt" }] }]);
  });

  it("takes a card among the data that is gone or changed for a problem: loaders read it for the splits", async () => {
    const { directory } = await preference(pairs(2));
    const card = { path: "data/README.md", split: null, rows: null, bytes: 4, sha256: sha256("card") };
    await editManifest(directory, (manifest) => ({ ...manifest, files: [...manifest.files, card] }));
    const kinds = async () => (await checkExport({ ...base, directory })).problems.map(({ kind }) => kind);
    expect(await kinds()).toEqual(["missing_file"]);
    await writeFile(join(directory, card.path), "another");
    expect(await kinds()).toEqual(["wrong_hash"]);
    await writeFile(join(directory, card.path), "card");
    expect(await kinds()).toEqual([]);
  });

  it("counts labels by split", async () => {
    made += 1;
    const { directory } = await makeExport(join(scratch, `export-${made}`), plain, "unpaired", {
      train: pairs(3),
      test: pairs(1),
    });
    expect((await checkExport({ ...base, directory })).labels).toEqual({
      train: { desirable: 3, undesirable: 3 },
      test: { desirable: 1, undesirable: 1 },
    });
  });

  it("warns of neighbours with one prompt, within a split and where the data leaves no other order", async () => {
    made += 1;
    // One prompt a split: its two rows are neighbours, and the last of train and the first of test are none.
    const one = { train: pairs(1), test: pairs(1) };
    const { directory } = await makeExport(join(scratch, `export-${made}`), plain, "unpaired", one);
    expect(await checkExport({ ...base, directory })).toMatchObject({
      state: "sound",
      problems: [{ kind: "repeated_prompt", severity: "warning", count: 2, first: [{ row: 1 }, { row: 1 }] }],
    });
  });

  it("tells how far it is, and ends early when it is stopped, with what it has found", async () => {
    const { directory } = await preference(pairs(5));
    const seen: ExportCheckProgress[] = [];
    await checkExport({ ...base, directory, onProgress: (progress) => void seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ rows: 5, total: 5, problems: 0 });
    const stopped = await checkExport({ ...base, directory, stop: AbortSignal.abort() });
    expect(stopped).toMatchObject({ state: "stopped", rows: { train: 0 }, problems: [] });
  });

  it.each([
    ["a trainer that is not known", { trainer: "other" }, "unknown_name"],
    [
      "a file outside of the export",
      { files: [{ path: "../x", split: "train", rows: 1, bytes: 1, sha256: "" }] },
      "damaged_file",
    ],
  ])("refuses an export.json that names %s", async (_, change, code) => {
    const { directory } = await preference(pairs(1));
    await editManifest(directory, (manifest) => ({ ...manifest, ...change }));
    await expect(checkExport({ ...base, directory })).rejects.toMatchObject({ code });
  });

  it.each([{ limit: -1 }, { limit: Number.NaN }, { maxLength: 0 }])("refuses %o", async (options) => {
    const { directory } = await preference(pairs(1));
    await expect(checkExport({ ...base, directory, ...options })).rejects.toMatchObject({
      code: "bad_option",
    });
  });

  it("refuses a tokenizer without a chat template for conversations", async () => {
    const folder = await writeTokenizer(join(scratch, "bare"), byteLevel());
    const tokenizer = await loadTrainerTokenizer(folder, { runtime: runtimeIn(scratch) });
    const { directory } = await preference(pairs(1));
    await expect(checkExport({ ...base, directory, tokenizer })).rejects.toMatchObject({
      code: "bad_option",
      message: expect.stringContaining("no chat template"),
    });
  });

  it("names the file whose bytes the disk does not give, whichever read fails, and closes it", async () => {
    const { directory } = await preference(pairs(3));
    const count = { reads: 0, open: 0 };
    const run = (failing: number) => checkExport({ ...base, directory, files: failingReads(failing, count) });
    await run(-1);
    const all = count.reads;
    expect(all).toBeGreaterThan(4);
    for (let failing = 0; failing < all; failing++) {
      count.reads = 0;
      const outcome = await run(failing).then(
        ({ problems, notes }) => ({ kinds: problems.map(({ kind }) => kind), notes }),
        (error: unknown) => ({ error }),
      );
      expect(outcome, `read ${failing}`).toSatisfy(
        (found: { kinds?: string[]; error?: { code?: string } }) =>
          found.kinds?.includes("unreadable_file") || found.error?.code === "io",
      );
      expect(count.open).toBe(0);
    }
  });
});

/** The disk, whose n-th read of an open file fails. */
function failingReads(failing: number, count: { reads: number; open: number }): Files {
  return {
    ...nodeFiles,
    open: async (path) => {
      const reader = await nodeFiles.open(path);
      count.open += 1;
      return {
        ...reader,
        read: async (offset, length) => {
          if (count.reads++ === failing) throw ioError("read", path, new Error("EIO"));
          return await reader.read(offset, length);
        },
        close: async () => {
          count.open -= 1;
          await reader.close();
        },
      };
    },
  };
}
