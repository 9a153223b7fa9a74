import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = process.env.PREFKIT_DIST ?? join(root, "dist");
const child = join(root, "bench/fixtures/hostile-child.mjs");
const fixture: string = "../../bench/fixtures/hostile-answers.mjs";
const { hostileAnswers } = (await import(fixture)) as {
  hostileAnswers: () => readonly { readonly id: string; readonly kind: string }[];
};

interface Ended {
  readonly id: string;
  readonly truth: "equal" | "different" | null;
  readonly outcome: string;
  readonly score: { readonly value?: number; readonly why: string };
  readonly ms: number;
  readonly beforeMb: number;
  readonly peakMb: number;
}

const LIMIT_MS = 1000;
const LIMIT_MB = 300;
const inputs = hostileAnswers();
const kinds = [...new Set(inputs.map(({ kind }) => kind))];

/** All inputs without ids; one process for them all. */
function run(...ids: readonly string[]): {
  readonly status: number | null;
  readonly ended: readonly Ended[];
} {
  const { status, stdout } = spawnSync(process.execPath, [child, dist, ...ids], {
    encoding: "utf8",
    timeout: ids.length === 0 ? 10 * 60_000 : 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = stdout.split("\n").filter((line) => line.endsWith("}"));
  return { status, ended: lines.map((line) => JSON.parse(line) as Ended) };
}

function faultOf(id: string): string | null {
  const { status, ended } = run(id);
  const [one] = ended;
  if (one === undefined || status !== 0) return `${id}: the process ended with ${status}`;
  const growth = one.peakMb - one.beforeMb;
  if (one.ms >= LIMIT_MS) return `${id}: took ${one.ms.toFixed(0)} ms`;
  if (growth >= LIMIT_MB) return `${id}: took ${growth.toFixed(0)} MB`;
  const isGood = ["timeout", "unparsable", "right"].includes(one.outcome);
  return isGood ? null : `${id}: ${one.outcome}, ${one.score.why.replace(/[^ -~]/g, "?")}`;
}

describe("hostile answers", () => {
  it("are at least 200", () => {
    expect(inputs.length).toBeGreaterThanOrEqual(200);
  });

  // A process for each input, so that starting the symbolic engine's thread counts. The limits are the promise itself;
  // an input that breaks one is tried once more, because the machine may have been busy.
  it.each(kinds)("%s end as timeout, unparsable or a right verdict, within a second and 300 MB", (kind) => {
    const ids = inputs.filter((input) => input.kind === kind).map(({ id }) => id);
    const faults = ids.filter((id) => faultOf(id) !== null).map((id) => faultOf(id));
    expect(faults.filter((fault) => fault !== null)).toEqual([]);
  });

  it("leave the process alive when it judges one after another", () => {
    const { status, ended } = run();
    expect({ status, judged: ended.length }).toEqual({ status: 0, judged: inputs.length });
    const accepted = ended.filter(({ truth, score }) => truth === "different" && score.value === 1);
    expect(accepted).toEqual([]);
  });
});
