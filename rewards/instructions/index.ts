import { capitalWordFrequency } from "./capital-word-frequency.ts";
import { constrainedResponse } from "./constrained-response.ts";
import { endChecker } from "./end-checker.ts";
import { englishCapital } from "./english-capital.ts";
import { englishLowercase } from "./english-lowercase.ts";
import type { InstructionCheck } from "./instruction-check.ts";
import { jsonFormat } from "./json-format.ts";
import { keywordsExistence } from "./keywords-existence.ts";
import { keywordsForbiddenWords } from "./keywords-forbidden-words.ts";
import { keywordsFrequency } from "./keywords-frequency.ts";
import { keywordsLetterFrequency } from "./keywords-letter-frequency.ts";
import { multipleSections } from "./multiple-sections.ts";
import { noComma } from "./no-comma.ts";
import { nthParagraphFirstWord } from "./nth-paragraph-first-word.ts";
import { numberBulletLists } from "./number-bullet-lists.ts";
import { numberHighlightedSections } from "./number-highlighted-sections.ts";
import { numberParagraphs } from "./number-paragraphs.ts";
import { numberPlaceholders } from "./number-placeholders.ts";
import { numberSentences } from "./number-sentences.ts";
import { numberWords } from "./number-words.ts";
import { postscript } from "./postscript.ts";
import { prefkitNumberCharacters } from "./prefkit-number-characters.ts";
import { prefkitNumberedList } from "./prefkit-numbered-list.ts";
import { prefkitStartPhrase } from "./prefkit-start-phrase.ts";
import { quotation } from "./quotation.ts";
import { repeatPrompt } from "./repeat-prompt.ts";
import { responseLanguage } from "./response-language.ts";
import { title } from "./title.ts";
import { twoResponses } from "./two-responses.ts";

/** The instructions that can be checked: IFEval's by its ids, ours by "prefkit:". A new one is a file beside this one and a line here. */
export const instructionList: readonly InstructionCheck[] = [
  keywordsExistence,
  keywordsFrequency,
  keywordsForbiddenWords,
  keywordsLetterFrequency,
  responseLanguage,
  numberSentences,
  numberParagraphs,
  numberWords,
  nthParagraphFirstWord,
  numberPlaceholders,
  postscript,
  numberBulletLists,
  constrainedResponse,
  numberHighlightedSections,
  multipleSections,
  jsonFormat,
  title,
  twoResponses,
  repeatPrompt,
  endChecker,
  quotation,
  capitalWordFrequency,
  englishCapital,
  englishLowercase,
  noComma,
  prefkitNumberCharacters,
  prefkitNumberedList,
  prefkitStartPhrase,
];
