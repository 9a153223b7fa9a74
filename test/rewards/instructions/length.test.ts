import { describe } from "vitest";
import { capitalWordFrequency } from "../../../rewards/instructions/capital-word-frequency.ts";
import { nthParagraphFirstWord } from "../../../rewards/instructions/nth-paragraph-first-word.ts";
import { numberParagraphs } from "../../../rewards/instructions/number-paragraphs.ts";
import { numberSentences } from "../../../rewards/instructions/number-sentences.ts";
import { numberWords } from "../../../rewards/instructions/number-words.ts";
import { describeCheck, refuses } from "./follows.ts";

describeCheck(numberSentences, [
  ["One. Two.", { num_sentences: 2, relation: "at least" }, true, "2 >= 2"],
  ["One. Two.", { num_sentences: 2, relation: "less than" }, false, "2 is not less than 2"],
  ["Dr. Smith is here.", { num_sentences: 2, relation: "less than" }, true, "a title ends no sentence"],
  [
    "1. Apples\n2. Pears",
    { num_sentences: 3, relation: "at least" },
    true,
    "a list number before a capital ends one",
  ],
  ["No mark\nnor here", { num_sentences: 2, relation: "at least" }, false, "a line break ends none"],
]);

describeCheck(numberParagraphs, [
  ["a\n***\nb", { num_paragraphs: 2 }, true, "divided by ***"],
  ["a\n\nb", { num_paragraphs: 2 }, false, "a blank line divides nothing"],
  ["***\na\n***\nb\n***", { num_paragraphs: 2 }, true, "blank first and last are not counted"],
  ["a\n***\n\n***\nb", { num_paragraphs: 2 }, false, "blank in between spoils it"],
  ["a\n***\nb\n***\nc", { num_paragraphs: 2 }, false, "exactly, not at least"],
  ["a\n* * *\nb", { num_paragraphs: 1 }, true, "another divider is none"],
]);

describeCheck(numberWords, [
  ["it's well-known", { num_words: 4, relation: "at least" }, true, "it, s, well, known"],
  ["it's well-known", { num_words: 4, relation: "less than" }, false, "4 is not less than 4"],
  ["snake_case", { num_words: 2, relation: "less than" }, true, "an underscore joins"],
  ["नमस्ते दुनिया", { num_words: 3, relation: "less than" }, true, "marks belong to the word"],
  ["½ cup", { num_words: 2, relation: "at least" }, false, "a fraction sign is no word"],
]);

describeCheck(nthParagraphFirstWord, [
  [
    "One.\n\nHello, you.",
    { num_paragraphs: 2, nth_paragraph: 2, first_word: "hello" },
    true,
    "cut at the comma",
  ],
  ["One.\n\nHi.", { num_paragraphs: 2, nth_paragraph: 2, first_word: "hello" }, false, "another word"],
  ["One.\n\nHello.", { num_paragraphs: 3, nth_paragraph: 2, first_word: "hello" }, false, "two, not three"],
  [
    'a\n\n"Hello" b',
    { num_paragraphs: 2, nth_paragraph: 2, first_word: "HELLO" },
    true,
    "quotes taken off, any case",
  ],
  [
    "It's",
    { num_paragraphs: 1, nth_paragraph: 1, first_word: "it's" },
    false,
    "cut at the apostrophe: no word has one",
  ],
  [
    "\n\na\n\nb",
    { num_paragraphs: 2, nth_paragraph: 2, first_word: "a" },
    true,
    "a blank one is not counted, but takes a place",
  ],
  ["\n\na\n\nb", { num_paragraphs: 2, nth_paragraph: 1, first_word: "a" }, false, "so the first is blank"],
  ["a\n\n\nb", { num_paragraphs: 2, nth_paragraph: 2, first_word: "b" }, true, "three line breaks"],
]);

describeCheck(capitalWordFrequency, [
  ["NASA and the FBI", { capital_frequency: 2, capital_relation: "at least" }, true, "2 >= 2"],
  [
    "NASA and the FBI",
    { capital_frequency: 2, capital_relation: "less than" },
    false,
    "2 is not less than 2",
  ],
  ["I am A star", { capital_frequency: 2, capital_relation: "at least" }, true, "I and A are capital words"],
  ["WELL-KNOWN", { capital_frequency: 2, capital_relation: "less than" }, true, "a hyphen joins"],
  ["CAN'T", { capital_frequency: 2, capital_relation: "at least" }, true, "CA and N'T"],
  ["42 !", { capital_frequency: 1, capital_relation: "at least" }, false, "no letter, no capital"],
]);

describe("parameters of length checks", () => {
  refuses(numberSentences, { num_sentences: "2", relation: "at least" }, "num_sentences");
  refuses(numberSentences, { num_sentences: 2 }, "relation");
  refuses(numberParagraphs, { paragraphs: 2 }, "num_paragraphs");
  refuses(nthParagraphFirstWord, { num_paragraphs: 2, nth_paragraph: 3, first_word: "a" }, "nth_paragraph");
  refuses(nthParagraphFirstWord, { num_paragraphs: 2, nth_paragraph: 0, first_word: "a" }, "nth_paragraph");
  refuses(capitalWordFrequency, { capital_frequency: 2, relation: "at least" }, "capital_relation");
});
