import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { nodeFiles } from "../../../src/core/files.ts";
import { findPython, installCommands, installPython } from "../../../src/trainers/train/index.ts";
import { temporaryDirectories } from "../../cli/small-dataset.ts";
import { VERSIONS } from "./fake-python.ts";

const directories = temporaryDirectories();
afterEach(() => directories.removeAll());

interface Fake {
  /** What the probe prints: the version and the modules it lacks. */
  readonly probe?: string;
  /** JavaScript that stands for pip. */
  readonly pip?: string;
  readonly versions?: Readonly<Record<string, string | null>>;
}

/** A Python that makes environments with a Python of this kind in them. Its folder has a space and an accent. */
async function base({ probe = "3.11.7 ", pip = "", versions = VERSIONS }: Fake = {}) {
  const directory = join(await directories.make(), "caché dir");
  await mkdir(directory);
  const named = join(directory, "python3");
  await writeFile(
    named,
    `#!${process.execPath}
const files = require("node:fs");
const [, self, ...given] = process.argv;
// A module is run by a line of Python that stands before its name; with nothing behind it, the line asks for the version.
const args = given[0] === "-c" && given.length > 2 ? ["-m", ...given.slice(2)] : given;
const folder = args.at(-1);
(async () => {
  if (args[0] === "-c") console.log(${JSON.stringify(probe)});
  else if (args.includes("--versions")) console.log("@prefkit " + ${JSON.stringify(JSON.stringify(versions))});
  else if (args[1] === "venv") {
    files.rmSync(folder, { recursive: true, force: true });
    files.mkdirSync(folder + "/bin", { recursive: true });
    files.copyFileSync(self, folder + "/bin/python");
  } else { ${pip} }
})();
`,
  );
  await chmod(named, 0o755);
  const cacheDirectory = join(directory, "cache");
  const lines: string[] = [];
  const stop = new AbortController();
  const options = { named, cacheDirectory, environment: process.env };
  return {
    ...{ options, lines, stop, cacheDirectory },
    python: join(cacheDirectory, "python-train/bin/python"),
    install: () =>
      installPython(nodeFiles, {
        ...options,
        stop: stop.signal,
        onLine: (line) => {
          lines.push(line);
          if (line === "stop me") stop.abort();
        },
      }),
    found: () => findPython(nodeFiles, { cacheDirectory, environment: {} }),
  };
}

/** Fails as long as the file is there, and removes it. */
const FAILS_ONCE = `
  const once = __dirname + "/../once";
  if (!files.existsSync(once)) {
    files.writeFileSync(once, "");
    console.error("ERROR: No space left on device");
    process.exit(1);
  }`;

describe("an installation", () => {
  it("makes an environment from the Python that was named, and fills it with the pins", async () => {
    const { install, python, found, lines } = await base({ pip: `console.log("pip: " + args.join(" "))` });
    expect(await install()).toEqual({ python, versions: VERSIONS });
    expect(await found()).toBe(python);
    expect(lines[0]).toMatch(/^'.*caché dir\/python3' -m venv --clear '.*\/python-train'$/);
    expect(lines.at(-1)).toMatch(/^pip: -m pip install .*torch==\d.* trl==1/);
  });

  it("is of no use while it is half made, also when all packages seem to be there", async () => {
    const { install, found, python } = await base({ pip: FAILS_ONCE });
    await expect(install()).rejects.toMatchObject({
      code: "missing_dependency",
      message: /failed: it ended with code 1; its last lines:\n {2}ERROR: No space left on device/,
    });
    expect(existsSync(python)).toBe(true);
    await expect(found()).rejects.toMatchObject({
      code: "missing_dependency",
      message: /is not whole: its installation was interrupted/,
    });
  });

  it("makes a half-made environment anew: what a kill left of packages is not built upon", async () => {
    const { install, options, python, found } = await base({ pip: FAILS_ONCE });
    await expect(install()).rejects.toThrow();
    const rest = join(python, "../half-a-package");
    await writeFile(rest, "");
    // The new environment's pip works: the mark of the first try stands beside the environment.
    await writeFile(join(python, "../../once"), "");
    const commands = await installCommands(nodeFiles, options);
    expect(commands.map(([, , module]) => module)).toEqual(["venv", "pip"]);
    await expect(install()).rejects.toThrow(/No space/);
    expect(existsSync(rest)).toBe(false);
    await expect(found()).rejects.toThrow(/not whole/);
  });

  it("completes a whole one that is there, and does not make it anew", async () => {
    const { install, options, python } = await base();
    await install();
    const beside = join(python, "../other-package");
    await writeFile(beside, "");
    expect((await installCommands(nodeFiles, options)).map(([program]) => program)).toEqual([python]);
    expect(await install()).toMatchObject({ python });
    expect(existsSync(beside)).toBe(true);
  });

  it("is not whole when packages are missing in the end", async () => {
    const { install, found } = await base({ versions: { ...VERSIONS, trl: null } });
    await expect(install()).rejects.toMatchObject({
      code: "missing_dependency",
      message: /trl is missing/,
      // The path has a space: as it is, a shell would take it for two words.
      fix: expect.stringMatching(/run `'.*python-train\/bin\/python' -m pip install /),
    });
    await expect(found()).rejects.toThrow(/not whole/);
  });

  it("is stopped with what it has started, and gives null", async () => {
    const { install, lines, found, cacheDirectory } = await base({
      // The process that pip starts would go on alone, and hold the pipe that is read to its end.
      pip: `
        require("node:child_process").spawn("sleep", ["600"], { stdio: "inherit" });
        console.log("stop me");`,
    });
    expect(await install()).toBeNull();
    expect(lines.at(-1)).toBe("stop me");
    await expect(found()).rejects.toThrow(/not whole/);
    expect(existsSync(join(cacheDirectory, ".python-train.lock"))).toBe(false);
  });

  it("is one at a time", async () => {
    const { install, cacheDirectory } = await base();
    await mkdir(cacheDirectory);
    const holder = JSON.stringify({
      pid: process.ppid,
      host: hostname(),
      started: null,
    });
    await writeFile(join(cacheDirectory, ".python-train.lock"), holder);
    await expect(install()).rejects.toMatchObject({ code: "directory_locked" });
  });

  it.each([
    { probe: "3.9.18 ", message: /python3 is 3\.9\.18\)/ },
    { probe: "3.11.2 ensurepip", message: /python3 is 3\.11\.2 and lacks ensurepip\)/ },
    { probe: "3.12.3 venv,ensurepip", message: /lacks venv and ensurepip\)/ },
    { probe: "Python 2.7.18", message: /python3: no answer\)/ },
  ])("needs a Python that can make one: $probe", async ({ probe, message }) => {
    const { install, cacheDirectory } = await base({ probe });
    await expect(install()).rejects.toMatchObject({
      ...{ code: "missing_dependency", message },
      fix: expect.stringContaining("python3-venv"),
    });
    expect(existsSync(join(cacheDirectory, "python-train.unfinished"))).toBe(false);
  });

  it("says what it looked for where there is no Python", async () => {
    const cacheDirectory = await directories.make();
    const environment = { PATH: cacheDirectory };
    await expect(installCommands(nodeFiles, { environment, cacheDirectory })).rejects.toMatchObject({
      code: "missing_dependency",
      message: /was found \(not there: python3\.13, .*, python\)/,
    });
  });
});
