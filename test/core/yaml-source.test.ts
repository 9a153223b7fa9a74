import { describe, expect, it } from "vitest";
import { readYaml } from "../../src/core/yaml-source.ts";

const TEXT = `# a comment
name: one
list:
  - id: a
  - id: b
    more: { 3: three, x: y }
`;

describe("YAML with its lines", () => {
  const { value, line } = readYaml(TEXT, "my.yaml", "bad_option");

  it("has the value", () => {
    expect(value).toEqual({ name: "one", list: [{ id: "a" }, { id: "b", more: { "3": "three", x: "y" } }] });
  });

  it.each([
    { path: ["name"], at: 2 },
    { path: ["list"], at: 3 },
    { path: ["list", 0], at: 4 },
    { path: ["list", 1, "id"], at: 5 },
    { path: ["list", 1, "more", "x"], at: 6 },
    { path: ["list", 1, "more", "3"], at: 6 },
    { path: ["list", 1, "missing"], at: 5 },
    { path: ["missing"], at: 2 },
    { path: [], at: 2 },
  ])("knows the line of $path, or of what holds it", ({ path, at }) => {
    expect(line(path)).toBe(at);
  });

  it("is refused with its line, by the code it is given", () => {
    expect(() => readYaml("a: 1\nb: [\n", "my.yaml", "bad_recipe")).toThrow(
      expect.objectContaining({ code: "bad_recipe", place: { file: "my.yaml", line: expect.any(Number) } }),
    );
    expect(() => readYaml("a: 1\na: 2\n", "my.yaml", "bad_option")).toThrow(
      expect.objectContaining({ code: "bad_option", place: { file: "my.yaml", line: 2 } }),
    );
  });

  it("has no line of an empty text", () => {
    expect(readYaml("", "my.yaml", "bad_option")).toMatchObject({ value: null });
  });
});
