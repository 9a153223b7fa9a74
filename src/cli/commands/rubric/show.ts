import { Command } from "commander";
import pc from "picocolors";
import { readyRubric, readyRubrics } from "../../../../rewards/rubrics/index.ts";
import { PrefkitError } from "../../../core/errors.ts";
import { writeRubric } from "../../../core/rubric/load-rubric.ts";
import type { Criterion, Rubric } from "../../../core/rubric/rubric.ts";
import { REFINED_FILES } from "../../../learn/rubric/write-refined.ts";
import type { CommandSetup } from "../../program.ts";
import { type Named, rubricsIn } from "../../rubric-files.ts";
import { number } from "../../run-summary.ts";
import { visibleJson, visibleLine } from "../../visible.ts";

interface ShowFlags {
  readonly prompt?: string;
  readonly yaml?: boolean;
  readonly json?: boolean;
}

export function rubricShowCommand({ terminal, exit }: CommandSetup): Command {
  return new Command("show")
    .description(
      "Show a rubric: a file, one of those that come with prefkit, or one prompt's of a refinement.",
    )
    .argument(
      "<rubric>",
      `a YAML file, a ${REFINED_FILES.rubrics}, or a name: ${Object.keys(readyRubrics).join(", ")}`,
    )
    .option("--prompt <id>", "whose rubric to show, of a file with several")
    .option("--yaml", "print it as YAML, to save and edit")
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ prefkit rubric show helpfulness
  $ prefkit rubric show rubrics/rubrics.jsonl
  $ prefkit rubric show rubrics/rubrics.jsonl --prompt p1 --yaml > p1.yaml`,
    )
    .action(async (name: string, flags: ShowFlags) => {
      const found = await rubricsNamed(name, terminal.directory);
      const chosen =
        flags.prompt === undefined ? found : found.filter(({ promptId }) => promptId === flags.prompt);
      const [only, ...others] = chosen;
      if (only === undefined) {
        throw new PrefkitError(
          "unknown_name",
          `${name} has no prompt "${flags.prompt}".`,
          `run \`prefkit rubric show ${name}\` for those there are.`,
        );
      }
      if (others.length > 0 && flags.yaml) {
        throw new PrefkitError(
          "bad_option",
          `${name} holds ${chosen.length} rubrics.`,
          "name one by --prompt.",
        );
      }
      const { rubric } = only;
      if (flags.json) terminal.out(visibleJson(others.length > 0 ? chosen : rubric));
      else if (others.length > 0) for (const one of chosen) terminal.out(listLine(one));
      else if (rubric === null) terminal.out("no rubric: compare the responses directly");
      else if (flags.yaml) terminal.out(writeRubric(rubric).trimEnd());
      else for (const line of rubricLines(rubric)) terminal.out(line);
      exit(0);
    });
}

/** What a name leads to. `promptId` is null where a file holds a single rubric. */
async function rubricsNamed(name: string, directory: string): Promise<readonly Named[]> {
  if (Object.hasOwn(readyRubrics, name)) return [{ promptId: null, rubric: await readyRubric(name) }];
  return rubricsIn(name, directory);
}

function listLine({ promptId, rubric }: Named): string {
  const criteria = rubric === null ? "no rubric" : `${number(rubric.criteria.length)} criteria`;
  return `${visibleLine(promptId ?? "", 60).padEnd(34)}  ${criteria}`;
}

function rubricLines({ name, version, about, source, weighting, criteria }: Rubric): string[] {
  return [
    `${pc.bold(visibleLine(name))}  version ${version}, weighting ${weighting}`,
    ...[about, source].flatMap((line) => (line === undefined ? [] : [pc.dim(`  ${visibleLine(line, 200)}`)])),
    ...criteria.map((criterion) => {
      const { id, text, polarity } = criterion;
      const sign = polarity === "negative" ? pc.red("not ") : "";
      return `  ${countOf(criterion).padStart(9)}  ${sign}${visibleLine(text, 300)}  ${pc.dim(id)}`;
    }),
  ];
}

function countOf({ points, category, weight, scale }: Criterion): string {
  const counts = points ?? category ?? weight?.toFixed(4) ?? "";
  return [visibleLine(String(counts), 60), scale === undefined ? "" : `${scale.min}–${scale.max}`]
    .filter(Boolean)
    .join(" ");
}
