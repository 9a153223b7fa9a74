import { isBlank, strip } from "./python-text.ts";

/**
 * The eight texts of which one is enough in loose mode: first the text as it is; without its first line, its last line, both; and each
 * of these without asterisks. Models like to open with "Sure!" and to close with a question.
 */
export function looseVariants(response: string): readonly string[] {
  const lines = response.split("\n");
  const cuts = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((cut) => strip(cut.join("\n")));
  const texts = [response, ...cuts];
  return [...new Set([...texts, ...texts.map((text) => text.replaceAll("*", ""))])].filter(
    (text) => !isBlank(text),
  );
}
