import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { bytesOf, dist, jsonl, makeProject, type Project, scorersModule } from "./fixtures/project.ts";

// Processes are started here, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const groups = Array.from({ length: 40 }, (_, index) => ({
  id: `p${index}`,
  prompt: `Question ${index}`,
  responses: ["yes", "no, not at all"],
}));
const goodInput = jsonl(groups);

/** Every recipe here asks for a paid scorer, so that a call that is made too early would be seen. */
const goodRecipe = `input:
  path: input.jsonl
scorers:
  paid: { use: "${scorersModule}#paid", cost: paid }
pairs: { use: best-vs-worst }
shardSize: 10
`;

async function withProject(
  content: Readonly<Record<string, string | Uint8Array>>,
  work: (project: Project) => Promise<void>,
): Promise<void> {
  const project = makeProject({ "input.jsonl": goodInput, "recipe.yaml": goodRecipe, ...content });
  try {
    await work(project);
  } finally {
    project.remove();
  }
}

/** What stands in the output directory under a name a reader would look for. */
function published(project: Project, out = "out"): string[] {
  return existsSync(project.path(out)) ? Object.keys(bytesOf(project.path(out))) : [];
}

interface Case {
  readonly what: string;
  readonly content?: Readonly<Record<string, string | Uint8Array>>;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Of what the error says, in any order. */
  readonly says: readonly (string | RegExp)[];
}

function recipeWith(changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the recipe has no ${from}`);
    return text.replace(from, to);
  }, goodRecipe);
}

const at = (line: number, text: string): string =>
  jsonl(groups)
    .split("\n")
    .with(line - 1, text)
    .join("\n");

const CASES: readonly Case[] = [
  {
    what: "a missing recipe",
    args: ["run", "other.yaml", "--out", "out"],
    says: ["there is no recipe at other.yaml", "prefkit init", "[bad_recipe]"],
  },
  {
    what: "a missing input file",
    content: { "recipe.yaml": recipeWith({ "input.jsonl": "data/*.jsonl" }) },
    says: ['no file matches input.path "data/*.jsonl"', "[no_input_file]"],
  },
  {
    what: "an empty input file",
    content: { "input.jsonl": "" },
    says: ["input.jsonl holds no rows", "[empty_input]"],
  },
  {
    what: "broken JSON in one line",
    content: { "input.jsonl": at(17, '{"id": "p16", "prompt": ') },
    says: [
      "input.jsonl:17: the line is not JSON",
      "write one whole JSON object on each line",
      "onBadRow: skip",
      "[bad_row]",
    ],
  },
  {
    what: "a list where an object should be",
    content: { "input.jsonl": at(3, "[1, 2]") },
    says: ["input.jsonl:3: the line holds a list, not an object", "[bad_row]"],
  },
  {
    what: "a gzip file that ends too early",
    content: {
      "input.jsonl.gz": gzipSync(goodInput).subarray(0, 200),
      "recipe.yaml": recipeWith({ "input.jsonl": "input.jsonl.gz" }),
    },
    says: ["input.jsonl.gz", "[unreadable_input]"],
  },
  {
    what: "a Parquet file that ends too early",
    content: {
      "input.parquet": Buffer.concat([Buffer.from("PAR1"), Buffer.alloc(500, 7)]),
      "recipe.yaml": recipeWith({ "input.jsonl": "input.parquet" }),
    },
    says: ["input.parquet", "[unreadable_input]"],
  },
  {
    what: "a file that is no Parquet at all",
    content: { "input.parquet": goodInput, "recipe.yaml": recipeWith({ "input.jsonl": "input.parquet" }) },
    says: ["input.parquet", "[unreadable_input]"],
  },
  {
    what: "a mapped column that is nowhere",
    content: {
      "recipe.yaml": recipeWith({ "path: input.jsonl": "path: input.jsonl\n  map: { prompt: promt }" }),
    },
    says: [
      'no row has the field "promt"',
      "id, prompt, responses",
      "write prompt in input.map if that is meant",
      "[missing_field]",
    ],
  },
  {
    what: "a column of the wrong type",
    content: { "input.jsonl": at(5, JSON.stringify({ id: "p4", prompt: "Question 4", responses: 7 })) },
    says: ["input.jsonl:5", 'column "responses"', "[bad_row]"],
  },
  {
    what: "several bad rows",
    content: { "input.jsonl": `${at(5, "{")}{"id": "last"}\n` },
    says: ["input.jsonl:5", "2 rows cannot be used", "input.jsonl:41", "[bad_row]"],
  },
  {
    what: "an id that comes twice",
    content: { "input.jsonl": at(30, JSON.stringify({ ...groups[2], prompt: "another" })) },
    says: [
      "prompt id p2 stands at input.jsonl:3 and again at input.jsonl:30",
      "input.groupBy",
      "[duplicate_id]",
    ],
  },
  {
    what: "a key that the recipe does not have",
    content: { "recipe.yaml": recipeWith({ shardSize: "shardsize" }) },
    says: ["recipe.yaml:6: shardsize: unknown key", 'did you mean "shardSize"?', "[bad_recipe]"],
  },
  {
    what: "a value of the wrong type",
    content: { "recipe.yaml": recipeWith({ "shardSize: 10": "shardSize: many" }) },
    says: ["recipe.yaml:6: shardSize", 'got "many"', "[bad_recipe]"],
  },
  {
    what: "a scorer that does not exist",
    content: { "recipe.yaml": recipeWith({ "pairs:": "  m: { use: math-anwser }\npairs:" }) },
    says: [
      /recipe\.yaml:5: scorers\.m\.use: there is no scorer "math-anwser"/,
      /did you mean "math-answer"/i,
      "[bad_recipe]",
    ],
  },
  {
    what: "an option that a scorer does not have",
    content: {
      "recipe.yaml": recipeWith({ "pairs:": "  m: { use: math-answer, onUnreadabel: zero }\npairs:" }),
    },
    says: [
      "recipe.yaml:5: scorers.m.onUnreadabel: unknown option",
      'did you mean "onUnreadable"?',
      "[bad_recipe]",
    ],
  },
  {
    what: "an option out of its range",
    content: {
      "recipe.yaml": recipeWith({ "{ use: best-vs-worst }": "{ use: best-vs-worst, minMargin: -1 }" }),
    },
    says: ["recipe.yaml:5: pairs.minMargin", "got -1", "[bad_recipe]"],
  },
  {
    what: "a pattern that is none",
    content: { "recipe.yaml": recipeWith({ "pairs:": "  m: { use: regex, pattern: '(' }\npairs:" }) },
    says: [/recipe\.yaml:5: scorers\.m/, "[bad_recipe]"],
  },
  {
    what: "a pair builder that does not exist",
    content: { "recipe.yaml": recipeWith({ "use: best-vs-worst": "use: best-vs-wurst" }) },
    says: ['there is no pair builder "best-vs-wurst"', /did you mean "best-vs-worst"/i, "[bad_recipe]"],
  },
  {
    what: "a module that cannot be loaded",
    content: {
      "recipe.yaml": recipeWith({ "pairs:": "  own: { use: ./own.mjs }\npairs:" }),
      "own.mjs": "export default (",
    },
    says: ["own.mjs cannot be loaded", "[unreadable_module]"],
  },
  {
    what: "a module that is not there",
    content: { "recipe.yaml": recipeWith({ "pairs:": "  own: { use: ./own.mjs }\npairs:" }) },
    says: ["own.mjs cannot be loaded", "resolved from the recipe's folder", "[unreadable_module]"],
  },
  {
    what: "a module without the export",
    content: {
      "recipe.yaml": recipeWith({ "pairs:": "  own: { use: ./own.mjs#brevity }\npairs:" }),
      "own.mjs": "export const length = (input) => input.text.length;",
    },
    says: ['own.mjs exports length, but no "brevity"', "[unreadable_module]"],
  },
  {
    what: "a scorer whose needs no group meets",
    content: { "recipe.yaml": recipeWith({ "pairs: { use: best-vs-worst }": "  m: { use: math-answer }" }) },
    says: [
      'scorer "m" (math-answer) needs a reference answer',
      "none of the 40 groups has it",
      "[need_unmet]",
    ],
  },
  {
    what: "a variable that is not set",
    content: { "recipe.yaml": recipeWith({ "input.jsonl": `"\${FLOW_INPUT}.jsonl"` }) },
    says: ["recipe.yaml:2: input.path: the environment has no variable FLOW_INPUT", ".env", "[bad_recipe]"],
  },
  {
    what: "YAML that is none",
    content: { "recipe.yaml": "input: [unclosed\nscorers: {}\n" },
    says: [/recipe\.yaml:\d: not valid YAML/, "[bad_recipe]"],
  },
  {
    what: "a key that stands twice",
    content: { "recipe.yaml": `${goodRecipe}shardSize: 20\n` },
    says: ["recipe.yaml:7", "not valid YAML", "[bad_recipe]"],
  },
  {
    what: "a recipe that is a list",
    content: { "recipe.yaml": "- input\n- scorers\n" },
    says: ["recipe.yaml holds a list", "[bad_recipe]"],
  },
  {
    what: "an empty recipe",
    content: { "recipe.yaml": "" },
    says: ["recipe.yaml holds nothing", "[bad_recipe]"],
  },
  {
    what: "a recipe without an output directory, and no --out",
    args: ["run", "recipe.yaml"],
    says: ["names no output directory", "give --out DIR", "[bad_recipe]"],
  },
  {
    what: "a shard beyond the last",
    args: ["run", "recipe.yaml", "--out", "out", "--shard", "5/5"],
    says: ['--shard got "5/5"', "0 <= i < n", "[bad_option]"],
  },
  {
    what: "no concurrency at all",
    args: ["run", "recipe.yaml", "--out", "out", "--concurrency", "0"],
    says: ["--concurrency", 'got "0"; give a whole number of at least 1'],
  },
  {
    what: "an option that does not exist",
    args: ["run", "recipe.yaml", "--out", "out", "--concurency", "4"],
    says: ["unknown option '--concurency'", "Did you mean --concurrency?", "--help"],
  },
  {
    what: "a command that does not exist",
    args: ["rum", "recipe.yaml"],
    says: ["unknown command 'rum'", "Did you mean run?"],
  },
  { what: "a command without its argument", args: ["run"], says: ["missing required argument 'recipe'"] },
  {
    what: "a directory that holds other files",
    content: { "out/notes.txt": "mine" },
    says: [
      /the output directory .*out holds other files \(notes\.txt\)/,
      "choose an empty --out",
      "[not_this_run]",
    ],
  },
];

describe.concurrent("the command line, given", () => {
  it.each(CASES.map((each) => [each.what, each] as const))(
    "%s, ends with exit code 2, says so, and has called no scorer",
    async (_, { content, args, environment, says }) => {
      await withProject(content ?? {}, async (project) => {
        const { code, out, err } = await project.cli(
          args ?? ["run", "recipe.yaml", "--out", "out", "--quiet"],
          environment,
        );
        const unsaid = says.filter((part) =>
          part instanceof RegExp ? !part.test(err) : !err.includes(part),
        );
        expect({ code, unsaid, err }).toEqual({ code: 2, unsaid: [], err });
        expect(out).toBe("");
        expect(err).not.toMatch(/Internal error|\n {4}at /);
        expect(project.calls()).toEqual([]);
        expect(
          published(project).filter((name) => !Object.keys(content ?? {}).includes(`out/${name}`)),
        ).toEqual([]);
      });
    },
  );

  it("any of these with --json, prints the error as JSON on stdout", async () => {
    await withProject({ "recipe.yaml": recipeWith({ shardSize: "shardsize" }) }, async (project) => {
      const { code, out } = await project.cli(["run", "recipe.yaml", "--out", "out", "--json"]);
      expect(code).toBe(2);
      expect(JSON.parse(out)).toEqual({
        ok: false,
        code: "bad_recipe",
        message: "recipe.yaml:6: shardsize: unknown key.",
        fix: 'did you mean "shardSize"?',
        exitCode: 2,
      });
    });
  });
});

/** A run that a signal ended after its first shard: a plan, a finished part, and no dataset. */
async function halfDone(project: Project): Promise<void> {
  project.write(
    "recipe.yaml",
    goodRecipe.replace("shardSize: 10", "shardSize: 10\noutput: { codec: snappy }"),
  );
  const hanging = jsonl(groups);
  project.write("input.jsonl", hanging);
  const child = spawn(
    process.execPath,
    [join(dist, "src/cli/main.js"), "run", "recipe.yaml", "--out", "out", "--quiet", "--concurrency", "1"],
    {
      cwd: project.directory,
      env: { ...process.env, FLOW_LOG: project.path("calls.log"), PREFKIT_CACHE_DIR: project.path("cache") },
      stdio: "ignore",
    },
  );
  const ended = new Promise((done) => child.on("close", done));
  while (child.exitCode === null && !existsSync(project.path("out/.prefkit/parts/scores-00001.jsonl"))) {
    await new Promise((done) => setImmediate(done));
  }
  child.kill("SIGKILL");
  await ended;
}

describe.concurrent("a directory that a killed run left, run again with", () => {
  it.each([
    {
      what: "another input",
      change: (project: Project) =>
        project.write(
          "input.jsonl",
          at(40, JSON.stringify({ id: "new", prompt: "New", responses: ["a", "b"] })),
        ),
      says: "another content of the input",
    },
    {
      what: "another scorer",
      change: (project: Project) =>
        project.write(
          "recipe.yaml",
          readFileSync(project.path("recipe.yaml"), "utf8").replace(
            "pairs:",
            "  r: { use: repetition-penalty }\nreward: { terms: [{ score: r }] }\npairs:",
          ),
        ),
      says: "other scorers, options, seed or limit",
    },
    {
      what: "another seed",
      change: (project: Project) =>
        project.write("recipe.yaml", `${readFileSync(project.path("recipe.yaml"), "utf8")}seed: 7\n`),
      says: "other scorers, options, seed or limit",
    },
    {
      what: "another codec",
      change: (project: Project) =>
        project.write(
          "recipe.yaml",
          readFileSync(project.path("recipe.yaml"), "utf8").replace("codec: snappy", "codec: zstd"),
        ),
      says: "codec snappy, and this run would use zstd",
    },
  ])("$what, is refused with exit code 2 before anything is called", async ({ change, says }) => {
    await withProject({}, async (project) => {
      await halfDone(project);
      expect(existsSync(project.path("out/.prefkit/plan.json"))).toBe(true);
      project.forgetCalls();
      change(project);
      const { code, err } = await project.cli(["run", "recipe.yaml", "--out", "out", "--quiet"]);
      expect(err).toMatch(
        new RegExp(
          `the directory .*out was planned with ${says}[\\s\\S]*choose another --out[\\s\\S]*--force.*\\[plan_changed\\]`,
        ),
      );
      expect(code).toBe(2);
      expect(project.calls()).toEqual([]);
      expect(published(project)).toEqual([]);
    });
  });

  it("--force, is started over, and what is not ours stays", async () => {
    await withProject({}, async (project) => {
      await halfDone(project);
      writeFileSync(project.path("out/notes.txt"), "mine");
      project.write("input.jsonl", jsonl(groups.slice(0, 20)));
      expect(await project.cli(["run", "recipe.yaml", "--out", "out", "--quiet", "--force"])).toMatchObject({
        code: 0,
      });
      const forced = bytesOf(project.path("out"));
      expect(forced["notes.txt"]).toBeDefined();
      expect(await project.cli(["run", "recipe.yaml", "--out", "fresh", "--quiet"])).toMatchObject({
        code: 0,
      });
      const { "notes.txt": _, ...ours } = forced;
      expect(ours).toEqual(bytesOf(project.path("fresh")));
    });
  });
});

describe("a second process on a directory that another is working on", () => {
  const stuck = goodRecipe.replace("#paid", "#stuck");

  it.each([
    { what: "the same command", args: [] },
    { what: "--force, which would pull the floor from under it", args: ["--force"] },
    { what: "a shard of the run", args: ["--shard", "0/2"] },
  ])("with $what, ends with exit code 2 and names the first", async ({ args }) => {
    await withProject({ "recipe.yaml": stuck }, async (project) => {
      const command = ["run", "recipe.yaml", "--out", "out", "--quiet"];
      const first = spawn(process.execPath, [join(dist, "src/cli/main.js"), ...command], {
        cwd: project.directory,
        env: {
          ...process.env,
          FLOW_LOG: project.path("calls.log"),
          PREFKIT_CACHE_DIR: project.path("cache"),
        },
        stdio: "ignore",
      });
      try {
        while (first.exitCode === null && project.calls().length === 0)
          await new Promise((done) => setTimeout(done, 20));
        const { code, err } = await project.cli([...command, ...args]);
        expect(err).toMatch(
          new RegExp(
            `process ${first.pid} on .* is working on this directory[\\s\\S]*wait for it, stop it, or choose another --out[\\s\\S]*\\[directory_locked\\]`,
          ),
        );
        expect(code).toBe(2);
        expect(existsSync(project.path("out/.prefkit/plan.json"))).toBe(true);
      } finally {
        const ended = new Promise((done) => first.on("close", done));
        first.kill("SIGKILL");
        await ended;
      }
      // The lock of the dead holds nobody off.
      project.write("recipe.yaml", goodRecipe);
      mkdirSync(project.path("elsewhere"), { recursive: true });
      expect((await project.cli([...command, "--force"])).code).toBe(0);
    });
  });
});
