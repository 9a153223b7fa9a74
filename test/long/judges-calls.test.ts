import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

interface Added {
  readonly texts: number;
  readonly runs: readonly {
    readonly run: string;
    readonly received: number;
    readonly criteria: Readonly<Record<string, number>>;
  }[];
}

interface Server {
  readonly dist: string;
  readonly origin: string;
  readonly prompts: number;
  readonly counts: () => Promise<unknown>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = process.env.PREFKIT_DIST ?? join(root, "dist");
const fixture = "../../bench/fixtures/judges-added.mjs";
const { addedCriterion } = (await import(fixture)) as {
  addedCriterion: (server: Server) => Promise<Added>;
};

it("a criterion added to a finished run is the only one that is paid for", async () => {
  const child = spawn(process.execPath, [join(root, "bench/fixtures/judges-server.mjs"), "5"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = await once(child.stdout, "data");
    const origin = `http://127.0.0.1:${String(port).trim()}`;
    const counts = async (): Promise<unknown> => (await fetch(`${origin}/reset`)).json();
    const { texts, runs } = await addedCriterion({ dist, origin, prompts: 40, counts });
    expect(texts).toBe(120);
    expect(runs).toEqual([
      { run: "first", received: 360, criteria: { right: 120, clear: 120, sourced: 120 } },
      { run: "again", received: 0, criteria: {} },
      { run: "more", received: 120, criteria: { brief: 120 } },
    ]);
  } finally {
    child.kill();
    await once(child, "close");
  }
});
