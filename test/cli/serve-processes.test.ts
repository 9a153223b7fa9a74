import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { directoryOf } from "../annotate/small-run.ts";

const dist = resolve(process.env.PREFKIT_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url)));

const RECIPE = `
input: { path: rows.jsonl }
scorers:
  own: { use: ./own.mjs#own }
reward: { terms: [{ score: own, weight: 2 }] }
output: { license: mit }
`;

/** Notes which process serves in which place; the one that "doomed" names ends as it starts, once. */
const OWN = `
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
const slot = process.env.PREFKIT_SERVE_SLOT?.split("/")[0];
writeFileSync("pid-" + slot, String(process.pid));
if (existsSync("doomed") && readFileSync("doomed", "utf8") === slot) {
  rmSync("doomed");
  process.kill(process.pid, "SIGKILL");
}
export const own = {
  name: "own", version: 1, range: [0, 100], cpuBound: false,
  score: ({ responses }) => responses.map(({ text }) => ({ kind: "scored", value: text.length, why: slot })),
};
`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Starts two processes behind one port. */
async function serve(files: Readonly<Record<string, string>> = {}, args: readonly string[] = []) {
  const directory = await directoryOf({ "recipe.yaml": RECIPE, "own.mjs": OWN, ...files });
  const { PREFKIT_SERVE_TOKEN: _token, ...inherited } = process.env;
  const child = spawn(
    process.execPath,
    [
      ...[join(dist, "src/cli/main.js"), "serve", "recipe.yaml", "--workers", "2", "--port", "0"],
      ...["--json", "--quiet", ...args],
    ],
    {
      cwd: directory,
      env: { ...inherited, PREFKIT_CACHE_DIR: join(directory, "cache"), NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let errors = "";
  let look = (): void => {};
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
    look();
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  closing.push(() => {
    child.kill("SIGTERM");
    return exited;
  });
  /** Resolves once stderr says so; rejects where the command ends without. */
  const said = (text: string): Promise<void> =>
    new Promise((done, fail) => {
      look = () => {
        if (errors.includes(text)) done();
      };
      look();
      void exited.then(() =>
        errors.includes(text) ? done() : fail(new Error(`never said: ${text}\n${errors}`)),
      );
    });
  const kill = (slot: number): void => {
    process.kill(Number(readFileSync(join(directory, `pid-${slot}`), "utf8")), "SIGKILL");
  };
  const url = async (): Promise<string> => {
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return (JSON.parse(line) as { url: string }).url;
  };
  return { directory, exited, errors: () => errors, said, kill, url };
}

/** The reward of "abc" and the place of the process that gave it, over a connection of its own; null where it was cut. */
async function ask(url: string, prompt: string): Promise<{ reward: number | null; slot: string } | null> {
  const reply = await fetch(`${url}/score`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ groups: [{ prompt, responses: ["abc"] }] }),
  }).catch(() => null);
  if (reply === null || !reply.ok) return null;
  type Response = {
    readonly reward: number | null;
    readonly scores: { readonly own: { readonly why: string } };
  };
  const { groups } = (await reply.json()) as {
    groups: readonly { readonly responses: readonly Response[] }[];
  };
  const [response] = groups[0]?.responses ?? [];
  return response === undefined ? null : { reward: response.reward, slot: response.scores.own.why };
}

/** Asks until there is an answer: what would meet in a process that is gone is refused until the others have heard of it. */
async function askAgain(url: string, prompt: string): Promise<Awaited<ReturnType<typeof ask>>> {
  for (;;) {
    const answer = await ask(url, prompt);
    if (answer !== null) return answer;
    await new Promise((done) => setImmediate(done));
  }
}

/** Asks until the process in this place answers. */
async function answerOf(url: string, slot: number): Promise<number | null> {
  for (;;) {
    const answer = await ask(url, "Q");
    if (answer?.slot === String(slot)) return answer.reward;
    await new Promise((done) => setImmediate(done));
  }
}

describe("the processes of prefkit serve", { timeout: 60_000 }, () => {
  it("are started again when one ends while it starts, as at any other time, and each death is told", async () => {
    const { url, errors, said, kill } = await serve({ doomed: "1" });
    const at = await url();
    expect(errors()).toContain("serving process 1 ended (SIGKILL); it is started again.");
    // 3 characters, of weight 2.
    expect(await answerOf(at, 1)).toBe(6);
    kill(0);
    await said("serving process 0 ended (SIGKILL); it is started again.");
    expect(await answerOf(at, 0)).toBe(6);
    expect(await answerOf(at, 1)).toBe(6);
  });

  it("end with the command where the first is killed before it listens, and that is told", async () => {
    const { exited, errors } = await serve({ doomed: "0" });
    expect(await exited).toBe(1);
    expect(errors()).toContain("the serving process was ended by SIGKILL before it listened.");
  });

  const EDITS = [
    {
      edited: "the recipe",
      file: "recipe.yaml",
      content: RECIPE.replace("weight: 2", "weight: 9"),
      names: "the recipe's seed, models or reward",
    },
    {
      edited: "a scorer",
      file: "own.mjs",
      content: OWN.replace("text.length", "-text.length"),
      names: "the scorer own",
    },
  ] as const;

  it.each(EDITS)(
    "do not serve what $edited was changed to beside what it was: who would stays away, the others gather for it",
    async ({ file, content, names }) => {
      const { directory, url, errors, said, kill, exited } = await serve({}, [
        "--group-size",
        "2",
        "--window-ms",
        "1",
      ]);
      const at = await url();
      expect(await ask(at, "Q")).toMatchObject({ reward: 6 });
      await writeFile(join(directory, file), content);
      kill(1);
      await said("serving process 1 is not started again until the server is");
      expect(errors()).toContain("The others (1 of 2) go on.");
      expect(errors()).toContain(`${names}: not what the other serving processes were started with.`);
      // Half of the prompts met in the process that is gone.
      for (const prompt of ["a", "b", "c", "d", "e", "f", "g", "h"])
        expect(await askAgain(at, prompt)).toEqual({ reward: 6, slot: "0" });
      kill(0);
      // 2: the code of a plan that changed.
      expect(await exited).toBe(2);
      expect(errors()).toContain("None is left.");
    },
  );

  it("are started again after an edit that leaves the rewards as they are", async () => {
    const { directory, url, said, kill } = await serve();
    const at = await url();
    await writeFile(join(directory, "recipe.yaml"), `# A note.\n${RECIPE.replace("mit", "apache-2.0")}`);
    kill(1);
    await said("serving process 1 ended (SIGKILL); it is started again.");
    expect(await answerOf(at, 1)).toBe(6);
  });
});
