import { describe } from "vitest";
import { endChecker } from "../../../rewards/instructions/end-checker.ts";
import { noComma } from "../../../rewards/instructions/no-comma.ts";
import { quotation } from "../../../rewards/instructions/quotation.ts";
import { repeatPrompt } from "../../../rewards/instructions/repeat-prompt.ts";
import { twoResponses } from "../../../rewards/instructions/two-responses.ts";
import { describeCheck, refuses } from "./follows.ts";

describeCheck(twoResponses, [
  ["One.\n******\nTwo.", {}, true, "two parts"],
  ["One.", {}, false, "one part"],
  ["One.\n******\n One. ", {}, false, "identical but for blanks"],
  ["******One.******Two.******", {}, true, "blank first and last"],
  ["One.************Two.", {}, false, "blank in between"],
  ["a******b******c", {}, false, "three parts"],
  ["a***b", {}, false, "another divider"],
]);

describeCheck(repeatPrompt, [
  [" say hello\nHello!", { prompt_to_repeat: "Say HELLO " }, true, "trimmed, in any case"],
  ["Sure: say hello", { prompt_to_repeat: "Say hello" }, false, "something before it"],
  ["Say hell", { prompt_to_repeat: "Say hello" }, false, "cut short"],
]);

describeCheck(endChecker, [
  ["Well. Any questions?", { end_phrase: "any questions?" }, true, "in any case"],
  ['"Any questions?"\n', { end_phrase: " Any questions? " }, true, "blanks and quotes taken off"],
  ["Any questions? Bye", { end_phrase: "Any questions?" }, false, "something after it"],
  ['Any questions? "', { end_phrase: "Any questions?" }, false, "a blank inside the quotes stays"],
  ["Any questions?”", { end_phrase: "Any questions?" }, false, "curly quotes stay"],
]);

describeCheck(quotation, [
  [' "Yes" ', {}, true, "trimmed"],
  ['"', {}, false, "one mark is not two"],
  ['""', {}, true, "nothing quoted is still quoted"],
  ['"Yes', {}, false, "not closed"],
  ["“Yes”", {}, false, "curly quotes"],
  ['\ufeff"Yes"', {}, false, "a byte order mark is no blank to Python"],
]);

describeCheck(noComma, [
  ["No comma here。", {}, true, "none"],
  ["1,000", {}, false, "in numbers neither"],
  ["你好，世界", {}, true, "another script's comma"],
]);

describe("parameters of checks of the whole text", () => {
  refuses(repeatPrompt, {}, "prompt_to_repeat");
  refuses(endChecker, { end_phrase: 5 }, "end_phrase");
  refuses(noComma, { commas: 0 }, "commas");
});
