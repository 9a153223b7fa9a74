import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stageProgress } from "../../src/cli/stage-progress.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the progress of stages", () => {
  it("is a line when a stage begins, by its title, and one every five seconds while it lasts", () => {
    const lines: string[] = [];
    const titles = { find: "Finding rules", merge: "Merging rules" };
    const progress = stageProgress<"find" | "merge" | "write">((line) => lines.push(line), titles);
    progress("find", 0, 2_000);
    vi.advanceTimersByTime(4_000);
    progress("find", 500, 2_000);
    vi.advanceTimersByTime(1_000);
    progress("find", 1_200, 2_000);
    progress("merge", 0, null);
    vi.advanceTimersByTime(5_000);
    progress("merge", 1, null);
    progress("write", 0, 1);
    expect(lines).toEqual([
      "Finding rules: 2,000 to do",
      "Finding rules: 1,200 of 2,000",
      "Merging rules: begun",
      "Merging rules: 1",
      "write: 1 to do",
    ]);
  });
});
