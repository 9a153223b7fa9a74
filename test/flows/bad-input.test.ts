import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  bytesOf,
  type CliResult,
  type Command,
  cliEach,
  jsonl,
  makeProject,
  type Project,
  scorersModule,
} from "./fixtures/project.ts";

// Processes are started here, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

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

const projects: Project[] = [];
afterAll(() => {
  for (const project of projects) project.remove();
});

function projectWith(content: Readonly<Record<string, string | Uint8Array>> = {}): Project {
  const project = makeProject({ "input.jsonl": goodInput, "recipe.yaml": goodRecipe, ...content });
  projects.push(project);
  return project;
}

/** Runs each of these command lines, see `cliEach`. */
async function outcomesOf(commands: readonly Command[]): Promise<readonly Outcome[]> {
  const results = await cliEach(commands);
  return commands.flatMap(({ project }, index) => {
    const result = results[index];
    return result ? [{ project, result }] : [];
  });
}

interface Outcome {
  readonly project: Project;
  readonly result: CliResult;
}

function outcomeAt(outcomes: readonly Outcome[], index: number): Outcome {
  const outcome = outcomes[index];
  if (!outcome) throw new Error(`there is no outcome ${index}`);
  return outcome;
}

const RUN = ["run", "recipe.yaml", "--out", "out", "--quiet"];

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

describe("the command line, given", () => {
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    outcomes = await outcomesOf([
      ...CASES.map(({ content, args = RUN }) => ({ project: projectWith(content), args })),
      {
        project: projectWith({ "recipe.yaml": recipeWith({ shardSize: "shardsize" }) }),
        args: ["run", "recipe.yaml", "--out", "out", "--json"],
      },
    ]);
  });

  it.each(CASES.map((each, index) => [each.what, each, index] as const))(
    "%s, ends with exit code 2, says so, and has called no scorer",
    (_, { content = {}, says }, index) => {
      const { project, result } = outcomeAt(outcomes, index);
      const { code, out, err } = result;
      const unsaid = says.filter((part) => (part instanceof RegExp ? !part.test(err) : !err.includes(part)));
      expect({ code, unsaid, err }).toEqual({ code: 2, unsaid: [], err });
      expect(out).toBe("");
      expect(err).not.toMatch(/Internal error|\n {4}at /);
      expect(project.calls()).toEqual([]);
      expect(published(project).filter((name) => !Object.keys(content).includes(`out/${name}`))).toEqual([]);
    },
  );

  it("any of these with --json, prints the error as JSON on stdout", () => {
    const { code, out } = outcomeAt(outcomes, CASES.length).result;
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      ok: false,
      code: "bad_recipe",
      message: "recipe.yaml:6: shardsize: unknown key.",
      fix: 'did you mean "shardSize"?',
      exitCode: 2,
    });
  });

  // One of each way to end: of the input, of a recipe, of a module that does not parse, of commander.
  it.each([
    "a gzip file that ends too early",
    "a key that the recipe does not have",
    "a module that cannot be loaded",
    "an option that does not exist",
  ])("%s, says and does the same in a process of its own", async (what) => {
    const index = CASES.findIndex((each) => each.what === what);
    const { project, result } = outcomeAt(outcomes, index);
    expect(await project.cli(CASES[index]?.args ?? RUN)).toEqual(result);
    expect(project.calls()).toEqual([]);
  });
});

/** Waits until a process has come to a point that can be seen from here; it then does nothing more. */
async function reached(child: ChildProcess, isThere: () => boolean): Promise<void> {
  while (!isThere()) {
    if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode} before`);
    await pause(20);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}

describe("a directory that a killed run left, run again with", () => {
  const recipe = recipeWith({
    "shardSize: 10": "shardSize: 10\noutput: { codec: snappy }",
    "#paid": "#faulty",
  });
  /** The scorer does not answer for this one, in the last of four shards. */
  const HANGS = 35;
  const input = at(HANGS + 1, JSON.stringify({ ...groups[HANGS], prompt: "Question [never]" }));
  const refused: readonly {
    readonly what: string;
    readonly content: Readonly<Record<string, string>>;
    readonly says: string;
  }[] = [
    {
      what: "another input",
      content: {
        "input.jsonl": input.replace(
          jsonl(groups.slice(39)),
          jsonl([{ ...groups[39], responses: ["a", "b"] }]),
        ),
      },
      says: "another content of the input",
    },
    {
      what: "another scorer",
      content: {
        "recipe.yaml": recipe.replace(
          "pairs:",
          "  r: { use: repetition-penalty }\nreward: { terms: [{ score: r }] }\npairs:",
        ),
      },
      says: "other scorers, options, seed or limit",
    },
    {
      what: "another seed",
      content: { "recipe.yaml": `${recipe}seed: 7\n` },
      says: "other scorers, options, seed or limit",
    },
    {
      what: "another codec",
      content: { "recipe.yaml": recipe.replace("codec: snappy", "codec: zstd") },
      says: "codec snappy, and this run would use zstd",
    },
  ];
  let outcomes: readonly Outcome[];

  /** Killed after its first shards: a plan, finished parts, and no dataset. */
  beforeAll(async () => {
    const killed = projectWith({ "input.jsonl": input, "recipe.yaml": recipe });
    const child = killed.start([...RUN, "--concurrency", "1"]);
    try {
      await reached(
        child,
        () =>
          killed.calls().includes(`faulty p${HANGS}`) &&
          existsSync(killed.path("out/.prefkit/parts/scores-00001.jsonl")),
      );
    } finally {
      await kill(child);
    }
    expect(existsSync(killed.path("out/.prefkit/plan.json"))).toBe(true);
    expect(published(killed)).toEqual([]);
    killed.forgetCalls();

    const copyWith = (content: Readonly<Record<string, string>>): Project => {
      const project = projectWith();
      cpSync(killed.directory, project.directory, { recursive: true });
      for (const [name, text] of Object.entries(content)) project.write(name, text);
      return project;
    };
    const forced = copyWith({ "input.jsonl": jsonl(groups.slice(0, 20)), "out/notes.txt": "mine" });
    outcomes = await outcomesOf([
      ...refused.map(({ content }) => ({ project: copyWith(content), args: RUN })),
      { project: forced, args: [...RUN, "--force"] },
      { project: forced, args: ["run", "recipe.yaml", "--out", "fresh", "--quiet"] },
    ]);
  });

  it.each(refused.map((each, index) => [each.what, each, index] as const))(
    "%s, is refused with exit code 2 before anything is called",
    (_, { says }, index) => {
      const { project, result } = outcomeAt(outcomes, index);
      expect(result.err).toMatch(
        new RegExp(
          `the directory .*out was planned with ${says}[\\s\\S]*choose another --out[\\s\\S]*--force.*\\[plan_changed\\]`,
        ),
      );
      expect(result.code).toBe(2);
      expect(project.calls()).toEqual([]);
      expect(published(project)).toEqual([]);
    },
  );

  it("--force, is started over, and what is not ours stays", () => {
    const [again, fresh] = [outcomeAt(outcomes, refused.length), outcomeAt(outcomes, refused.length + 1)];
    expect([again.result.code, fresh.result.code]).toEqual([0, 0]);
    const { "notes.txt": notOurs, ...ours } = bytesOf(again.project.path("out"));
    expect(notOurs).toBeDefined();
    expect(readFileSync(again.project.path("out/notes.txt"), "utf8")).toBe("mine");
    expect(ours).toEqual(bytesOf(fresh.project.path("fresh")));
  });
});

describe("a second process on a directory that another is working on", () => {
  const cases = [
    { what: "the same command", args: [] },
    { what: "--force, which would pull the floor from under it", args: ["--force"] },
    { what: "a shard of the run", args: ["--shard", "0/2"] },
  ];
  let project: Project;
  let first: ChildProcess;
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    project = projectWith({ "recipe.yaml": recipeWith({ "#paid": "#stuck" }) });
    first = project.start(RUN);
    try {
      await reached(first, () => project.calls().length > 0);
      outcomes = await outcomesOf(cases.map(({ args }) => ({ project, args: [...RUN, ...args] })));
    } finally {
      await kill(first);
    }
  });

  it.each(cases.map(({ what }, index) => [what, index] as const))(
    "with %s, ends with exit code 2 and names the first",
    (_, index) => {
      const { code, err } = outcomeAt(outcomes, index).result;
      expect(err).toMatch(
        new RegExp(
          `process ${first.pid} on .* is working on this directory[\\s\\S]*wait for it, stop it, or choose another --out[\\s\\S]*\\[directory_locked\\]`,
        ),
      );
      expect(code).toBe(2);
    },
  );

  it("leaves it as it was, and once the first is dead its lock holds nobody off", async () => {
    expect(existsSync(project.path("out/.prefkit/plan.json"))).toBe(true);
    expect(project.calls("stuck").length).toBe(new Set(project.calls("stuck")).size);
    project.write("recipe.yaml", goodRecipe);
    expect((await project.cli([...RUN, "--force"])).code).toBe(0);
  });
});
