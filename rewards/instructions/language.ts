import { createRequire } from "node:module";
import { PrefkitError, reasonOf } from "../../src/core/errors.ts";
import type { CheckLibrary } from "./instruction-check.ts";
import { splitAtSpaces } from "./python-text.ts";

/** The part of `eld` that we use; the answer's language is "" when there is none. */
interface Detector {
  detect(text: string): { readonly language: string };
}

/** Languages that can be told, by ISO 639-1 code: all that IFEval asks for. Chinese is not told apart by script. */
export const LANGUAGE_CODES = [
  ...["am", "ar", "az", "be", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi"],
  ...["fr", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kn", "ko", "ku", "lo", "lt"],
  ...["lv", "ml", "mr", "ne", "nl", "no", "or", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv"],
  ...["sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yo", "zh", "zh-cn", "zh-tw"],
] as const;

const PACKAGE = "eld/small";
let detector: Detector | null = null;

/** The language detector `eld`, an optional peer; its small database (150 MB of memory) errs no more than its large one. */
export const languageLibrary: CheckLibrary = {
  assertInstalled() {
    try {
      createRequire(import.meta.url).resolve(PACKAGE);
    } catch (error) {
      // The package is for `import` only: that it does not export to `require` says that it is there.
      if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") throw missing(error);
    }
  },
  async load() {
    detector ??= await loadDetector();
  },
};

/** Throws `missing_dependency`, with what to install. */
export async function loadDetector(
  open: () => Promise<{ readonly eld: Detector }> = () => import("eld/small"),
): Promise<Detector> {
  try {
    return (await open()).eld;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND" ? missing(error) : error;
  }
}

function missing(cause: unknown): PrefkitError {
  return new PrefkitError(
    "missing_dependency",
    `instruction-checks tells languages by the package eld, which cannot be loaded: ${reasonOf(cause, 160)}`,
    "run `npm install eld@2`, or leave out language:response_language, change_case:english_capital and change_case:english_lowercase.",
    { cause },
  );
}

const URL_OR_MAIL =
  /https?:\/\/[-_.?&~;+=/#0-9A-Za-z]{1,2076}|[-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z][-_.0-9A-Za-z]{1,320}/g;

/**
 * The language of most of the text, as a code of `LANGUAGE_CODES`; null when it has no letters that tell.
 *
 * The reference asks langdetect, which draws its n-grams at random and skips words in capitals; `eld` does neither. Like
 * it, we take addresses out and look at the first 10,000 characters. Nepali and Swahili, which `eld` does not know, are
 * told by their function words; Malay counts as Indonesian, as in langdetect.
 */
export function detectLanguage(text: string): string | null {
  if (detector === null)
    throw new PrefkitError("internal", "the language detector is not loaded.", "load it first.");
  const bare = text.slice(0, 20_000).replace(URL_OR_MAIL, " ").slice(0, 10_000);
  if (!/\p{L}/u.test(bare)) return null;
  const byWords = byFunctionWords(bare);
  if (byWords !== null) return byWords;
  const { language } = detector.detect(bare);
  if (language === "") return null;
  return language === "ms" ? "id" : language;
}

const FUNCTION_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  ne: new Set(
    "छ छन् छु छौं हो हुन् हुन्छ हुनेछ गर्न गर्नुहोस् गर्छ गरेको भएको भन्ने लाई मा बाट र पनि तर यो त्यो तपाईं तपाईंलाई हामी मेरो हाम्रो धेरै थियो थिए सबै एउटा मात्र भने वा लागि".split(
      " ",
    ),
  ),
  sw: new Set(
    "na ya wa kwa ni katika za cha vya kama hii hiyo huo huu hizi yake yako yangu yetu wetu wake wao lakini pia sana kuwa kila au tu hapa mtu watu wengi bila baada kabla jinsi".split(
      " ",
    ),
  ),
};
/** Of all words; neighbours (Hindi, Marathi; Tagalog, Polish) stay below a tenth. */
const ENOUGH = 0.15;

function byFunctionWords(text: string): string | null {
  const all = splitAtSpaces(text.toLowerCase()).map((word) =>
    word.replace(/^[^\p{L}]+|[^\p{L}\p{M}]+$/gu, ""),
  );
  if (all.length < 3) return null;
  for (const [language, known] of Object.entries(FUNCTION_WORDS)) {
    if (all.filter((word) => known.has(word)).length >= ENOUGH * all.length) return language;
  }
  return null;
}
