// Writes docs/errors.md from the list of error codes; a test says when it is stale. Needs a build.
import { writeFileSync } from "node:fs";
import { root } from "./commands.mjs";

/**
 * @param {Readonly<Record<string, readonly [number, string]>>} codes
 */
export function errorsPage(codes) {
  const rows = Object.entries(codes).map(
    ([code, [exit, meaning]]) => `| \`${code}\` | ${exit} | ${meaning} |`,
  );
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

The codes inside the scores table (\`timeout\`, \`threw\`, \`not_finite\`, …) are not errors of a run: a failed cell has a code and a
reason, and no number.
`;
}

if (process.argv[1] === `${root}scripts/errors-page.mjs`) {
  const { ERROR_CODES } = await import("../dist/src/core/errors.js");
  writeFileSync(`${root}docs/errors.md`, errorsPage(ERROR_CODES));
}
