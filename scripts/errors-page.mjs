// Writes docs/errors.md from the list of error codes; a test says when it is stale. Needs a build.
import { writeFileSync } from "node:fs";
import { root } from "./commands.mjs";

const JUDGES = "judges";
const CALLS = "scorers that call models";

/** Codes of failed cells: code, what gives it, meaning. */
const CELL_CODES = [
  ["threw", "any scorer", "It threw, or its promise was rejected."],
  [
    "timeout",
    "any scorer, any model call",
    "No answer within the scorer's `timeoutMs`; no whole reply in time.",
  ],
  ["cancelled", "any scorer, any model call", "The run was stopped."],
  ["not_a_score", "any scorer", "What it returned is no score."],
  ["not_finite", "any scorer, any model call", "A value, a part or a log-prob is NaN or infinite."],
  ["out_of_range", "any scorer", "A value lies outside the range that the scorer states."],
  ["wrong_length", "any scorer", "Another number of scores than responses, or of values than steps."],
  ["out_of_memory", "scorers in threads", "The thread used more memory than it may."],
  ["worker_died", "scorers in threads", "The thread ended while it scored the group."],
  ["scorer_error", "`adapter`", "The scorer of another library reports an error."],
  [
    "unread_verdict",
    JUDGES,
    "No answer had the form that was asked for, after all `tries`; or too few did, of a panel or of samples.",
  ],
  [
    "verdict_like",
    JUDGES,
    "The response reads like a verdict or an instruction to the judge, and `onVerdictLike` is `fail`. Nothing was asked.",
  ],
  [
    "not_applicable",
    "`rubric-judge`, `autorule`",
    "A criterion does not apply, and the rubric's rule for that is `fail`.",
  ],
  [
    "low_mass",
    "`rubric-judge`",
    "Less than `minMass` of the judge's probability was found on ratings, and `fallback` is `fail`.",
  ],
  [
    "no_logprobs",
    CALLS,
    "The server gave no log-probs. With `rubric-judge` only where `fallback` is `fail`.",
  ],
  ["unreadable_reference", "`math-answer`, `contains`", "The reference holds no answer that can be read."],
  [
    "undecided",
    "`math-answer`",
    "Whether two answers are equal could not be told, and `onUndecided` is `fail`.",
  ],
  ["unreadable_tests", "`code-tests`", "The tests cannot be read."],
  ["sandbox_failed", "`code-tests`", "The sandbox did not start."],
  ["unknown_instruction", "`instruction-checks`", "An instruction id is not known."],
  ["bad_kwargs", "`instruction-checks`", "The arguments of an instruction do not fit it."],
  ["bad_metadata", "`instruction-checks`", "Ids or arguments in the metadata are no lists of one length."],
  ["missing_dependency", "`instruction-checks`", "A check needs an optional package that is not installed."],
  ["not_a_list", "`precomputed`, `process-reward`", "The metadata field holds no list."],
  [
    "not_a_number",
    "`precomputed`, `process-reward`",
    "The metadata field holds something else than numbers.",
  ],
  ["steps_differ", "`process-reward`", "The steps in the metadata are not those of the response."],
  ["rate_limited", CALLS, "The server said 429, after all retries."],
  ["overloaded", CALLS, "The server said 503 or 529."],
  ["server_error", CALLS, "The server said another 5xx."],
  ["connection", CALLS, "Refused, reset or closed before the reply was whole."],
  ["bad_reply", CALLS, "The reply is not of the shape that the server's API promises."],
  ["tokens_differ", CALLS, "The server counted other tokens than the tokenizer that was named."],
  ["wrong_model", CALLS, "Another model answered than the one asked."],
  ["bad_request", CALLS, "The server refused the request (4xx)."],
  ["unauthorized", CALLS, "The server refused the key (401, 403), or the account has no credit (402)."],
  ["too_long", CALLS, "The turn is longer than the model's context."],
  ["template", CALLS, "The chat template refused the messages, or there is none."],
  ["span_impossible", CALLS, "The response's tokens cannot be told exactly."],
  ["span_merged", CALLS, "A token straddles the response's edge, and the client cannot send ids."],
  ["in_process", CALLS, "A model in this process could not be run."],
  ["not_cached", CALLS, "Offline, and the reply is not in the cache."],
  ["budget", CALLS, "Another call might cost more than the budget leaves."],
];

/**
 * @param {Readonly<Record<string, readonly [number, string]>>} codes
 */
export function errorsPage(codes) {
  const rows = Object.entries(codes).map(
    ([code, [exit, meaning]]) => `| \`${code}\` | ${exit} | ${meaning} |`,
  );
  const cells = CELL_CODES.map(([code, from, meaning]) => `| \`${code}\` | ${from} | ${meaning} |`);
  return `# Errors

Every error is a \`PrefkitError\`: what was got and where, then \`Fix:\` and what to do, then its code in brackets. In code, tell them
apart by \`error.code\` after \`isPrefkitError(error)\`; \`error.fix\` and \`error.place\` (file, line, row, column, promptId, scorer) hold the
parts. On the command line the code decides the exit code; \`--json\` prints \`{"ok": false, "code", "message", "fix", "exitCode"}\`.

| code | exit code | meaning |
| --- | --- | --- |
${rows.join("\n")}

Exit codes: 1 is an I/O or internal fault, 2 bad usage, recipe or input (found before anything is paid), 3 the failed-score budget, 4 the
money or token budget. After 1, 3 and 4 the same command goes on where it stopped. 130 and 143 mean that SIGINT or SIGTERM stopped the
run after saving; the same command goes on as well.

## Codes of failed cells

A score is \`scored\`, \`abstained\` or \`failed\`. A failed cell is no error of a run: it has a code and a reason, in the columns \`code\`
and \`why\` of the scores table, and no number. The same command scores such cells again, unless \`--accept-failed\` closed them; where
their share exceeds the scorer's \`maxFailedShare\`, the run ends with \`failed_budget_exceeded\`. Scorers of your own choose their own codes.

| code | given by | meaning |
| --- | --- | --- |
${cells.join("\n")}
`;
}

if (process.argv[1] === `${root}scripts/errors-page.mjs`) {
  const { ERROR_CODES } = await import("../dist/src/core/errors.js");
  writeFileSync(`${root}docs/errors.md`, errorsPage(ERROR_CODES));
}
