import { defineCheck } from "./instruction-check.ts";
import { none } from "./parameters.ts";
import { removePrefix, removeSuffix, strip } from "./python-text.ts";

const FENCES = ["```json", "```Json", "```JSON", "```"];

/** The whole response is JSON, in a fence or bare; a bare 5 is JSON, and so are Python's NaN and Infinity. */
export const jsonFormat = defineCheck({
  id: "detectable_format:json_format",
  parameters: none,
  check: (response) => {
    const opened = FENCES.reduce(removePrefix, strip(response));
    const json = strip(removeSuffix(opened, "```"));
    return isJson(json) || isJson(withoutPythonNumbers(json));
  },
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * Outside strings, NaN and ±Infinity become null, which can never make a number of what stands beside it. A string that
 * is never closed reaches to the end, so that the text is read once.
 */
function withoutPythonNumbers(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"?|-?Infinity|NaN/g, (token) =>
    token.startsWith('"') ? token : "null",
  );
}
