import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { partPath } from "../../src/annotate/journal.ts";
import { recipeFromCode } from "../../src/annotate/load-recipe.ts";
import { type RunOutcome, run } from "../../src/annotate/run.ts";
import { scored } from "../../src/core/scorer.ts";
import { openRewarder } from "../../src/serve/rewarder.ts";
import { groupOf } from "../../src/testing/arbitraries.ts";
import { directoryOf, errorOf, testCatalog } from "./small-run.ts";

// The threads run the compiled worker: `npm test` builds first. Told "edit", the scorer edits its own module where the file
// "edit" is there, and blocks its thread, which is killed and started anew.
const MODULE = `
  import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
  import { fileURLToPath } from "node:url";
  const at = (name) => fileURLToPath(new URL(name, import.meta.url));
  export default ({ text }) => {
    appendFileSync(at("calls"), text + " ");
    if (text === "edit" && existsSync(at("edit"))) {
      const own = fileURLToPath(import.meta.url);
      writeFileSync(own, readFileSync(own, "utf8").replace("text.length;", "-text.length;"));
      for (;;);
    }
    return text.length;
  };
`;

let directory: string;
const at = (name: string): string => join(directory, name);
const recipe = () =>
  recipeFromCode(
    {
      input: { path: "in.jsonl" },
      scorers: { own: { use: "./own.mjs", timeoutMs: 200, maxFailedShare: 1 } },
      reward: { terms: [{ score: "own" }] },
      shardSize: 1,
    },
    directory,
    {},
  );

beforeEach(async () => {
  const records = ["one", "edit", "three"].map((text) => ({ id: text, prompt: "Q", responses: [text] }));
  directory = await directoryOf({ "in.jsonl": records, "own.mjs": MODULE, edit: "" });
});

describe("a scorer's module that is edited while a thread of it is replaced", () => {
  const go = (): Promise<RunOutcome> =>
    run(recipe(), testCatalog, { out: at("out"), workers: 1, concurrency: 1 });

  it("ends a run with plan_changed, and what is finished is kept", async () => {
    const error = await errorOf(go);
    expect(error.code).toBe("plan_changed");
    expect(error.message).toContain(`${at("own.mjs")} was changed while scores were made with it`);
    expect(readFileSync(at("own.mjs"), "utf8")).toContain("-text.length;");
    expect(existsSync(partPath(at("out"), 0))).toBe(true);
    expect(existsSync(at("out/run.json"))).toBe(false);

    writeFileSync(at("own.mjs"), MODULE);
    rmSync(at("edit"));
    rmSync(at("calls"));
    expect((await go()).kind).toBe("done");
    expect(readFileSync(at("calls"), "utf8")).not.toContain("one");
  });

  it("fails its cells in a server, which says why, and gives no other numbers", async () => {
    const rewarder = await openRewarder(recipe(), testCatalog, { threads: 1 });
    try {
      const score = async (text: string) =>
        (await rewarder.score(groupOf([text]), Date.now() + 20_000)).columns[0]?.scores[0];
      expect(await score("ab")).toEqual(scored(2));
      expect(await score("edit")).toMatchObject({ kind: "failed", code: "timeout" });
      for (const text of ["ab", "abc"]) {
        expect(await score(text)).toMatchObject({
          kind: "failed",
          code: "plan_changed",
          why: expect.stringContaining("own.mjs was changed") as string,
        });
      }
    } finally {
      await rewarder.close();
    }
  });
});
