import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const python = process.env.PREFKIT_PYTHON ?? join(root, ".cache/venv/bin/python");

interface Block {
  readonly language: string;
  /** The file that the text says it is. */
  readonly file: string;
  readonly body: string;
}

const blocks: Block[] = [...readme.matchAll(/^```(\w*) ?(\S*)\n(.*?)^```$/gms)].map(
  ([, language = "", file = "", body = ""]) => ({ language, file, body }),
);
const shell = blocks.filter(({ language }) => language === "sh").map(({ body }) => body.trim());
/** Run by continuous integration as they stand; a test cannot install its own dependencies. */
const WHOLE = ["npm ci && npm run demo", "npm cit"];

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "prefkit-readme-"));
  // A user's project with prefkit installed.
  await mkdir(join(project, "node_modules/.bin"), { recursive: true });
  await symlink(root, join(project, "node_modules/prefkit"), "dir");
  await symlink(join(root, "dist/src/cli/main.js"), join(project, "node_modules/.bin/prefkit"));
  for (const { file, body } of blocks) if (file !== "") await writeFile(join(project, file), body);
});
afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

function inProject(command: string) {
  // `npx prefkit` finds the project's own; without npx's start-up time.
  const [head = "", ...rest] = command.replace(/^npx prefkit\b/, "prefkit").split(" ");
  const { PREFKIT_CACHE_DIR: _, ...environment } = process.env;
  return spawnSync(head, rest, {
    cwd: project,
    encoding: "utf8",
    env: {
      ...environment,
      PREFKIT_CACHE_DIR: join(project, "cache"),
      NO_COLOR: "1",
      PATH: `${join(project, "node_modules/.bin")}${delimiter}${process.env.PATH ?? ""}`,
    },
  });
}

describe("README.md", () => {
  it("shows the two commands of a newcomer, and they exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(shell).toEqual(expect.arrayContaining(WHOLE));
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["demo", "test"]));
  });

  it("promises a demo that works offline, and says what it holds", () => {
    const out = join(project, "demo-out");
    const printed = execFileSync(
      process.execPath,
      [join(root, "dist/src/cli/main.js"), "run", "datasets/recipes/demo.yaml", "--out", out],
      { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    expect(printed).toMatch(/77 prompts, 308 responses, 77 pairs/);
    for (const file of ["README.md", "run.json", "stats.json", "pairs", "groups", "scores"]) {
      expect(existsSync(join(out, file)), file).toBe(true);
    }
  });

  it("has examples that run as they stand, with the output it shows", { timeout: 120_000 }, () => {
    let printed = "";
    let ran = 0;
    for (const { language, body } of blocks) {
      if (language === "sh" && !WHOLE.includes(body.trim())) {
        printed = "";
        for (const command of body.trim().split("\n")) {
          const { status, stdout, stderr } = inProject(command);
          expect({ command, status, stderr: status === 0 ? "" : stderr }).toEqual({
            command,
            status: 0,
            stderr: "",
          });
          printed += stdout;
          ran += 1;
        }
      }
      if (language === "text") expect(printed).toBe(body);
    }
    expect(ran).toBe(8);
  });

  it.skipIf(!existsSync(python))(
    `has a Python example that runs${existsSync(python) ? "" : " (absent: no Python at .cache/venv; set PREFKIT_PYTHON)"}`,
    { timeout: 120_000 },
    async () => {
      const body = blocks.find(({ language }) => language === "python")?.body ?? "";
      await writeFile(join(project, "read.py"), body);
      const { status, stdout, stderr } = spawnSync(python, ["read.py"], {
        cwd: project,
        encoding: "utf8",
        env: {
          ...process.env,
          HF_HUB_OFFLINE: "1",
          HF_DATASETS_DISABLE_PROGRESS_BARS: "1",
          HF_HOME: join(project, "hf"),
        },
      });
      expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
      // Two prompts with three responses each, two scorers.
      expect(stdout.trim()).toBe("2 12");
    },
  );
});
