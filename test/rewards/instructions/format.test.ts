import { describe } from "vitest";
import { constrainedResponse } from "../../../rewards/instructions/constrained-response.ts";
import { jsonFormat } from "../../../rewards/instructions/json-format.ts";
import { multipleSections } from "../../../rewards/instructions/multiple-sections.ts";
import { numberBulletLists } from "../../../rewards/instructions/number-bullet-lists.ts";
import { numberHighlightedSections } from "../../../rewards/instructions/number-highlighted-sections.ts";
import { numberPlaceholders } from "../../../rewards/instructions/number-placeholders.ts";
import { postscript } from "../../../rewards/instructions/postscript.ts";
import { title } from "../../../rewards/instructions/title.ts";
import { describeCheck, refuses } from "./follows.ts";

describeCheck(numberPlaceholders, [
  ["[name] and [address]", { num_placeholders: 2 }, true, "at least two"],
  ["[name]", { num_placeholders: 2 }, false, "only one"],
  ["[]", { num_placeholders: 1 }, true, "an empty one counts"],
  ["[a\nb]", { num_placeholders: 1 }, false, "not over a line break"],
  ["[a [b]]", { num_placeholders: 2 }, false, "from the first bracket to the next closing one"],
]);

describeCheck(postscript, [
  ["a constructor of ships", { postscript_marker: "constructor" }, true, "a word that objects have, too"],
  ["Bye\nP.S. More", { postscript_marker: "P.S." }, true, "as asked"],
  ["Bye\np. s. more", { postscript_marker: "P.S." }, true, "in any case, with a blank"],
  ["Bye\nPS: more", { postscript_marker: "P.S." }, false, "without dots"],
  ["Bye\nP.P.S more", { postscript_marker: "P.S." }, false, "the dot after S is missing"],
  ["Bye\nP.P.S. more", { postscript_marker: "P.S." }, true, "P.P.S. holds a P.S."],
  ["Bye\nP. P. S", { postscript_marker: "P.P.S" }, true, "with blanks"],
  ["Bye\nP.S. more", { postscript_marker: "P.P.S" }, false, "one P is missing"],
  ["PS: more", { postscript_marker: " PS: " }, true, "any other marker, trimmed"],
]);

describeCheck(numberBulletLists, [
  ["* a\n- b\n** c", { num_bullets: 2 }, true, "** is no bullet"],
  ["* a\n- b\n- c", { num_bullets: 2 }, false, "exactly, not at least"],
  ["  * a\n\t- b", { num_bullets: 2 }, true, "indented"],
  ["-a\n---", { num_bullets: 2 }, true, "no blank needed; a rule counts"],
  ["• a\n+ b\n1. c", { num_bullets: 0 }, true, "other signs do not"],
  ["*\n* b", { num_bullets: 1 }, true, "a bare star takes the next line for its text"],
  ["a\n*", { num_bullets: 0 }, true, "and is none at the very end"],
  ["text * a", { num_bullets: 1 }, false, "only at the start of a line"],
]);

describeCheck(constrainedResponse, [
  ["Well. My answer is maybe.", {}, true, "anywhere"],
  ["my answer is yes.", {}, false, "as written"],
  ["My answer is yes", {}, false, "with its period"],
]);

describeCheck(numberHighlightedSections, [
  ["*a* and **b**", { num_highlights: 2 }, true, "single and double"],
  ["**b**", { num_highlights: 2 }, false, "a double one counts once"],
  ["* * **  **", { num_highlights: 1 }, false, "blank ones do not count"],
  ["*a\nb*", { num_highlights: 1 }, false, "not over a line break"],
  ["***a***", { num_highlights: 2 }, true, "three stars count twice"],
]);

describeCheck(multipleSections, [
  ["Section 1\na\nSection 2\nb", { section_spliter: "Section", num_sections: 2 }, true, "two heads"],
  ["Section 1\na", { section_spliter: "Section", num_sections: 2 }, false, "one head"],
  ["SECTION 1", { section_spliter: "Section", num_sections: 1 }, false, "the word as given"],
  ["Day1 Day\n2", { section_spliter: " Day ", num_sections: 2 }, true, "with or without a blank; trimmed"],
  ["Section X", { section_spliter: "Section", num_sections: 1 }, false, "a number must follow"],
]);

describeCheck(jsonFormat, [
  ['{"a": [1, null]}', {}, true, "bare"],
  ['```json\n{"a": 1}\n```', {}, true, "in a fence"],
  ["```JSON\n5\n```", {}, true, "a bare number is JSON"],
  ["```js\n5\n```", {}, false, "another language is not taken off"],
  ["Here: {}", {}, false, "the whole response"],
  ["{'a': 1}", {}, false, "single quotes"],
  ["[NaN, -Infinity]", {}, true, "numbers that Python's json reads"],
  ["[-NaN]", {}, false, "but not a negative NaN"],
  ["1NaN", {}, false, "nor one stuck to a number"],
  ['["NaN]', {}, false, "nor in a string that is never closed"],
]);

describeCheck(title, [
  ["<<Joy>>\ntext", {}, true, "a title"],
  ["<< >>", {}, false, "blank"],
  ["<<a\nb>>", {}, false, "not over a line break"],
  ["<Joy>", {}, false, "single brackets"],
  ["<<>>>", {}, false, "brackets only"],
  ["<<>> x>>", {}, true, "up to the last bracket of the line"],
]);

describe("parameters of format checks", () => {
  refuses(numberPlaceholders, {}, "num_placeholders");
  refuses(postscript, { postscript_marker: "" }, "postscript_marker");
  refuses(multipleSections, { section_splitter: "Section", num_sections: 1 }, "section_splitter");
  refuses(title, { title: "Joy" }, "title");
});
