import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rubricJudge } from "../../../rewards/rubric-judge.ts";
import type { Score } from "../../../src/core/types.ts";
import { groupOf } from "../../../src/testing/arbitraries.ts";
import { scorerContract } from "../../../src/testing/scorer-contract.ts";
import { CHECKS, GOOD, judgeOf, type RubricInput, score } from "./shared.ts";

const POINTS: RubricInput = {
  name: "points",
  version: 1,
  weighting: "points",
  criteria: [
    { id: "asks", text: "It asks back.", points: 5, tags: ["axis:context"] },
    { id: "warns", text: "It warns.", points: 3, tags: ["axis:safety", "theme:fever"] },
    { id: "invents", text: "It invents a dose.", points: -2, tags: ["axis:safety"] },
    { id: "scares", text: "It scares.", points: -1, tags: ["axis:tone"] },
  ],
};
const judge = judgeOf({ "asks back": "Yes", warns: "Yes", invents: "Yes", scares: "Yes" });
const tagsOf = (one: Score | undefined) =>
  Object.fromEntries(
    Object.entries((one?.kind === "scored" && one.parts) || {}).filter(([name]) => name.startsWith("tag.")),
  );

describe("rubric-judge with tagScores", () => {
  scorerContract(rubricJudge({ rubric: POINTS, tagScores: true }, { judge }), undefined, { numRuns: 20 });

  it("has a part for each tag whose criteria give a score, and the score it had without", async () => {
    const [plain] = await score({ rubric: POINTS }, judge);
    const [one] = await score({ rubric: POINTS, tagScores: true }, judge);
    // (5 + 3 - 2 - 1) / 8. Safety (3 - 2) / 3; nothing positive has to do with tone.
    expect(one).toMatchObject({ value: 5 / 8 });
    expect(tagsOf(one)).toEqual({ "tag.axis:context": 1, "tag.axis:safety": 1 / 3, "tag.theme:fever": 1 });
    expect(tagsOf(plain)).toEqual({});
    expect({ ...one, parts: {} }).toEqual({ ...plain, parts: {} });
  });

  describe("and a rubric for each prompt", () => {
    let directory: string;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "prefkit-tags-"));
    });
    afterAll(() => rm(directory, { recursive: true, force: true }));

    it("has the tags of the prompt's own", async () => {
      const file = join(directory, "rubrics.jsonl");
      const line = (prompt_id: string, tags: readonly string[]): string =>
        JSON.stringify({
          prompt_id,
          rubric: { name: prompt_id, version: 1, criteria: [{ id: "asks", text: "It asks back.", tags }] },
        });
      await writeFile(file, [line("a", ["one"]), line("b", ["two"]), line("c", [])].join("\n"));
      const tags = async (id: string) => {
        const group = groupOf(["Eighteen."]);
        const given = { ...group, prompt: { ...group.prompt, id } };
        return tagsOf((await score({ rubric: file, tagScores: true }, judge, given))[0]);
      };
      expect(await tags("a")).toEqual({ "tag.one": 1 });
      expect(await tags("b")).toEqual({ "tag.two": 1 });
      expect(await tags("c")).toEqual({});
    });
  });

  it("is refused where no criterion has a tag, or one would be taken for a tag", () => {
    const make = (rubric: RubricInput) => () => rubricJudge({ rubric, tagScores: true }, { judge });
    expect(make(CHECKS)).toThrow(/tagScores: no criterion has a tag\..*\[bad_option\]/s);
    const twin: RubricInput = {
      name: "twin",
      version: 1,
      // Its deviation among judges and the score of the tag would both be `tag.sd`.
      criteria: [{ id: "tag", text: "?", scale: { min: 1, max: 5 }, tags: ["sd"] }],
    };
    expect(make(twin)).toThrow(/a criterion has the id "tag"/);
    expect(() => rubricJudge({ rubric: twin }, { judge: judgeOf(GOOD) })).not.toThrow();
  });
});
