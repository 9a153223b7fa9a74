import { beforeAll, describe, expect, it } from "vitest";
import { englishCapital } from "../../../rewards/instructions/english-capital.ts";
import { englishLowercase } from "../../../rewards/instructions/english-lowercase.ts";
import { detectLanguage, languageLibrary, loadDetector } from "../../../rewards/instructions/language.ts";
import { responseLanguage } from "../../../rewards/instructions/response-language.ts";
import { describeCheck, follows, refuses } from "./follows.ts";
import { LANGUAGE_SAMPLES } from "./language-samples.ts";

beforeAll(() => languageLibrary.load());

describeCheck(responseLanguage, [
  [LANGUAGE_SAMPLES.de ?? "", { language: "de" }, true, "German is German"],
  [LANGUAGE_SAMPLES.de ?? "", { language: "nl" }, false, "German is not Dutch"],
  ["12 + 30 = 42 😀", { language: "hi" }, true, "no letters: nothing tells against it"],
  ["图书馆早上九点开门，晚上很晚才关门。", { language: "zh-cn" }, true, "Chinese, whatever the script"],
]);

const english = "this is a plain sentence in english, and here is another one for good measure.";

describeCheck(englishCapital, [
  [english.toUpperCase(), {}, true, "all capitals"],
  [english, {}, false, "small letters"],
  [`${english.toUpperCase()} ok`, {}, false, "one small word"],
  [(LANGUAGE_SAMPLES.de ?? "").toUpperCase(), {}, false, "German"],
  ["42!", {}, false, "no letters at all"],
]);

describeCheck(englishLowercase, [
  [english, {}, true, "all small"],
  [`${english} OK`, {}, false, "one word in capitals"],
  [(LANGUAGE_SAMPLES.fr ?? "").toLowerCase(), {}, false, "French"],
]);

describe("language detection", () => {
  it.each(Object.keys(LANGUAGE_SAMPLES))("tells %s, also sentence by sentence", (language) => {
    const text = LANGUAGE_SAMPLES[language] ?? "";
    const sentences = text.split(/(?<=[.।۔。])\s*/u).filter((sentence) => sentence.length > 10);
    expect([text, ...sentences].map(detectLanguage)).toEqual([text, ...sentences].map(() => language));
  });

  it("looks past addresses", () => {
    const address = "https://example.org/the-quick-brown-fox/and-the-lazy-dog";
    expect(detectLanguage(`${address} Guten Tag, wie geht es Ihnen? ${address}`)).toBe("de");
  });

  it("says what to install when the package is not there", async () => {
    const open = () =>
      Promise.reject(Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" }));
    await expect(loadDetector(open)).rejects.toMatchObject({
      code: "missing_dependency",
      message: expect.stringContaining("npm install eld"),
    });
  });

  it("does not take another fault for a missing package", async () => {
    await expect(loadDetector(() => Promise.reject(new SyntaxError("damaged")))).rejects.toThrow("damaged");
  });

  it("follows no instruction by a text in small capitals", () => {
    expect(follows(englishLowercase, "ᴀʙᴄ")).toBe(true);
    expect(follows(englishCapital, "ᴀʙᴄ")).toBe(false);
  });

  refuses(responseLanguage, { language: "german" }, "language");
  refuses(responseLanguage, {}, "language");
});
