import { spawnSync } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Plan } from "../../src/annotate/plan.ts";
import { enterPhase, newStatus, type RunStatus } from "../../src/annotate/status.ts";
import { block, duration, plainLine, startProgress } from "../../src/cli/progress.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { ModelUsage } from "../../src/models/usage.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A run that scored 3,000 of 10,000 groups in 20 seconds, 1,000 of them before: 100 groups a second. */
function scoring(): RunStatus {
  const status = newStatus(["correct", "judge_of_style"]);
  enterPhase(status, "score", 10_000);
  status.done = 3000;
  status.resumed = 1000;
  status.scorers.set("correct", { scored: 11_900, abstained: 100, failed: 0, cached: 0 });
  status.scorers.set("judge_of_style", { scored: 11_988, abstained: 0, failed: 12, cached: 4000 });
  vi.advanceTimersByTime(20_000);
  return status;
}

const plain = (lines: readonly string[]): string => lines.map(stripVTControlCharacters).join("\n");

describe("the live block", () => {
  it("shows what is done, how fast, how long still, and a line per scorer", () => {
    expect(plain(block(scoring(), 0, 25_000))).toMatchInlineSnapshot(`
      "Scoring  █████████░░░░░░░░░░░░░░░░░░░░░ 30.0%
        3,000 of 10,000 groups  100/s  1 min 10 s left  25 s in all
        correct         11,900 scored  100 abstained  0 failed
        judge_of_style  11,988 scored  0 abstained  12 failed  4,000 from cache"
    `);
  });

  it("says that rubrics are refined, where nothing is scored, and what that asked the models", () => {
    const asked = {
      name: "judge",
      answered: 12,
      cached: 0,
      retries: 0,
      promptTokens: 900,
      outputTokens: 60,
      cost: null,
    } as unknown as ModelUsage;
    const status = newStatus([], () => [asked]);
    enterPhase(status, "refine", 10);
    const text = plain(block(status, 0, 1_000));
    expect(text).toContain("Refining rubrics  ");
    expect(text).toContain("model judge  12 calls  900 tokens in, 60 out");
    expect(plainLine(status, 0)).toMatch(/^refining rubrics: 0\/10 groups/);
  });

  it("shows the planning by the groups that were read", () => {
    expect(plain(block(null, 12_345, 3000))).toBe("Planning  12,345 groups read  3 s");
    expect(plain(block(newStatus([]), 0, 0))).toBe("Planning  0 groups read  0 s");
  });

  it("has no lines of scorers where nothing is scored", () => {
    const status = newStatus(["correct"]);
    enterPhase(status, "finish", 10);
    status.done = 10;
    vi.advanceTimersByTime(1000);
    expect(plain(block(status, 0, 60_000))).toBe(
      `Combining, pairing and writing  ${"█".repeat(30)} 100.0%\n  10 of 10 groups  10/s  0 s left  1 min 0 s in all`,
    );
  });

  it("promises no end before anything is done, and divides by nothing", () => {
    const status = newStatus(["correct"]);
    enterPhase(status, "score", 0);
    expect(plain(block(status, 0, 0))).not.toMatch(/NaN|Infinity|left/);
    enterPhase(status, "score", 100);
    vi.advanceTimersByTime(1000);
    expect(plain(block(status, 0, 0))).not.toMatch(/NaN|Infinity|left/);
  });
});

describe("the plain line", () => {
  it("says the same in one line", () => {
    expect(plainLine(scoring(), 0)).toBe(
      "scoring: 3,000/10,000 groups, 100/s, 12 cells failed, 1 min 10 s left",
    );
    expect(plainLine(null, 1234)).toBe("planning: 1,234 groups read");
  });
});

describe("durations", () => {
  it.each([
    { ms: 0, text: "0 s" },
    { ms: 59_400, text: "59 s" },
    { ms: 59_600, text: "1 min 0 s" },
    { ms: 3_599_000, text: "59 min 59 s" },
    { ms: 3_600_000, text: "1 h 0 min" },
    { ms: 90_061_000, text: "25 h 1 min" },
  ])("$ms ms are $text", ({ ms, text }) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("progress where there is no terminal", () => {
  const lines: string[] = [];
  const terminal: Terminal = {
    out: () => {
      throw new Error("results only");
    },
    err: (text) => void lines.push(stripVTControlCharacters(text)),
    isInteractive: false,
    columns: 80,
    environment: {},
    directory: "/",
  };
  beforeEach(() => {
    lines.length = 0;
  });

  it("is a line every five seconds, until it is stopped", () => {
    const progress = startProgress(terminal, { quiet: false });
    progress.planning(7);
    vi.advanceTimersByTime(4999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(lines).toEqual(["planning: 7 groups read"]);
    progress.start(scoring()); // takes 20 seconds
    expect(lines).toHaveLength(5);
    vi.advanceTimersByTime(5000);
    expect(lines.at(-1)).toMatch(/^scoring: 3,000\/10,000 groups/);
    progress.stop();
    progress.stop();
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(6);
  });

  it("is nothing when quiet, apart from warnings and notes", () => {
    const progress = startProgress(terminal, { quiet: true });
    const plan = {
      warnings: ["correct needs a reference."],
      input: { skippedRows: 2, skippedExamples: ["in.jsonl:3: not JSON"] },
    } as unknown as Plan;
    progress.start(newStatus([]), plan);
    progress.note("SIGTERM: finishing.");
    vi.advanceTimersByTime(60_000);
    progress.stop();
    expect(lines).toEqual([
      "warning: correct needs a reference.",
      "warning: 2 rows cannot be used and are left out; the first: in.jsonl:3: not JSON",
      "SIGTERM: finishing.",
    ]);
  });
});

describe("colours", () => {
  const draw = (environment: Record<string, string>): string => {
    const script = `
      import { block } from ${JSON.stringify(new URL("../../dist/src/cli/progress.js", import.meta.url).href)};
      import { newStatus, enterPhase } from ${JSON.stringify(new URL("../../dist/src/annotate/status.js", import.meta.url).href)};
      const status = newStatus(["correct"]);
      enterPhase(status, "score", 10);
      process.stdout.write(block(status, 0, 0).join("\\n"));
    `;
    const { PATH } = process.env;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      env: { PATH, ...environment },
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    return run.stdout;
  };

  it("are left out where NO_COLOR is set, whatever else is", () => {
    const text = draw({ NO_COLOR: "1", FORCE_COLOR: "" });
    expect(text).toBe(stripVTControlCharacters(text));
    expect(text).toContain("Scoring");
  });

  it("are there where they are asked for", () => {
    const text = draw({ FORCE_COLOR: "1" });
    expect(text).not.toBe(stripVTControlCharacters(text));
  });
});
