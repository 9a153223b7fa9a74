import { prefkitNumberCharacters } from "../../../rewards/instructions/prefkit-number-characters.ts";
import { prefkitNumberedList } from "../../../rewards/instructions/prefkit-numbered-list.ts";
import { prefkitStartPhrase } from "../../../rewards/instructions/prefkit-start-phrase.ts";
import { describeCheck } from "./follows.ts";

describeCheck(prefkitStartPhrase, [
  [" dear reader, hello", { start_phrase: "Dear Reader" }, true, "trimmed, in any case"],
  ["My dear reader", { start_phrase: "Dear Reader" }, false, "something before it"],
]);

describeCheck(prefkitNumberCharacters, [
  [" 😀b ", { num_characters: 2, relation: "at least" }, true, "code points, trimmed"],
  ["😀b", { num_characters: 3, relation: "at least" }, false, "2 < 3"],
  ["a\nb", { num_characters: 3, relation: "less than" }, false, "a line break is one"],
]);

describeCheck(prefkitNumberedList, [
  ["Steps:\n1. a\n  2. b\n3) c", { num_items: 3 }, true, "either sign, indented"],
  ["1. a\n2. b", { num_items: 3 }, false, "one is missing"],
  ["1. a\n3. b\n2. c", { num_items: 3 }, false, "out of order"],
  ["1. a\n\n1. b", { num_items: 2 }, false, "two lists"],
  ["1.5 litres\n1.\n2020 was long", { num_items: 0 }, true, "a number alone is no item"],
]);
