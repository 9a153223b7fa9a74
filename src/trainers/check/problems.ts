/**
 * What the export check looks for. A problem makes the export unfit for training as it stands; a warning is worth a look and
 * may be what the data says.
 */
export const EXPORT_PROBLEMS = {
  missing_file: ["problem", "export.json names a file that is not there."],
  extra_file: [
    "problem",
    "A file lies beside the data that export.json does not name; loaders of the folder read it.",
  ],
  wrong_hash: ["problem", "A file's bytes are not those that were written."],
  unreadable_file: ["problem", "A file cannot be read to its end."],
  wrong_row_count: ["problem", "A file holds another number of rows than were written."],
  bad_line: ["problem", "A line is no JSON object."],
  missing_column: ["problem", "A column that the trainer reads is not there."],
  loss_column: ["problem", "A column beyond the layout's that changes what some trainers compute."],
  extra_column: ["problem", "A column that the layout does not have."],
  wrong_type: ["problem", "A value is of another type than its column."],
  unreadable_row: ["problem", "A row's values do not make a conversation as the trainer reads it."],
  null_value: ["problem", "A required value is null or missing."],
  unknown_role: ["problem", "A turn's role is none of system, developer, user, assistant, tool."],
  roles_out_of_order: [
    "problem",
    "A system turn stands behind another turn, or the prompt does not end with a user or tool turn.",
  ],
  assistant_prefill: [
    "problem",
    "The prompt ends with an assistant's turn: trainers open another one behind it.",
  ],
  not_assistant: ["problem", "A side does not begin and end with the assistant, or a user speaks in it."],
  mixed_turns: ["problem", "Text and conversations are mixed in one row."],
  empty_turn: ["problem", "A turn of the prompt has no text, or there is no prompt."],
  empty_side: ["problem", "A response, completion or step has no text."],
  equal_sides: ["problem", "Chosen and rejected are the same."],
  prompt_in_response: ["problem", "A response repeats the user's turn as a turn."],
  begins_with_prompt: [
    "warning",
    "A response begins with the prompt's text, as completions of code do; else the prompt was copied into it.",
  ],
  rendered_template: [
    "problem",
    "A text holds a turn that a chat template wrote: it would be rendered twice.",
  ],
  special_token_in_text: ["problem", "A text holds what the tokenizer reads as a special token."],
  lone_surrogate: ["problem", "A text holds half of a UTF-16 pair, which is no character."],
  control_character: [
    "warning",
    "A text holds a control character; \\f and \\b often come from \\frac and \\beta read as escapes.",
  ],
  steps_and_labels: ["problem", "A row has no steps, or other labels than one for each step."],
  repeated_prompt: [
    "warning",
    "An unpaired row has the prompt of the row before it: KTO takes that row's response for one to another prompt.",
  ],
  one_label: ["problem", "All labels of a split are the same, so there is nothing to tell apart."],
  template_refused: ["problem", "The chat template refuses the conversation."],
  prompt_not_prefix: [
    "problem",
    "The prompt's tokens do not begin the whole conversation's: the loss would be taken over other tokens.",
  ],
  doubled_bos: ["problem", "The rendered text begins with two BOS tokens."],
  no_turn_end: [
    "problem",
    "The response does not end with a token that ends a turn, so the model does not learn to stop.",
  ],
  no_response_tokens: ["problem", "The response has no tokens of its own after rendering."],
  text_lost: [
    "problem",
    "The chat template drops text or images: the model would not learn, or not see, all that the row holds.",
  ],
} as const satisfies Record<string, readonly [severity: "problem" | "warning", meaning: string]>;

export type ExportProblemKind = keyof typeof EXPORT_PROBLEMS;

/** Where and what; texts of rows are never in it. */
export interface ExportProblem {
  readonly kind: ExportProblemKind;
  /** Relative to the export. */
  readonly file: string;
  /** From 0 within the file, as trainers count; null when the file as a whole is meant. */
  readonly row: number | null;
  readonly column: string | null;
  readonly problem: string;
}

/** All problems of one kind: how many, in how many rows, and the first of them. */
export interface ExportProblemCount {
  readonly kind: ExportProblemKind;
  readonly severity: "problem" | "warning";
  readonly count: number;
  readonly first: readonly ExportProblem[];
}

/** A problem of a row, before it is known where the row stands. */
export type Finding = Pick<ExportProblem, "kind" | "column" | "problem">;
export type AddProblem = (problem: ExportProblem) => void;

/** Counts all and keeps the first `limit` of each kind, in the order in which the kinds were met. */
export function countProblems(limit: number): {
  readonly add: AddProblem;
  readonly total: () => number;
  readonly build: () => ExportProblemCount[];
} {
  const kinds = new Map<ExportProblemKind, { count: number; first: ExportProblem[] }>();
  let total = 0;
  return {
    add: (problem) => {
      total += 1;
      const found = kinds.get(problem.kind) ?? { count: 0, first: [] };
      found.count += 1;
      if (found.first.length < limit) found.first.push(problem);
      kinds.set(problem.kind, found);
    },
    total: () => total,
    build: () => [...kinds].map(([kind, found]) => ({ kind, severity: EXPORT_PROBLEMS[kind][0], ...found })),
  };
}

export function finding(kind: ExportProblemKind, column: string | null, problem: string): Finding {
  return { kind, column, problem };
}

export function ofWholeFile(kind: ExportProblemKind, file: string, problem: string): ExportProblem {
  return { kind, file, row: null, column: null, problem };
}
