import { describe, expect, it } from "vitest";
import { type Assessment, assess } from "../../src/evaluate/assess.ts";
import { htmlReport } from "../../src/evaluate/html/index.ts";
import { checkPage } from "../../src/evaluate/write-page.ts";
import { checkReportDirectory, writeReport } from "../../src/evaluate/write-report.ts";
import {
  countingFiles,
  failingFiles,
  type MemoryFiles,
  memoryFiles,
} from "../../src/testing/failing-files.ts";

const assessmentOf = (...names: readonly string[]): Assessment => ({
  preset: "pairs",
  items: [{ id: "a", subset: null, correct: [true, false], lengths: [1, 1] }],
  scorers: names.map((name) => ({ name, scores: [[1, 0]] })),
  samples: 100,
});
const write = (files: MemoryFiles, ...names: readonly string[]): Promise<string> => {
  const assessment = assessmentOf(...names);
  return writeReport("/out", assess(assessment), assessment, files);
};
const textOf = (files: MemoryFiles, path: string): string =>
  new TextDecoder().decode(files.contents.get(path));
const put = async (files: MemoryFiles, path: string, text: string): Promise<void> => {
  await files.makeDirectory(path.replace(/\/[^/]*$/, "") || "/");
  const writer = await files.create(path);
  await writer.write(text);
  await writer.close();
};

describe("writeReport", () => {
  it("replaces an earlier report, and removes the files of scores that it named and no other", async () => {
    const files = memoryFiles();
    await write(files, "old", "kept");
    await put(files, "/out/scores/mine.jsonl", "notes");
    await put(files, "/out/notes.txt", "notes");
    await write(files, "kept", "new");
    expect([...files.contents.keys()].sort()).toEqual([
      "/out/notes.txt",
      "/out/report.json",
      "/out/scores/kept.jsonl",
      "/out/scores/mine.jsonl",
      "/out/scores/new.jsonl",
    ]);
  });

  it.each([
    ["another tool's report", { "/out/report.json": '{"format":"prefkit-rules","scorers":[]}' }],
    ["a report that is no JSON", { "/out/report.json": "{" }],
    ["a folder of scores alone", { "/out/scores/mine.jsonl": "" }],
    ["other files", { "/out/data.csv": "" }],
  ])("refuses a directory with %s, and leaves it as it is", async (_, given) => {
    const files = memoryFiles();
    for (const [path, text] of Object.entries(given)) await put(files, path, text);
    await expect(checkReportDirectory("/out", files)).rejects.toMatchObject({ code: "not_this_run" });
    await expect(write(files, "new")).rejects.toMatchObject({ code: "not_this_run" });
    expect([...files.contents.keys()]).toEqual(Object.keys(given));
  });

  it("says of scores that write down verdicts that they do", async () => {
    const files = memoryFiles();
    const plain = assessmentOf("plain", "judge");
    const [scores, judge] = plain.scorers;
    if (!scores || !judge) throw new Error("no scorers");
    const assessment: Assessment = { ...plain, scorers: [scores, { ...judge, verdictOnly: true }] };
    await writeReport("/out", assess(assessment), assessment, files);
    expect(textOf(files, "/out/scores/judge.jsonl")).toContain('"verdict_only":true');
    expect(textOf(files, "/out/scores/plain.jsonl")).not.toContain("verdict_only");
  });

  it("writes scorers of any name", async () => {
    const files = memoryFiles();
    await write(files, "判".repeat(80), "../../up", "a\u0000b");
    expect([...files.contents.keys()].every((path) => path.startsWith("/out/"))).toBe(true);
    expect(files.contents.size).toBe(4);
  });

  it("keeps the earlier report whole, or has the new one, whichever call to the disk fails", async () => {
    const counted = countingFiles(memoryFiles());
    await writeReport("/out", assess(assessmentOf("one", "two")), assessmentOf("one", "two"), counted);
    for (let failAt = 1; failAt <= counted.calls + 2; failAt++) {
      const files = memoryFiles();
      await write(files, "one");
      const earlier = textOf(files, "/out/report.json");
      const next = assessmentOf("one", "two");
      const failing = failingFiles(files, { failAt });
      await writeReport("/out", assess(next), next, failing).catch((error: unknown) =>
        expect(error, `call ${failAt}`).toMatchObject({ code: "io" }),
      );
      const report = textOf(files, "/out/report.json");
      if (report !== earlier) {
        expect(JSON.parse(report).scorers, `call ${failAt}`).toHaveLength(2);
        expect(files.contents.has("/out/scores/two.jsonl"), `call ${failAt}`).toBe(true);
      }
      expect(textOf(files, "/out/scores/one.jsonl"), `call ${failAt}`).toMatch(/^\{"id":"a".*\}\n$/);
      // The same command goes on from there.
      await write(files, "one", "two");
      expect(JSON.parse(textOf(files, "/out/report.json")).scorers).toHaveLength(2);
    }
  });
});

describe("checkPage", () => {
  const page = htmlReport(assess(assessmentOf("one")));

  it.each([
    ["/new.html", null],
    ["/old.html", null],
    ["/out/report.html", "/out"],
  ])("lets %s pass, with --out %s", async (path, out) => {
    const files = memoryFiles();
    await put(files, "/old.html", page);
    await expect(checkPage(path, out, files)).resolves.toBeUndefined();
  });

  it.each([
    ["/gold.jsonl", null, /has not written/],
    ["/other.html", null, /has not written/],
    ["/nowhere/page.html", null, /which is no directory/],
    ["/out", "/out", /where --out writes/],
    ["/out/report.json", "/out", /where --out writes/],
  ])("refuses %s, with --out %s", async (path, out, message) => {
    const files = memoryFiles();
    await put(files, "/gold.jsonl", '{"prompt":"<meta name="}');
    await put(files, "/other.html", "<!doctype html><title>mine</title>");
    await expect(checkPage(path, out, files)).rejects.toMatchObject({
      code: "bad_option",
      message: expect.stringMatching(message),
    });
  });
});
