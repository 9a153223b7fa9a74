import { resolve } from "node:path";
import { Command, Option } from "commander";
import pc from "picocolors";
import { loadRecipe } from "../../annotate/load-recipe.ts";
import { ERROR_CODES, PrefkitError } from "../../core/errors.ts";
import { REFINED_FILES } from "../../learn/rubric/write-refined.ts";
import { override } from "../override.ts";
import type { CommandSetup } from "../program.ts";
import { type RefineRubrics, type RefineRubricsOutcome, refineRubrics } from "../refine-rubrics.ts";
import { given, integer, temperature, withModelOptions } from "../run-options.ts";
import { number, shortPath } from "../run-summary.ts";
import { visibleJson } from "../visible.ts";
import { watched } from "../watched.ts";
import { rubricCheckCommand } from "./rubric/check.ts";
import { rubricShowCommand } from "./rubric/show.ts";

export function rubricCommand(setup: CommandSetup): Command {
  return (
    new Command("rubric")
      .description("Refine rubrics by the responses they judge; look at them.")
      // The program's settings come to the group once it is added, after its own commands are.
      .hook("preSubcommand", (group, command) => void command.copyInheritedSettings(group))
      .addCommand(refineCommand(setup))
      .addCommand(rubricShowCommand(setup))
      .addCommand(rubricCheckCommand(setup))
      .addHelpText(
        "after",
        `
Examples:
  $ prefkit rubric show helpfulness
  $ prefkit rubric refine --recipe recipe.yaml --proposer writer --judge judge --out rubrics`,
      )
  );
}

interface RefineFlags {
  readonly recipe: string;
  readonly proposer: string;
  readonly judge: string;
  readonly strong?: string;
  readonly weak?: string;
  readonly strongField?: string;
  readonly weakField?: string;
  readonly out: string;
  readonly mode: "augment" | "replace";
  readonly weighting: "llm" | "uniform" | "whitened-uniform";
  readonly estimator: "centered" | "uncentered";
  readonly decomposeAbove?: number;
  readonly maxProposed?: number;
  readonly maxRejections?: number;
  readonly maxDepth?: number;
  readonly maxRounds?: number;
  readonly tries?: number;
  readonly temperature?: number | "none";
  readonly seed?: number;
  readonly maxTokens?: number;
  readonly judgeMaxTokens?: number;
  readonly maxChars?: number;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly acceptFailed?: boolean;
  readonly maxCost?: number;
  readonly offline?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Flags that are options as they stand. */
const SAME_NAMED = [
  "mode",
  "weighting",
  "estimator",
  "decomposeAbove",
  "maxProposed",
  "maxRejections",
  "maxDepth",
  "maxRounds",
  "tries",
  "seed",
  "maxTokens",
  "judgeMaxTokens",
  "maxChars",
] as const;

function refineCommand(setup: CommandSetup): Command {
  const { terminal } = setup;
  return withModelOptions(
    new Command("refine")
      .description("Find a rubric for each prompt: propose criteria, take apart broad ones, filter, weight.")
      .argument("[input...]", "files or globs with prompts and responses (default: the recipe's input.path)")
      .requiredOption("--recipe <file>", "the input's mapping and the models; its scorers are left aside")
      .requiredOption("--proposer <name>", "the model that writes criteria, by its name in the recipe")
      .requiredOption("--judge <name>", "the model that says which responses meet them")
      .option("--strong <name>", "a strong model, whose answers a good criterion should not turn down")
      .option("--weak <name>", "a weak model, for the same; each answers every prompt once")
      .option("--strong-field <key>", "instead: the key of the metadata that holds a strong answer")
      .option("--weak-field <key>", "and of a weak one")
      .option("--out <dir>", "where rubrics, trace and report are written", "rubrics")
      .addOption(
        new Option("--mode <mode>", "whether a criterion that is taken apart stays beside its parts")
          .choices(["replace", "augment"])
          .default("replace"),
      )
      .addOption(
        new Option("--weighting <rule>", "how criteria are weighted")
          .choices(["whitened-uniform", "uniform", "llm"])
          .default("whitened-uniform"),
      )
      .addOption(
        new Option("--estimator <name>", "of the votes' covariance")
          .choices(["centered", "uncentered"])
          .default("centered"),
      )
      .option("--decompose-above <n>", "take apart what more responses meet (default: 2)", integer(0))
      .option("--max-proposed <n>", "criteria of the first proposal, at most (default: 10)", integer(1))
      .option("--max-rejections <n>", "end with this many criteria turned down (default: 15)", integer(1))
      .option("--max-depth <n>", "how often a criterion may be taken apart (default: 3)", integer(0))
      .option("--max-rounds <n>", "rounds of taking apart, in mode augment (default: 6)", integer(0))
      .option("--tries <n>", "how often an answer is asked for while it is unread (default: 3)", integer(1))
      .option("--temperature <t>", "of the proposer (default: 0); none: send none at all", temperature)
      .option("--seed <number>", "sent with the proposer's requests", integer(0))
      .option("--max-tokens <n>", "most tokens of a reply, but for the judge's (default: 8192)", integer(1))
      .option("--judge-max-tokens <n>", "most tokens of a reply of the judge (default: 4096)", integer(1))
      .option("--max-chars <n>", "longest conversation shown; its middle is cut (default: none)", integer(1))
      .option("--limit <n>", "only the first n prompts", integer(1))
      .option("--concurrency <n>", "prompts in flight at a time (default: 16)", integer(1))
      .option("--accept-failed", "exit with 0 although some prompts failed"),
  )
    .option("--quiet", "no progress")
    .option("--json", "print a summary as JSON on stdout")
    .addHelpText(
      "after",
      `
Writes ${REFINED_FILES.rubrics} (a rubric per prompt), ${REFINED_FILES.trace} (every decision) and ${REFINED_FILES.report}; for a
single prompt also ${REFINED_FILES.rubric}. Stopped or killed, the same command goes on where it was; so does one with more
prompts or other options, as answers are kept by what was asked.

Examples:
  $ prefkit rubric refine --recipe recipe.yaml --proposer writer --judge judge --out rubrics
  $ prefkit rubric refine "data/*.jsonl" --recipe recipe.yaml --proposer writer --judge judge --strong writer --weak small --max-cost 5`,
    )
    .action(async (input: string[], flags: RefineFlags) => {
      const loaded = override(
        await loadRecipe(flags.recipe, terminal.environment),
        input.length === 0 ? {} : { input },
        terminal.directory,
      );
      const out = resolve(terminal.directory, flags.out);
      const references = referencesOf(flags);
      await watched(
        setup,
        { quiet: flags.quiet, onSignal: "finishing what is under way, then saving" },
        (watch) =>
          refineRubrics(loaded, {
            ...{ out, references, proposer: flags.proposer, judge: flags.judge },
            options: {
              ...given(flags, SAME_NAMED),
              ...(flags.temperature === undefined
                ? {}
                : { temperature: flags.temperature === "none" ? null : flags.temperature }),
            },
            ...{ limit: flags.limit ?? Infinity, concurrency: flags.concurrency ?? 16 },
            ...{ offline: flags.offline ?? false, maxCost: flags.maxCost, ...watch },
          }),
        (outcome) => {
          const isOpen = sum(outcome.report?.failed ?? {}) > 0 && !flags.acceptFailed;
          if (flags.json) terminal.out(visibleJson(refineJson(outcome, out, isOpen)));
          else
            for (const line of refineLines(outcome, shortPath(out, terminal.directory))) terminal.err(line);
          return isOpen ? ERROR_CODES.failed_budget_exceeded[0] : 0;
        },
      );
    });
}

function referencesOf({ strong, weak, strongField, weakField }: RefineFlags): RefineRubrics["references"] {
  const isGiven = (value: string | undefined): boolean => value !== undefined;
  const models = [strong, weak].filter(isGiven).length;
  const fields = [strongField, weakField].filter(isGiven).length;
  if (models === 1 || fields === 1 || (models > 0 && fields > 0)) {
    throw new PrefkitError(
      "bad_option",
      "the strong and the weak answer are not given in the same way.",
      "give --strong and --weak, or --strong-field and --weak-field, or none of them.",
    );
  }
  if (strong !== undefined && weak !== undefined) return { kind: "models", strong, weak };
  if (strongField === undefined || weakField === undefined) return null;
  return { kind: "metadata", strong: strongField, weak: weakField };
}

function refineJson({ kind, report, usage }: RefineRubricsOutcome, out: string, isOpen: boolean): object {
  return {
    ok: kind === "done" && !isOpen,
    outcome: isOpen ? "open" : kind,
    out,
    ...(kind === "budget" ? { error: "budget_reached" } : {}),
    ...report,
    models: usage,
  };
}

function refineLines({ kind, report }: RefineRubricsOutcome, shown: string): string[] {
  if (kind === "budget")
    return [
      "The money is spent. Answers are kept; the same command with a larger --max-cost goes on from there.",
    ];
  if (kind === "stopped" || report === null)
    return ["Stopped. Answers are kept; the same command goes on from there."];
  const { prompts, withRubric, withoutRubric, withoutReferences, decisions, rejections } = report;
  const warn = (text: string): string => `  ${pc.yellow("warning:")} ${text}`;
  const failed = sum(report.failed);
  const unread = sum(report.unread);
  return [
    `${pc.bold(shown)}  ${number(prompts)} prompts, ${number(withRubric)} with a rubric; ${number(report.calls)} calls`,
    `  ${number(decisions.accepted ?? 0)} criteria accepted, ${number(decisions.decomposed ?? 0)} taken apart, ${number(decisions.rejected ?? 0)} turned down${listed(rejections)}`,
    ...((decisions.weightless ?? 0) > 0
      ? [`  ${number(decisions.weightless ?? 0)} of the accepted have no weight and are left out`]
      : []),
    ...(withoutRubric > 0
      ? [warn(`${number(withoutRubric)} prompts have no rubric: compare their responses directly`)]
      : []),
    ...(withoutReferences > 0 && withoutReferences < prompts
      ? [
          warn(
            `${number(withoutReferences)} prompts have no strong and weak answer; their misalignment filter was skipped`,
          ),
        ]
      : []),
    ...(unread > 0 ? [warn(`${number(unread)} answers could not be read${listed(report.unread)}`)] : []),
    ...Object.entries(report.weightNotes).map(([note, count]) =>
      warn(`${number(count)} rubrics have equal weights: ${note}`),
    ),
    ...(failed > 0
      ? [warn(`${number(failed)} prompts failed${listed(report.failed)}; the same command tries them again`)]
      : []),
  ];
}

function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(
    ([name, count]) => `${name.replaceAll("_", " ")} ${number(count)}`,
  );
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
