import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as rewards from "../rewards/index.ts";
import * as instructionChecks from "../rewards/instruction-checks.ts";
import * as prefkit from "../src/index.ts";
import * as testing from "../src/testing/index.ts";

const root = new URL("..", import.meta.url);
const pages = [
  "README.md",
  ...["docs", "docs/scorers"].flatMap((folder) =>
    readdirSync(new URL(folder, root))
      .filter((file) => file.endsWith(".md"))
      .map((file) => `${folder}/${file}`),
  ),
];
const ENTRANCES: Readonly<Record<string, object>> = {
  prefkit,
  "prefkit/rewards": rewards,
  "prefkit/rewards/instruction-checks": instructionChecks,
  "prefkit/testing": testing,
};

/** What a page's code imports from the package, without types: those leave nothing to look for. */
function importsIn(page: string): (readonly [from: string, name: string])[] {
  const text = readFileSync(new URL(page, root), "utf8");
  const statements = [...text.matchAll(/^import \{([^}]*)\} from "(prefkit[^"]*)";/gm)];
  return statements.flatMap(([, names = "", from = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type "))
      .map((name) => [from, name] as const),
  );
}

describe("code in the docs", () => {
  it.each(pages)("%s imports only what the package exports", (page) => {
    const missing = importsIn(page).filter(([from, name]) => !(name in (ENTRANCES[from] ?? {})));
    expect(missing).toEqual([]);
  });

  it("is looked at", () => {
    expect(pages.flatMap(importsIn).length).toBeGreaterThan(20);
  });
});
