import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json } from "../../src/core/types.ts";
import { type Memo, memoryMemo, openMemo } from "../../src/learn/memo.ts";

let directory: string;
let count = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "prefkit-memo-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const newFile = (): string => join(directory, `memo-${++count}.jsonl`);

/** Opens, works, closes. */
async function withMemo<T>(file: string, use: (memo: Memo) => Promise<T>, work: Json = "work"): Promise<T> {
  const memo = await openMemo(file, work);
  try {
    return await use(memo);
  } finally {
    await memo.close();
  }
}

const unmade = (): Promise<never> => Promise.reject(new Error("this should have been recalled"));

describe("a memo in a file", () => {
  it("gives back what was made before, without making it again", async () => {
    const file = newFile();
    const value = { a: [1, null, "ß\u2028\n"], b: { c: false } };
    await withMemo(file, (memo) => memo.recall("stage", "key", async () => value));
    await withMemo(file, async (memo) => {
      expect(await memo.recall("stage", "key", unmade)).toEqual(value);
      expect(memo.recalled).toBe(1);
    });
  });

  it("tells stages and keys apart, however they are spelt", async () => {
    const memo = memoryMemo();
    const names = [
      ["a", "b,c"],
      ["a,b", "c"],
      ['a","b', "c"],
      ["a", 'b","c'],
    ] as const;
    for (const [stage, key] of names) await memo.recall(stage, key, async () => `${stage} ${key}`);
    expect(memo.recalled).toBe(0);
    for (const [stage, key] of names) expect(await memo.recall(stage, key, unmade)).toBe(`${stage} ${key}`);
  });

  it("keeps null, which is a value too", async () => {
    const file = newFile();
    await withMemo(file, (memo) => memo.recall("stage", "key", async () => null));
    expect(await withMemo(file, (memo) => memo.recall("stage", "key", unmade))).toBeNull();
  });

  it("gives the first time what it will give the next: as JSON has it", async () => {
    const file = newFile();
    const make = async (): Promise<Json> =>
      ({ zero: -0, lone: "\ud800", gone: undefined }) as unknown as Json;
    const first = await withMemo(file, (memo) => memo.recall("stage", "key", make));
    expect(await withMemo(file, (memo) => memo.recall("stage", "key", unmade))).toStrictEqual(first);
  });

  it("makes a value once when several ask for it at a time", async () => {
    const file = newFile();
    let made = 0;
    await withMemo(file, async (memo) => {
      const make = async (): Promise<number> => ++made;
      const values = await Promise.all(Array.from({ length: 50 }, () => memo.recall("stage", "key", make)));
      expect(new Set(values)).toEqual(new Set([1]));
    });
    expect((await readFile(file, "utf8")).trimEnd().split("\n")).toHaveLength(2);
  });

  it("keeps nothing of what fails, and tries it again when asked again", async () => {
    const file = newFile();
    await withMemo(file, async (memo) => {
      await expect(memo.recall("stage", "key", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
      expect(await memo.recall("stage", "key", async () => 2)).toBe(2);
    });
  });

  it("keeps entries that were made at the same time", async () => {
    const file = newFile();
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
    await withMemo(file, async (memo) => {
      await Promise.all(keys.map((key) => memo.recall("stage", key, async () => key.repeat(30))));
    });
    await withMemo(file, async (memo) => {
      for (const key of keys) expect(await memo.recall("stage", key, unmade)).toBe(key.repeat(30));
    });
  });

  it("cut off at any byte, holds every entry that was whole, and goes on from there", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        async (texts, where) => {
          const file = newFile();
          await withMemo(file, async (memo) => {
            for (const [index, text] of texts.entries()) await memo.recall("s", `${index}`, async () => text);
          });
          const bytes = await readFile(file);
          const cut = where % (bytes.length + 1);
          await truncate(file, cut);
          const lines = bytes.subarray(0, cut).toString("latin1").split("\n").length - 1;
          let made = 0;
          await withMemo(file, async (memo) => {
            for (const [index, text] of texts.entries()) {
              const value = await memo.recall("s", `${index}`, async () => {
                made += 1;
                return text;
              });
              expect(value).toBe(text.toWellFormed());
            }
          });
          expect(made).toBe(texts.length - Math.max(0, lines - 1));
          expect(await readFile(file)).toEqual(bytes);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it("refuses a file that was begun for other work", async () => {
    const file = newFile();
    await withMemo(file, (memo) => memo.recall("stage", "key", async () => 1));
    await expect(openMemo(file, "other work")).rejects.toMatchObject({ code: "plan_changed" });
  });

  it.each(["notes that are somebody's own", '{"memo":1}\n', "\n", "a line\nand another"])(
    "leaves a file alone that is no memo: %j",
    async (text) => {
      const file = newFile();
      await writeFile(file, text);
      await expect(openMemo(file, "work")).rejects.toMatchObject({ code: "plan_changed" });
      expect(await readFile(file, "utf8")).toBe(text);
    },
  );

  it.each(["null", "[]", "{", '{"key":"k"}', '{"key":1,"value":1}', ""])(
    "names the line that is no entry: %j",
    async (line) => {
      const file = newFile();
      await withMemo(file, (memo) => memo.recall("stage", "key", async () => 1));
      await appendFile(file, `${line}\n`);
      await expect(openMemo(file, "work")).rejects.toMatchObject({
        code: "damaged_file",
        place: { file, line: 3 },
      });
    },
  );

  it("keeps none of the values in memory: reads them from the file when they are recalled", async () => {
    const file = newFile();
    await withMemo(file, (memo) => memo.recall("stage", "key", async () => "aaaa"));
    await withMemo(file, async (memo) => {
      await writeFile(file, (await readFile(file, "utf8")).replace("aaaa", "bbbb"));
      expect(await memo.recall("stage", "key", unmade)).toBe("bbbb");
      await truncate(file, 60);
      await expect(memo.recall("stage", "key", unmade)).rejects.toMatchObject({ code: "damaged_file" });
    });
  });

  it("finds entries that are longer than what is read at a time, and those behind them", async () => {
    const file = newFile();
    const long = "ä\u2028".repeat(900_000);
    await withMemo(file, async (memo) => {
      for (const key of ["a", "b"]) await memo.recall("long", key, async () => long + key);
      await memo.recall("stage", "short", async () => 1);
    });
    await withMemo(file, async (memo) => {
      expect(await memo.recall("stage", "short", unmade)).toBe(1);
      for (const key of ["a", "b"])
        expect((await memo.recall("long", key, unmade)) === long + key).toBe(true);
    });
  });

  it("says which file cannot be written", async () => {
    await expect(openMemo(join(directory, "absent", "memo.jsonl"), 1)).rejects.toMatchObject({ code: "io" });
    await expect(openMemo(directory, 1)).rejects.toMatchObject({ code: "io" });
  });

  it("closes after what is under way is kept", async () => {
    const file = newFile();
    const memo = await openMemo(file, "work");
    let finish: (value: number) => void = () => {};
    const recalled = memo.recall("stage", "key", () => new Promise<number>((resolve) => (finish = resolve)));
    const closed = memo.close();
    finish(7);
    await closed;
    expect(await recalled).toBe(7);
    expect(await withMemo(file, (again) => again.recall("stage", "key", unmade))).toBe(7);
  });
});
