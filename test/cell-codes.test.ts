import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CALL_FAILURES } from "../src/core/errors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every code that is written out where a cell is made to fail. */
function writtenCodes(): string[] {
  const files = ["rewards", "src/core", "src/judging", "src/annotate"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")),
  );
  const made = /(?:\bfailed\(|\bfailAll\([\w.]+,|\btrouble:)\s*"([a-z_]+)"/g;
  return files.flatMap((text) => Array.from(text.matchAll(made), ([, code]) => code ?? ""));
}

describe("the codes of failed cells", () => {
  it("all stand in docs/errors.md, once", () => {
    const page = readFileSync(join(root, "docs/errors.md"), "utf8");
    const cells = page.slice(page.indexOf("## Codes of failed cells"));
    const listed = Array.from(cells.matchAll(/^\| `(\w+)` \|/gm), ([, code]) => code ?? "");
    expect(new Set(listed).size).toBe(listed.length);
    const given = [...writtenCodes(), ...Object.keys(CALL_FAILURES)];
    expect(given.length).toBeGreaterThan(50);
    expect(given.filter((code) => !listed.includes(code))).toEqual([]);
  });
});
