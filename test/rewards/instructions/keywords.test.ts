import { describe } from "vitest";
import { keywordsExistence } from "../../../rewards/instructions/keywords-existence.ts";
import { keywordsForbiddenWords } from "../../../rewards/instructions/keywords-forbidden-words.ts";
import { keywordsFrequency } from "../../../rewards/instructions/keywords-frequency.ts";
import { keywordsLetterFrequency } from "../../../rewards/instructions/keywords-letter-frequency.ts";
import { describeCheck, refuses } from "./follows.ts";

describeCheck(keywordsExistence, [
  ["A cat and a dog", { keywords: ["cat", "dog"] }, true, "both occur"],
  ["A cat", { keywords: ["cat", "dog"] }, false, "one is missing"],
  ["CATALOG", { keywords: ["cat"] }, true, "any case, inside a word"],
  ["UxSx", { keywords: ["U.S."] }, true, "a keyword is a regular expression, unescaped"],
  ["x\ny", { keywords: ["x.y"] }, false, "a dot is no line break"],
  ["x\ry", { keywords: ["x.y"] }, true, "but a carriage return, as in Python"],
  ["I like C++ best", { keywords: ["C++"] }, true, "what is no regular expression here is taken literally"],
  ["I like C best", { keywords: ["C++"] }, false, "literally, so not C alone"],
  ["Hi {name}", { keywords: ["{name}"] }, true, "braces too"],
  ["ÜBER", { keywords: ["über"] }, true, "cases of other letters"],
  ["snow", { keywords: ["\\bno\\b"] }, false, "word boundaries"],
  ["well-known", { keywords: ["well\\-known"] }, true, "an escape that needs none"],
  ["a1", { keywords: ["[\\w]\\d$"] }, true, "classes and the end"],
]);

describeCheck(keywordsFrequency, [
  [
    "cat Cat concatenate",
    { keyword: "cat", frequency: 3, relation: "at least" },
    true,
    "3 >= 3, substrings count",
  ],
  ["cat Cat", { keyword: "cat", frequency: 3, relation: "at least" }, false, "2 < 3"],
  ["cat Cat", { keyword: "cat", frequency: 3, relation: "less than" }, true, "2 < 3"],
  ["cat Cat cat", { keyword: "cat", frequency: 3, relation: "less than" }, false, "3 is not less than 3"],
  [
    "cat cat",
    { keyword: " cat ", frequency: 2, relation: "at least" },
    true,
    "blanks around it are taken off",
  ],
  ["aaa", { keyword: "aa", frequency: 2, relation: "at least" }, false, "occurrences do not overlap"],
]);

describeCheck(keywordsForbiddenWords, [
  ["Catalog", { forbidden_words: ["cat"] }, true, "whole words only, unlike keywords:existence"],
  ["The CAT sat", { forbidden_words: ["dog", "cat"] }, false, "in any case"],
  ["I like C++ a lot", { forbidden_words: ["C++"] }, false, "no expression, so taken literally"],
  ["I use ABC++ a lot", { forbidden_words: ["C++"] }, true, "a part of another word"],
  ["cat_food", { forbidden_words: ["cat"] }, true, "an underscore belongs to the word"],
  ["cat's", { forbidden_words: ["cat"] }, false, "an apostrophe does not"],
  ["überall", { forbidden_words: ["über"] }, true, "boundaries know other letters"],
]);

describeCheck(keywordsLetterFrequency, [
  ["Banana", { letter: "a", let_frequency: 3, let_relation: "at least" }, true, "3 >= 3"],
  ["Banana", { letter: "A", let_frequency: 4, let_relation: "at least" }, false, "3 < 4, whatever the case"],
  ["Banana", { letter: "a", let_frequency: 3, let_relation: "less than" }, false, "3 is not less than 3"],
  [
    "#a #b",
    { letter: "#", let_frequency: 2, let_relation: "at least" },
    true,
    "the character itself is counted",
  ],
  [
    "a!",
    { letter: "!", let_frequency: 2, let_relation: "at least" },
    false,
    "where the reference draws a letter",
  ],
]);

describe("parameters of keyword checks", () => {
  refuses(keywordsExistence, { keywords: [] }, "keywords");
  refuses(keywordsExistence, { keyword: "cat" }, "keywords");
  refuses(keywordsForbiddenWords, { forbidden_words: "cat" }, "forbidden_words");
  refuses(keywordsFrequency, { keyword: "cat", frequency: 1, relation: "at most" }, "relation");
  refuses(keywordsFrequency, { keyword: "cat", frequency: -1, relation: "at least" }, "frequency");
  refuses(keywordsFrequency, { keyword: "cat", frequency: 1.5, relation: "at least" }, "frequency");
  refuses(keywordsFrequency, { keyword: "cat", frequency: 1, relation: "at least", times: 1 }, "times");
  refuses(keywordsLetterFrequency, { letter: "ab", let_frequency: 1, let_relation: "at least" }, "letter");
  refuses(keywordsLetterFrequency, { letter: "", let_frequency: 1, let_relation: "at least" }, "letter");
});
