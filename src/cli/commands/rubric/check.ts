import { Command } from "commander";
import pc from "picocolors";
import { ERROR_CODES, isPrefkitError, reasonOf } from "../../../core/errors.ts";
import { REFINED_FILES } from "../../../learn/rubric/write-refined.ts";
import type { CommandSetup } from "../../program.ts";
import { rubricsIn } from "../../rubric-files.ts";
import { number } from "../../run-summary.ts";
import { visibleJson, visibleLine } from "../../visible.ts";

export function rubricCheckCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("check")
    .description("Load rubric files, and say what is wrong with them: file, line and key.")
    .argument("<file...>", `YAML files, or files of rubrics by prompt such as ${REFINED_FILES.rubrics}`)
    .option("--json", "print the result as JSON on stdout")
    .addHelpText("after", "\nExamples:\n  $ prefkit rubric check my-rubric.yaml rubrics/rubrics.jsonl")
    .action(async (names: string[], flags: { readonly json?: boolean }) => {
      const results = [];
      for (const file of names) results.push(await checked(file, terminal.directory));
      const ok = results.every((result) => result.ok);
      if (flags.json) terminal.out(visibleJson({ ok, files: results }));
      else
        for (const result of results)
          terminal.out(
            result.ok
              ? `${pc.green("ok")}  ${visibleLine(result.file)}  ${number(result.rubrics)} rubrics, ${number(result.criteria)} criteria`
              : `${pc.red("bad")} ${visibleLine(result.message, 400)}\n    ${visibleLine(result.fix, 400)}`,
          );
      exit(ok ? 0 : ERROR_CODES.bad_option[0]);
    });
}

type CheckResult =
  | { readonly ok: true; readonly file: string; readonly rubrics: number; readonly criteria: number }
  | { readonly ok: false; readonly file: string; readonly message: string; readonly fix: string };

async function checked(file: string, directory: string): Promise<CheckResult> {
  try {
    const found = await rubricsIn(file, directory);
    const criteria = found.reduce((total, { rubric }) => total + (rubric?.criteria.length ?? 0), 0);
    return { ok: true, file, rubrics: found.filter(({ rubric }) => rubric !== null).length, criteria };
  } catch (error) {
    if (!isPrefkitError(error)) throw error;
    const message = reasonOf(error.message.split("\nFix:")[0] ?? "", 2_000);
    return { ok: false, file, message, fix: error.fix };
  }
}
