import { contentHash } from "../core/ids.ts";
import type { Prompt } from "../core/types.ts";
import type { ChatReply } from "../models/ports.ts";
import type { Question, Reading } from "./ask.ts";
import { type ConversationOptions, conversationTexts, sealedConversation } from "./conversation.ts";
import { envelope } from "./envelope.ts";
import { type Flags, type GuardOptions, guarded } from "./guard.ts";
import { readVerdict } from "./read-verdict.ts";

/** 1 met, 0 not met. */
export type RuleVerdict = 0 | 1 | "not_applicable";

export interface RuleQuestionOptions extends GuardOptions, Pick<ConversationOptions, "maxChars"> {
  /** The rule must be met, and met concisely. */
  readonly conciseClause: boolean;
  /**
   * `strict`: [[Yes]], [[No]] or, where it is offered, [[NA]] as the last line of the reply. `official`: met when the reply
   * holds "[[Yes]]", in exactly that spelling, else not met; the judge is told to say [[Yes]] where a rule does not apply.
   */
  readonly parse: "official" | "strict";
  /** Whether `strict` offers [[NA]]: the rule set knows what a rule that does not apply counts as. */
  readonly offersNA: boolean;
  /** null sends none, for models that refuse one. */
  readonly temperature: number | null;
  readonly maxTokens: number;
}

// Another text gives other verdicts: raise the version of the scorer `autorule` with any change here.
const TASK = `You check whether a response follows one rule. The conversation, the response and the rule stand below, between marks.

Judge this rule alone. Whether the response is right, helpful or well written otherwise does not matter here.`;

const CONCISE = `The response must follow the rule without going on for longer than that takes: one that follows it in many words where few would do does not follow it.`;

const FORMS = {
  strict: {
    task: `First say in one to three sentences what in the response speaks for and against. Then end with your verdict on a line of its own: [[Yes]] when the response follows the rule, [[No]] when it does not, [[NA]] when the rule cannot apply to this conversation.`,
    form: "End with [[Yes]], [[No]] or [[NA]] on a line of its own.",
  },
  official: {
    task: `End with your verdict on a line of its own: [[Yes]] when the response follows the rule, or when the rule cannot apply to this conversation; [[No]] when it does not follow it.`,
    form: "End with [[Yes]] or [[No]] on a line of its own.",
  },
} as const;

/** `strict`, where [[NA]] is not offered. */
const YES_OR_NO = {
  task: `First say in one to three sentences what in the response speaks for and against. Then end with your verdict on a line of its own: [[Yes]] when the response follows the rule, [[No]] when it does not.`,
  form: FORMS.official.form,
} as const;

/** Changes with the text of the question as `rules extract` asks it, [[NA]] offered. */
export const RULE_PROMPT_HASH: string = contentHash([TASK, CONCISE, FORMS]).slice(0, 16);

/**
 * Asks whether a response follows rules, one by one: each question depends on its own rule alone, so that another rule of the
 * set changes no reply.
 *
 * `flags`: what in the response was hidden or read like a verdict.
 */
export function ruleQuestions(
  prompt: Pick<Prompt, "messages" | "tools">,
  response: string,
  options: RuleQuestionOptions,
): { readonly flags: Flags; ask(rule: string): Question<RuleVerdict> } {
  const { text, hidden, verdictLike } = guarded(response, options);
  const { temperature, maxTokens, parse, offersNA } = options;
  const { task, form } = parse === "strict" && !offersNA ? YES_OR_NO : FORMS[parse];
  return {
    flags: { hidden, verdictLike: verdictLike.length },
    ask(rule) {
      const marks = envelope([...conversationTexts(prompt), text, rule]);
      const content = [
        options.conciseClause ? `${TASK}\n\n${CONCISE}` : TASK,
        task,
        marks.notice,
        sealedConversation(marks, prompt, options),
        // It has been through the guard.
        marks.seal("response", text, { hidden: "flag" }),
        marks.seal("rule", rule),
        `Does the response follow the rule? ${form}`,
      ].join("\n\n");
      return {
        request: {
          messages: [{ role: "user", content }],
          sampling: { ...(temperature !== null && { temperature }), maxTokens },
        },
        read: parse === "official" ? readOfficially : (reply) => readStrictly(reply, offersNA),
        form,
      };
    },
  };
}

/** [[Yes]], [[No]] or, where it was offered, [[NA]] as the last line of a reply, see `readVerdict`. */
function readStrictly({ text }: ChatReply, offersNA: boolean): Reading<RuleVerdict> {
  return readVerdict(text, { kind: "binary", notApplicable: offersNA }) as Reading<RuleVerdict>;
}

/** As AutoRule's released code reads a reply that came to its end: whatever holds no [[Yes]] is a no. */
function readOfficially({ text }: ChatReply): Reading<RuleVerdict> {
  const ambiguous = text.includes("[[Yes]]") && text.includes("[[No]]");
  return { kind: "read", answer: text.includes("[[Yes]]") ? 1 : 0, ...(ambiguous && { ambiguous }) };
}
