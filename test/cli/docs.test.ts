import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";

const page = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
const silent = {
  out: () => {},
  err: () => {},
  isInteractive: false,
  columns: 80,
  environment: {},
  directory: ".",
};
/** Every command by its whole name; a group of commands and those in it. */
const commands = buildProgram(silent, () => {}).commands.flatMap((command) => [
  [command.name(), command] as const,
  ...command.commands.map((inner) => [`${command.name()} ${inner.name()}`, inner] as const),
]);

/** The part of the page under the command's heading; flags that it takes from `run` are looked for there too. */
function sectionOf(name: string): string {
  const section = page.split(/^## /m).find((part) => part.startsWith(`prefkit ${name}\n`)) ?? "";
  return section.includes("as for `run`") || section.includes("And of [`run`]")
    ? section + sectionOf("run")
    : section;
}

const flagsOf = (command: Command): string[] => command.options.map(({ long }) => long ?? "");

describe("docs/cli.md", () => {
  it.each(commands)("names every flag of prefkit %s, and none that it has not", (name, command) => {
    expect(page).toContain(`prefkit ${name}`);
    const section = sectionOf(name);
    for (const flag of flagsOf(command)) expect(section, flag).toMatch(new RegExp(`\`${flag}[ \`]`));
    const known = new Set([...flagsOf(command), "--help"]);
    const own = page.split(/^## /m).find((part) => part.startsWith(`prefkit ${name}\n`)) ?? "";
    const written = [...own.matchAll(/^\| (.+?) \|/gm)].flatMap(
      ([, cell = ""]) => cell.match(/--[a-z-]+/g) ?? [],
    );
    expect(written.filter((flag) => !/^--+$/.test(flag) && !known.has(flag))).toEqual([]);
  });

  it.each(commands)("prefkit %s --help has a description and an example", (name, command) => {
    let text = "";
    command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
    expect(command.description().length).toBeGreaterThan(20);
    expect(text).toMatch(new RegExp(`Examples?:\\n  \\$ prefkit ${name}`));
  });
});
