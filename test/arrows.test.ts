import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

const ENGINE = ["src/core", "src/models", "src/shaping", "src/pairs", "src/store"];
const RUNNER = ["src/core", "src/models", "src/store", "src/annotate"];

/** What a room may import besides itself: rooms, or single files where only a port of a room is open. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "src/core": [],
  "src/models": ["src/core"],
  "src/shaping": ["src/core"],
  "src/pairs": ["src/core"],
  "src/store": ["src/core"],
  "src/judging": ["src/core", "src/models/ports.ts"],
  "src/annotate": ENGINE,
  "src/learn": [...ENGINE, "src/judging"],
  "src/testing": [
    "src/core",
    "src/models",
    "src/judging",
    "src/store",
    "src/shaping/transform.ts",
    "src/pairs/pair-builder.ts",
    "src/trainers/trainer-adapter.ts",
  ],
  "src/trainers": [...RUNNER, "src/shaping/advantages.ts"],
  "src/evaluate": [...RUNNER, "src/judging"],
  "src/serve": [...RUNNER, "src/shaping/combine.ts"],
  rewards: ["src/core", "src/judging", "src/models/ports.ts"],
  datasets: ["src/core", "src/store"],
};

/** The only places that bring the engine, the scorers and the datasets together; nothing else imports these. */
const FRONT = ["src/cli", "src/index.ts", "src/catalog.ts"];

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const isIn = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);

/** Every import that goes against the arrows, as a sentence. Static, dynamic, type-only and re-exporting lines count. */
function wrongArrows({ path, text }: SourceFile): string[] {
  if (FRONT.some((place) => isIn(path, place))) return [];
  const room = Object.keys(ALLOWED).find((name) => isIn(path, name));
  if (room === undefined)
    return [`${path} is in no room: put it into one, or add the room to test/arrows.test.ts`];
  const open = [room, ...(ALLOWED[room] ?? [])];
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.flatMap(({ fileName }) =>
      fileName.startsWith(".") ? [posix.join(posix.dirname(path), fileName)] : [],
    )
    .filter((target) => !open.some((place) => isIn(target, place)))
    .map((target) => `${path} may not import ${target}`);
}

function sources(): SourceFile[] {
  return ["src", "rewards", "datasets"].flatMap((top) =>
    readdirSync(`${root}${top}`, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${top}/${name.replaceAll("\\", "/")}`)
      .map((path) => ({ path, text: readFileSync(`${root}${path}`, "utf8") })),
  );
}

describe("arrows between the rooms", () => {
  it("no file imports against them", () => {
    const files = sources();
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(wrongArrows)).toEqual([]);
  });

  it.each([
    ["rewards/x.ts", 'import { y } from "../src/store/y.ts";', "rewards/x.ts may not import src/store/y.ts"],
    [
      "src/core/x.ts",
      'import type { Y } from "../store/y.ts";',
      "src/core/x.ts may not import src/store/y.ts",
    ],
    [
      "src/annotate/x.ts",
      'export * from "../../rewards/y.ts";',
      "src/annotate/x.ts may not import rewards/y.ts",
    ],
    [
      "src/store/x.ts",
      'const y = await import("../annotate/y.ts");',
      "src/store/x.ts may not import src/annotate/y.ts",
    ],
    ["src/annotate/x.ts", 'import "../cli/main.ts";', "src/annotate/x.ts may not import src/cli/main.ts"],
    [
      "src/serve/x.ts",
      'import { catalog } from "../catalog.ts";',
      "src/serve/x.ts may not import src/catalog.ts",
    ],
  ])("a wrong one in %s is named", (path, text, sentence) => {
    expect(wrongArrows({ path, text })).toEqual([sentence]);
  });

  it.each([
    ["rewards/x.ts", 'import { scored } from "../src/core/scorer.ts";'],
    ["src/testing/x.ts", 'import type { Transform } from "../shaping/transform.ts";'],
    ["src/cli/commands/x.ts", 'import { scorers } from "../../../rewards/index.ts";'],
    ["src/store/x.ts", 'import { z } from "zod";\n// import { y } from "../annotate/y.ts";'],
  ])("a right one in %s is left alone", (path, text) => {
    expect(wrongArrows({ path, text })).toEqual([]);
  });

  it("a file outside every room is told to move", () => {
    expect(wrongArrows({ path: "src/helpers/x.ts", text: "" })).toEqual([
      "src/helpers/x.ts is in no room: put it into one, or add the room to test/arrows.test.ts",
    ]);
  });
});
