import type { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";
import { printError, printUsageFault, type Terminal } from "../../src/cli/terminal.ts";
import { PrefkitError } from "../../src/core/errors.ts";

const EVIL = "p\u001b[31m\u009b31m\u202e\u200b";

function recorder(environment: Terminal["environment"] = {}) {
  const lines = { out: "", err: "" };
  const terminal: Terminal = {
    out: (text) => {
      lines.out += `${text}\n`;
    },
    err: (text) => {
      lines.err += `${text}\n`;
    },
    ...{ isInteractive: true, columns: 80, environment, directory: "." },
  };
  return { lines, terminal };
}

function printed(error: unknown, json = false, environment: Terminal["environment"] = {}) {
  const { lines, terminal } = recorder(environment);
  return { ...lines, exitCode: printError(terminal, error, json), out: lines.out, err: lines.err };
}

describe("printError", () => {
  it.each([
    {
      note: "an error of ours",
      error: new PrefkitError("bad_option", `prompt ${EVIL} is one.`, `leave ${EVIL}.`),
    },
    { note: "any other", error: new Error(EVIL) },
    { note: "no error at all", error: EVIL },
  ])("lets nothing in $note speak to the terminal", ({ error }) => {
    for (const environment of [{}, { PREFKIT_DEBUG: "1" }]) {
      const { err, out } = printed(error, true, environment);
      for (const hidden of ["\u001b", "\u009b", "\u202e", "\u200b"]) expect(err + out).not.toContain(hidden);
      expect(err).toContain("p␛[31m\\u{9b}31m\\u{202e}\\u{200b}");
      // As JSON the text comes back as it was.
      expect((JSON.parse(out) as { message: string }).message).toContain(EVIL);
    }
  });

  it("says what was got and what to do, on two lines, with the exit code of the error", () => {
    const { err, exitCode } = printed(new PrefkitError("bad_option", "this.", "do that."));
    expect(err).toBe("PrefkitError: this.\nFix: do that. [bad_option]\n");
    expect(exitCode).toBe(2);
  });
});

describe("printUsageFault", () => {
  async function used(words: readonly string[], json = true) {
    const { lines, terminal } = recorder();
    const fault = await buildProgram(terminal, () => {})
      .parseAsync(["node", "prefkit", ...words])
      .catch((error: CommanderError) => error);
    return { fault, lines, exitCode: printUsageFault(terminal, fault as CommanderError, json) };
  }

  it.each([
    { words: ["nocmd", "--json"], says: /unknown command 'nocmd'/ },
    { words: ["export", "--json"], says: /argument|required option/ },
    { words: ["run", "r.yaml", "--no-such", "--json"], says: /unknown option '--no-such'/ },
    { words: ["--json"], says: /unknown option '--json'/ },
    { words: ["rules"], says: /no command was given/ },
  ])("gives $words as one JSON object, and on stderr to read", async ({ words, says }) => {
    const { lines, exitCode } = await used(words);
    expect(exitCode).toBe(2);
    const { message, ...rest } = JSON.parse(lines.out) as { readonly message: string };
    expect(message).toMatch(says);
    expect(rest).toEqual({
      ok: false,
      code: "bad_option",
      fix: expect.stringContaining("--help"),
      exitCode: 2,
    });
    expect(lines.err).not.toBe("");
  });

  it("prints nothing more without --json, and takes help and version for no faults", async () => {
    expect(await used(["nocmd"], false)).toMatchObject({ exitCode: 2, lines: { out: "" } });
    expect((await used(["--version"])).exitCode).toBe(0);
    expect((await used(["run", "--help"])).exitCode).toBe(0);
  });
});
