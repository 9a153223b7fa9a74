import { type Finding, finding } from "./problems.ts";

/**
 * Special texts of the chat templates in common use, for checks without a tokenizer. `<s>` and `</s>` are left out: they are
 * tags of HTML too, and the model's own tokenizer tells when they matter.
 */
const COMMON_SPECIAL = [
  "<|im_start|>",
  "<|im_end|>",
  "<|im_sep|>",
  "<|endoftext|>",
  "<|begin_of_text|>",
  "<|end_of_text|>",
  "<|start_header_id|>",
  "<|end_header_id|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<|start_of_role|>",
  "<|end_of_role|>",
  "<|user|>",
  "<|assistant|>",
  "<|system|>",
  "<|start|>",
  "<|channel|>",
  "<start_of_turn>",
  "<end_of_turn>",
  "<｜User｜>",
  "<｜Assistant｜>",
  "<｜begin▁of▁sentence｜>",
  "<｜end▁of▁sentence｜>",
  "[INST]",
  "[/INST]",
];

/** How templates in common use open a turn. */
const COMMON_OPENINGS = [
  String.raw`<\|im_start\|>\s*\w+`,
  String.raw`<\|start_header_id\|>\s*\w+\s*<\|end_header_id\|>`,
  String.raw`<\|start_of_role\|>\s*\w+\s*<\|end_of_role\|>`,
  String.raw`<\|(?:user|assistant|system)\|>\s*\S`,
  String.raw`<\|start\|>\w+<\|(?:channel|message)\|>`,
  String.raw`<start_of_turn>\s*\w+`,
  String.raw`<｜(?:User|Assistant)｜>\s*\S`,
  String.raw`\[INST\]\s*\S`,
];

/** Looks at one text; `column` names it. */
export type TextCheck = (text: string, column: string) => Finding | null;

/** The model's own: what its tokenizer reads as one token, and what its template writes. */
export interface OwnMarks {
  readonly specialTokens: readonly string[];
  /** Before an assistant's turn; null when it writes nothing that can be told. */
  readonly opening: string | null;
  /** A question and an answer as the template writes them; null without a template. */
  readonly sample: string | null;
}

/**
 * What must not stand in a text that goes through a template and a tokenizer. One finding for a text, the worst first.
 * With a model's own tokens and template the marks of other models are plain text, which a response may well speak of.
 */
export function textCheck(own: OwnMarks | null): TextCheck {
  const special = anyOf(
    [...(own?.specialTokens ?? []), ...(own === null ? COMMON_SPECIAL : [])].map(escaped),
  );
  // An opening of words and a colon alone ("assistant:") stands in ordinary text too.
  const opening = (own?.opening ?? "").trim();
  const isMark = opening.length >= 4 && /[^\w\s:]/.test(opening);
  const common = COMMON_OPENINGS.filter(
    (pattern) => own === null || (own.sample !== null && new RegExp(pattern, "u").test(own.sample)),
  );
  const openings = anyOf([...common, ...(isMark ? [escaped(opening)] : [])]);
  return (text, column) => {
    if (openings?.test(text)) {
      return finding("rendered_template", column, "holds a turn as a chat template writes it");
    }
    const token = special?.exec(text)?.[0];
    if (token !== undefined)
      return finding("special_token_in_text", column, `holds ${JSON.stringify(token)}`);
    if (!text.isWellFormed()) return finding("lone_surrogate", column, "holds half of a UTF-16 pair");
    const control = CONTROL.exec(text)?.[0];
    return control === undefined
      ? null
      : finding("control_character", column, `holds ${JSON.stringify(control)}`);
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

function anyOf(patterns: readonly string[]): RegExp | null {
  const longestFirst = [...patterns].filter((pattern) => pattern !== "").sort((a, b) => b.length - a.length);
  return longestFirst.length === 0 ? null : new RegExp(longestFirst.join("|"), "u");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
