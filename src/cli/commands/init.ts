import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { PrefkitError, reasonOf } from "../../core/errors.ts";
import { nodeFiles, writeWhole } from "../../core/files.ts";
import type { CommandSetup } from "../program.ts";
import { shortPath } from "../run-summary.ts";

interface Flags {
  readonly force?: boolean;
  readonly json?: boolean;
}

const RECIPE = "recipe.yaml";
const DATA = "prompts.jsonl";

export function initCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("init")
    .description("Write a commented recipe and sample data to start from.")
    .argument("[dir]", "where to", ".")
    .option("--force", `replace ${RECIPE} and ${DATA} where they exist`)
    .option("--json", "print what was written as JSON on stdout")
    .addHelpText(
      "after",
      `
Examples:
  $ prefkit init
  $ prefkit init first-look && prefkit run first-look/${RECIPE}`,
    )
    .action(async (given: string, flags: Flags) => {
      const directory = resolve(terminal.directory, given);
      const texts = starterFiles(packageRoot());
      await writeStarter(directory, texts, flags.force ?? false);
      const shown = (name: string): string => shortPath(join(directory, name), terminal.directory);
      const next = `prefkit run ${quoted(shown(RECIPE))}`;
      if (flags.json) {
        terminal.out(
          JSON.stringify({ ok: true, files: [...texts.keys()].map((name) => join(directory, name)), next }),
        );
      } else {
        terminal.out(`${shown(RECIPE)}  a recipe with a comment on every part`);
        const prompts = texts.get(DATA)?.trimEnd().split("\n").length ?? 0;
        terminal.out(`${shown(DATA)}  ${prompts} prompts with four responses each, to try it on (CC0)`);
        terminal.out("");
        terminal.out(`Next:  ${next}`);
      }
      exit(0);
    });
}

/** The directory of the package, from the source as well as from the build. */
export function packageRoot(from: string = dirname(fileURLToPath(import.meta.url))): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, "package.json");
    if (existsSync(path) && (JSON.parse(readFileSync(path, "utf8")) as { name?: unknown }).name === "prefkit")
      return directory;
    if (directory === dirname(directory)) {
      throw new PrefkitError(
        "internal",
        `no package.json of prefkit above ${from}.`,
        "install prefkit again.",
      );
    }
  }
}

/** The demo recipe and its data, with paths that fit files standing side by side. */
export function starterFiles(root: string): ReadonlyMap<string, string> {
  const demo = packageText(join(root, "datasets", "recipes", "demo.yaml"));
  const recipe = CHANGES.reduce((text, [from, to]) => {
    if (!text.includes(from)) {
      throw new PrefkitError("internal", `the demo recipe has no "${from}".`, "install prefkit again.");
    }
    return text.replaceAll(from, to);
  }, demo);
  return new Map([
    [RECIPE, recipe],
    [DATA, packageText(join(root, "datasets", "samples", DATA))],
  ]);
}

const CHANGES: readonly (readonly [from: string, to: string])[] = [
  ["prefkit run datasets/recipes/demo.yaml", `prefkit run ${RECIPE}`],
  ["../samples/prompts.jsonl", DATA],
  ["../../demo-out", "out"],
];

function packageText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new PrefkitError(
      "io",
      `a file of the package cannot be read: ${reasonOf(cause)}.`,
      "install prefkit again.",
      { cause },
    );
  }
}

/** Writes all files or none: what is there is looked at first. */
async function writeStarter(
  directory: string,
  texts: ReadonlyMap<string, string>,
  force: boolean,
): Promise<void> {
  const paths = [...texts].map(([name, text]) => [join(directory, name), text] as const);
  if (!force) {
    for (const [path] of paths) if (await nodeFiles.exists(path)) throw alreadyThere(path);
  }
  await nodeFiles.makeDirectory(directory);
  for (const [path, text] of paths) {
    if (force) await writeWhole(nodeFiles, path, text);
    else if (!(await nodeFiles.createExclusive(path, text))) throw alreadyThere(path);
  }
}

function alreadyThere(path: string): PrefkitError {
  return new PrefkitError(
    "not_this_run",
    `${path} exists already.`,
    "choose another directory, or give --force to replace it.",
  );
}

/** A path as a POSIX shell takes it. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
