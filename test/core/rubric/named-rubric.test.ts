import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { namedRubric } from "../../../src/core/rubric/named-rubric.ts";

const directory = mkdtempSync(join(tmpdir(), "prefkit-named-"));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, "mine.yaml");
writeFileSync(file, "rubric: 1\nname: mine\nversion: 1\ncriteria:\n  - id: a\n    text: It is short.\n");
const broken = join(directory, "broken.yaml");
writeFileSync(broken, "rubric: 1\nname: mine\nversion: 1\ncriteria:\n  - id: a\n    txt: It is short.\n");

const option = {
  label: "judge: rubric",
  what: "rubric",
  ready: { ready: pathToFileURL(file), lost: pathToFileURL(join(directory, "lost.yaml")) },
  samplePath: "./mine.yaml",
};

describe("a rubric that an option names", () => {
  it("is found by name and by path", () => {
    expect(namedRubric("ready", option)).toMatchObject({ name: "mine", criteria: [{ id: "a" }] });
    expect(namedRubric(file, option)).toEqual(namedRubric("ready", option));
  });

  it.each([
    {
      given: "redy",
      says: 'judge: rubric: there is no ready rubric "redy".',
      fix: "./mine.yaml",
      note: "a name",
    },
    { given: "toString", says: "no ready rubric", fix: "./mine.yaml", note: "what every object has" },
    { given: "", says: "no ready rubric", fix: "./mine.yaml", note: "nothing" },
    {
      given: "./none.yaml",
      says: "judge: rubric: there is no file ./none.yaml.",
      fix: "path",
      note: "a path",
    },
    {
      given: "lost",
      says: "there is no file lost.",
      fix: "path",
      note: "a ready one that was not installed",
    },
  ])("is refused when it is not there: $note", ({ given, says, fix }) => {
    expect(() => namedRubric(given, option)).toThrow(
      expect.objectContaining({
        code: "bad_option",
        message: expect.stringContaining(says),
        fix: expect.stringContaining(fix),
      }),
    );
  });

  it("suggests the nearest name", () => {
    expect(() => namedRubric("redy", option)).toThrow(/did you mean "ready"/);
  });

  it("is refused with file and line when it is none", () => {
    expect(() => namedRubric(broken, option)).toThrow(
      expect.objectContaining({ code: "bad_option", place: { file: broken, line: expect.any(Number) } }),
    );
  });

  it("that cannot be read is an error of the disk", () => {
    expect(() => namedRubric(directory, option)).toThrow(expect.objectContaining({ code: "io" }));
  });
});
