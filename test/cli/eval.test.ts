import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evalCommand } from "../../src/cli/commands/eval.ts";
import { invoke, type Outcome, temporaryDirectories } from "./small-dataset.ts";

const temporary = temporaryDirectories();
let directory: string;
beforeAll(async () => {
  directory = await temporary.make();
  const graded = (text: string, grade: number | null) => ({ text, metadata: { grade } });
  const rows = [
    { prompt: "1?", chosen: graded("because it is", 3), rejected: graded("no", 1), subset: "talk" },
    { prompt: "2?", chosen: graded("because", 1), rejected: graded("no", 2), subset: "talk" },
    { prompt: "3?", chosen: graded("no", 2), rejected: graded("because", 1), subset: "\u001b[31mred" },
    { prompt: "4?", chosen: graded("no", null), rejected: graded("because", 1), subset: "\u001b[31mred" },
    { prompt: "5?", chosen: graded("yes", 2), rejected: graded("no", 2), subset: "talk" },
  ];
  await writeFile(join(directory, "gold.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(
    join(directory, "recipe.yaml"),
    `input: { path: none.jsonl }
scorers:
  reasons: { use: contains, text: because }
  grade: { use: precomputed, field: grade }
reward:
  terms: [{ score: grade }]
`,
  );
});
afterAll(temporary.removeAll);

const evaluate = (...args: string[]): Promise<Outcome> =>
  invoke(evalCommand, ["gold.jsonl", ...args, "--quiet"], { directory });

describe("prefkit eval", () => {
  it("shows accuracy with intervals, ties and unscored items apart, and how two scorers compare", async () => {
    const { out, exitCode } = await evaluate("--recipe", "recipe.yaml");
    expect(exitCode).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "                 items  correct  wrong  ties  unscored  accuracy  95 % interval
      reasons              5        2      2     1         0    40.0 %     0.0–80.0 %
        talk               3        2      0     1         0    66.7 %    0.0–100.0 %
        ␛[31mred           2        0      2     0         0     0.0 %      0.0–0.0 %
        longer by −5       2        0      2     0         0     0.0 %      0.0–0.0 %
        longer by +1       1        0      0     1         0     0.0 %      0.0–0.0 %
        longer by +5       1        1      0     0         0   100.0 %  100.0–100.0 %
        longer by +11      1        1      0     0         0   100.0 %  100.0–100.0 %
      grade                5        2      1     1         1    50.0 %    0.0–100.0 %
        talk               3        1      1     1         0    33.3 %    0.0–100.0 %
        ␛[31mred           2        1      0     0         1   100.0 %  100.0–100.0 %
        longer by −5       2        1      0     0         1   100.0 %  100.0–100.0 %
        longer by +1       1        0      0     1         0     0.0 %      0.0–0.0 %
        longer by +5       1        0      1     0         0     0.0 %      0.0–0.0 %
        longer by +11      1        1      0     0         0   100.0 %  100.0–100.0 %

      reasons
        accuracy without ties             50.0 %  0.0–100.0 %  correct / (correct + wrong)
        accuracy with a tie as one half   50.0 %  10.0–90.0 %  what a coin would make of the ties
        Brier score                        0.303  0.072–0.534  of σ(margin), without ties; for scores in log odds only; 0.25 knows nothing
        calibration error                  0.231               of σ(|margin|), ten bins, without ties; for scores in log odds only
        longer response wins             100.0 %               of 4 decided pairs of unequal length; in gold 50.0 %

      grade
        accuracy without ties            66.7 %   0.0–100.0 %  correct / (correct + wrong)
        accuracy with a tie as one half  62.5 %  25.0–100.0 %  what a coin would make of the ties
        Brier score                       0.207   0.014–0.534  of σ(margin), without ties; for scores in log odds only; 0.25 knows nothing
        calibration error                 0.194                of σ(|margin|), ten bins, without ties; for scores in log odds only
        longer response wins             33.3 %                of 3 decided pairs of unequal length; in gold 66.7 %

      reasons against grade: 0.0 points (−75.0 to +75.0) on 4 items; better on 1, worse on 1, p = 1.000; kappa 0.238"
    `);
  });

  it("warns of few items and of unscored ones, on the other channel", async () => {
    const { err } = await evaluate("--recipe", "recipe.yaml");
    expect(err).toContain("reasons judged 5 items: bootstrap intervals of fewer than 50 are too narrow.");
    expect(err).toContain("grade left 1 of 5 items unscored; its accuracy is over the others.");
  });

  it("prints the report as JSON, the same for the same seed", async () => {
    const first = await evaluate("--recipe", "recipe.yaml", "--json", "--seed", "4");
    const report = JSON.parse(first.out);
    expect(report).toMatchObject({
      ok: true,
      outcome: "done",
      format: "prefkit-eval",
      preset: "pairs",
      seed: 4,
      gold: { items: 5, by: "subset" },
      scorers: [
        { name: "reasons", overall: { items: 5, correct: 2, wrong: 2, tie: 1, accuracy: 0.4 } },
        { name: "grade", overall: { items: 5, correct: 2, wrong: 1, tie: 1, unscored: 1, accuracy: 0.5 } },
      ],
      comparisons: [{ first: "reasons", second: "grade", items: 4, onlyFirst: 1, onlySecond: 1, pValue: 1 }],
    });
    expect(report.scorers[0].examples[0]).toMatchObject({
      outcome: "wrong",
      responses: [{ correct: true }, { correct: false }],
    });
    expect(report.scorers[0].settings).toMatchObject({ scorer: "contains" });
    expect((await evaluate("--recipe", "recipe.yaml", "--json", "--seed", "4")).out).toBe(first.out);
  });

  it("does not let names of subsets speak to the terminal", async () => {
    const { out } = await evaluate("--scorer", "repetition-penalty", "--preset", "pairs");
    expect(out).toContain("\n  ␛[31mred ");
    expect(out).not.toContain("\u001b[31mred");
  });

  it("writes a report, a page, and scores that it reads again", async () => {
    const { err } = await evaluate("--recipe", "recipe.yaml", "--out", "report", "--html", "report.html");
    expect(err).toContain(`Wrote ${join(directory, "report", "report.json")}`);
    const report = JSON.parse(await readFile(join(directory, "report", "report.json"), "utf8"));
    expect(await readFile(join(directory, "report.html"), "utf8")).toMatch(/^<!doctype html>/i);
    const scores = join("report", "scores", "grade.jsonl");
    const again = await evaluate("--verdicts", scores, "--json");
    expect(JSON.parse(again.out).scorers[0].overall).toEqual(report.scorers[1].overall);
    // The same directory takes the next report; one with other files does not.
    await evaluate("--recipe", "recipe.yaml", "--out", "report");
    await expect(evaluate("--recipe", "recipe.yaml", "--out", "report.html")).rejects.toMatchObject({
      code: "not_this_run",
      message: expect.stringContaining("is a file, not a directory"),
    });
    await expect(evaluate("--recipe", "recipe.yaml", "--out", ".")).rejects.toMatchObject({
      code: "not_this_run",
    });
  });

  it("leaves a stranger's directory and file alone, before anything is scored", async () => {
    const at = (...names: string[]): string => join(directory, "mine", ...names);
    await mkdir(at("bare", "scores"), { recursive: true });
    await writeFile(at("bare", "scores", "results.csv"), "1");
    await mkdir(at("rules"));
    await writeFile(at("rules", "report.json"), '{"format":"prefkit-rules"}');
    await mkdir(at("odd", "report.json"), { recursive: true });
    const gold = await readFile(join(directory, "gold.jsonl"), "utf8");
    for (const name of ["bare", "rules", "odd"]) {
      await expect(
        evaluate("--recipe", "recipe.yaml", "--out", join("mine", name)),
        name,
      ).rejects.toMatchObject({ code: "not_this_run" });
    }
    for (const path of ["gold.jsonl", "mine", join("no", "page.html"), join("gold.jsonl", "page.html")]) {
      await expect(evaluate("--recipe", "recipe.yaml", "--html", path), path).rejects.toMatchObject({
        code: "bad_option",
      });
    }
    expect(await readFile(at("bare", "scores", "results.csv"), "utf8")).toBe("1");
    expect(await readFile(at("rules", "report.json"), "utf8")).toBe('{"format":"prefkit-rules"}');
    expect(await readFile(join(directory, "gold.jsonl"), "utf8")).toBe(gold);
    // A page of ours is replaced, and one may stand in the directory that --out makes.
    for (const _ of [1, 2]) {
      const { err } = await evaluate(
        "--scorer",
        "repetition-penalty",
        "--out",
        "both",
        "--html",
        "both/page.html",
      );
      expect(err).toContain(`Wrote ${join(directory, "both", "page.html")}`);
    }
  });

  it("reads results files under names of their own, and what it wrote of them under the same", async () => {
    const own = [1, 2, 3, 4, 5].map(() => '{"scores":[1,0]}\n').join("");
    await writeFile(join(directory, "s p.jsonl"), own);
    const long = "判".repeat(40);
    const { out } = await evaluate(
      "--verdicts",
      "s p.jsonl",
      `${long}=s p.jsonl`,
      "--json",
      "--out",
      "named",
    );
    expect(JSON.parse(out).scorers.map(({ name }: { name: string }) => name)).toEqual(["s p", long]);
    expect(await readdir(join(directory, "named", "scores"))).toHaveLength(2);
    const again = await evaluate("--verdicts", join("named", "scores", "s%20p.jsonl"), "--json");
    expect(JSON.parse(again.out).scorers[0]).toMatchObject({ name: "s p", overall: { correct: 5 } });
    await expect(evaluate("--verdicts", "s p.jsonl", "s p.jsonl")).rejects.toThrow(/--verdicts NAME=FILE/);
    // A file whose own name holds the sign is that file.
    await writeFile(join(directory, "lr=1.jsonl"), own);
    const literal = await evaluate("--verdicts", "lr=1.jsonl", "--json");
    expect(JSON.parse(literal.out).scorers[0].name).toBe("lr=1");
  });

  it.each([
    [["--verdicts", "absent.jsonl"], /^no file matches --verdicts "absent.jsonl"/],
    [["--verdicts", "mine"], /^--verdicts "mine" is a directory/],
  ])("names the flag whose file is not there: %j", async (args, message) => {
    await expect(evaluate(...args)).rejects.toMatchObject({
      code: "no_input_file",
      message: expect.stringMatching(message),
    });
  });

  it("takes another column for the subsets, and only the first items", async () => {
    const { out } = await evaluate(
      "--scorer",
      "repetition-penalty",
      "--by",
      "prompt",
      "--limit",
      "2",
      "--json",
    );
    const [scorer] = JSON.parse(out).scorers;
    expect(scorer.subsets.map(({ subset }: { subset: string }) => subset)).toEqual(["1?", "2?"]);
  });

  it.each([
    [[], "bad_option"],
    [["--recipe", "recipe.yaml", "--scorer", "contains"], "bad_option"],
    [["--scorer", "repetition-penalty,,"], "bad_option"],
    [["--scorer", "no-such-scorer"], "bad_recipe"],
    [["--scorer", "repetition-penalty", "--by", "kind"], "missing_field"],
    [["--scorer", "repetition-penalty", "--preset", "judgebench"], "missing_field"],
    [["--verdicts", "absent.jsonl"], "no_input_file"],
  ])("refuses %j as %s", async (args, code) => {
    await expect(evaluate(...args)).rejects.toMatchObject({ code });
  });

  it("names the presets where one is not known", async () => {
    await expect(evaluate("--preset", "rewardbench3")).rejects.toThrow(/rewardbench2/);
  });
});
