import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isPrefkitError } from "../../../src/core/errors.ts";
import { loadRubric, parseRubric, rubricHash, writeRubric } from "../../../src/core/rubric/load-rubric.ts";
import { rubricSchema } from "../../../src/core/rubric/schema.ts";
import { anyRubric, rubricOf } from "./any-rubric.ts";

const MINIMAL = `rubric: 1
name: short
version: 1
criteria:
  - id: brief
    text: The response is brief.
`;

/** The first line of the error and its fix. */
function faultOf(text: string): string {
  try {
    parseRubric(text, "my.yaml");
  } catch (error) {
    if (isPrefkitError(error) && error.code === "bad_option") return error.message;
    throw error;
  }
  return "none";
}

describe("a rubric file", () => {
  it("needs no more than a name, a version and criteria", () => {
    expect(parseRubric(MINIMAL, "my.yaml")).toEqual({
      name: "short",
      version: 1,
      weighting: "uniform",
      categories: {},
      denominator: "weights",
      notApplicable: "skip",
      unread: "fail",
      criteria: [{ id: "brief", text: "The response is brief.", polarity: "positive", tags: [] }],
    });
  });

  it("divides by the positive points when it has points, and reads from their sign what is bad", () => {
    const rubric = parseRubric(
      `${MINIMAL.replace("version: 1", "version: 1\nweighting: points")}    points: 3
  - { id: rude, text: The response is rude., points: -2 }
`,
      "my.yaml",
    );
    expect(rubric.denominator).toBe("positive-points");
    expect(rubric.criteria.map(({ polarity }) => polarity)).toEqual(["positive", "negative"]);
  });

  it("gives anchors by the rating", () => {
    const scale = "    scale: { min: 1, max: 5, anchors: { 1: Bad., 5: Good. } }\n";
    expect(parseRubric(MINIMAL + scale, "my.yaml").criteria[0]?.scale).toEqual({
      min: 1,
      max: 5,
      anchors: { "1": "Bad.", "5": "Good." },
    });
  });

  it.each([
    {
      note: "a mistyped key",
      add: "    polarty: negative\n",
      says: ["my.yaml:7: criteria[0].polarty: unknown key", 'did you mean "polarity"?'],
    },
    {
      note: "a mistyped key of the rubric",
      from: "version: 1",
      to: "version: 1\nweigting: points",
      says: ["my.yaml:4: weigting: unknown key", 'did you mean "weighting"?'],
    },
    {
      note: "a mistyped key of a scale",
      add: "    scale: { min: 1, maxx: 5 }\n",
      says: ["my.yaml:7: criteria[0].scale.maxx: unknown key", 'did you mean "max"?'],
    },
    {
      note: "a key like no other",
      add: "    colour_of_it: red\n",
      says: ["my.yaml:7: criteria[0].colour_of_it: unknown key", "docs/rubrics.md lists every key"],
    },
    {
      note: "a repeated id",
      add: "  - id: brief\n    text: Again.\n",
      says: ['my.yaml:7: criteria[1].id: "brief" is the id of criterion 1 already'],
    },
    {
      note: "no points",
      from: "version: 1",
      to: "version: 1\nweighting: points",
      says: ['criteria[0].points: criterion "brief" has no points', "my.yaml:6"],
    },
    {
      note: "no weight",
      from: "version: 1",
      to: "version: 1\nweighting: weights",
      says: ['criteria[0].weight: criterion "brief" has no weight'],
    },
    {
      note: "no computed weight",
      from: "version: 1",
      to: "version: 1\nweighting: whitened-uniform",
      says: ['criteria[0].weight: criterion "brief" has no weight'],
    },
    {
      note: "no category",
      from: "version: 1",
      to: "version: 1\nweighting: category",
      says: ['criteria[0].category: criterion "brief" has no category'],
    },
    {
      note: "an unknown category",
      from: "version: 1",
      to: "version: 1\nweighting: category\ncategories: { essential: 1 }",
      add: "    category: esential\n",
      says: [
        'my.yaml:9: criteria[0].category: "esential" is not among the categories',
        'did you mean "essential"?',
      ],
    },
    {
      note: "a category without any",
      from: "version: 1",
      to: "version: 1\nweighting: category",
      add: "    category: constructor\n",
      says: ['"constructor" is not among the categories', "add it to `categories`"],
    },
    { note: "a weight below 0", add: "    weight: -1\n", says: ["my.yaml:7: criteria[0].weight", "got -1"] },
    {
      note: "a category of negative weight",
      from: "version: 1",
      to: "version: 1\ncategories: { bad: -1 }",
      says: ["my.yaml:4: categories.bad", "got -1"],
    },
    { note: "points beyond all numbers", add: "    points: .inf\n", says: ["my.yaml:7: criteria[0].points"] },
    { note: "points that are no number", add: "    points: .nan\n", says: ["my.yaml:7: criteria[0].points"] },
    {
      note: "points against the polarity",
      add: "    points: 2\n    polarity: negative\n",
      says: ["my.yaml:8: criteria[0].polarity: polarity negative with 2 points"],
    },
    {
      note: "only weights of 0",
      from: "version: 1",
      to: "version: 1\nweighting: weights",
      add: "    weight: 0\n",
      says: ["criteria: no criterion counts"],
    },
    {
      note: "a scale without width",
      add: "    scale: { min: 5, max: 5 }\n",
      says: ["my.yaml:7: criteria[0].scale: min 5 is not below max 5"],
    },
    {
      note: "a scale the wrong way round",
      add: "    scale: { min: 5, max: 1 }\n",
      says: ["criteria[0].scale: min 5 is not below max 1"],
    },
    {
      note: "half a rating",
      add: "    scale: { min: 0.5, max: 1 }\n",
      says: ["my.yaml:7: criteria[0].scale.min", "got 0.5"],
    },
    {
      note: "an anchor outside the scale",
      add: "    scale:\n      min: 1\n      max: 5\n      anchors:\n        1: Bad.\n        6: Better than that.\n",
      says: ['my.yaml:12: criteria[0].scale.anchors.6: "6" is no rating of the scale from 1 to 5'],
    },
    {
      note: "an anchor between ratings",
      add: "    scale: { min: 1, max: 5, anchors: { 1.5: Bad. } }\n",
      says: ['"1.5" is no rating'],
    },
    {
      note: "raw ratings of two scales",
      from: "version: 1",
      to: "version: 1\nratings: raw",
      add: "    scale: { min: 1, max: 5 }\n  - { id: polite, text: It is polite. }\n",
      says: ["my.yaml:4: ratings: the criteria have different scales"],
    },
    {
      note: "no criteria",
      from: /criteria:[\s\S]*/,
      to: "criteria: []\n",
      says: ["my.yaml:4: criteria: must hold at least one criterion; got []"],
    },
    {
      note: "criteria that are missing",
      from: /criteria:[\s\S]*/,
      to: "",
      says: ["criteria", "got nothing"],
    },
    {
      note: "a blank text",
      from: "The response is brief.",
      to: '" "',
      says: ["my.yaml:6: criteria[0].text: must not be blank"],
    },
    {
      note: "an id with blanks",
      from: "id: brief",
      to: "id: so brief",
      says: ["my.yaml:5: criteria[0].id: must be of letters"],
    },
    {
      note: "an id that objects have already",
      from: "id: brief",
      to: "id: __proto__",
      says: ["my.yaml:5: criteria[0].id: must be of letters"],
    },
    { note: "a number as a name", from: "name: short", to: "name: 7", says: ["my.yaml:2: name", "got 7"] },
    {
      note: "an unknown weighting",
      from: "version: 1",
      to: "version: 1\nweighting: wu",
      says: ["my.yaml:4: weighting", 'got "wu"'],
    },
    {
      note: "an unknown rule",
      from: "version: 1",
      to: "version: 1\nunread: zero",
      says: ["my.yaml:4: unread", 'got "zero"'],
    },
    {
      note: "a version that is none",
      from: "version: 1",
      to: "version: 0",
      says: ["my.yaml:3: version", "got 0"],
    },
    { note: "a format to come", from: "rubric: 1", to: "rubric: 2", says: ["my.yaml:1: rubric", "got 2"] },
    {
      note: "no format",
      from: "rubric: 1\n",
      to: "",
      says: ["the key `rubric` is missing", "write `rubric: 1` first"],
    },
    { note: "a key that stands twice", add: "    id: long\n", says: ["my.yaml:7: not valid YAML"] },
    { note: "broken YAML", add: "  - [\n", says: ["my.yaml:", "not valid YAML"] },
    { note: "a list", from: /[\s\S]*/, to: "- a\n", says: ["the file holds no rubric"] },
    { note: "nothing", from: /[\s\S]*/, to: "", says: ["the file holds no rubric"] },
  ])("with $note is refused, by file, line and key", ({ from, to, add, says }) => {
    const text = (from === undefined ? MINIMAL : MINIMAL.replace(from, to)) + (add ?? "");
    const fault = faultOf(text);
    for (const piece of says) expect(fault).toContain(piece);
  });

  it("may have a byte order mark, Windows line ends, comments and anchors", () => {
    const wanted = parseRubric(MINIMAL, "my.yaml");
    expect(parseRubric(`\ufeff${MINIMAL}`, "my.yaml")).toEqual(wanted);
    expect(parseRubric(MINIMAL.replaceAll("\n", "\r\n"), "my.yaml")).toEqual(wanted);
    expect(parseRubric(`# mine\n${MINIMAL}`, "my.yaml")).toEqual(wanted);
    const shared = `${MINIMAL}    scale: &s { min: 1, max: 3 }\n  - { id: kind, text: It is kind., scale: *s }\n`;
    expect(parseRubric(shared, "my.yaml").criteria[1]?.scale).toEqual({ min: 1, max: 3 });
  });

  it.each([
    { note: "holds itself", text: MINIMAL.replace("criteria:", "criteria: &a\n  - *a") },
    { note: "is its own map", text: "&a\nrubric: 1\nname: *a\n" },
    {
      note: "grows without end",
      text: `rubric: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\n${Array.from("bcdefgh")
        .map((key, index) => `${key}: &${key} [${Array(10).fill(`*${"abcdefgh"[index]}`).join(", ")}]`)
        .join("\n")}\n`,
    },
  ])("that $note is refused", ({ text }) => {
    expect(faultOf(text)).toContain("[bad_option]");
  });

  it("is a rubric or an error with file and fix, whatever is cut out of it, put in or doubled", () => {
    const whole = writeRubric(
      rubricOf([{ category: "a", scale: { min: 1, max: 5, anchors: { 1: "Bad." } } }, { category: "b" }], {
        weighting: "category",
        categories: { a: 1, b: 0.5 },
      }),
    );
    const piece = fc.oneof(
      fc.constantFrom(
        "\n",
        "  ",
        "- ",
        ": ",
        "{",
        "[",
        "*",
        "&a ",
        "!!js ",
        "__proto__: 1\n",
        "null",
        "-1",
        '"',
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    const edits = fc.array(
      fc.record({ at: fc.nat(whole.length), cut: fc.nat(20), put: piece, twice: fc.boolean() }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(edits, (given) => {
        const text = given.reduce((before, { at, cut, put, twice }) => {
          const out = before.slice(at, at + cut);
          return before.slice(0, at) + (twice ? out + out : put) + before.slice(at + cut);
        }, whole);
        const fault = faultOf(text);
        if (fault !== "none") expect(fault).toMatch(/my\.yaml[\s\S]*\nFix: .+ \[bad_option\]$/);
      }),
      { seed: 1, numRuns: 400 },
    );
  });

  it("is read from a path or a URL", async () => {
    const directory = await mkdtemp(join(tmpdir(), "prefkit-rubric-"));
    try {
      const file = join(directory, "short.yaml");
      await writeFile(file, MINIMAL);
      const wanted = parseRubric(MINIMAL, file);
      expect(await loadRubric(file)).toEqual(wanted);
      expect(await loadRubric(pathToFileURL(file))).toEqual(wanted);
      await expect(loadRubric(join(directory, "none.yaml"))).rejects.toMatchObject({ code: "bad_option" });
      await expect(loadRubric(directory)).rejects.toMatchObject({ code: "io" });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("a rubric that is written", () => {
  it("reads back the same, whatever it says", () => {
    fc.assert(
      fc.property(anyRubric(), (rubric) => {
        expect(parseRubric(writeRubric(rubric), "my.yaml")).toEqual(rubric);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each([
    "- not a list",
    "yes",
    "null",
    "1e3",
    "# no comment",
    "a: b",
    "two\nlines\n",
    "trailing  \n\n\n",
    "\u0000\u0007\u0085\u2028\ufeff",
    "\ud800",
    "&a *a !t %",
    "  indented",
    "x".repeat(5000),
    "---\n...\n",
    "\ttab",
    "\r\n",
    "'",
    '"',
  ])("keeps the text %j", (text) => {
    const rubric = rubricOf([{ text: `${text}.`, tags: [`${text}!`] }], { about: `${text}?` });
    expect(parseRubric(writeRubric(rubric), "my.yaml")).toEqual(rubric);
  });

  it("escapes what a terminal does not show but may obey, and reads it back", () => {
    const evil =
      "a\u001b\u007f\u009b31m\u202e\u200b\ufeff\u2028\u{e0041}\\ \\u202e 'b'\n: c\ud800 क\u094d\u200dष";
    const rubric = rubricSchema.parse({
      ...{ name: "evil", version: 1, about: evil, weighting: "category", categories: { [evil]: 2 } },
      criteria: [{ id: "k", text: `${evil} ${"word \u202e ".repeat(60)}`, category: evil, tags: [evil] }],
    });
    const text = writeRubric(rubric);
    expect(text).not.toMatch(/(?![\n\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    expect(text).toContain("\\x9b31m\\u202e\\u200b");
    expect(parseRubric(text, "evil.yaml")).toEqual(rubric);
  });

  it("is plain to read", () => {
    const rubric = rubricOf([{ points: 2 }, { points: -1, tags: ["tone"] }], { weighting: "points" });
    expect(writeRubric(rubric)).toBe(`rubric: 1
name: test
version: 1
weighting: points
categories: {}
denominator: positive-points
notApplicable: skip
unread: fail
criteria:
  - id: c1
    text: Criterion 1.
    points: 2
  - id: c2
    text: Criterion 2.
    points: -1
    tags:
      - tone
`);
  });
});

describe("a rubric given in code", () => {
  it("passes the schema unchanged", () => {
    fc.assert(
      fc.property(anyRubric(), (rubric) => {
        expect(rubricSchema.parse(rubric)).toEqual(rubric);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it("has a JSON schema for editors", () => {
    expect(z.toJSONSchema(rubricSchema, { io: "input" })).toMatchObject({
      type: "object",
      required: ["name", "version", "criteria"],
    });
  });
});

describe("a rubric's hash", () => {
  it("stays the same when the rubric is written and read, and changes with a word", () => {
    const rubric = parseRubric(MINIMAL, "my.yaml");
    expect(rubricHash(rubric)).toMatch(/^[0-9a-f]{32}$/);
    expect(rubricHash(parseRubric(writeRubric(rubric), "other.yaml"))).toBe(rubricHash(rubric));
    expect(rubricHash(parseRubric(MINIMAL.replace("is brief", "is short"), "my.yaml"))).not.toBe(
      rubricHash(rubric),
    );
  });
});
