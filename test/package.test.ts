import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { importers } from "../datasets/index.ts";
import { scorers } from "../rewards/index.ts";
import { ERROR_CODES } from "../src/core/errors.ts";
import { VERSION } from "../src/core/version.ts";
import { providers } from "../src/models/index.ts";
import { pairBuilders } from "../src/pairs/index.ts";
import { transforms } from "../src/shaping/index.ts";
import { trainers } from "../src/trainers/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");
const names = (folder: string): string[] => readdirSync(`${root}${folder}`).sort();

/** The files of a folder that hold a plug-in, without their ending. */
function stems(folder: string, isOne: (text: string) => boolean = () => true): string[] {
  return names(folder)
    .filter((name) => name.endsWith(".ts") && name !== "index.ts" && isOne(read(`${folder}/${name}`)))
    .map((name) => name.slice(0, -".ts".length));
}
const holdsDefinition = (text: string): boolean => /^export const definition\b/m.test(text);

/** Every file that belongs to the project: tracked, or new and not ignored. */
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "" && existsSync(`${root}${path}`));

interface Exported {
  readonly types: string;
  readonly default: string;
}
interface PackageJson {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | Exported>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}
const manifest = JSON.parse(read("package.json")) as PackageJson;

describe("the package", () => {
  it("has one version", () => {
    expect(manifest.version).toBe(VERSION);
    expect(read("CHANGELOG.md")).toContain(`## ${VERSION}`);
    expect((JSON.parse(read("package-lock.json")) as { version: string }).version).toBe(VERSION);
  });

  it("pins every dependency exactly", () => {
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(range, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  it("has optional peers only, each also a pinned dev dependency", () => {
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(manifest.peerDependenciesMeta[name], name).toEqual({ optional: true });
      expect(manifest.devDependencies[name], name).toBeDefined();
    }
  });

  it("exports files that the build makes, types first", () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      const targets = typeof target === "string" ? [target] : Object.values(target);
      if (typeof target !== "string") expect(Object.keys(target), name).toEqual(["types", "default"]);
      for (const path of targets.flatMap((path) =>
        path.includes("*") ? stems("rewards").map((stem) => path.replace("*", stem)) : [path],
      )) {
        expect(existsSync(`${root}${path}`), path).toBe(true);
      }
    }
  });

  it("can be imported by its name, as a user does", () => {
    const entries = ["prefkit", "prefkit/rewards", "prefkit/rewards/math-answer"];
    const code = `console.log(JSON.stringify(await Promise.all(${JSON.stringify(entries)}.map(async (name) => Object.keys(await import(name))))))`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: root,
      encoding: "utf8",
    });
    const [main, rewards, one] = JSON.parse(output) as [string[], string[], string[]];
    expect(main).toEqual(
      expect.arrayContaining(["run", "loadRecipe", "catalog", "perResponse", "PrefkitError"]),
    );
    expect(rewards).toContain("mathAnswer");
    expect(one.sort()).toEqual(["definition", "mathAnswer"]);
  });

  it("exports the contracts for users' own tests", async () => {
    // A name that the compiler does not follow, because dist/ need not exist when types are checked.
    const name: string = "prefkit/testing";
    const testing = (await import(name)) as Record<string, unknown>;
    for (const contract of ["scorerContract", "transformContract", "pairBuilderContract", "storeContract"]) {
      expect(testing[contract], contract).toBeTypeOf("function");
    }
  });

  it("brings a command that starts and knows its version", () => {
    const bin = `${root}${manifest.bin.prefkit}`;
    expect(execFileSync(process.execPath, [bin, "--version"], { encoding: "utf8" }).trim()).toBe(VERSION);
    if (process.platform !== "win32") expect(statSync(bin).mode & 0o111).toBe(0o111);
  });

  it("ships what it names", () => {
    for (const path of manifest.files.filter((name) => !name.startsWith("!")))
      expect(existsSync(`${root}${path}`), path).toBe(true);
  });
});

describe("the folders are complete", () => {
  it.each(stems("rewards"))("scorer %s is listed, documented and tested", (name) => {
    expect(scorers[name]?.name).toBe(name);
    expect(existsSync(`${root}docs/scorers/${name}.md`), "its page in docs/scorers").toBe(true);
    // One file, or a folder of them by subject.
    const tests = [`${name}.test.ts`, name].map((path) => `${root}test/rewards/${path}`);
    expect(tests.some(existsSync), "its test in test/rewards").toBe(true);
  });

  it.each(stems("src/shaping", holdsDefinition))("transform %s is listed, documented and tested", (name) => {
    expect(transforms[name]?.name).toBe(name);
    expect(read("docs/transforms.md")).toContain(name);
    expect(existsSync(`${root}test/shaping/${name}.test.ts`), "its test in test/shaping").toBe(true);
  });

  it.each(stems("src/pairs", holdsDefinition))("pair builder %s is listed, documented and tested", (name) => {
    expect(pairBuilders[name]?.name).toBe(name);
    expect(read("docs/pairs.md")).toContain(name);
    expect(existsSync(`${root}test/pairs/${name}.test.ts`), "its test in test/pairs").toBe(true);
  });

  it.each(stems("src/trainers", (text) => /: TrainerAdapter = /.test(text)))(
    "trainer %s is listed, documented and tested",
    (name) => {
      expect(trainers.map((trainer) => trainer.name)).toContain(name);
      expect(read("docs/export.md")).toContain(name);
      expect(existsSync(`${root}test/trainers/${name}.test.ts`), "its test in test/trainers").toBe(true);
    },
  );

  it.each(importers.map(({ name }) => name))("importer %s is documented", (name) => {
    expect(existsSync(`${root}datasets/${name}.ts`), "its file in datasets").toBe(true);
    expect(read("docs/import.md")).toContain(name);
  });

  it.each(Object.keys(providers))("provider %s is documented, with its own section", (name) => {
    expect(providers[name]?.name).toBe(name);
    expect(read("docs/models.md")).toMatch(new RegExp(`^## ${name}$`, "m"));
  });

  it("every file that holds a provider is listed", () => {
    const holders = stems("src/models", (text) => /^export const provider\b/m.test(text));
    expect(holders.length).toBeGreaterThan(5);
    for (const stem of holders) expect(read("src/models/index.ts")).toContain(`"./${stem}.ts"`);
  });

  it("the lists name nothing that has no file", () => {
    expect(Object.keys(scorers).sort()).toEqual(stems("rewards"));
    expect(Object.keys(transforms).sort()).toEqual(stems("src/shaping", holdsDefinition));
    expect(Object.keys(pairBuilders).sort()).toEqual(stems("src/pairs", holdsDefinition));
  });

  it.each(stems("src/cli/commands"))("command %s is part of the program and documented", (name) => {
    expect(read("src/cli/program.ts")).toContain(`./commands/${name}.ts`);
    expect(read("docs/cli.md")).toMatch(new RegExp(`prefkit ${name}\\b`));
  });

  it("the contracts are all in the testing entry", () => {
    for (const stem of stems("src/testing")) expect(read("src/testing/index.ts")).toContain(`./${stem}.ts`);
  });

  it("the top level holds what it is meant to hold", () => {
    const top = new Set(files.map((path) => path.split("/")[0]));
    expect([...top].sort()).toEqual([
      ".ci",
      ".gitattributes",
      ".gitignore",
      ".npmrc",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "bench",
      "biome.json",
      "datasets",
      "docs",
      "knip.json",
      "notebooks",
      "package-lock.json",
      "package.json",
      "rewards",
      "scripts",
      "src",
      "test",
      "tsconfig.build.json",
      "tsconfig.json",
      "vitest.config.ts",
    ]);
  });
});

describe("the source", () => {
  it("holds no file over 3 MB", () => {
    expect(files.filter((path) => statSync(`${root}${path}`).size > 3_000_000)).toEqual([]);
  });

  it("silences no type", () => {
    const isSilenced = (node: ts.Node): boolean =>
      node.kind === ts.SyntaxKind.AnyKeyword || (ts.forEachChild(node, isSilenced) ?? false);
    const code = files.filter((path) => /^(src|rewards|datasets)\/.*\.ts$/.test(path));
    const silenced = code.filter((path) => {
      const text = read(path);
      return (
        /@ts-(ignore|expect-error|nocheck)/.test(text) ||
        isSilenced(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
      );
    });
    expect(silenced).toEqual([]);
  });

  it.each(Object.keys(ERROR_CODES))("throws the error code %s somewhere", (code) => {
    const places = files.filter(
      (path) =>
        /^(src|rewards)\/.*\.ts$/.test(path) &&
        path !== "src/core/errors.ts" &&
        read(path).includes(`"${code}"`),
    );
    // Its own file raises `io` and knows `internal`.
    expect(places.length > 0 || code === "io").toBe(true);
  });

  it("has an up-to-date page of error codes (npm run docs)", async () => {
    const script: string = "../scripts/errors-page.mjs";
    const { errorsPage } = (await import(script)) as { errorsPage: (codes: typeof ERROR_CODES) => string };
    expect(read("docs/errors.md")).toBe(errorsPage(ERROR_CODES));
  });

  it("has links in its documents that lead somewhere", () => {
    const dead = files
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) => {
        const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
        return [...read(path).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)]
          .map(([, target = ""]) => target)
          .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(`${root}${folder}/${target}`))
          .map((target) => `${path} -> ${target}`);
      });
    expect(dead).toEqual([]);
  });
});
