import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ListedRow, rowsApart } from "../../src/trainers/rows-apart.ts";

/** Rows named by prompt and place: ["ab", 2] gives ab0 and ab1. */
function rowsOf(prompts: readonly (readonly [prompt: string, rows: number])[]): ListedRow[] {
  return prompts.flatMap(([name, rows]) => {
    const prompt = { id: `id-${name}`, messages: [{ role: "user", content: name }] } as const;
    return Array.from({ length: rows }, (_, index) => ({
      row: { name: `${name}${index}` },
      id: `${name}${index}`,
      prompt,
    }));
  });
}

async function apart(
  rows: readonly ListedRow[],
  options: Parameters<typeof rowsApart>[1] = {},
  pieces = 3,
): Promise<string[]> {
  async function* cut(): AsyncGenerator<readonly ListedRow[]> {
    for (let start = 0; start < rows.length; start += pieces) yield rows.slice(start, start + pieces);
  }
  const out: string[] = [];
  for await (const window of rowsApart(cut(), options))
    for (const { id, row } of window) {
      expect(row.name).toBe(id);
      out.push(id);
    }
  return out;
}

const promptOf = (id: string) => id.replace(/\d+$/, "");

/** Two rows of each of five prompts, and their order in windows of two prompts, the last one with the prompt left over. */
const FIVE = rowsOf([
  ["a", 2],
  ["b", 2],
  ["c", 2],
  ["d", 2],
  ["e", 2],
]);
const FIVE_APART = ["a0", "b1", "a1", "b0", "c0", "d1", "e0", "c1", "d0", "e1"];

describe("rows put apart", () => {
  it("go through the prompts once for each of their rows, sides in turns", async () => {
    // Of four pairs, 0 desired and 1 not: places (turn + (rank + 1/2) / 4) / 2, every other prompt begins with its second row.
    expect(
      await apart(
        rowsOf([
          ["a", 2],
          ["b", 2],
          ["c", 2],
          ["d", 2],
        ]),
      ),
    ).toEqual(["a0", "b1", "c0", "d1", "a1", "b0", "c1", "d0"]);
  });

  it("stand at even distances where prompts have unequal numbers of them", async () => {
    // a at 1/8, 3/8, 5/8, 7/8; b and c, of two rows each, at 1/8, 3/8 and 5/8, 7/8: a came first, and b begins with b0, c with c1.
    expect(
      await apart(
        rowsOf([
          ["a", 4],
          ["b", 2],
          ["c", 2],
        ]),
      ),
    ).toEqual(["a0", "b0", "a1", "c1", "a2", "b1", "a3", "c0"]);
  });

  it("end no window within a prompt, and put what is left over into the last one", async () => {
    // Windows of two prompts: a and b; then c and d, with e, which alone would be its own neighbour.
    expect(await apart(FIVE, { prompts: 2 })).toEqual(FIVE_APART);
    expect(await apart(FIVE, { prompts: 2 }, 1)).toEqual(FIVE_APART);
    expect(await apart(FIVE, { prompts: 2 }, 100)).toEqual(FIVE_APART);
  });

  it("end a window early where it is large", async () => {
    // 6 bytes are reached by the first row of b ("a0", "a1", "b0"), and the window ends with b; the next one with d.
    expect(await apart(FIVE, { bytes: 6 })).toEqual(FIVE_APART);
  });

  it("count prompts of one text as one, whatever their ids, and prompts with images by their ids", async () => {
    const messages = [{ role: "user", content: "What is it?" }] as const;
    const twins = (images: readonly { bytes: null; path: string }[]) =>
      ["p", "q"].flatMap((name) =>
        [0, 1].map((index) => ({
          row: { name: `${name}${index}` },
          id: `${name}${index}`,
          prompt: { id: name, messages, images },
        })),
      );
    const other = rowsOf([["z", 4]]);
    // One text: its four rows and z's in turns. Two prompts: p stands at 1/8 and 5/8, q at 3/8 and 7/8, z at all four.
    expect(await apart([...twins([]), ...other])).toEqual(["p0", "z1", "p1", "z2", "q0", "z3", "q1", "z0"]);
    const shown = await apart([...twins([{ bytes: null, path: "a.png" }]), ...other]);
    expect(shown).toEqual(["p0", "z0", "q1", "z1", "p1", "z2", "q0", "z3"]);
  });

  it("keep every row, and are no neighbours where no prompt has more than a few of many", async () => {
    const counts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 40, maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(counts, async (numbers) => {
        const rows = rowsOf(numbers.map((count, index) => [`p${index}-`, count] as const));
        const out = await apart(rows, { prompts: 30 }, 7);
        expect([...out].sort()).toEqual(rows.map(({ id }) => id).sort());
        for (const [at, id] of out.entries()) {
          const before = out[at - 1];
          if (before !== undefined) expect(promptOf(id)).not.toBe(promptOf(before));
        }
      }),
      { numRuns: 30, seed: 7 },
    );
  });

  it("have different prompts in every batch of 8 of pairs, over the ends of windows and around its own", async () => {
    const out = await apart(rowsOf(Array.from({ length: 95 }, (_, index) => [`p${index}-`, 2] as const)), {
      prompts: 20,
    });
    for (let start = 0; start < out.length; start += 8) {
      const prompts = out.slice(start, start + 8).map(promptOf);
      expect(new Set(prompts).size).toBe(prompts.length);
      // Four of the eight are desired, so that no batch is all of one label; the last has six, three of them.
      const desired = out.slice(start, start + 8).filter((id) => id.endsWith("-0")).length;
      expect(Math.abs(desired - prompts.length / 2)).toBeLessThanOrEqual(1);
    }
  });
});
