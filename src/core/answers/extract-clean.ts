/** Of a longer text only this many last characters are read. */
const MAX_TEXT_LENGTH = 1_000_000;

/**
 * Takes out of a response what is not its text: thinking up to the last `</think>` (or from a `<think>` that is never closed),
 * what follows the first token that ends a turn, other tokens of chat templates, calculator annotations ("<<9*2=18>>"), and the
 * text command around "Answer:". Linear in the length.
 */
export function cleanResponse(response: string): string {
  let text = withoutThinking(response.slice(-MAX_TEXT_LENGTH));
  if (text.includes("<<")) text = text.replace(/<<[^<>\n]*>>/g, "");
  if (text.includes("<|") || text.includes("</s>") || text.includes("_of_turn>")) {
    text = firstTurn(text).replace(TEMPLATE_TOKENS, " ");
  }
  if (text.includes("\\text")) text = text.replace(LABEL, "$1");
  return text.includes("\u2212") ? text.replaceAll("\u2212", "-") : text;
}

const TURN_ENDS = /<\|(?:im_end|eot_id|endoftext|end_of_text|end|return)\|>|<end_of_turn>/g;
const TEMPLATE_TOKENS = /<\|[\w/ -]{1,30}\|>|<\/s>|<(?:start|end)_of_turn>/g;
const LABEL = /\\text(?:bf|it|sf|rm)?\{ {0,4}((?:final )?answer *[:=]?) *\}/gi;

/** Up to the first end of a turn that something was said before. */
function firstTurn(text: string): string {
  for (const { index } of text.matchAll(TURN_ENDS)) {
    if (/[\p{L}\d]/u.test(text.slice(0, index).replace(TEMPLATE_TOKENS, " "))) return text.slice(0, index);
    if (index > 1_000) return text;
  }
  return text;
}

function withoutThinking(text: string): string {
  const end = text.lastIndexOf("</think>");
  const rest = end < 0 ? text : text.slice(end + "</think>".length);
  const start = rest.indexOf("<think>");
  return start < 0 ? rest : rest.slice(0, start);
}

/** The text with Markdown's bold marks made blanks, at the same length; "2**3" keeps its operator. */
export function withoutBold(text: string): string {
  return text.includes("**") ? text.replace(/(?<![\w)])\*\*|\*\*(?![\w(])/g, "  ") : text;
}
