import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sentences } from "../../../rewards/instructions/sentences.ts";
import { words } from "../../../rewards/instructions/words.ts";
import { anyText } from "../../../src/testing/arbitraries.ts";

/** Expected values: NLTK 3.10.4, `sent_tokenize` and `word_tokenize` with the English punkt_tab model. */
describe("sentences", () => {
  it.each<[text: string, expected: readonly string[], note: string]>([
    ["", [], "nothing"],
    ["Hello", ["Hello"], "no mark needed"],
    ["One. Two! Three?", ["One.", "Two!", "Three?"], "three marks"],
    ["Mr. Smith met Dr. Lee.", ["Mr. Smith met Dr. Lee."], "titles"],
    ["At 5 p.m. He left.", ["At 5 p.m.", "He left."], "an abbreviation before a frequent beginning"],
    ["At 5 p.m. Paris slept.", ["At 5 p.m. Paris slept."], "but not before a name"],
    ["J. K. Rowling wrote it.", ["J. K. Rowling wrote it."], "initials"],
    ["Plan B. Then we left.", ["Plan B.", "Then we left."], "a letter before a beginning"],
    ["Fruit, e.g. apples.", ["Fruit, e.g.", "apples."], "e.g. is not known"],
    ["Wait... what?", ["Wait... what?"], "dots before a small letter"],
    ["Wow!!! Really?! Yes.", ["Wow!!!", "Really?!", "Yes."], "several marks"],
    ['"Is it?" she asked.', ['"Is it?"', "she asked."], "the closing quote belongs to the question"],
    ["(It is.) So.", ["(It is.)", "So."], "and so do brackets"],
    ["1. Apples\n2. Pears", ["1.", "Apples\n2.", "Pears"], "list numbers"],
    ["It costs 3.50 dollars.", ["It costs 3.50 dollars."], "a decimal point"],
    [" One.  Two. ", [" One.", "Two."], "blanks"],
  ])("%j -> %j (%s)", (text, expected) => {
    expect(sentences(text)).toEqual(expected);
  });

  it("loses nothing but blanks between sentences", () => {
    const bare = (text: string) => text.replace(/[\s\p{White_Space}\p{Cc}]/gu, "");
    fc.assert(fc.property(anyText(), (text) => bare(sentences(text).join("")) === bare(text)));
  });
});

describe("words", () => {
  it.each<[text: string, expected: string]>([
    ["Good muffins cost $3.88 (roughly 3,36 euros).", "Good|muffins|cost|$|3.88|(|roughly|3,36|euros|)|."],
    ["They'll save and invest more.", "They|'ll|save|and|invest|more|."],
    ["hi, my name can't hello,", "hi|,|my|name|ca|n't|hello|,"],
    ["I CANNOT, gonna", "I|CAN|NOT|,|gon|na"],
    ['"Yes," he said.', "``|Yes|,|''|he|said|."],
    ["“Yes” – no--maybe", "“|Yes|”|–|no|--|maybe"],
    ["The U.S. is big.", "The|U.S.|is|big|."],
    ["'Tis the dog's", "'|Tis|the|dog|'s"],
    ["a.b/c@d: 10:30", "a.b/c|@|d|:|10:30"],
  ])("%j -> %s", (text, expected) => {
    expect(words(text).join("|")).toBe(expected);
  });
});
