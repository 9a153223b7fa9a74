// The end of .ci/run: a table of the steps in DIR, what was skipped, why a step failed, then one plain line. Exit code 1 when anything failed.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./commands.mjs";

/** What `npm run show` ends with when what it needs is not on this machine. */
const ABSENT = 3;
const directory = process.argv[2] ?? ".";
/** Lines of a failed step's log that are shown again at the end. */
const TAIL = 40;
const steps = readFileSync(join(directory, "steps.tsv"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [name, code, seconds, note] = line.split("\t");
    return { name, code: Number(code), seconds, note, tests: testsOf(join(directory, `${name}.json`)) };
  });

/** The tests of a vitest report; none for a step that wrote no report. */
function testsOf(path) {
  if (!existsSync(path)) return [];
  return JSON.parse(readFileSync(path, "utf8")).testResults.flatMap(
    ({ assertionResults }) => assertionResults,
  );
}

function count(tests, ...statuses) {
  return tests.filter(({ status }) => statuses.includes(status)).length;
}

/** What vitest says of failed tests, of files that did not load and of errors outside a test; else the end of the log. */
function reasons(name) {
  const path = join(directory, `${name}.log`);
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  const first = lines.findIndex((line) => /^\S* ?(FAIL |⎯+ (Failed|Unhandled))/u.test(line.trimStart()));
  const told = first === -1 ? lines.slice(-TAIL) : lines.slice(first, first + TAIL);
  return told.map((line) => `  ${line}`).join("\n");
}

let passed = 0;
let failed = 0;
const rows = [["step", "result", "tests", "seconds", "shortened"]];
for (const { name, code, seconds, note, tests } of steps) {
  const good = count(tests, "passed");
  const bad = count(tests, "failed");
  const result = code === 0 ? "passed" : code === ABSENT && name.startsWith("show-") ? "absent" : "FAILED";
  const told =
    tests.length === 0 ? "" : `${good} passed, ${bad} failed, ${tests.length - good - bad} skipped`;
  rows.push([name, result, told, seconds, note === "-" ? "" : note]);
  // A step counts as one check beside its tests.
  passed += good + (result === "passed" ? 1 : 0);
  failed += bad + (result === "FAILED" && bad === 0 ? 1 : 0);
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
console.log(
  `\n${rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")}`,
);

const isSkipped = ({ status }) => status !== "passed" && status !== "failed";
/** A test's name without what its title adds when it is skipped. */
const plainName = ({ fullName }) => fullName.replace(/ \((absent|not run)\b.*\)$/, "");
const all = steps.flatMap(({ tests }) => tests);
const ran = new Set(all.filter((test) => !isSkipped(test)).map(plainName));
const skipped = new Set(all.filter(isSkipped).map(plainName));
const never = [...skipped].filter((name) => !ran.has(name));
if (never.length > 0) console.log(`\nSkipped everywhere:\n${never.map((name) => `  ${name}`).join("\n")}`);

// Real data that lies beside the clone must be used: a skipped test of it is no pass.
const hasData = existsSync(`${root}../shared/data`);
const unused = hasData ? steps.filter(({ name, code }) => name === "show-2" && code === ABSENT) : [];
const unusedTests = hasData ? never.filter((name) => /gsm8k|is_correct/i.test(name)) : [];
for (const name of [...unused.map(({ name: step }) => step), ...unusedTests]) {
  console.log(`\nThe data beside this clone was not used: ${name}`);
  failed += 1;
}

for (const { name } of steps.filter((_, index) => rows[index + 1][1] === "FAILED")) {
  console.log(`\nWhy ${name} failed:\n${reasons(name)}`);
}

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
