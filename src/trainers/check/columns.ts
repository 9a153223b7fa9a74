import { isPrefkitError } from "../../core/errors.ts";
import { rowChecker } from "../../store/check-row.ts";
import { columnDifferences, type FoundColumn } from "../../store/schema.ts";
import type { Row, RowSet } from "../../store/table.ts";
import { type Finding, finding } from "./problems.ts";

/**
 * Columns that some trainer computes with when they are there: margins and weights of losses (TRL's reward trainer,
 * OpenRLHF), token ids and reference log-probs (TRL's DPO and KTO), arguments of the template, and the vision path.
 */
const LOSS_COLUMNS = new Set(
  (
    "margin weight weights sample_weight score score_chosen score_rejected reward advantages prompt_ids chosen_ids rejected_ids completion_ids prompt_input_ids " +
    "chosen_input_ids rejected_input_ids input_ids attention_mask labels completion_mask assistant_masks ref_logps ref_chosen_logps " +
    "ref_rejected_logps ref_KL_logps reference_chosen_logps reference_rejected_logps old_per_token_logps chat_template_kwargs tools image " +
    "images videos prompt chosen rejected completion completions label messages"
  ).split(" "),
);

function extraColumn(name: string): Finding {
  return LOSS_COLUMNS.has(name)
    ? finding("loss_column", name, "is a column that trainers compute with, and this layout does not have it")
    : finding("extra_column", name, "is not a column of this layout");
}

/** How the columns of a Parquet file differ from the layout's; their order is no difference. */
export function columnFindings({ columns }: RowSet, found: readonly FoundColumn[]): Finding[] {
  const names = new Set(found.map(({ name }) => name));
  const known = new Set(columns.map(({ name }) => name));
  const wrong = columns.flatMap((column) => {
    if (!names.has(column.name)) return [finding("missing_column", column.name, "is not there")];
    const [difference] = columnDifferences(
      [column],
      found.filter(({ name }) => name === column.name),
    );
    return difference === undefined
      ? []
      : [finding("wrong_type", column.name, difference.replace(/^column "[^"]*" /, ""))];
  });
  return [...wrong, ...found.filter(({ name }) => !known.has(name)).map(({ name }) => extraColumn(name))];
}

/** Looks at one row's values. `row` has the layout's columns alone, and is null when they cannot be read. */
export function valueCheck(
  rowSet: RowSet,
): (given: Row) => { readonly row: Row | null; readonly findings: readonly Finding[] } {
  const names = rowSet.columns.map(({ name }) => name);
  const known = new Set(names);
  const check = rowChecker(rowSet);
  return (given) => {
    const extra = Object.keys(given).filter((name) => !known.has(name));
    const row =
      extra.length === 0 ? given : Object.fromEntries(names.map((name) => [name, given[name] ?? null]));
    const findings = extra.map(extraColumn);
    try {
      check(row, 0);
      return { row, findings };
    } catch (error) {
      if (!isPrefkitError(error)) throw error;
      return {
        row: null,
        findings: [...findings, valueFinding(error.message, error.place.column ?? "", given)],
      };
    }
  };
}

/** What the check before every write says of a value, in the words of this check. */
function valueFinding(message: string, column: string, given: Row): Finding {
  const problem = (message.split("\nFix:")[0] ?? "").replace(/^.*?column "[^"]*" /s, "").replace(/\.$/, "");
  if (!problem.startsWith("has no value")) return finding("wrong_type", column, problem);
  return column in given || /[.[]/.test(column)
    ? finding("null_value", column, "has no value")
    : finding("missing_column", column, "is not there");
}
