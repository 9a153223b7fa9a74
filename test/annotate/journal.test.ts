import { beforeEach, describe, expect, it } from "vitest";
import {
  failedCells,
  isOpen,
  openJournal,
  partialPath,
  partPath,
  readJournals,
  readPlan,
  type ShardRecord,
  sliceName,
  workPaths,
  writePlan,
} from "../../src/annotate/journal.ts";
import type { Plan } from "../../src/annotate/plan.ts";
import { type MemoryFiles, memoryFiles } from "../../src/testing/failing-files.ts";
import { errorOf } from "./small-run.ts";

const OUT = "out";
let files: MemoryFiles;
beforeEach(async () => {
  files = memoryFiles();
  await files.makeDirectory(workPaths(OUT).root);
});

function recordOf(shard: number, failed = 0, accepted = false): ShardRecord {
  return {
    shard,
    rows: 10,
    bytes: 100,
    sha256: "ab",
    cells: {
      correct: { scored: 10 - failed, abstained: 0, failed, codes: failed > 0 ? { timeout: failed } : {} },
    },
    ...(accepted ? { accepted: true } : {}),
  };
}

const JOURNAL = `${workPaths(OUT).root}/journal.jsonl`;

async function write(path: string, text: string): Promise<void> {
  const writer = await files.create(path);
  await writer.write(text);
  await writer.close();
}

const line = (shard: number, failed = 0): string => `${JSON.stringify(recordOf(shard, failed))}\n`;

describe("the journal", () => {
  it("keeps what is appended, and the last record of a shard counts", async () => {
    const append = await openJournal(files, OUT, null);
    await append(recordOf(0, 3));
    await append(recordOf(1));
    await append(recordOf(0));
    expect([...(await readJournals(files, OUT)).values()]).toEqual([recordOf(0), recordOf(1)]);
  });

  it("is empty where nothing was run", async () => {
    expect((await readJournals(files, OUT)).size).toBe(0);
    expect((await readJournals(memoryFiles(), "nowhere")).size).toBe(0);
  });

  it("joins the journals of all slices, and no other files", async () => {
    await (await openJournal(files, OUT, { index: 0, count: 2 }))(recordOf(0));
    await (await openJournal(files, OUT, { index: 1, count: 2 }))(recordOf(1));
    await write(`${workPaths(OUT).root}/journal.jsonl.bak`, line(7));
    await write(`${workPaths(OUT).root}/other.jsonl`, line(8));
    expect([...(await readJournals(files, OUT)).keys()].sort()).toEqual([0, 1]);
    expect(await files.list(workPaths(OUT).root)).toContain("journal-1-of-2.jsonl");
  });

  it("does not count a line that a kill tore, wherever it was torn", async () => {
    const whole = line(0);
    const torn = line(1);
    for (let length = 0; length < torn.length; length++) {
      await write(JOURNAL, whole + torn.slice(0, length));
      expect([...(await readJournals(files, OUT)).keys()], `torn at ${length}`).toEqual([0]);
    }
  });

  it("cuts the torn line off before it goes on", async () => {
    await write(JOURNAL, line(0) + line(1).slice(0, 20));
    const append = await openJournal(files, OUT, null);
    await append(recordOf(2));
    expect(Buffer.from(await files.readAll(JOURNAL)).toString("utf8")).toBe(line(0) + line(2));
  });

  it("goes on after a journal that is one torn line, and after an empty one", async () => {
    for (const text of ["", line(0).slice(0, 9)]) {
      await write(JOURNAL, text);
      await (await openJournal(files, OUT, null))(recordOf(4));
      expect([...(await readJournals(files, OUT)).keys()]).toEqual([4]);
    }
  });

  it("passes over a line in the middle that is no record", async () => {
    await write(JOURNAL, `${line(0)}{"shard":1,"ro{"shard":2}\n${line(3)}`);
    expect([...(await readJournals(files, OUT)).keys()]).toEqual([0, 3]);
  });
});

describe("a shard", () => {
  it("is open while cells have failed and nobody accepted it", () => {
    expect([recordOf(0), recordOf(0, 2), recordOf(0, 2, true)].map(isOpen)).toEqual([false, true, false]);
  });

  it("counts the failed cells of all scorers", () => {
    const { cells } = recordOf(0, 2);
    const record = {
      ...recordOf(0, 2),
      cells: { ...cells, other: { scored: 0, abstained: 0, failed: 5, codes: {} } },
    };
    expect(failedCells(record)).toBe(7);
  });
});

describe("names", () => {
  it("have five digits, so that they sort", () => {
    expect(partPath(OUT, 7)).toMatch(/^out\/\.prefkit\/parts\/scores-00007\.\w+$/);
    expect(partialPath(OUT, 123456)).toMatch(/partial-123456\.\w+$/);
  });

  it("tell slices apart", () => {
    expect(sliceName("lock", null)).toBe("lock");
    expect(sliceName("lock", { index: 1, count: 4 })).toBe("lock-1-of-4");
  });
});

describe("the plan file", () => {
  const plan = {
    id: "a1",
    shards: [{ start: { file: 0, at: 0 }, groups: 2, responses: 4 }],
  } as unknown as Plan;

  it("comes back as it was written, and is null where there is none", async () => {
    expect(await readPlan(files, OUT)).toBeNull();
    await writePlan(files, OUT, plan);
    expect(await readPlan(files, OUT)).toEqual(plan);
  });

  it("is an error with a way out when it is damaged", async () => {
    await write(workPaths(OUT).plan, '{"id":');
    const error = await errorOf(() => readPlan(files, OUT));
    expect([error.code, error.fix]).toEqual(["damaged_file", "start over with --force."]);
  });
});
